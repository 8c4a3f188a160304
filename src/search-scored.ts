/**
 * Ranks the rows of segments by a score of one attribute (query/score.ts): reads the document
 * blocks that hold matching rows, all in one round, and lets go of each once it is scored.
 *
 * Cost: the documents of all matching rows, in reads of up to 8 MiB. Bounded, so that nobody reads
 * a large namespace by accident: a filter helps.
 */
import type { DocumentId } from "./document/id.ts";
import { invalid } from "./errors.ts";
import {
  attributeIndex,
  documentBlock,
  documentBlockRange,
  documentId,
  documentValues,
  openDocumentBlock,
} from "./index/segment/document-rows.ts";
import { limits } from "./limits.ts";
import type { AttributeScore } from "./query/score.ts";
import { TopK } from "./query/top-k.ts";
import type { SearchContext } from "./search-ports.ts";
import { newRow } from "./search-rows.ts";
import type { MatchedSegment } from "./search-segments.ts";
import { exhaustiveReadsMax, type RankedRow } from "./search-vector.ts";
import type { ReadRound } from "./store/block-reader.ts";

export interface ScoredSearch {
  readonly context: SearchContext;
  readonly segments: readonly MatchedSegment[];
  readonly score: AttributeScore;
  readonly wanted: number;
  /** Ids that the tail knows better. */
  readonly touched: ReadonlySet<DocumentId>;
}

interface ScoredBlock {
  /** Index of the segment. */
  readonly segment: number;
  readonly index: number;
}

/** At most `wanted` rows, best first. */
export async function searchScored(
  search: ScoredSearch,
  round: ReadRound,
): Promise<readonly RankedRow[]> {
  const { segments, wanted } = search;
  const targets = segments.flatMap((matched, segment) => blocksOf(matched, segment, search.score));
  const blocks = targets.map(({ segment, index }) =>
    documentBlock((segments[segment] as MatchedSegment).segment, index),
  );
  const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
  if (bytes > limits.scoredBytesMax) {
    const text =
      `💔 ranking by "${search.score.column}" would read ${bytes} bytes of documents, ` +
      `more than ${limits.scoredBytesMax}; add a filter`;
    throw invalid(text, "rank_by");
  }
  const best = new TopK<RankedRow>(wanted);
  await round.readBlocks(blocks, {
    readsMax: exhaustiveReadsMax,
    onBlock: (i, content) => scoreBlock(search, targets[i] as ScoredBlock, content, best),
  });
  return best.sorted().map(({ value }) => value);
}

/** Those with a row that counts; none if no document of the segment has the attribute. */
function blocksOf(
  { segment, rows, count }: MatchedSegment,
  at: number,
  { column }: AttributeScore,
): readonly ScoredBlock[] {
  const { firstRows } = segment.root.documents;
  if (count === 0 || attributeIndex(segment, column) < 0) {
    return [];
  }
  const all = Array.from({ length: firstRows.length - 1 }, (_, index) => ({ segment: at, index }));
  if (rows === undefined) {
    return all;
  }
  const wanted = new Uint8Array(all.length);
  let index = 0;
  for (const ordinal of rows) {
    while (ordinal >= (firstRows[index + 1] as number)) {
      index++;
    }
    wanted[index] = 1;
  }
  return all.filter((block) => wanted[block.index] === 1);
}

function scoreBlock(
  { context, segments, score, touched }: ScoredSearch,
  { segment: at, index }: ScoredBlock,
  bytes: Uint8Array,
  best: TopK<RankedRow>,
): void {
  const { segment, rows } = segments[at] as MatchedSegment;
  const column = attributeIndex(segment, score.column);
  const block = openDocumentBlock(segment, index, bytes);
  const { from, to } = documentBlockRange(segment, index);
  for (let ordinal = from; ordinal < to; ordinal++) {
    if (rows?.has(ordinal) === false) {
      continue;
    }
    const id = documentId(block, ordinal);
    if (touched.has(id)) {
      context.counters.masked += 1;
      continue;
    }
    context.counters.exact += 1;
    const distance = score.distanceOf(documentValues(segment, block, ordinal)[column] ?? null);
    if (distance !== undefined) {
      best.offer({ distance, id, value: { ...newRow(at, ordinal), id, distance } });
    }
  }
}
