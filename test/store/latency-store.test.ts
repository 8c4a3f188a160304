import { describe, expect, it } from "vitest";
import { LatencyStore, parseLatency, remoteLatency } from "../../src/store/latency-store.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { FakeClock } from "../fake-clock.ts";
import { syncDigest } from "../sync-digest.ts";

const create = { kind: "create" } as const;
const latency = { ...remoteLatency, bytesPerSecond: 1_000_000 };

async function waitsOf(seed: number, requests: number): Promise<number[]> {
  const clock = new FakeClock(0);
  const memory = new MemoryStore({ clock, digest: syncDigest });
  const store = new LatencyStore(memory, clock, { ...latency, seed });
  const waits: number[] = [];
  for (let i = 0; i < requests; i += 1) {
    const before = clock.now();
    await clock.run(store.head("a"));
    waits.push(clock.now() - before);
  }
  return waits;
}

describe("latency store", () => {
  it("waits with the median and 99th percentile asked for", async () => {
    const waits = (await waitsOf(1, 1_000)).sort((a, b) => a - b);
    expect(waits[500]).toBeGreaterThan(54);
    expect(waits[500]).toBeLessThan(66);
    expect(waits[990]).toBeGreaterThan(140);
    expect(waits[990]).toBeLessThan(240);
  });

  it("repeats its waits for the same seed only", async () => {
    const [first, again, other] = await Promise.all([waitsOf(7, 5), waitsOf(7, 5), waitsOf(8, 5)]);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it("adds the time the bytes take, both ways", async () => {
    const clock = new FakeClock(0);
    const none = { p50Ms: 1, p99Ms: 1 };
    const memory = new MemoryStore({ clock, digest: syncDigest });
    const store = new LatencyStore(memory, clock, { ...latency, get: none, put: none });
    await clock.run(store.put("a", new Uint8Array(500_000), create));
    expect(clock.now()).toBeCloseTo(501);
    await clock.run(store.get("a", { offset: 0, length: 250_000 }));
    expect(clock.now()).toBeCloseTo(501 + 251);
  });

  it("does not slow requests that run beside one another", async () => {
    const clock = new FakeClock(0);
    const fixed = { p50Ms: 50, p99Ms: 50 };
    const memory = new MemoryStore({ clock, digest: syncDigest });
    const store = new LatencyStore(memory, clock, { ...latency, get: fixed });
    await clock.run(Promise.all(Array.from({ length: 6 }, () => store.get("a"))));
    expect(clock.now()).toBeCloseTo(50);
  });
});

describe("latency setting", () => {
  it("names what differs from a remote store", () => {
    expect(parseLatency("remote")).toEqual(remoteLatency);
    expect(parseLatency("get=20/40")).toEqual({ ...remoteLatency, get: { p50Ms: 20, p99Ms: 40 } });
    expect(parseLatency(" put=1.5/3  mbps=10 seed=9 ")).toEqual({
      ...remoteLatency,
      put: { p50Ms: 1.5, p99Ms: 3 },
      bytesPerSecond: 10_000_000,
      seed: 9,
    });
  });

  it("is refused when it is not understood", () => {
    for (const setting of ["", "fast", "get=20", "get=40/20", "get=0/1", "mbps=0", "seed=1/2"]) {
      expect(() => parseLatency(setting), setting).toThrow(/latency setting/);
    }
  });
});
