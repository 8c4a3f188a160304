/**
 * Text indexes of a merge, made from those of its inputs: no document is analysed again.
 *
 *   1. lengths of the living rows, each at its new ordinal
 *   2. dictionaries of all runs of all inputs, side by side: the least term comes next
 *   3. its postings in each of them, dead rows left out, the others at their new ordinals, in order
 *
 * What comes out is what the documents would give, if all inputs were made by the analysis asked
 * for. A new run takes the rows of as many old ones as its terms and its longest postings allow;
 * every run passes all postings once.
 *
 * Memory: blocks of terms and pages of postings of each run, `windowBytes` of all together, or all
 * pages of one term; terms of the new run; 4 bytes a row for lengths and 24 for postings.
 */
import { assert, corrupt } from "../../errors.ts";
import type { Postings } from "../../format/posting-block.ts";
import { locateBlock, type Section } from "../../format/segment-section.ts";
import {
  readTerms,
  type TermPostings,
  type TextDirectory,
  type TextRun,
} from "../../format/segment-text.ts";
import type { Segment } from "../segment/segment.ts";
import {
  openLengths,
  openPostings,
  pagesOf,
  rowsWith,
  sectionBlock,
  textIndexOf,
} from "../segment/text-index.ts";
import { forEachBlock, type ReadRange } from "./block-gather.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PlacedInput } from "./merge-input.ts";
import type { PartWriter } from "./part-writer.ts";
import { RunWriter } from "./run-writer.ts";

/** The index of an attribute in each input that has the attribute. */
export interface MergedTexts {
  readonly inputs: readonly TextInput[];
  readonly read: ReadRange;
}

interface TextInput {
  readonly segment: Segment;
  /** Number of its first row. */
  readonly first: number;
  readonly text: TextDirectory;
}

export interface MergedRunInput {
  readonly texts: MergedTexts;
  /** Of each row number of the inputs; those outside the run, and dead ones, are left out. */
  readonly ordinals: Uint32Array;
  readonly from: number;
  readonly to: number;
  readonly writer: PartWriter;
  readonly ledger: MemoryLedger;
}

const windowBytes = 8 * 1024 * 1024;
const windowBytesMin = 32 * 1024;
/** Of the bytes of a run, its terms may take so much. */
const termShare = 0.4;
const runRowsMax = 512 * 1024;
const rowBytes = 4 + 24;

/** Undefined if an input has the attribute and no index of it by this analysis. */
export function findTexts(
  inputs: readonly PlacedInput[],
  name: string,
  analysis: string,
  read: ReadRange,
): MergedTexts | undefined {
  const found: TextInput[] = [];
  for (const { segment, first } of inputs) {
    if (segment.root.attributes.every((attribute) => attribute.name !== name)) continue;
    const text = textIndexOf(segment, name, analysis);
    if (text === undefined) return undefined;
    found.push({ segment, first, text });
  }
  return { inputs: found, read };
}

/** Rows of each run but the last. */
export function mergedRunRows(texts: MergedTexts, rows: number, runBytes: number): number {
  const runs = Math.max(1, Math.ceil(termBytes(texts) / (termShare * runBytes)));
  return Math.min(runRowsMax, Math.ceil(rows / runs));
}

function termBytes({ inputs }: MergedTexts): number {
  return inputs
    .flatMap(({ text }) => text.runs)
    .reduce((sum, { terms }) => sum + sectionBytes(terms), 0);
}

function sectionBytes(section: Section): number {
  let bytes = 0;
  for (let block = 0; block < section.count; block++) bytes += locateBlock(section, block).length;
  return bytes;
}

