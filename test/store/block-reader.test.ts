import { describe, expect, it } from "vitest";
import { crc32c } from "../../src/bytes/crc32c.ts";
import { limits } from "../../src/limits.ts";
import type { BlockReader } from "../../src/store/block-reader.ts";
import { entryOverheadBytes } from "../../src/store/byte-lru.ts";
import { MemoryEdge } from "../memory-edge.ts";
import {
  blockAt,
  blockBytes,
  bytesAt,
  keys,
  object,
  objectBytes,
  openFaultyIsolate,
  openIsolate,
  openPausedIsolate,
  range,
  readAll,
} from "./isolate.ts";

describe("block reader", () => {
  it("reads a cold round in as many requests as allowed, and a hot one in none", async () => {
    const { store, reader } = await openIsolate();
    const blocks = [3, 4, 10, 30, 31, 33, 70, 90, 2].map((index) => blockAt(index));
    const cold = reader();
    await readAll(cold, blocks, { readsMax: 3 });
    expect(store.counts()).toMatchObject({ get: 3, inFlightPeak: 3 });
    expect(cold.counts()).toMatchObject({
      rounds: 1,
      storeRequests: 3,
      storeBytes: (9 + 4 + 21) * blockBytes,
      memoryHits: 0,
      blocks: 9,
      reservedBytesPeak: (9 + 4 + 21) * blockBytes,
    });
    expect(cold.temperature()).toBe("cold");

    store.reset();
    const hot = reader();
    await readAll(hot, blocks, { readsMax: 3 });
    expect(store.requests).toBe(0);
    expect(hot.counts()).toMatchObject({ rounds: 0, storeRequests: 0, memoryHits: 9, blocks: 9 });
    expect(hot.temperature()).toBe("hot");
  });

  it("leaves out what there is no room for, and says so; what memory holds takes none", async () => {
    const { store, reader } = await openIsolate();
    await readAll(reader(), [blockAt(70)]);
    store.reset();
    const blocks = [3, 70, 40, 4, 90].map((index) => blockAt(index));
    const [got, leftOut] = [[] as number[], [] as number[]];
    await reader().readRound(blocks, {
      readsMax: 6,
      gapBytes: 1,
      most: { reads: 2, bytes: 3 * blockBytes, sure: 1, onLeftOut: (index) => leftOut.push(index) },
      onBlock: (index) => got.push(index),
    });
    expect(got.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    expect(leftOut).toEqual([4]);
    expect(store.counts()).toMatchObject({ get: 2, bytesRead: 3 * blockBytes });
  });

  it("asks the store only for what memory lacks", async () => {
    const { store, reader } = await openIsolate();
    await readAll(reader(), [blockAt(1), blockAt(2)]);
    store.reset();
    const next = reader();
    await readAll(next, [blockAt(1), blockAt(2), blockAt(3)]);
    expect(store.counts()).toMatchObject({ get: 1, bytesRead: blockBytes });
    expect(next.counts()).toMatchObject({ memoryHits: 2, storeRequests: 1 });
  });

  it("counts reads of one round as one, and rounds without a store request not at all", async () => {
    const { reader } = await openIsolate();
    const one = reader();
    const round = one.round();
    const onBlock = () => undefined;
    await Promise.all([
      round.readBlocks([blockAt(1)], { readsMax: 1, onBlock }),
      round.readBlocks([blockAt(2, "b")], { readsMax: 1, onBlock }),
      round.readObjects([{ key: "c", bytesMax: objectBytes, verify: () => true }], onBlock),
    ]);
    expect(one.counts()).toMatchObject({ rounds: 1, storeRequests: 3, blocks: 3 });
    await readAll(one, [blockAt(1)]);
    await readAll(one, []);
    expect(one.counts().rounds).toBe(1);
    await readAll(one, [blockAt(5)]);
    expect(one.counts().rounds).toBe(2);
  });

  it("delivers the same block twice when it is wanted twice", async () => {
    const { store, reader } = await openIsolate();
    await readAll(reader(), [blockAt(1), blockAt(5), blockAt(1)]);
    expect(store.counts().get).toBe(2);
  });

  it("never has more than six requests under way, whoever started them", async () => {
    const { store, reader } = await openIsolate();
    const one = reader();
    const round = one.round();
    const reads = { readsMax: 20, gapBytes: 0, onBlock: () => undefined };
    const even = (key: string) => range(0, 15).map((index) => blockAt(2 * index, key));
    await Promise.all(keys.map((key) => round.readBlocks(even(key), reads)));
    expect(store.counts()).toMatchObject({ get: 45, inFlightPeak: limits.connectionsMax });
  });

  it("keeps nothing and looks nowhere when caching is off", async () => {
    const edge = new MemoryEdge();
    const { store, deferred, cache, reader } = await openIsolate({ edge });
    for (let i = 0; i < 2; i += 1) {
      const one = reader({ disableCache: true });
      await readAll(one, [blockAt(1)]);
      one.finish();
    }
    expect(store.counts().get).toBe(2);
    expect([edge.matches, edge.puts, deferred.length]).toEqual([0, 0, 0]);
    expect(cache.memory.counts()).toMatchObject({ entries: 0, hits: 0, misses: 0 });
  });
});

describe("block reader: rounds that pass the caches by", () => {
  it("are those that lack more than a third of what memory may hold", async () => {
    const edge = new MemoryEdge();
    const cacheBytes = 30 * (blockBytes + entryOverheadBytes);
    const { deferred, cache, reader, store } = await openIsolate({ edge, cacheBytes });
    await readAll(reader(), [blockAt(40), blockAt(41)]);
    const held = cache.memory.counts().bytes;
    store.reset();
    const large = reader();
    const blocks = range(40, 60).map((index) => blockAt(index));
    await readAll(large, blocks);
    large.finish();
    expect(large.counts()).toMatchObject({ memoryHits: 2, storeRequests: 1, edgeLookups: 0 });
    expect([cache.memory.counts().bytes, deferred.length]).toEqual([held, 0]);
    await readAll(reader(), blocks);
    expect(store.counts().get).toBe(2);
  });

  it("are all of a reader that is to leave no trace; it uses what memory holds", async () => {
    const { cache, reader, store } = await openIsolate({ edge: new MemoryEdge() });
    await readAll(reader(), [blockAt(1)]);
    await readAll(reader(), [blockAt(5)]);
    const before = cache.memory.counts();
    const one = reader({ leavesNoTrace: true });
    await readAll(one, [blockAt(1), blockAt(9)]);
    one.finish();
    expect(one.counts()).toMatchObject({ memoryHits: 1, storeRequests: 1, edgeLookups: 0 });
    expect(cache.memory.counts()).toEqual(before);
    store.reset();
    await readAll(reader(), [blockAt(9)]);
    expect(store.counts().get).toBe(1);
  });
});

describe("block reader: order", () => {
  it("delivers in order of arrival", async () => {
    const { reader, paused } = await openPausedIsolate();
    const arrived: number[] = [];
    const done = reader().readRound([blockAt(10), blockAt(50), blockAt(51), blockAt(90)], {
      readsMax: 3,
      gapBytes: 0,
      onBlock: (index) => arrived.push(index),
    });
    await paused.resume(50 * blockBytes);
    expect(arrived).toEqual([1, 2]);
    await paused.resume(90 * blockBytes);
    await paused.resume(10 * blockBytes);
    await done;
    expect(arrived).toEqual([1, 2, 3, 0]);
  });

  it("has requests under way before it delivers what memory holds", async () => {
    const { cache, reader, paused } = await openPausedIsolate();
    cache.keep(blockAt(1), bytesAt(1));
    const sentAtDelivery: number[] = [];
    const done = reader().readRound([blockAt(1), blockAt(5), blockAt(9)], {
      readsMax: 2,
      gapBytes: 0,
      onBlock: () => sentAtDelivery.push(paused.sent),
    });
    expect(sentAtDelivery).toEqual([2]);
    await paused.resumeAll();
    await done;
    expect(sentAtDelivery).toEqual([2, 2, 2]);
  });

  it("sends the next request before it works on bytes that arrived", async () => {
    const { reader, paused } = await openPausedIsolate();
    const sentAtDelivery: number[] = [];
    const done = reader({ connectionsMax: 2 }).readRound(
      [0, 10, 20, 30].map((index) => blockAt(index)),
      { readsMax: 4, gapBytes: 0, onBlock: () => sentAtDelivery.push(paused.sent) },
    );
    await paused.resumeAll();
    await done;
    expect(sentAtDelivery).toEqual([3, 4, 4, 4]);
  });

  it("sends first what its caller named first", async () => {
    const { store, reader } = await openIsolate();
    const blocks = [90, 10, 50, 91, 30].map((index) => blockAt(index));
    const arrived = await readAll(reader({ connectionsMax: 1 }), blocks);
    expect(arrived).toEqual([0, 3, 1, 2, 4]);
    expect(store.counts()).toMatchObject({ get: 4, inFlightPeak: 1 });
  });
});

describe("block reader: memory", () => {
  it("reserves what it fetches, and has given all of it back at the end", async () => {
    const { budget, reader } = await openIsolate();
    const one = reader();
    await readAll(one, [blockAt(1), blockAt(50)]);
    expect(budget.counts()).toMatchObject({ reservedBytes: 0, reservedBytesPeak: 2 * blockBytes });
    expect(one.counts().reservedBytesPeak).toBe(2 * blockBytes);
  });

  it("stays under a budget smaller than what it reads, and under the bound of its cache", async () => {
    const setting = { budgetBytes: 2_500, cacheBytes: 10_000 };
    const { clock, budget, cache, reader } = await openIsolate(setting);
    const blocks = range(0, 50).map((index) => blockAt(2 * index));
    await clock.run(readAll(reader(), blocks, { readsMax: 50 }));
    expect(budget.counts()).toMatchObject({ reservedBytes: 0, refused: 0 });
    expect(budget.counts().reservedBytesPeak).toBe(2 * blockBytes);
    expect(cache.memory.counts().bytesPeak).toBeLessThanOrEqual(setting.cacheBytes);
  });

  it("reads more often rather than more at once than a range may bring", async () => {
    const { store, reader } = await openIsolate();
    const blocks = [blockAt(0), blockAt(20), blockAt(40), blockAt(41)];
    const onBlock = () => undefined;
    await reader().readRound(blocks, { readsMax: 1, rangeBytesMax: 25 * blockBytes, onBlock });
    expect(store.counts().get).toBe(2);
  });

  it("is told overloaded when others hold the budget for too long", async () => {
    const { clock, budget, store, reader } = await openIsolate({ budgetBytes: 2_000 });
    budget.tryReserve(1_500);
    const read = reader().readRound([blockAt(0)], { readsMax: 1, onBlock: () => undefined });
    await expect(clock.run(read)).rejects.toMatchObject({ kind: "overloaded" });
    expect(store.requests).toBe(0);
    expect(budget.counts().reservedBytes).toBe(1_500);
  });
});

describe("block reader: failures", () => {
  const scattered = range(0, 20).map((index) => blockAt(2 * index));

  it("never delivers bytes from the store that fail their check", async () => {
    const { store, budget, cache, reader, faults } = await openFaultyIsolate();
    faults.failNext("get", "flipped");
    const arrived: number[] = [];
    const read = reader().readRound(scattered, {
      readsMax: 20,
      gapBytes: 0,
      onBlock: (index) => arrived.push(index),
    });
    await expect(read).rejects.toMatchObject({ kind: "corrupt" });
    expect(arrived).not.toContain(0);
    expect(cache.recall(blockAt(0))).toBeUndefined();
    expect(store.counts().get).toBeLessThan(20);
    expect(budget.counts().reservedBytes).toBe(0);
  });

  it("starts nothing more after a failure, and ends when what was under way has ended", async () => {
    const { store, budget, reader, faults } = await openFaultyIsolate();
    faults.failNext("get", "lost");
    const one = reader({ connectionsMax: 2 });
    const read = one.readRound(scattered, { readsMax: 20, gapBytes: 0, onBlock: () => undefined });
    await expect(read).rejects.toMatchObject({ kind: "unavailable" });
    expect(store.counts().get).toBeLessThanOrEqual(4);
    expect(budget.counts().reservedBytes).toBe(0);
    await readAll(one, [blockAt(60)]);
  });

  it("says that an object is gone rather than skipping it", async () => {
    const { reader } = await openIsolate();
    const read = reader().readRound([blockAt(1), blockAt(1, "gone")], {
      readsMax: 2,
      onBlock: () => undefined,
    });
    await expect(read).rejects.toMatchObject({ kind: "notFound" });
  });

  it("passes on what the consumer of a block throws, whichever tier it came from", async () => {
    const { cache, budget, reader } = await openIsolate();
    cache.keep(blockAt(1), bytesAt(1));
    for (const index of [1, 2]) {
      const read = reader().readRound([blockAt(index)], {
        readsMax: 1,
        onBlock: () => {
          throw new Error("cannot decode");
        },
      });
      await expect(read).rejects.toThrow("cannot decode");
    }
    expect(budget.counts().reservedBytes).toBe(0);
  });
});

describe("block reader: whole objects", () => {
  const whole = (key: string) => ({
    key,
    bytesMax: objectBytes,
    verify: (bytes: Uint8Array) => crc32c(bytes) === crc32c(object),
  });

  it("are read once, then held in memory; a missing one is an answer", async () => {
    const { store, reader } = await openIsolate();
    const read = async (one: BlockReader) => {
      const sizes: (number | undefined)[] = [];
      const objects = [whole("a"), whole("gone"), whole("b")];
      await one.round().readObjects(objects, (index, bytes) => {
        sizes[index] = bytes?.length;
      });
      return sizes;
    };
    expect(await read(reader())).toEqual([objectBytes, undefined, objectBytes]);
    store.reset();
    const again = reader();
    expect(await read(again)).toEqual([objectBytes, undefined, objectBytes]);
    expect(store.counts().get).toBe(1);
    expect(again.counts()).toMatchObject({ memoryHits: 2, blocks: 3, storeRequests: 1 });
  });

  it("are corrupt when larger than they can be or when their check fails", async () => {
    const { reader } = await openIsolate();
    const read = (change: object) =>
      reader()
        .round()
        .readObjects([{ ...whole("a"), ...change }], () => undefined);
    await expect(read({ bytesMax: objectBytes - 1 })).rejects.toMatchObject({ kind: "corrupt" });
    await expect(read({ verify: () => false })).rejects.toMatchObject({ kind: "corrupt" });
  });
});
