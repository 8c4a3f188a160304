import { describe, expect, it } from "vitest";
import { CountingStore } from "../../src/store/counting-store.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { putUnique } from "../../src/store/put-unique.ts";
import { FakeClock } from "../fake-clock.ts";
import { FaultyStore } from "../faulty-store.ts";
import { SeededRandom } from "../seeded-random.ts";
import { syncDigest } from "../sync-digest.ts";

const bytes = new Uint8Array([1, 2, 3]);

function open() {
  const clock = new FakeClock();
  const memory = new MemoryStore({ clock, digest: syncDigest });
  const faulty = new FaultyStore(memory);
  const store = new CountingStore(faulty);
  const ports = { store, clock, random: new SeededRandom(), digest: syncDigest };
  return { clock, memory, faulty, store, put: () => clock.run(putUnique(ports, "a", bytes)) };
}

describe("put of a uniquely named object", () => {
  it("takes one request and returns the digest", async () => {
    const { memory, store, put } = open();
    expect(await put()).toEqual({ sha256: await syncDigest(bytes) });
    expect((await memory.get("a"))?.bytes).toEqual(bytes);
    expect(store.requests).toBe(1);
  });

  it("is repeated until it has certainly happened", async () => {
    const { memory, faulty, store, put } = open();
    faulty.failNext("put", "lost", 2);
    faulty.failNext("put", "overloaded");
    await put();
    expect((await memory.get("a"))?.bytes).toEqual(bytes);
    expect(store.counts()).toMatchObject({ put: 4, head: 0 });
  });

  it("recognises its own attempt whose answer was lost, without reading the bytes back", async () => {
    const { faulty, store, put } = open();
    faulty.failNext("put", "unanswered");
    await put();
    expect(store.counts()).toMatchObject({ put: 2, head: 1, get: 0, preconditions: 1 });
  });

  it("recognises what an earlier run left under the key", async () => {
    const { store, put } = open();
    await put();
    await put();
    expect(store.counts()).toMatchObject({ put: 2, head: 1 });
  });

  it("goes on when only the look at the occupant fails", async () => {
    const { faulty, store, put } = open();
    faulty.failNext("put", "unanswered");
    faulty.failNext("head", "lost");
    await put();
    expect(store.counts()).toMatchObject({ put: 3, head: 2 });
  });

  it("is a conflict when other bytes lie there, of equal length or not", async () => {
    for (const other of [new Uint8Array([1, 2, 4]), new Uint8Array([1, 2])]) {
      const { memory, put } = open();
      const metadata = { sha256: "of something else" };
      await memory.put("a", other, { kind: "create" }, { metadata });
      await expect(put()).rejects.toMatchObject({ kind: "conflict" });
      expect((await memory.get("a"))?.bytes).toEqual(other);
    }
  });

  it("gives up after eight attempts", async () => {
    const { faulty, store, put } = open();
    faulty.failNext("put", "unanswered", 1);
    faulty.failNext("head", "lost", 100);
    await expect(put()).rejects.toMatchObject({ kind: "unavailable" });
    expect(store.counts().put).toBe(8);
  });
});