export async function mergeTextRun(input: MergedRunInput): Promise<TextRun> {
  const { texts, from, to, writer, ledger } = input;
  const release = ledger.hold(windowBytes + termBytes(texts) + (to - from) * rowBytes);
  const run = new RunWriter(writer, from, await gatherLengths(input));
  const count = texts.inputs.reduce((sum, { text }) => sum + text.runs.length, 0);
  const each = Math.max(windowBytesMin, Math.floor(windowBytes / (2 * Math.max(1, count))));
  const dictionaries = texts.inputs.flatMap(({ segment, first, text }) =>
    text.runs.map((old) => new Dictionary({ segment, first, run: old, bytes: each }, input)),
  );
  await Promise.all(dictionaries.map((dictionary) => dictionary.next()));
  const collected = new CollectedPostings();
  for (;;) {
    const term = leastTerm(dictionaries);
    if (term === undefined) break;
    for (const dictionary of dictionaries) {
      if (dictionary.term !== term) continue;
      if (dictionary.lacksPages()) await dictionary.readPages();
      dictionary.collect(collected);
      if (!dictionary.advance()) await dictionary.next();
    }
    const postings = collected.take();
    if (postings.rows.length > 0) await run.add(term, postings);
  }
  const written = await run.finish();
  release();
  return written;
}

function leastTerm(dictionaries: readonly Dictionary[]): string | undefined {
  let least: string | undefined;
  for (const { term } of dictionaries) {
    if (term !== undefined && (least === undefined || term < least)) least = term;
  }
  return least;
}

async function gatherLengths(input: MergedRunInput): Promise<Uint32Array> {
  const { texts, ordinals, from, to, ledger } = input;
  const lengths = new Uint32Array(to - from);
  for (const { segment, first, text } of texts.inputs) {
    for (const run of text.runs) {
      const indexes = Array.from({ length: run.lengths.count }, (_, i) => i);
      const blocks = indexes.map((i) => sectionBlock(segment, run.lengths, i));
      const contents: Uint8Array[] = [];
      await forEachBlock(blocks, texts.read, ledger, (i, bytes) => {
        contents[i] = bytes;
      });
      openLengths(run, contents).forEach((length, row) => {
        const ordinal = ordinals[first + run.from + row] as number;
        if (ordinal >= from && ordinal < to) lengths[ordinal - from] = length;
      });
    }
  }
  return lengths;
}

interface OldRun {
  readonly segment: Segment;
  /** Number of the segment's first row. */
  readonly first: number;
  readonly run: TextRun;
  /** Of a window. */
  readonly bytes: number;
}

/** The terms of an old run, one after the other, and their postings. */
class Dictionary {
  readonly #old: OldRun;
  readonly #input: MergedRunInput;
  readonly #terms: BlockWindow;
  readonly #pages: BlockWindow;
  /** Of the block in hand. */
  #entries: readonly (readonly [string, TermPostings])[] = [];
  #at = 0;
  #block = 0;
  #found: TermPostings | undefined;
  /** Undefined behind the last. */
  term: string | undefined;

  constructor(old: OldRun, input: MergedRunInput) {
    const { segment, run, bytes } = old;
    this.#old = old;
    this.#input = input;
    this.#terms = new BlockWindow(segment, run.terms, bytes, input);
    this.#pages = new BlockWindow(segment, run.postings, bytes, input);
  }

  /** Goes to the next term of the block in hand; false: there is none. */
  advance(): boolean {
    const entry = this.#entries[this.#at];
    if (entry === undefined) return false;
    const [term, found] = entry;
    if (this.term !== undefined && term <= this.term) {
      throw corrupt(`segment ${this.#old.segment.info.id}: terms are out of order`);
    }
    this.#at += 1;
    this.term = term;
    this.#found = found;
    return true;
  }

