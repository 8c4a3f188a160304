import { describe, expect, it } from "vitest";
import { type Block, blockId } from "../../src/store/block.ts";
import { BlockCache } from "../../src/store/block-cache.ts";
import { entryOverheadBytes } from "../../src/store/byte-lru.ts";
import { MemoryEdge } from "../memory-edge.ts";

const good = new Uint8Array([1, 2, 3]);
const block: Block = {
  key: "a",
  offset: 100,
  length: 3,
  verify: (bytes) => bytes[0] === 1,
};

describe("block cache", () => {
  it("keeps blocks in memory by object and position", () => {
    const cache = new BlockCache();
    cache.keep(block, good);
    expect(cache.recall(block)).toEqual(good);
    expect(cache.recall({ ...block, offset: 99 })).toBeUndefined();
    expect(cache.recall({ ...block, length: 2 })).toBeUndefined();
    expect(cache.recall({ ...block, key: "b" })).toBeUndefined();
  });

  it("has no reason to look up anything without an edge", async () => {
    const cache = new BlockCache();
    expect(cache.hasEdge).toBe(false);
    expect(cache.worthLookup(block, 0)).toBe(false);
    await cache.publish(block);
    expect(await cache.lookup(block, 0)).toEqual({ kind: "miss" });
  });

  it("hands blocks to the edge, and has them in memory after finding them there", async () => {
    const edge = new MemoryEdge();
    const writer = new BlockCache({ edge });
    writer.keep(block, good);
    await writer.publish(block);
    const reader = new BlockCache({ edge });
    expect(await reader.lookup(block, 0)).toEqual({ kind: "hit", bytes: good });
    expect(reader.recall(block)).toEqual(good);
  });

  it("publishes only what memory still holds", async () => {
    const edge = new MemoryEdge();
    const cache = new BlockCache({ edge });
    await cache.publish(block);
    expect(edge.puts).toBe(0);
  });

  it("rejects what fails its check or has another length, and does not keep it", async () => {
    const edge = new MemoryEdge();
    const cache = new BlockCache({ edge });
    for (const bad of [new Uint8Array([9, 2, 3]), new Uint8Array([1, 2]), new Uint8Array(0)]) {
      edge.entries.set(blockId(block), bad);
      expect(await cache.lookup(block, 0)).toEqual({ kind: "rejected" });
      expect(cache.recall(block)).toBeUndefined();
    }
  });

  it("takes every failure of the edge as a miss", async () => {
    const edge = new MemoryEdge();
    edge.mode = "fails";
    const cache = new BlockCache({ edge });
    cache.keep(block, good);
    await cache.publish(block);
    expect(await cache.lookup(block, 0)).toEqual({ kind: "miss" });
  });

  it("gives blocks that are passing an eighth of memory and what is free, and finds them however asked", async () => {
    const edge = new MemoryEdge();
    const cache = new BlockCache({ bytesMax: 32_000, edge });
    const size = good.length + entryOverheadBytes;
    const passing = { ...block, isPassing: true };
    for (let offset = 0; offset < 100; offset += 1) cache.keep({ ...passing, offset }, good);
    expect(cache.counts().entries).toBe(100);
    for (let at = 0; at < 200; at += 1) cache.keep({ ...block, offset: 9_800 + at }, good);
    expect(cache.recall({ ...block, offset: 9_999 })).toEqual(good);
    const held = Math.floor((32_000 - Math.floor(28_000 / size) * size) / size);
    expect(cache.counts().entries).toBe(Math.floor(28_000 / size) + held);
    expect(cache.recall({ ...passing, offset: 0 })).toBeUndefined();
    for (const asked of [passing, block]) {
      expect(cache.recall({ ...asked, offset: 99 })).toEqual(good);
      expect(cache.peek({ ...asked, offset: 99 })).toEqual(good);
    }
    expect(cache.recall({ ...passing, offset: 9_999 })).toEqual(good);
    await cache.publish({ ...passing, offset: 99 });
    expect(edge.entries.size).toBe(1);
  });

  it("stays within its bound of memory", () => {
    const cache = new BlockCache({ bytesMax: 1_000 });
    for (let offset = 0; offset < 50; offset += 1) cache.keep({ ...block, offset }, good);
    expect(cache.memory.counts().bytesPeak).toBeLessThanOrEqual(1_000);
  });

  it("shares its memory between rows, passing blocks and others, and never has more", () => {
    let lent = 50_000;
    const bytesMax = 100_000;
    const cache = new BlockCache({ bytesMax, lentBytes: () => lent });
    const rows = cache.rows.table("a", 100);
    const expectWithin = (): void => {
      expect(cache.counts().bytes).toBeLessThanOrEqual(bytesMax + lent);
      const { bytes } = cache.rows.counts();
      expect(bytes).toBeLessThanOrEqual(0.6875 * bytesMax + lent);
      expect(cache.memory.bytesMax).toBe(0.875 * bytesMax - Math.max(0, bytes - lent));
    };
    for (let i = 0; i < 1_000; i += 1) {
      rows.put(i, new Uint8Array(100).fill(i));
      rows.get(i);
      cache.keep({ ...block, offset: i }, good);
      cache.keep({ ...block, offset: 5_000 + i, isPassing: true }, good);
      expectWithin();
    }
    const { bytes } = cache.rows.counts();
    expect(bytes).toBeGreaterThan(80_000);
    lent = 10_000;
    cache.fit();
    expectWithin();
    expect(cache.rows.counts().bytes).toBeLessThan(bytes);
  });

  it("takes the room of rows that nobody uses for blocks that lack it", () => {
    const cache = new BlockCache({ bytesMax: 100_000 });
    const rows = cache.rows.table("a", 100);
    const used = cache.rows.table("b", 100);
    for (let i = 0; i < 200; i += 1) rows.put(i, new Uint8Array(100));
    for (let i = 0; i < 50; i += 1) used.put(i, new Uint8Array(100));
    for (let i = 0; i < 2_000; i += 1) {
      cache.keep({ ...block, offset: i }, good);
      used.get(i % 50);
    }
    expect(rows.get(0)).toBeUndefined();
    expect(used.get(0)).toBeDefined();
    expect(cache.counts().bytes).toBeGreaterThan(80_000);
  });
});
