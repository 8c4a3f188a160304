/**
 * The text leaves of a rank expression (BM25): what they give to rows of the tail and of segments.
 *
 *   1. `addBatch`, while the tail is read: terms are counted in every row that counts.
 *   2. `readSegments`: the same in segments, in all of their rows, and what matching rows have;
 *      from text indexes (search-postings.ts), or from documents where there is none.
 *   3. Only now are the statistics known and can rows be scored: those of all rows, filtered or
 *      not, superseded ones of segments included until they are merged.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { Batch } from "./document/batch.ts";
import type { AttributeValue } from "./document/value.ts";
import { invalid } from "./errors.ts";
import {
  attributeIndex,
  documentBlock,
  documentBlockRange,
  documentValues,
  openDocumentBlock,
} from "./index/segment/document-rows.ts";
import { addStatistics, Bm25, noStatistics, type TextStatistics } from "./index/text/bm25.ts";
import type { ScoredRun } from "./index/text/max-score.ts";
import { limits } from "./limits.ts";
import { leavesOf, type RowScore, type TextLeaf } from "./query/expression.ts";
import type { Ranking } from "./query/ranking.ts";
import { TailFold } from "./query/tail.ts";
import { addBatchStatistics, findInBatch } from "./query/tail-text.ts";
import { type Occurrences, prepareCount, type TextClause } from "./query/text-clause.ts";
import type { SearchContext } from "./search-ports.ts";
import { IndexedText, readIndexedTexts, type WantedText } from "./search-postings.ts";
import type { MatchedSegment } from "./search-segments.ts";
import { readTail } from "./search-tail.ts";
import { exhaustiveReadsMax } from "./search-vector.ts";

export function textLeavesOf(ranking: Ranking): readonly TextLeaf[] {
  return ranking.kind === "order"
    ? []
    : leavesOf(ranking.expression).filter((leaf) => leaf.kind === "text");
}

export class TextScores {
  readonly leaves: readonly TextLeaf[];
  readonly #statistics: Map<TextLeaf, TextStatistics>;
  readonly #found = new Map<TextLeaf, readonly SegmentText[]>();
  readonly #scorers = new Map<TextLeaf, Bm25>();

  constructor(leaves: readonly TextLeaf[]) {
    this.leaves = leaves;
    this.#statistics = new Map(
      leaves.map((leaf) => [leaf, noStatistics(leaf.clause.terms.length)]),
    );
  }

  /** The rows of a chunk of the tail that count. */
  addBatch(batch: Batch, rows: Uint32Array): void {
    for (const [{ clause }, statistics] of this.#statistics) {
      addBatchStatistics(batch, rows, clause, statistics);
    }
  }

  async readSegments(context: SearchContext, segments: readonly MatchedSegment[]): Promise<void> {
    const wanted = this.leaves.flatMap(({ clause: { attribute, analyzer, terms } }) =>
      segments.map(({ segment, count }): WantedText => {
        const need = count === 0 ? "counts" : "scores";
        return { segment, attribute, analysis: analyzer.name, terms, need };
      }),
    );
    const indexed = await readIndexedTexts(context, wanted);
    for (const [i, leaf] of this.leaves.entries()) {
      const statistics = this.#statistics.get(leaf) as TextStatistics;
      const found = indexed.slice(i * segments.length, (i + 1) * segments.length);
      const hits = segments.map(({ segment }) => new SegmentHits(segment.root.rows));
      const scanned = segments.map((_, at) => (found[at] === undefined ? hits[at] : undefined));
      addStatistics(statistics, await scanTexts(context, segments, leaf.clause, scanned));
      for (const text of found) {
        if (text !== undefined) addStatistics(statistics, text.statistics());
      }
      this.#found.set(
        leaf,
        segments.map((_, at) => found[at] ?? (hits[at] as SegmentHits)),
      );
    }
  }

  /** Of a document whose value is at hand. */
  ofValue(leaf: TextLeaf, value: AttributeValue): number {
    const { frequencies, length } = prepareCount(leaf.clause)(value);
    return this.#scorer(leaf).score(frequencies, length);
  }

  ofBatch(leaf: TextLeaf, batch: Batch): RowScore {
    const found = findInBatch(batch, Uint32Array.from(Array(batch.upserts).keys()), leaf.clause);
    const scorer = this.#scorer(leaf);
    return (row) => {
      const hit = found.get(row);
      return hit === undefined ? 0 : scorer.score(hit.frequencies, hit.length);
    };
  }

  ofSegment(leaf: TextLeaf, segment: number): RowScore {
    const scores = this.#found.get(leaf)?.[segment]?.scores(this.#scorer(leaf));
    return (row) => scores?.[row] ?? 0;
  }

  /** All runs of the segments, to be searched for the best; undefined where a leaf has no index. */
  runs(
    weights: ReadonlyMap<TextLeaf, number>,
    segments: readonly MatchedSegment[],
  ): readonly ScoredRun[] | undefined {
    const runs: ScoredRun[] = [];
    for (const [segment, { rows, count }] of segments.entries()) {
      const lists = [...weights].map(([leaf, weight], i) => {
        const text = this.#found.get(leaf)?.[segment];
        const isIndexed = text instanceof IndexedText;
        return isIndexed ? { text, lists: text.lists(this.#scorer(leaf), i, weight) } : undefined;
      });
      const [first] = lists;
      // All indexes of a segment are made run by run together.
      if (first === undefined || lists.some((each) => each?.lists.length !== first.lists.length)) {
        return undefined;
      }
      for (const [at, { run }] of count === 0 ? [] : first.text.runs.entries()) {
        const { from, to } = run;
        const all = lists.flatMap((each) => each?.lists[at] ?? []);
        runs.push({ segment, from, to, rows, lists: all });
      }
    }
    return runs;
  }

  #scorer(leaf: TextLeaf): Bm25 {
    const { options, terms } = leaf.clause;
    const known = this.#scorers.get(leaf);
    const scorer = known ?? new Bm25(options, terms, this.#statistics.get(leaf) as TextStatistics);
    this.#scorers.set(leaf, scorer);
    return scorer;
  }
}

/** With the statistics of the snapshot, for what is scored after the rows were found. */
export async function readTextScores(
  context: SearchContext,
  leaves: readonly TextLeaf[],
  segments: readonly MatchedSegment[],
): Promise<TextScores> {
  const texts = new TextScores(leaves);
  if (leaves.length > 0) {
    const fold = new TailFold();
    await readTail(context, context.reader.round(), {
      visit: ({ batch }) => texts.addBatch(batch, fold.add(batch)),
    });
    const nothing = segments.map(({ segment, ...more }) => {
      const rows = new Bitmap(segment.root.rows);
      return { ...more, segment, rows, count: 0 };
    });
    await texts.readSegments(context, nothing);
  }
  return texts;
}

/** What was found in a segment, before it can be scored. */
interface SegmentText {
  /** By ordinal; 0 where no term is. */
  scores(scorer: Bm25): Float32Array;
}

/** Rows of a segment that have a term, and what they have. */
class SegmentHits implements SegmentText {
  readonly #size: number;
  readonly #rows: number[] = [];
  readonly #hits: Occurrences[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  add(row: number, hit: Occurrences): void {
    this.#rows.push(row);
    this.#hits.push(hit);
  }

  scores(scorer: Bm25): Float32Array {
    const scores = new Float32Array(this.#size);
    for (const [i, row] of this.#rows.entries()) {
      const { frequencies, length } = this.#hits[i] as Occurrences;
      scores[row] = scorer.score(frequencies, length);
    }
    return scores;
  }
}

/** From the documents of segments without an index: all count, those that match may win. */
async function scanTexts(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  clause: TextClause,
  found: readonly (SegmentHits | undefined)[],
): Promise<TextStatistics> {
  const statistics = noStatistics(clause.terms.length);
  const targets = segments.flatMap(({ segment }, at) =>
    found[at] === undefined || attributeIndex(segment, clause.attribute) < 0
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
        const hit = count(value);
        if (countRow(hit, statistics) && rows?.has(ordinal) !== false) {
          context.counters.exact += 1;
          found[at]?.add(ordinal, hit);
        }
      }
    },
  });
  return statistics;
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