  /** Goes to the next term, wherever it is. */
  async next(): Promise<void> {
    const { run } = this.#old;
    while (!this.advance()) {
      if (this.#block === run.terms.count) {
        this.term = undefined;
        return;
      }
      if (!this.#terms.covers(this.#block, 1)) await this.#terms.read(this.#block, 1);
      this.#entries = readTerms(this.#terms.at(this.#block), run);
      this.#at = 0;
      this.#block += 1;
    }
  }

  lacksPages(): boolean {
    const pages = pagesOf(this.#postings());
    return pages.length > 0 && !this.#pages.covers(pages[0] as number, pages.length);
  }

  async readPages(): Promise<void> {
    const pages = pagesOf(this.#postings());
    await this.#pages.read(pages[0] as number, pages.length);
  }

  /** Adds the postings of the term that belong to the new run. */
  collect(collected: CollectedPostings): void {
    const { first, run } = this.#old;
    const { ordinals, from, to } = this.#input;
    const found = this.#postings();
    const { rows, counts } =
      found.kind === "inline" ? found : openPostings(run, found, (page) => this.#pages.at(page));
    collected.reserve(rowsWith(found));
    for (let i = 0; i < rows.length; i++) {
      const ordinal = ordinals[first + (rows[i] as number)] as number;
      if (ordinal >= from && ordinal < to) collected.add(ordinal, counts[i] as number);
    }
  }

  #postings(): TermPostings {
    assert(this.#found !== undefined, "there is a term");
    return this.#found;
  }
}

/** Some consecutive blocks of a section, verified. */
class BlockWindow {
  readonly #segment: Segment;
  readonly #section: Section;
  readonly #bytes: number;
  readonly #input: MergedRunInput;
  #first = 0;
  #blocks: Uint8Array[] = [];

  constructor(segment: Segment, section: Section, bytes: number, input: MergedRunInput) {
    this.#segment = segment;
    this.#section = section;
    this.#bytes = bytes;
    this.#input = input;
  }

  covers(first: number, count: number): boolean {
    return first >= this.#first && first + count <= this.#first + this.#blocks.length;
  }

  at(index: number): Uint8Array {
    return this.#blocks[index - this.#first] as Uint8Array;
  }

  /** Reads these blocks, and those behind them as far as the window reaches. */
  async read(first: number, count: number): Promise<void> {
    const { texts, ledger } = this.#input;
    let bytes = 0;
    let end = first;
    while (end < this.#section.count && (end < first + count || bytes < this.#bytes)) {
      bytes += locateBlock(this.#section, end).length;
      end += 1;
    }
    const indexes = Array.from({ length: end - first }, (_, i) => first + i);
    const blocks = indexes.map((index) => sectionBlock(this.#segment, this.#section, index));
    const read: Uint8Array[] = [];
    this.#blocks = [];
    await forEachBlock(blocks, texts.read, ledger, (i, block) => {
      read[i] = block;
    });
    this.#first = first;
    this.#blocks = read;
  }
}

/** A row and a count in one number, which sorts by the row. */
const countBits = 2 ** 24;

/** Postings of a term from several runs, brought into order. */
class CollectedPostings {
  #rows = new Uint32Array(1_024);
  #counts = new Uint32Array(1_024);
  #length = 0;
  #isAscending = true;

  /** Room for so many more. */
  reserve(more: number): void {
    const wanted = this.#length + more;
    if (wanted <= this.#rows.length) return;
    const size = Math.max(wanted, 2 * this.#rows.length);
    const rows = new Uint32Array(size);
    const counts = new Uint32Array(size);
    rows.set(this.#rows.subarray(0, this.#length));
    counts.set(this.#counts.subarray(0, this.#length));
    this.#rows = rows;
    this.#counts = counts;
  }

  add(row: number, count: number): void {
    const at = this.#length;
    if (at > 0 && row < (this.#rows[at - 1] as number)) this.#isAscending = false;
    this.#rows[at] = row;
    this.#counts[at] = count;
    this.#length = at + 1;
  }

  /** What was added, ascending; a view until the next is added. */
  take(): Postings {
    const rows = this.#rows.subarray(0, this.#length);
    const counts = this.#counts.subarray(0, this.#length);
    if (!this.#isAscending) sortPostings({ rows, counts });
    this.#length = 0;
    this.#isAscending = true;
    return { rows, counts };
  }
}

function sortPostings({ rows, counts }: Postings): void {
  const pairs = new Float64Array(rows.length);
  for (let i = 0; i < pairs.length; i++) {
    pairs[i] = (rows[i] as number) * countBits + (counts[i] as number) - 1;
  }
  pairs.sort();
  for (let i = 0; i < pairs.length; i++) {
    const row = Math.floor((pairs[i] as number) / countBits);
    rows[i] = row;
    counts[i] = (pairs[i] as number) - row * countBits + 1;
  }
}
