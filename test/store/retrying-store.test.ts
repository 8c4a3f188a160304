import { describe, expect, it } from "vitest";
import { CountingStore } from "../../src/store/counting-store.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { RetryingStore } from "../../src/store/retrying-store.ts";
import { testObjectStore } from "../conformance/object-store.ts";
import { FakeClock, fakeStartMs } from "../fake-clock.ts";
import { FaultyStore } from "../faulty-store.ts";
import { SeededRandom } from "../seeded-random.ts";
import { syncDigest } from "../sync-digest.ts";

function open() {
  const clock = new FakeClock();
  const memory = new MemoryStore({ clock, digest: syncDigest });
  const faulty = new FaultyStore(memory);
  const counting = new CountingStore(faulty);
  const store = new RetryingStore(counting, { clock, random: new SeededRandom() });
  return { clock, memory, faulty, counting, store };
}

const create = { kind: "create" } as const;
const bytes = new Uint8Array([1, 2, 3]);

const shared = open();
testObjectStore("retrying store", () => ({
  store: shared.store,
  digest: syncDigest,
  nowMs: () => shared.clock.now(),
  sleep: (ms) => shared.clock.advance(ms),
}));

describe("retrying store", () => {
  it("repeats reads, lists and deletes until they succeed", async () => {
    const { clock, memory, faulty, counting, store } = open();
    await memory.put("a", bytes, create);
    faulty.failNext("get", "lost", 3);
    faulty.failNext("head", "unanswered", 2);
    faulty.failNext("list", "lost");
    faulty.failNext("delete", "unanswered");
    expect((await clock.run(store.get("a")))?.bytes).toEqual(bytes);
    expect((await clock.run(store.head("a")))?.size).toBe(3);
    expect((await clock.run(store.list(""))).objects).toHaveLength(1);
    await clock.run(store.delete(["a"]));
    expect(memory.size).toBe(0);
    expect(counting.counts()).toMatchObject({ get: 4, head: 3, list: 2, delete: 2, failed: 7 });
  });

  it("gives up after four attempts with the last failure, within half a second", async () => {
    const { clock, faulty, counting, store } = open();
    faulty.failNext("get", "lost", 10);
    await expect(clock.run(store.get("a"))).rejects.toMatchObject({ kind: "unavailable" });
    expect(counting.counts().get).toBe(4);
    expect(clock.now() - fakeStartMs).toBeGreaterThan(0);
    expect(clock.now() - fakeStartMs).toBeLessThanOrEqual(50 + 100 + 200);
  });

  it("waits at least as long as an overloaded store asks", async () => {
    const { clock, faulty, store } = open();
    faulty.failNext("get", "overloaded");
    await clock.run(store.get("a"));
    expect(clock.now() - fakeStartMs).toBeGreaterThanOrEqual(1_000);
  });

  it("does not repeat what is an answer: corrupt bytes, bad arguments", async () => {
    const { clock, memory, counting, store } = open();
    await memory.put("a", bytes, create);
    const past = store.get("a", { offset: 2, length: 2 });
    await expect(clock.run(past)).rejects.toMatchObject({ kind: "corrupt" });
    expect(counting.counts().get).toBe(1);
    expect(clock.now()).toBe(fakeStartMs);
  });

  it("never repeats a put: the writer sees the unknown outcome as it is", async () => {
    const { clock, memory, faulty, counting, store } = open();
    for (const fault of ["lost", "unanswered", "overloaded"] as const) {
      faulty.failNext("put", fault);
      await expect(clock.run(store.put(fault, bytes, create))).rejects.toMatchObject({
        detail: { outcomeUnknown: true },
      });
    }
    expect(counting.counts().put).toBe(3);
    expect(memory.size).toBe(1);
    expect(await store.put("unanswered", bytes, create)).toEqual({ kind: "precondition" });
  });
});
