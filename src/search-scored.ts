/**
 * Ranks the rows of segments by a score of one attribute (query/score.ts), from the documents of
 * all matching rows.
 */
import type { DocumentId } from "./document/id.ts";
import { attributeIndex } from "./index/segment/document-rows.ts";
import type { AttributeScore } from "./query/score.ts";
import { TopK } from "./query/top-k.ts";
import { readDocumentValues } from "./search-documents.ts";
import type { SearchContext } from "./search-ports.ts";
import { newRow } from "./search-rows.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { RankedRow } from "./search-vector.ts";
import type { ReadRound } from "./store/block-reader.ts";

export interface ScoredSearch {
  readonly context: SearchContext;
  readonly segments: readonly MatchedSegment[];
  readonly score: AttributeScore;
  readonly wanted: number;
  /** Ids that the tail knows better. */
  readonly touched: ReadonlySet<DocumentId>;
}

/** At most `wanted` rows, best first. */
export async function searchScored(
  { context, segments, score, wanted, touched }: ScoredSearch,
  round: ReadRound,
): Promise<readonly RankedRow[]> {
  const best = new TopK<RankedRow>(wanted);
  const columns = segments.map(({ segment }) => attributeIndex(segment, score.column));
  await readDocumentValues(round, segments, [score.column], (at, ordinal, { id, values }) => {
    if (touched.has(id)) {
      context.counters.masked += 1;
      return;
    }
    context.counters.exact += 1;
    const distance = score.distanceOf(values[columns[at] ?? -1] ?? null);
    if (distance !== undefined) {
      best.offer({ distance, id, value: { ...newRow(at, ordinal), id, distance } });
    }
  });
  return best.sorted().map(({ value }) => value);
}
