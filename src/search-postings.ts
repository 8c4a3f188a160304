/**
 * Text clauses answered from the text indexes of segments, all clauses and segments at once:
 *
 *   1. One round: blocks of terms. Now the statistics are known.
 *   2. One round: pages of postings, and lengths, where rows may win.
 *
 * Positions are left to search-sequences.ts, once it is known which rows have all tokens.
 *
 * Decoded postings of a term are kept in the cache of blocks, as bytes among bytes; a term that has
 * them is looked up nowhere. Segments that have no index for a clause are left to others.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import { invalid } from "./errors.ts";
import type { BlockedPostings } from "./format/posting-block.ts";
import type { Codes } from "./format/segment-columns.ts";
import { findTerms, readTerms, type TermPostings, type TextRun } from "./format/segment-text.ts";
import { packPostings, viewPostings } from "./index/segment/kept-postings.ts";
import { rootBlock, type Segment } from "./index/segment/segment.ts";
import {
  joinPostings,
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
import type { ScoredList } from "./index/text/max-score.ts";
import { prepareBeginning, sharedBeginning } from "./index/text/term-prefix.ts";
import { limits } from "./limits.ts";
import type { SearchContext } from "./search-ports.ts";
import { type Block, blockId } from "./store/block.ts";

/** What a clause finds in a segment. */
export class IndexedText {
  readonly #segment: Segment;
  readonly #terms: readonly WantedTerm[];
  readonly #isRead: boolean;
  readonly #hasLists: boolean;
  readonly runs: readonly FoundRun[];

  /** `isRead`: false if none of its rows may win; then nothing but the statistics is known. */
  constructor(wanted: WantedText, runs: readonly TextRun[]) {
    this.#segment = wanted.segment;
    this.#terms = wanted.terms;
    this.#isRead = wanted.need !== "counts";
    this.#hasLists = wanted.need === "positions";
    this.runs = runs.map((run) => new FoundRun(wanted, run));
  }

