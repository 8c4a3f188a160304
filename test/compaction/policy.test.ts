/** When to flush and what to merge. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type FlushCandidate,
  flushDueAtMs,
  planFlush,
  planMerge,
  planSplit,
  shardGroups,
} from "../../src/compaction/policy.ts";
import { noneDead, type SegmentInfo } from "../../src/format/manifest.ts";
import { limits } from "../../src/limits.ts";

const MiB = 1024 * 1024;

function entries(count: number, bytes: number, rows = 1, timeMs = 0): FlushCandidate[] {
  return Array.from({ length: count }, (_, i) => ({ sequence: 10 + i, bytes, rows, timeMs }));
}

function segment(id: string, bytes: number, rows: number, dead = 0, clusters = 0): SegmentInfo {
  return {
    id,
    home: "own",
    digest: 0n,
    level: 0,
    rows,
    bytes,
    logicalBytes: bytes,
    parts: [],
    root: { part: 0, offset: 0, length: 0 },
    dead:
      dead === 0
        ? noneDead
        : { version: 1, rows: dead, name: "x", bytes: 1, digest: 0n, home: "own" },
    schemaVersion: 1,
    clusters,
    minId: 0,
    maxId: 0,
    createdMs: 0,
  };
}

test("nothing is flushed before it is worth a segment", () => {
  expect(planFlush([], 0, 0)).toBeUndefined();
  expect(planFlush(entries(5, 1_000), 0, 0)).toBeUndefined();
});

test("bytes, rows, objects, age or a request make a flush due", () => {
  expect(planFlush(entries(4, MiB), 0, 0)).toEqual({ from: 10, to: 14 });
  expect(planFlush(entries(1, 10, 5_000), 0, 0)).toEqual({ from: 10, to: 11 });
  expect(planFlush(entries(64, 10), 0, 0)).toEqual({ from: 10, to: 74 });
  expect(planFlush(entries(1, MiB), limits.flushAgeMs, 0)).toEqual({ from: 10, to: 11 });
  expect(planFlush(entries(1, 10), limits.flushAgeMs, 0)).toBeUndefined();
  expect(planFlush(entries(1, 10), limits.flushAgeSmallMs, 0)).toEqual({ from: 10, to: 11 });
  expect(planFlush(entries(3, 10), 0, 13)).toEqual({ from: 10, to: 13 });
  expect(planFlush(entries(3, 10), 0, 10)).toBeUndefined();
});

test("a flush takes no more than it may hold in memory, but at least one entry", () => {
  expect(planFlush(entries(40, 3 * MiB), 0, 0)).toEqual({ from: 10, to: 14 });
  expect(planFlush(entries(40, 100 * MiB), 0, 0)).toEqual({ from: 10, to: 11 });
});

test("age makes a large tail due after a minute, a small one after an hour", () => {
  expect(flushDueAtMs(entries(1, MiB, 1, 500))).toBe(500 + limits.flushAgeMs);
  expect(flushDueAtMs(entries(1, 10, 1, 500))).toBe(500 + limits.flushAgeSmallMs);
  expect(flushDueAtMs([])).toBeUndefined();
});

test("a segment with too many dead rows is rewritten alone", () => {
  const inputs = [segment("a", MiB, 100, 21), segment("b", MiB, 100, 20)];
  expect(planMerge(inputs, new Set())).toEqual(["a"]);
  expect(planMerge(inputs, new Set(["a"]))).toBeUndefined();
});

test("a segment built before an attribute became filterable is rewritten, smallest first", () => {
  const old = [segment("b", 2 * MiB, 100), segment("a", MiB, 100)];
  const young = { ...segment("c", MiB / 2, 100), schemaVersion: 4 };
  expect(planMerge([...old, young], new Set(), { reindexBelow: 4 })).toEqual(["a"]);
  expect(planMerge([...old, young], new Set(["a"]), { reindexBelow: 4 })).toEqual(["b"]);
  expect(planMerge([young], new Set(), { reindexBelow: 4 })).toBeUndefined();
  expect(planMerge(old, new Set(), { reindexBelow: 1 })).toBeUndefined();
});

test("flat segments go together once they are enough rows for clusters", () => {
  const flat = [segment("a", MiB, 600), segment("b", MiB, 500)];
  expect(planMerge(flat, new Set())).toEqual(["a", "b"]);
  expect(planMerge([segment("a", MiB, 600), segment("b", MiB, 100)], new Set())).toBeUndefined();
});

test("large segments without vectors are not merged for having no clusters", () => {
  const plain = [segment("a", 100 * MiB, 500_000), segment("b", MiB, 2_100)];
  expect(planMerge(plain, new Set())).toBeUndefined();
});

const ids = (letters: string): string[] => letters.split("");

/** So many clustered segments, from the first letter on. */
function many(count: number, mib: number, from = "a"): SegmentInfo[] {
  return Array.from({ length: count }, (_, i) =>
    segment(String.fromCharCode(from.charCodeAt(0) + i), mib * MiB, 9_000, 0, 24),
  );
}

