/** Blocks that another request is reading: waited for, within bounds, and read where it fails. */
import { describe, expect, it } from "vitest";
import { limits } from "../../src/limits.ts";
import { ReadsUnderWay } from "../../src/store/reads-under-way.ts";
import {
  blockAt,
  openFaultyIsolate,
  openIsolate,
  openPausedIsolate,
  range,
  readAll,
} from "./isolate.ts";

const blocks = range(0, 5).map((index) => blockAt(index));

describe("blocks that another request is reading", () => {
  it("are read once, and counted as found in memory", async () => {
    const { store, reader, cache } = await openIsolate();
    const readers = range(0, 20).map(() => reader());
    await Promise.all(readers.map((each) => readAll(each, blocks)));
    expect(store.counts().get).toBe(1);
    expect(readers.map((each) => each.made.requests)).toEqual([1, ...range(1, 20).map(() => 0)]);
    expect(readers[1]?.counts()).toMatchObject({ memoryHits: 5, rounds: 0 });
    expect(cache.underWay.size).toBe(0);
  });

  it("are waited for beside reading the others", async () => {
    const { store, reader } = await openIsolate();
    const more = [...blocks, blockAt(50)];
    await Promise.all([readAll(reader(), blocks), readAll(reader(), more)]);
    expect(store.counts().get).toBe(2);
  });

  it("are read again by who waits in vain for a request that vanished", async () => {
    const { clock, reader, paused } = await openPausedIsolate();
    const vanished = readAll(reader(), blocks);
    const waiting = readAll(reader(), blocks);
    await clock.advance(limits.sharedReadMs - 1);
    expect(paused.sent).toBe(1);
    await clock.advance(1);
    expect(paused.sent).toBe(2);
    await paused.resumeAll();
    await waiting;
    await vanished;
  });

  it("are read again by who waited for a request that failed, or that keeps nothing", async () => {
    const { faults, reader } = await openFaultyIsolate();
    faults.failNext("get", "lost");
    const failing = readAll(reader(), blocks);
    const waiting = readAll(reader(), blocks);
    await expect(failing).rejects.toThrow();
    await waiting;

    const small = await openIsolate({ cacheBytes: 100 });
    await Promise.all([readAll(small.reader(), blocks), readAll(small.reader(), blocks)]);
    expect(small.store.counts().get).toBe(2);
  });

  it("are not waited for without caches", async () => {
    const { store, reader } = await openIsolate();
    const cold = { disableCache: true };
    await Promise.all([readAll(reader(cold), blocks), readAll(reader(cold), blocks)]);
    expect(store.counts().get).toBe(2);
  });
});

describe("claims", () => {
  it("are believed for a while, and end", () => {
    const underWay = new ReadsUnderWay(100);
    const pair = [blockAt(1), blockAt(2)];
    const first = underWay.claim(pair, [0], 0);
    const second = underWay.claim(pair, [0, 1], 99);
    expect([second.own, second.awaited]).toEqual([[1], [0]]);
    expect(second.others).toEqual([first.claim.ended]);
    // What was claimed too long ago is claimed by somebody else, whose claim outlives the first.
    const third = underWay.claim(pair, [0], 100);
    expect(third.own).toEqual([0]);
    first.claim.end();
    expect(underWay.claim(pair, [0], 100).awaited).toEqual([0]);
    second.claim.end();
    third.claim.end();
    expect(underWay.size).toBe(0);
  });
});
