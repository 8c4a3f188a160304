import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteLru, entryOverheadBytes } from "../../src/store/byte-lru.ts";

/** Room for this many entries of 100 bytes. */
const room = (entries: number) => entries * (100 + entryOverheadBytes);
const entry = (fill: number) => new Uint8Array(100).fill(fill);

describe("byte LRU", () => {
  it("drops the least recently used entries when it is full", () => {
    const lru = new ByteLru(room(3));
    for (const key of ["a", "b", "c"]) lru.put(key, entry(0));
    lru.get("a");
    lru.peek("b");
    lru.put("d", entry(0));
    expect(["a", "b", "c", "d"].map((key) => lru.peek(key) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(lru.counts()).toMatchObject({ entries: 3, bytes: room(3), evictions: 1 });
  });

  it("keeps what is used now and then among many, wherever it was", () => {
    const lru = new ByteLru(room(64));
    for (let i = 0; i < 400; i++) {
      lru.put(`${i}`, entry(0));
      if (i % 16 === 15) for (const used of [3, 60]) lru.get(`${used}`);
    }
    const kept = Array.from({ length: 400 }, (_, i) => `${i}`).filter((key) => lru.peek(key));
    expect(kept).toHaveLength(64);
    expect(kept.slice(0, 2)).toEqual(["3", "60"]);
  });

  it("makes room for a large entry by dropping several small ones", () => {
    const lru = new ByteLru(room(4));
    for (const key of ["a", "b", "c", "d"]) lru.put(key, entry(0));
    lru.put("large", new Uint8Array(room(3) - entryOverheadBytes));
    expect(lru.counts()).toMatchObject({ entries: 2, bytes: room(4), evictions: 3 });
    expect(lru.peek("d")).toBeDefined();
  });

  it("does not keep what is larger than all of it, nor drop anything for it", () => {
    const lru = new ByteLru(room(2));
    lru.put("a", entry(1));
    lru.put("b", new Uint8Array(room(2)));
    expect(lru.peek("b")).toBeUndefined();
    expect(lru.peek("a")).toEqual(entry(1));
  });

  it("never keeps a large buffer alive for a small view of it", () => {
    const lru = new ByteLru(room(2));
    const buffer = new Uint8Array(1 << 20).fill(7);
    lru.put("view", buffer.subarray(500, 600));
    const kept = lru.get("view");
    expect(kept).toEqual(entry(7));
    expect(kept?.buffer.byteLength).toBe(100);
    const own = entry(1);
    lru.put("own", own);
    expect(lru.get("own")).toBe(own);
  });

  it("charges a replaced entry once", () => {
    const lru = new ByteLru(room(5));
    lru.put("a", entry(1));
    lru.put("a", entry(2));
    expect(lru.get("a")).toEqual(entry(2));
    expect(lru.counts()).toMatchObject({ entries: 1, bytes: room(1), evictions: 0 });
  });

  it("counts hits and misses of get, and forgets on demand", () => {
    const lru = new ByteLru(room(5));
    lru.put("a", entry(1));
    lru.get("a");
    lru.get("b");
    lru.delete("a");
    lru.delete("never");
    expect(lru.counts()).toMatchObject({ entries: 0, bytes: 0, hits: 1, misses: 1 });
    lru.put("a", entry(1));
    lru.clear();
    expect(lru.counts()).toMatchObject({ entries: 0, bytes: 0, bytesPeak: room(1) });
  });

  it("holds exactly what a plain model holds, within its bound", () => {
    const bytesMax = 3_000;
    const step = fc.record({ key: fc.constantFrom("a", "b", "c", "d", "e"), size: fc.nat(1_500) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const lru = new ByteLru(bytesMax);
        let model: { key: string; size: number }[] = [];
        for (const { key, size } of steps) {
          lru.put(key, new Uint8Array(size));
          model = [...model.filter((held) => held.key !== key), { key, size }];
          const cost = () => model.reduce((sum, held) => sum + held.size + entryOverheadBytes, 0);
          while (cost() > bytesMax) model.shift();
          expect(lru.counts()).toMatchObject({ entries: model.length, bytes: cost() });
          for (const held of model) expect(lru.peek(held.key)?.length).toBe(held.size);
        }
      }),
    );
  });
});
