/**
 * Queries ranked by the text of an attribute (BM25).
 *
 *   1. Side by side: the tail, in which terms are counted in every row that counts; rows of
 *      segments that match the filter, and then their texts.
 *   2. Statistics of all rows, filtered or not, superseded ones of segments included: only now can
 *      a row be scored.
 *   3. The best of both that have a term of the query.
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
import { addStatistics, Bm25, noStatistics, type TextStatistics } from "./index/text/bm25.ts";
import { limits } from "./limits.ts";
import type { BoundQuery } from "./query/bind.ts";
import { filterRows, type TailChunk, TailFold, type TailPlace } from "./query/tail.ts";
import { addBatchStatistics, findInBatch } from "./query/tail-text.ts";
import { type Occurrences, prepareCount, type TextClause } from "./query/text-clause.ts";
import { TopK } from "./query/top-k.ts";
import type { Found, Place } from "./search-answer.ts";
import { both, type SearchContext } from "./search-ports.ts";
import { newRow } from "./search-rows.ts";
import { type MatchedSegment, matchRows, openSegments } from "./search-segments.ts";
import { isSmallTail, readTail } from "./search-tail.ts";
import { exhaustiveReadsMax } from "./search-vector.ts";

/** A row that has a term, and what it has. */
interface TextHit<Where> extends Occurrences {
  readonly id: DocumentId;
  readonly where: Where;
}

interface TextHits<Where> {
  readonly statistics: TextStatistics;
  readonly hits: TextHit<Where>[];
}

interface SegmentPlace {
  readonly segment: number;
  readonly ordinal: number;
}

export async function findText(
  context: SearchContext,
  { filter, wanted, offset }: BoundQuery,
  clause: TextClause,
): Promise<Found> {
  const opened = await openSegments(context, context.reader.round());
  const round = context.reader.round();
  const fold = new TailFold();
  const chunks = new Map<string, TailChunk>();
  const tail: TextHits<TailPlace> = { statistics: noStatistics(clause.terms.length), hits: [] };
  const visit = (chunk: TailChunk): void => {
    if (isSmallTail(context.snapshot)) chunks.set(chunk.key, chunk);
    const rows = fold.add(chunk.batch);
    addBatchStatistics(chunk.batch, rows, clause, tail.statistics);
    const found = findInBatch(chunk.batch, filterRows(chunk.batch, rows, filter), clause);
    for (const [row, occurrences] of found) {
      const id = chunk.batch.ids[row] as DocumentId;
      tail.hits.push({ ...occurrences, id, where: { chunk: chunk.key, row } });
    }
  };
  const matched = async (): Promise<readonly MatchedSegment[]> =>
    matchRows(context, round, opened, filter);
  const [, segments] = await both(readTail(context, round, { visit }), matched());
  const scanned = await scanTexts(context, segments, clause);
  addStatistics(tail.statistics, scanned.statistics);
  const score = new Bm25(clause.options, clause.terms, tail.statistics);
  const best = new TopK<Place>(wanted);
  for (const { id, where, frequencies, length } of tail.hits) {
    const distance = -score.score(frequencies, length);
    best.offer({ distance, id, value: { kind: "tail", place: where } });
  }
  for (const { id, where, frequencies, length } of scanned.hits) {
    if (fold.touched.has(id)) {
      context.counters.masked += 1;
      continue;
    }
    const distance = -score.score(frequencies, length);
    const row = { ...newRow(where.segment, where.ordinal), id };
    best.offer({ distance, id, value: { kind: "segment", row } });
  }
  return { winners: best.sorted().slice(offset), segments, fold, chunks };
}

/** From the documents of segments: all of them count, those that match may win. */
async function scanTexts(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  clause: TextClause,
): Promise<TextHits<SegmentPlace>> {
  const statistics = noStatistics(clause.terms.length);
  const hits: TextHit<SegmentPlace>[] = [];
  const targets = segments.flatMap(({ segment }, at) =>
    attributeIndex(segment, clause.attribute) < 0
      ? []
      : Array.from({ length: segment.root.documents.blocks.count }, (_, index) => ({ at, index })),
  );
  const blocks = targets.map(({ at, index }) =>
    documentBlock((segments[at] as MatchedSegment).segment, index),
  );
  const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
  if (bytes > limits.scoredBytesMax) {
    const text =
      `💔 ranking by "${clause.attribute}" would read ${bytes} bytes of documents, more than ` +
      `${limits.scoredBytesMax}, because it is not indexed yet; try again later`;
    throw invalid(text, "rank_by");
  }
  const count = prepareCount(clause);
  await context.reader.readRound(blocks, {
    readsMax: exhaustiveReadsMax,
    onBlock: (i, content) => {
      const { at, index } = targets[i] as (typeof targets)[number];
      const { segment, rows } = segments[at] as MatchedSegment;
      const column = attributeIndex(segment, clause.attribute);
      const block = openDocumentBlock(segment, index, content);
      const { from, to } = documentBlockRange(segment, index);
      for (let ordinal = from; ordinal < to; ordinal++) {
        const value = documentValues(segment, block, ordinal)[column] ?? null;
        if (value === null) continue;
        const found = count(value);
        if (countRow(found, statistics) && rows?.has(ordinal) !== false) {
          context.counters.exact += 1;
          const id = documentId(block, ordinal);
          hits.push({ ...found, id, where: { segment: at, ordinal } });
        }
      }
    },
  });
  return { statistics, hits };
}

/** Whether the row has a term. */
function countRow({ frequencies, length }: Occurrences, to: TextStatistics): boolean {
  let isHit = false;
  to.rows += length > 0 ? 1 : 0;
  to.tokens += length;
  for (const [i, frequency] of frequencies.entries()) {
    if (frequency === 0) continue;
    to.frequencies[i] = (to.frequencies[i] as number) + 1;
    isHit = true;
  }
  return isHit;
}
