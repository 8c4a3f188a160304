import { describe, expect, it } from "vitest";
import { CountingStore } from "../../src/store/counting-store.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { FakeClock } from "../fake-clock.ts";
import { FaultyStore } from "../faulty-store.ts";
import { syncDigest } from "../sync-digest.ts";

function open() {
  const faulty = new FaultyStore(new MemoryStore({ clock: new FakeClock(), digest: syncDigest }));
  return { faulty, total: new CountingStore(faulty) };
}

const create = { kind: "create" } as const;

describe("counting store", () => {
  it("counts requests and bytes by kind", async () => {
    const { total } = open();
    await total.put("a", new Uint8Array(100), create);
    await total.put("a", new Uint8Array(100), create);
    await total.get("a", { offset: 10, length: 30 });
    await total.get("missing");
    await total.head("a");
    await total.list("");
    await total.delete(["a", "b"]);
    expect(total.counts()).toEqual({
      get: 2,
      head: 1,
      put: 2,
      list: 1,
      delete: 1,
      failed: 0,
      preconditions: 1,
      bytesRead: 30,
      bytesWritten: 200,
      inFlightPeak: 1,
    });
    expect(total.requests).toBe(7);
  });

  it("counts what fails, too", async () => {
    const { faulty, total } = open();
    faulty.failNext("get", "lost");
    await expect(total.get("a")).rejects.toThrow("lost");
    expect(total.counts()).toMatchObject({ get: 1, failed: 1 });
  });

  it("tells a request's own share from the total", async () => {
    const { total } = open();
    const one = new CountingStore(total);
    const other = new CountingStore(total);
    await one.put("a", new Uint8Array(5), create);
    await Promise.all([one.get("a"), other.get("a"), other.get("a")]);
    expect(one.counts()).toMatchObject({ put: 1, get: 1, bytesRead: 5, inFlightPeak: 1 });
    expect(other.counts()).toMatchObject({ put: 0, get: 2, bytesRead: 10, inFlightPeak: 2 });
    expect(total.counts()).toMatchObject({ put: 1, get: 3, bytesRead: 15, inFlightPeak: 3 });
  });

  it("starts from zero again", async () => {
    const { total } = open();
    await total.get("a");
    const before = total.counts();
    total.reset();
    expect(total.requests).toBe(0);
    expect(before.get).toBe(1);
  });
});