  statistics(): TextStatistics {
    const statistics = noStatistics(this.#terms.length);
    for (const found of this.runs) {
      const { run } = found;
      statistics.rows += run.rows;
      statistics.tokens += run.tokens;
      for (const place of this.#terms.keys()) {
        const before = statistics.frequencies[place] as number;
        statistics.frequencies[place] = before + found.rowsWith(place);
      }
    }
    return statistics;
  }

  /** Rows with a term, which is decoded for this only, unless its positions are needed. */
  takeRows(context: SearchContext, place: number): Bitmap {
    const found = new Bitmap(this.#segment.root.rows);
    for (const run of this.#isRead ? this.runs : []) {
      const lists = this.#hasLists ? run.lists(place) : [run.take(context, place)];
      for (const { rows } of lists) {
        for (let i = 0; i < rows.length; i++) found.set(rows[i] as number);
      }
    }
    return found;
  }

  /** By ordinal; 0 where no term is. */
  scores(scorer: Bm25): Float32Array {
    const sums = new Float64Array(this.#segment.root.rows);
    for (const each of this.#isRead ? this.runs : []) {
      const { run } = each;
      for (const place of this.#terms.keys()) {
        const { rows, counts } = each.postings(place);
        if (rows.length === 0) continue;
        const { lengths } = each;
        for (let i = 0; i < rows.length; i++) {
          const row = rows[i] as number;
          const length = lengths[row - run.from] as number;
          const score = scorer.termScore(place, counts[i] as number, length);
          sums[row] = (sums[row] as number) + score;
        }
      }
    }
    return Float32Array.from(sums);
  }

  /** The terms that each run has, to be scored as those of a leaf. */
  lists(scorer: Bm25, leaf: number, factor: number): readonly (readonly ScoredList[])[] {
    const places = this.#isRead ? [...this.#terms.keys()] : [];
    return this.runs.map((run) =>
      places
        .filter((place) => run.rowsWith(place) > 0)
        .map((place) => ({
          postings: run.postings(place),
          lengths: run.lengths,
          term: scorer.term(place),
          factor,
          leaf,
        })),
    );
  }
}

const nothing: BlockedPostings = {
  rows: new Uint32Array(0),
  counts: new Uint8Array(0),
  largest: new Uint32Array(0),
  shortest: new Uint32Array(0),
};

/** Characters. */
const keptTermMax = 64;
const keptPrefixMax = 3;

/** The terms of a clause in one run, in the making. */
export class FoundRun {
  readonly run: TextRun;
  readonly segment: Segment;
  readonly terms: readonly WantedTerm[];
  /** By term of the clause: what was found; of a prefix, many. */
  readonly found: readonly TermPostings[][];
  readonly pages = new Map<number, Uint8Array>();
  readonly lengthBlocks: Uint8Array[] = [];
  readonly #opened: (BlockedPostings | undefined)[];
  readonly #place: string;
  #lengths: Codes | undefined;

  constructor({ segment, attribute, terms }: WantedText, run: TextRun) {
    this.segment = segment;
    this.run = run;
    this.terms = terms;
    this.found = terms.map(() => []);
    this.#opened = terms.map(() => undefined);
    const { key } = rootBlock(segment.home.tenant, segment.info);
    this.#place = `${key}?${run.from}/${attribute.length}:${attribute}/`;
  }

  has(place: number): boolean {
    return this.#opened[place] !== undefined;
  }

  rowsWith(place: number): number {
    const opened = this.#opened[place];
    if (opened !== undefined) return opened.rows.length;
    return (this.found[place] ?? []).reduce((sum, each) => sum + rowsWith(each), 0);
  }

  /** Of a prefix: rows with a term that begins so, each once. */
  postings(place: number): BlockedPostings {
    return this.#opened[place] ?? nothing;
  }

  get lengths(): Codes {
    this.#lengths ??= openLengths(this.run, this.lengthBlocks);
    return this.#lengths;
  }

  /** Takes what the isolate has kept. */
  recall(context: SearchContext, need: WantedText["need"]): void {
    for (const [place, term] of this.terms.entries()) {
      // Those of a prefix are without positions.
      if (need === "positions" && term.isPrefix) continue;
      const key = this.#keyOf(context, term);
      const kept = key === undefined ? undefined : context.ports.cache.memory.get(key);
      if (kept !== undefined) this.#opened[place] = viewPostings(kept);
    }
  }

  /** Decodes what was found, to be scored together. */
  open(context: SearchContext): void {
    for (const place of this.terms.keys()) this.#opened[place] = this.take(context, place);
    this.pages.clear();
  }

  /** Decodes what was found of whole words, to be looked at twice. */
  openWords(context: SearchContext): void {
    for (const [place, { isPrefix }] of this.terms.entries()) {
      if (!isPrefix) this.#opened[place] = this.take(context, place);
    }
  }

  /** Postings with positions: of a whole word those opened, of a prefix each of its terms. */
  lists(place: number): Iterable<BlockedPostings> {
    const opened = this.#opened[place];
    return opened === undefined ? this.#decode(place) : [opened];
  }

  /** Decodes what was found of a term, without keeping it here. */
  take(context: SearchContext, place: number): BlockedPostings {
    const opened = this.#opened[place];
    if (opened !== undefined) {
      this.#opened[place] = undefined;
      return opened;
    }
    const term = this.terms[place] as WantedTerm;
    const lists = this.#decode(place);
    const [postings = nothing] = term.isPrefix ? [joinPostings(lists, this.run)] : lists;
    const key = this.#keyOf(context, term);
    if (key !== undefined) context.ports.cache.memory.put(key, packPostings(postings));
    return postings;
  }

  /** One list at a time: a prefix has many. */
  *#decode(place: number): Generator<BlockedPostings> {
    const pageAt = (page: number) => this.pages.get(page) ?? new Uint8Array(0);
    for (const each of this.found[place] ?? []) yield openPostings(this.run, each, pageAt);
  }

  /**
   * Undefined: not kept. Long terms are hardly met again, and their names are memory too; of
   * prefixes those are kept that have many terms.
   */
  #keyOf({ disableCache }: SearchContext, wanted: WantedTerm): string | undefined {
    const { term, isPrefix, edits = 0 } = wanted;
    const isKept =
      !disableCache && edits === 0 && term.length <= (isPrefix ? keptPrefixMax : keptTermMax);
    return isKept ? `${this.#place}${isPrefix ? "^" : "="}${term}` : undefined;
  }
}

export interface WantedText {
  readonly segment: Segment;
  readonly attribute: string;
  /** `analysisName` of how the terms were made. */
  readonly analysis: string;
  readonly terms: readonly WantedTerm[];
  /**
   * What is needed of the rows with a term: only their number, which they are, that and where to
   * find positions, or scores.
   */
  readonly need: "counts" | "rows" | "positions" | "scores";
}

/** A block, and what becomes of its bytes. */
export interface WantedRead {
  readonly block: Block;
  readonly open: (bytes: Uint8Array) => void;
}

/** For each: what was found, or undefined if the segment has no index for it. */
export async function readIndexedTexts(
  context: SearchContext,
  wanted: readonly WantedText[],
): Promise<readonly (IndexedText | undefined)[]> {
  const found = wanted.map((each) => {
    const index = textIndexOf(each.segment, each.attribute, each.analysis);
    return index && new IndexedText(each, index.runs);
  });
  const runs = found.flatMap((text) => text?.runs ?? []);
  for (const [i, { need }] of wanted.entries()) {
    for (const run of found[i]?.runs ?? []) run.recall(context, need);
  }
  const names = [...new Set(wanted.map(({ attribute }) => `"${attribute}"`))].join(", ");
  await readWanted(context, names, runs.flatMap(termReads));
  const read = wanted.flatMap(({ need }, i) =>
    need === "counts" ? [] : (found[i]?.runs ?? []).map((run) => ({ run, need })),
  );
  await readWanted(
    context,
    names,
    read.flatMap(({ run, need }) => pageReads(run, need)),
  );
  for (const { run, need } of read) {
    if (need === "scores") run.open(context);
    if (need === "positions") run.openWords(context);
  }
  return found;
}

function termReads(each: FoundRun): readonly WantedRead[] {
  const { segment, run, terms, found } = each;
  return terms.flatMap((term, place) =>
    (each.has(place) ? [] : blocksOf(run, term)).map((index) => ({
      block: sectionBlock(segment, run.terms, index),
      open: (bytes) => findWanted(bytes, run, term, (postings) => found[place]?.push(postings)),
    })),
  );
}

function blocksOf(run: TextRun, { term, isPrefix, edits }: WantedTerm): number[] {
  return termBlocks(run, { term: sharedBeginning(term, edits), isPrefix });
}

function findWanted(
  bytes: Uint8Array,
  run: TextRun,
  wanted: WantedTerm,
  visit: (postings: TermPostings) => void,
): void {
  const { term, edits = 0 } = wanted;
  if (edits === 0) {
    findTerms(bytes, run, wanted, visit);
    return;
  }
  const begins = prepareBeginning(term, edits);
  for (const [each, postings] of readTerms(bytes, run)) {
    if (begins(each)) visit(postings);
  }
}

function pageReads(each: FoundRun, need: WantedText["need"]): readonly WantedRead[] {
  const { run, segment, terms, found, pages, lengthBlocks } = each;
  if (terms.every((_, place) => each.rowsWith(place) === 0)) return [];
  const reads: WantedRead[] = [];
  for (const page of new Set(found.flat().flatMap(pagesOf))) {
    const block = sectionBlock(segment, run.postings, page);
    reads.push({ block, open: (bytes) => pages.set(page, bytes) });
  }
  if (need !== "scores") return reads;
  for (let index = 0; index < run.lengths.count; index++) {
    const block = sectionBlock(segment, run.lengths, index);
    reads.push({
      block,
      open: (bytes) => {
        lengthBlocks[index] = bytes;
      },
    });
  }
  return reads;
}

/** Blocks that several want are read once. `names`: of the attributes. */
export async function readWanted(
  { reader }: SearchContext,
  names: string,
  reads: readonly WantedRead[],
): Promise<void> {
  const sharing = [...Map.groupBy(reads, ({ block }) => blockId(block)).values()];
  const bytes = sharing.reduce((sum, [read]) => sum + (read as WantedRead).block.length, 0);
  if (bytes > limits.postingBytesMax) {
    const text =
      `💔 the words asked for in ${names} stand in so many documents that ${bytes} bytes of their ` +
      `lists would be read, more than ${limits.postingBytesMax}; ask for rarer words, or more letters`;
    throw invalid(text);
  }
  await reader.readRound(
    sharing.map(([read]) => (read as WantedRead).block),
    {
      readsMax: limits.postingReadsMax,
      gapBytes: limits.postingGapBytes,
      onBlock: (index, bytes) => {
        for (const { open } of sharing[index] ?? []) open(bytes);
      },
    },
  );
}
