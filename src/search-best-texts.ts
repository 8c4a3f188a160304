/**
 * The best rows of segments where texts alone rank, by bounds (index/text/max-score.ts), once their
 * terms are read. All segments share one threshold, which begins with the best of the tail.
 */
import { BestScores } from "./index/text/best-scores.ts";
import type { FoundRows } from "./index/text/found-rows.ts";
import { findBestRows } from "./index/text/max-score.ts";
import { type Expression, type Leaf, prepareScore, weighTexts } from "./query/expression.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { TextScores } from "./search-text.ts";

export interface WantedBest {
  readonly texts: TextScores;
  readonly wanted: number;
  /** Scores of the best rows of the tail. */
  readonly known: readonly number[];
}

/**
 * By index of the segment: rows that may win, with their scores, and some that do not. Undefined if
 * something else ranks, or a segment has no index: then every row is to be scored.
 */
export function findBestTexts(
  segments: readonly MatchedSegment[],
  expression: Expression,
  { texts, wanted, known }: WantedBest,
): ReadonlyMap<number, FoundRows> | undefined {
  const weights = weighTexts(expression);
  const runs = weights && texts.runs(weights, segments);
  if (weights === undefined || runs === undefined) return undefined;
  const places = new Map<Leaf, number>(Array.from(weights.keys(), (leaf, i) => [leaf, i]));
  const leaves = new Float64Array(places.size);
  const scoreOf = prepareScore(expression, (leaf) => {
    const place = places.get(leaf) as number;
    return () => leaves[place] as number;
  });
  const best = new BestScores(wanted);
  for (const score of known) best.offer(score);
  const isSum = expression.kind === "text";
  return findBestRows(runs, { leaves, combine: () => scoreOf(0), isSum }, best);
}
