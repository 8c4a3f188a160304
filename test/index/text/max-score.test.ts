/** The best rows by bounds, beside a sum over all postings of all rows. */
import { describe, expect, it } from "vitest";
import { Bitmap } from "../../../src/bytes/bitmap.ts";
import { defaultText } from "../../../src/document/text-options.ts";
import { type BlockedPostings, postingBlockRows } from "../../../src/format/posting-block.ts";
import { packPostings, viewPostings } from "../../../src/index/segment/kept-postings.ts";
import { BestScores } from "../../../src/index/text/best-scores.ts";
import { Bm25 } from "../../../src/index/text/bm25.ts";
import { findBestRows, type ScoredRun } from "../../../src/index/text/max-score.ts";
import { createPrng, type Prng } from "../../../src/index/vector/prng.ts";

/** A term that one row in `gap` has, on average. */
function makeList(
  prng: Prng,
  { from, to, gap }: Record<"from" | "to" | "gap", number>,
  lengths: Uint8Array,
) {
  const rows: number[] = [];
  const counts: number[] = [];
  for (let row = from + prng.below(gap); row < to; row += 1 + prng.below(2 * gap - 1)) {
    rows.push(row);
    counts.push(1 + Math.min(prng.below(9), prng.below(9), prng.below(9)));
  }
  const blocks = Array.from({ length: Math.ceil(rows.length / postingBlockRows) }, (_, i) => ({
    counts: counts.slice(i * postingBlockRows, (i + 1) * postingBlockRows),
    lengths: rows
      .slice(i * postingBlockRows, (i + 1) * postingBlockRows)
      .map((row) => lengths[row - from] as number),
  }));
  const postings: BlockedPostings = {
    rows: Uint32Array.from(rows),
    counts: Uint8Array.from(counts),
    largest: Uint32Array.from(blocks, (block) => Math.max(...block.counts)),
    shortest: Uint32Array.from(blocks, (block) => Math.min(...block.lengths)),
  };
  return viewPostings(packPostings(postings));
}

const gaps = [1, 2, 5, 40, 300, 2_000];

/** Runs of two segments, and for each row of each the score that a sum over everything gives. */
function makeRuns(seed: number) {
  const prng = createPrng({ low: seed, high: 11 });
  const terms = Array.from({ length: 1 + prng.below(6) }, () => gaps[prng.below(6)] as number);
  const counted = terms.map(() => ({ count: 1 + prng.below(2), isPrefix: false }));
  const frequencies = terms.map((gap) => Math.floor(9_000 / gap));
  const bm25 = new Bm25(defaultText, counted, { rows: 9_000, tokens: 270_000, frequencies });
  const bounds = [
    { segment: 0, from: 0, to: 1_700 },
    { segment: 0, from: 1_700, to: 6_000 },
    { segment: 1, from: 0, to: 3_000 },
  ];
  const filters = [
    undefined,
    Bitmap.of(
      3_000,
      Array.from({ length: 900 }, (_, i) => 3 * i),
    ),
  ];
  const scores = new Map<string, number>();
  const runs = bounds.map(({ segment, from, to }): ScoredRun => {
    const lengths = Uint8Array.from({ length: to - from }, () => 1 + prng.below(60));
    const rows = filters[segment];
    const lists = terms.map((gap, i) => ({
      postings: makeList(prng, { from, to, gap }, lengths),
      lengths,
      term: bm25.term(i),
      factor: 1,
      leaf: 0,
    }));
    for (let row = from; row < to; row++) {
      if (rows?.has(row) === false) continue;
      const counts = lists.map(({ postings }) => {
        const at = postings.rows.indexOf(row);
        return at < 0 ? 0 : (postings.counts[at] as number);
      });
      const score = bm25.score(counts, lengths[row - from] as number);
      if (score > 0) scores.set(`${segment}/${row}`, score);
    }
    return { segment, from, to, lists, rows };
  });
  return { runs, scores };
}

function findBest(
  runs: readonly ScoredRun[],
  wanted: number,
  { known = [], isSum = true }: { known?: readonly number[]; isSum?: boolean } = {},
) {
  const best = new BestScores(wanted);
  for (const score of known) best.offer(score);
  const leaves = new Float64Array(1);
  const found = findBestRows(runs, { leaves, combine: () => leaves[0] as number, isSum }, best);
  const all = [...found].flatMap(([segment, { rows, scores }]) =>
    Array.from(rows, (row, i): [string, number] => [`${segment}/${row}`, scores[i] as number]),
  );
  return new Map(all.filter(([, score]) => score >= best.threshold));
}

describe("the best rows by a sum of terms", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "are those of a sum over everything, and all ties (%i)",
    (seed) => {
      const { runs, scores } = makeRuns(seed);
      for (const wanted of [1, 10, 100, 10_000]) {
        const sorted = [...scores.values()].sort((a, b) => b - a);
        const last = sorted[wanted - 1] ?? 0;
        const expected = new Map([...scores].filter(([, score]) => score >= last));
        expect(findBest(runs, wanted)).toEqual(expected);
        expect(findBest(runs, wanted, { isSum: false })).toEqual(expected);
      }
    },
  );

  it("are none if better ones are known already", () => {
    const { runs, scores } = makeRuns(9);
    const most = Math.max(...scores.values());
    expect(findBest(runs, 2, { known: [most + 1, most + 2] }).size).toBe(0);
    expect(findBest(runs, 2, { known: [most + 1] }).size).toBeGreaterThan(0);
  });
});
