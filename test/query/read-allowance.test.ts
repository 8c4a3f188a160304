/** How reads are shared out among the rounds of a query. */
import { expect, test } from "vitest";
import { limits } from "../../src/limits.ts";
import { ReadAllowance } from "../../src/query/read-allowance.ts";
import { onePlaneReads } from "../../src/search-one-plane.ts";

const { filteredReadsMax, scanReadsMax, refineReadsMax, exactReadsMax } = limits;
const ranking = scanReadsMax + refineReadsMax + exactReadsMax;

/** Makes the reads that `made` says, or as many as each round may. */
function run(isFiltered: boolean, filterReads: number, made: readonly (number | undefined)[]) {
  let reads = 5;
  const allowance = new ReadAllowance(isFiltered, 1, () => ({ requests: reads, bytes: 0 }));
  reads += filterReads;
  const allowed = (["scan", "refine", "exact"] as const).map((round, i) => {
    const most = allowance.readsMax(round);
    reads += made[i] ?? most;
    return most;
  });
  return { allowed, reads: reads - 5 };
}

test("a round that uses all it may leaves the others what they are sure of", () => {
  const { allowed, reads } = run(false, 0, []);
  expect(allowed).toEqual([scanReadsMax, refineReadsMax, exactReadsMax]);
  expect(reads).toBe(ranking);
});

test("reads that a filter did not need go to the rounds behind it", () => {
  const { allowed, reads } = run(true, 3, []);
  const spare = filteredReadsMax - ranking - 3;
  const scanned = Math.floor(spare / 3);
  const refined = refineReadsMax + spare - scanned;
  expect(allowed).toEqual([scanReadsMax + scanned, refined, exactReadsMax]);
  expect(reads).toBe(filteredReadsMax);
});

test("reads that a round did not need go to the next", () => {
  expect(run(false, 0, [2, 3]).allowed).toEqual([
    scanReadsMax,
    refineReadsMax + scanReadsMax - 2,
    ranking - 5,
  ]);
});

test("more reads than were expected take nothing from what a round is sure of", () => {
  expect(run(true, 90, []).allowed).toEqual([scanReadsMax, refineReadsMax, exactReadsMax]);
});

test.each([
  [1, 2],
  [4, limits.wideReadsMax],
  [30, limits.wideReadsMax],
])(
  "of %i segments %i more reads are left for wide gaps, and none is given twice",
  (segments, more) => {
    let reads = 0;
    const allowance = new ReadAllowance(false, segments, () => ({ requests: reads, bytes: 0 }));
    for (const round of ["scan", "refine", "exact"] as const) {
      reads += allowance.readsMax(round) + allowance.wideReads(round);
    }
    expect(reads).toBe(ranking + more);
  },
);

test.each([1, 5])("one plane of %i segments makes 16 reads in its two rounds", (segments) => {
  let reads = 2;
  const allowance = new ReadAllowance(false, segments, () => ({ requests: reads, bytes: 0 }));
  reads += onePlaneReads(segments).readsMax;
  allowance.goByOnePlane(10, segments);
  expect(allowance.wideReads("exact")).toBe(0);
  expect(reads - 2 + allowance.readsMax("exact")).toBe(16);
});

test("a round is capped, with what the rounds before have left, and more rows have larger caps", () => {
  const made = { requests: 3, bytes: 1_000 };
  const allowance = new ReadAllowance(false, 1, () => ({ ...made }));
  const MiB = 1024 * 1024;
  expect(allowance.cap("scan", 5, 5)).toEqual({ reads: 8, bytes: 5 * MiB });
  expect(allowance.cap("scan", 20, 5, 3)).toEqual({ reads: 48, bytes: 30 * MiB });
  expect(allowance.cap("scan", 10, 10)).toEqual({ reads: 16, bytes: 10 * MiB });
  expect(allowance.cap("scan", 10, 40)).toEqual({ reads: 32, bytes: 20 * MiB });
  expect(allowance.cap("scan", 10, 120)).toEqual({ reads: 48, bytes: 30 * MiB });
  made.requests += 4;
  made.bytes += MiB;
  expect(allowance.cap("refine", 10, 1)).toEqual({ reads: 12, bytes: 8 * MiB });
  made.requests += 30;
  made.bytes += 30 * MiB;
  expect(allowance.cap("exact", 10, 1)).toEqual({ reads: 8, bytes: 2 * MiB });
  expect(new ReadAllowance(true, 1, () => made).cap("exact", 10, 1)).toBeUndefined();
});
