/**
 * Text clauses answered from the text indexes of segments, all clauses and segments at once:
 *
 *   1. One round: blocks of terms. Now the statistics are known.
 *   2. One round: pages of postings, and lengths, where rows may win.
 *
 * Segments that have no index for a clause are left to others.
 */
import type { Postings } from "./format/posting-block.ts";
import { findTerms, type TermPostings, type TextRun } from "./format/segment-text.ts";
import type { Segment } from "./index/segment/segment.ts";
import {
  openLengths,
  openPostings,
  pagesOf,
  rowsWith,
  sectionBlock,
  termBlocks,
  textIndexOf,
  type WantedTerm,
} from "./index/segment/text-index.ts";
import { type Bm25, noStatistics, type TextStatistics } from "./index/text/bm25.ts";
import type { SearchContext } from "./search-ports.ts";
import { exhaustiveReadsMax } from "./search-vector.ts";
import { type Block, blockId } from "./store/block.ts";

/** What a clause finds in a segment. */
export class IndexedText {
  readonly #segment: Segment;
  readonly #terms: readonly WantedTerm[];
  readonly #isRead: boolean;
  readonly runs: readonly FoundRun[];

  /** `isRead`: false if none of its rows may win; then nothing but the statistics is known. */
  constructor(
    segment: Segment,
    runs: readonly TextRun[],
    terms: readonly WantedTerm[],
    isRead: boolean,
  ) {
    this.#segment = segment;
    this.#terms = terms;
    this.#isRead = isRead;
    this.runs = runs.map((run) => new FoundRun(segment, run, terms.length));
  }

  statistics(): TextStatistics {
    const statistics = noStatistics(this.#terms.length);
    for (const { run, found } of this.runs) {
      statistics.rows += run.rows;
      statistics.tokens += run.tokens;
      found.forEach((terms, i) => {
        const rows = terms.reduce((sum, each) => sum + rowsWith(each), 0);
        statistics.frequencies[i] = (statistics.frequencies[i] as number) + rows;
      });
    }
    return statistics;
  }

  /** Calls `visit` with the postings of each term, in the order of the query. */
  forEachTerm(visit: (postings: Postings, place: number) => void): void {
    for (const run of this.#isRead ? this.runs : []) run.forEachTerm(visit);
  }

  /** By ordinal; 0 where no term is. */
  scores(scorer: Bm25): Float32Array {
    const sums = new Float64Array(this.#segment.root.rows);
    const hasPrefix = this.#terms.some(({ isPrefix }) => isPrefix);
    for (const each of this.#isRead ? this.runs : []) {
      const { from } = each.run;
      /** 1 where the prefix counted: once in a row, however many terms begin with it. */
      const counted = new Uint8Array(hasPrefix ? each.run.to - from : 0);
      each.forEachTerm(({ rows, counts }, place) => {
        const isPrefix = scorer.isPrefix(place);
        for (let i = 0; i < rows.length; i++) {
          const row = rows[i] as number;
          if (isPrefix) {
            if (counted[row - from] === 1) continue;
            counted[row - from] = 1;
          }
          const length = each.lengths[row - from] as number;
          const score = scorer.termScore(place, counts[i] as number, length);
          sums[row] = (sums[row] as number) + score;
        }
      });
    }
    return Float32Array.from(sums);
  }
}

/** The terms of a clause in one run, in the making. */
class FoundRun {
  readonly run: TextRun;
  readonly segment: Segment;
  /** By term of the clause: what was found; of a prefix, many. */
  readonly found: readonly TermPostings[][];
  readonly pages = new Map<number, Uint8Array>();
  lengths = new Uint32Array(0);

  constructor(segment: Segment, run: TextRun, terms: number) {
    this.segment = segment;
    this.run = run;
    this.found = Array.from({ length: terms }, () => []);
  }

  forEachTerm(visit: (postings: Postings, place: number) => void): void {
    for (const [place, terms] of this.found.entries()) {
      for (const each of terms) {
        const pageAt = (page: number) => this.pages.get(page) ?? new Uint8Array(0);
        visit(openPostings(this.run, each, pageAt), place);
      }
    }
  }
}

export interface WantedText {
  readonly segment: Segment;
  readonly attribute: string;
  /** `analysisName` of how the terms were made. */
  readonly analysis: string;
  readonly terms: readonly WantedTerm[];
  /** What is needed of the rows with a term: only their number, which they are, or scores. */
  readonly need: "counts" | "rows" | "scores";
}

/** A block, and what becomes of its bytes. */
interface WantedRead {
  readonly block: Block;
  readonly open: (bytes: Uint8Array) => void;
}

/** For each: what was found, or undefined if the segment has no index for it. */
export async function readIndexedTexts(
  context: SearchContext,
  wanted: readonly WantedText[],
): Promise<readonly (IndexedText | undefined)[]> {
  const found = wanted.map(({ segment, attribute, analysis, terms, need }) => {
    const index = textIndexOf(segment, attribute, analysis);
    return index && new IndexedText(segment, index.runs, terms, need !== "counts");
  });
  const runsOf = (text: IndexedText | undefined) => text?.runs ?? [];
  const terms = wanted.flatMap((each, i) =>
    runsOf(found[i]).flatMap((run) => termReads(run, each.terms)),
  );
  await readEach(context, terms);
  const pages = wanted.flatMap(({ need }, i) =>
    need === "counts" ? [] : runsOf(found[i]).flatMap((run) => pageReads(run, need)),
  );
  await readEach(context, pages);
  return found;
}

function termReads(
  { segment, run, found }: FoundRun,
  terms: readonly WantedTerm[],
): readonly WantedRead[] {
  return terms.flatMap((term, place) =>
    termBlocks(run, term).map((index) => ({
      block: sectionBlock(segment, run.terms, index),
      open: (bytes) => findTerms(bytes, run, term, (postings) => found[place]?.push(postings)),
    })),
  );
}

function pageReads(each: FoundRun, need: "rows" | "scores"): readonly WantedRead[] {
  const { run, segment, found, pages } = each;
  if (found.every((terms) => terms.length === 0)) return [];
  const reads: WantedRead[] = [];
  for (const page of new Set(found.flat().flatMap(pagesOf))) {
    const block = sectionBlock(segment, run.postings, page);
    reads.push({ block, open: (bytes) => pages.set(page, bytes) });
  }
  if (need === "rows") return reads;
  each.lengths = new Uint32Array(run.to - run.from);
  for (let index = 0; index < run.lengths.count; index++) {
    const block = sectionBlock(segment, run.lengths, index);
    reads.push({ block, open: (bytes) => openLengths(run, index, bytes, each.lengths) });
  }
  return reads;
}

/** Blocks that several want are read once. */
async function readEach({ reader }: SearchContext, reads: readonly WantedRead[]): Promise<void> {
  const sharing = [...Map.groupBy(reads, ({ block }) => blockId(block)).values()];
  await reader.readRound(
    sharing.map(([read]) => (read as WantedRead).block),
    {
      readsMax: exhaustiveReadsMax,
      onBlock: (index, bytes) => {
        for (const { open } of sharing[index] ?? []) open(bytes);
      },
    },
  );
}
