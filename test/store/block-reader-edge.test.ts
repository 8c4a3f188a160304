/** The block reader with an edge cache behind its memory. */
import { describe, expect, it } from "vitest";
import { limits } from "../../src/limits.ts";
import { blockId } from "../../src/store/block.ts";
import { MemoryEdge } from "../memory-edge.ts";
import { blockAt, blockBytes, bytesAt, openIsolate, range, readAll } from "./isolate.ts";

describe("block reader: edge cache", () => {
  it("finds in another isolate of the data centre what one has handed over", async () => {
    const edge = new MemoryEdge();
    const first = await openIsolate({ edge });
    const blocks = range(0, 20).map((index) => blockAt(3 * index));
    const cold = first.reader();
    await readAll(cold, blocks);
    expect(edge.puts).toBe(0);
    cold.finish();
    cold.finish();
    await Promise.all(first.deferred);
    expect([edge.puts, first.deferred.length]).toEqual([20, 1]);

    const second = await openIsolate({ edge });
    const warm = second.reader();
    await readAll(warm, blocks);
    warm.finish();
    expect(warm.counts()).toMatchObject({
      rounds: 0,
      storeRequests: 0,
      edgeLookups: 20,
      edgeHits: 20,
      edgeBytes: 20 * blockBytes,
    });
    expect([warm.temperature(), second.store.requests]).toEqual(["warm", 0]);
    expect(second.deferred).toEqual([]);
    const hot = second.reader();
    await readAll(hot, blocks);
    expect([hot.temperature(), hot.counts().edgeLookups]).toEqual(["hot", 0]);
  });

  it("costs a cold object one wave of lookups, not one a block", async () => {
    const edge = new MemoryEdge();
    const { store, reader } = await openIsolate({ edge });
    const cold = reader();
    const blocks = range(0, 50).map((index) => blockAt(2 * index));
    await readAll(cold, blocks);
    expect(cold.counts().edgeLookups).toBeLessThanOrEqual(limits.connectionsMax + 3);
    expect(store.counts().get).toBe(6);
    const next = reader();
    await readAll(next, [blockAt(1)]);
    expect(next.counts()).toMatchObject({ edgeLookups: 0, storeRequests: 1 });
  });

  it("looks up blocks that fell out of memory after they were handed over", async () => {
    const edge = new MemoryEdge();
    const { cache, deferred, reader } = await openIsolate({ edge });
    const cold = reader();
    await readAll(cold, [blockAt(1), blockAt(50)]);
    cold.finish();
    await Promise.all(deferred);
    cache.memory.clear();
    const warm = reader();
    await readAll(warm, [blockAt(1), blockAt(50), blockAt(70)]);
    expect(warm.counts()).toMatchObject({ edgeHits: 2, storeRequests: 1 });
    expect(warm.temperature()).toBe("cold");
  });

  it("reads a block from the store whose entry is damaged, and mends the entry", async () => {
    const edge = new MemoryEdge();
    const { deferred, reader } = await openIsolate({ edge });
    edge.entries.set(blockId(blockAt(1)), bytesAt(2));
    const one = reader();
    await readAll(one, [blockAt(1)]);
    expect(one.counts()).toMatchObject({ edgeRejected: 1, edgeHits: 0, storeRequests: 1 });
    one.finish();
    await Promise.all(deferred);
    expect(edge.entries.get(blockId(blockAt(1)))).toEqual(bytesAt(1));
  });

  it("works on, from the store, when the edge cache fails", async () => {
    const edge = new MemoryEdge();
    edge.mode = "fails";
    const { deferred, reader } = await openIsolate({ edge });
    const one = reader();
    await readAll(one, [blockAt(1), blockAt(9)]);
    one.finish();
    await Promise.all(deferred);
    expect(one.counts()).toMatchObject({ edgeHits: 0, storeRequests: 2 });
  });
});