test("32 segments of the lowest tier become one of the next, 12 of that one of a third", () => {
  expect(planMerge(many(32, 20), new Set())).toHaveLength(32);
  expect(planMerge(many(31, 20), new Set())).toBeUndefined();
  expect(planMerge(many(11, 130), new Set())).toBeUndefined();
  expect(planMerge(many(12, 130), new Set())).toEqual(ids("abcdefghijkl"));
});

test("at rest, more than three segments: the small ones go together", () => {
  const atRest = { atRest: true };
  const loaded = [...many(7, 12), ...many(1, 400, "z")];
  expect(planMerge(loaded, new Set())).toBeUndefined();
  expect(planMerge(loaded, new Set(), atRest)).toEqual(ids("abcdefg"));
  expect(planMerge(loaded.slice(5), new Set(), atRest)).toBeUndefined();
  // However many there are, no merge of large ones is due for that.
  expect(planMerge(many(7, 300), new Set(), atRest)).toBeUndefined();
});

test("at rest, what trickles in leaves much larger segments alone", () => {
  const atRest = { atRest: true };
  const [large, ...small] = [...many(1, 60, "z"), ...many(3, 3)] as [SegmentInfo, ...SegmentInfo[]];
  expect(planMerge([large, ...small], new Set(), atRest)).toEqual(ids("abc"));
  expect(planMerge([large, ...many(5, 3)], new Set(), atRest)).toEqual(ids("abcdez"));
  const tiny = segment("t", MiB / 1_024, 10);
  expect(planMerge([tiny, ...many(3, 3)], new Set(), atRest)).toEqual(ids("tabc"));
});

test("planning always ends: every merge leaves fewer or cleaner segments, within the bound", () => {
  const shape = fc.record({
    mib: fc.integer({ min: 1, max: 600 }),
    rows: fc.integer({ min: 1, max: 200_000 }),
    deadShare: fc.integer({ min: 0, max: 100 }),
  });
  fc.assert(
    fc.property(fc.array(shape, { maxLength: 40 }), (shapes) => {
      let segments = shapes.map(({ mib, rows, deadShare }, i) => {
        const dead = Math.floor((rows * deadShare) / 100);
        return segment(`s${i}`, mib * MiB, rows, dead, rows < limits.clusteredRowsMin ? 0 : 1);
      });
      for (let step = 0; ; step++) {
        expect(step).toBeLessThan(200);
        const chosen = planMerge(segments, new Set(), { atRest: true });
        if (chosen === undefined) {
          break;
        }
        const inputs = segments.filter(({ id }) => chosen.includes(id));
        const live = inputs.map((s) => ({
          rows: s.rows - s.dead.rows,
          bytes: s.bytes * (1 - s.dead.rows / s.rows),
        }));
        const rows = live.reduce((sum, s) => sum + s.rows, 0);
        const bytes = live.reduce((sum, s) => sum + s.bytes, 0);
        if (inputs.length > 1) {
          expect(bytes).toBeLessThanOrEqual(limits.mergeBytesMax * 1.000001);
        }
        segments = segments.filter(({ id }) => !chosen.includes(id));
        if (rows > 0) {
          const clusters = rows < limits.clusteredRowsMin ? 0 : 1;
          segments.push(segment(`m${step}`, bytes, rows, 0, clusters));
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("each shard is looked at by itself, the fullest first; rows of all shards come apart", () => {
  const of = (shard: number | undefined, id: string): SegmentInfo => ({
    ...segment(id, MiB, 100),
    ...(shard === undefined ? {} : { shard }),
  });
  const all = [of(0, "a"), of(1, "b"), of(1, "c"), of(undefined, "d")];
  const ids = (shards: number) =>
    shardGroups(all, shards).map(({ segments, unsorted }) => [
      segments.map(({ id }) => id).join(),
      unsorted,
    ]);
  expect(ids(2)).toEqual([
    ["b,c", false],
    ["a", false],
    ["d", true],
  ]);
  expect(shardGroups([of(undefined, "d")], 1)).toMatchObject([{ unsorted: false }]);
  expect(planSplit(all, new Set(["a"]))).toEqual(["b"]);
  expect(planSplit([], new Set())).toBeUndefined();
});
