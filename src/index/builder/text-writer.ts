/**
 * Writes the text indexes of a segment, run by run. Rows are read once more in the order of their
 * ordinals, analysed as queries will be, and collected until the memory of a run is used up:
 *
 *   1. documents -> tokens -> postings by term           (term-arena.ts)
 *   2. for each attribute: pages of postings, blocks of terms, lengths
 *
 * A merge does the same: postings of its inputs stand in other orders, dead rows must go, and the
 * analysis may be another, so the documents are the source. Each run is a step of its own.
 *
 * Memory: `runBytes` of postings, half as much again while their buffer grows; gathered documents.
 */

import { ByteWriter } from "../../bytes/byte-writer.ts";
import { bytesOf } from "../../bytes/typed-view.ts";
import type { AttributeValue } from "../../document/value.ts";
import { codeSection } from "../../format/counted-sections.ts";
import { encodePostings, type Postings, postingBlockRows } from "../../format/posting-block.ts";
import {
  allocateCodes,
  codeBlockBytes,
  codeBlockRows,
  codeBytesFor,
  separate,
} from "../../format/segment-columns.ts";
import { decodeRow } from "../../format/segment-documents.ts";
import { type Section, unevenSection } from "../../format/segment-section.ts";
import {
  inlineMax,
  postingPageBytes,
  TermBlockWriter,
  type TermPostings,
  type TextDirectory,
  type TextRun,
  termBlockBytes,
} from "../../format/segment-text.ts";
import type { Analyzer } from "../text/analyzer.ts";
import { WordTable } from "../text/word-table.ts";
import type { BuildSteps } from "./build-steps.ts";
import { addSized } from "./document-writer.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PartWriter } from "./part-writer.ts";
import type { RowSource } from "./row-source.ts";
import { TermArena } from "./term-arena.ts";

export interface TextColumn {
  /** Its place in rows of documents. */
  readonly index: number;
  readonly analyzer: Analyzer;
}

export interface TextWriterInput {
  readonly source: RowSource;
  /** Row number of each ordinal. */
  readonly order: Uint32Array;
  readonly columns: readonly TextColumn[];
  /** Number of attributes in a row. */
  readonly attributes: number;
  /** Of postings that are collected for a run. */
  readonly runBytes: number;
  readonly writer: PartWriter;
  readonly ledger: MemoryLedger;
  readonly steps: BuildSteps;
}

const gatherBytes = 8 * 1024 * 1024;

/** One directory for each column. */
export async function writeTexts(input: TextWriterInput): Promise<readonly TextDirectory[]> {
  const { order, columns, steps } = input;
  const runs: (readonly TextRun[])[] = [];
  for (let from = 0; columns.length > 0 && from < order.length; ) {
    const written = await steps.run(`texts from ${from}`, () => writeRun(input, from));
    runs.push(written);
    from = written[0]?.to ?? order.length;
  }
  return columns.map(({ analyzer }, i) => ({
    analysis: analyzer.name,
    runs: runs.map((each) => each[i] as TextRun),
  }));
}

async function writeRun(input: TextWriterInput, from: number): Promise<readonly TextRun[]> {
  const { source, order, columns, attributes, ledger, runBytes } = input;
  const texts = columns.map(({ analyzer }) => new RunText(from, analyzer));
  const release = ledger.hold(runBytes);
  const isFull = () => texts.reduce((sum, { bytes }) => sum + bytes, 0) >= runBytes;
  let to = from;
  while (to < order.length && !isFull()) {
    const gathered = ledger.hold(gatherBytes);
    const { rows } = await source.gatherDocuments(order.subarray(to), gatherBytes);
    for (const row of rows) {
      const values = decodeRow(row, attributes);
      for (const [i, { index }] of columns.entries()) {
        texts[i]?.add(to, values[index] ?? null);
      }
      to += 1;
      if (isFull()) break;
    }
    gathered();
  }
  const runs: TextRun[] = [];
  for (const text of texts) {
    runs.push(await text.write(input.writer, to));
  }
  release();
  return runs;
}

/** Words whose terms a run knows without asking for them. */
const knownWordsMax = 65_536;
/** In place of the number of a term: the word is dropped. */
const dropped = -1;

/** What the rows of a run have in one attribute. */
class RunText {
  readonly #from: number;
  readonly #analyzer: Analyzer;
  readonly #arena: TermArena;
  readonly #lengths: number[] = [];
  readonly #words = new WordTable(knownWordsMax);
  /** By number of a word: that of its term. */
  readonly #terms: number[] = [];

  constructor(from: number, analyzer: Analyzer) {
    this.#from = from;
    this.#analyzer = analyzer;
    this.#arena = new TermArena(from);
  }

  get bytes(): number {
    return this.#arena.bytes + this.#words.bytes + 8 * (this.#terms.length + this.#lengths.length);
  }

  add(row: number, value: AttributeValue): void {
    let length = 0;
    this.#analyzer.visitWords(value, (text, from, to) => {
      const number = this.#termOf(text, from, to);
      if (number === dropped) return;
      length += 1;
      this.#arena.add(number, row);
    });
    this.#lengths.push(length);
  }

  /** Number of the term that a word becomes. */
  #termOf(text: string, from: number, to: number): number {
    const word = this.#words.numberOf(text, from, to);
    const known = word < 0 ? undefined : this.#terms[word];
    if (known !== undefined) return known;
    const term = this.#analyzer.termOf(text.slice(from, to));
    const number = term === undefined ? dropped : this.#arena.numberOf(term);
    if (word >= 0) this.#terms[word] = number;
    return number;
  }

  async write(writer: PartWriter, to: number): Promise<TextRun> {
    const pages = new PageWriter(writer, this.#from, this.#lengths);
    const dictionary = new TermWriter(this.#from);
    for (const term of this.#arena.terms()) {
      dictionary.add(term, await pages.add(this.#arena.postings(term)));
    }
    const postings = await pages.finish();
    const { terms, separators } = await dictionary.write(writer);
    const lengthBytes = codeBytesFor(this.#lengths.reduce((max, each) => Math.max(max, each), 0));
    const lengths = await this.#writeLengths(writer, lengthBytes);
    const rows = this.#lengths.filter((length) => length > 0).length;
    const tokens = this.#lengths.reduce((sum, length) => sum + length, 0);
    const { length: count } = this.#lengths;
    const from = to - count;
    return { from, to, rows, tokens, terms, separators, postings, lengths, lengthBytes };
  }

  async #writeLengths(writer: PartWriter, bytes: TextRun["lengthBytes"]): Promise<Section> {
    for (let at = 0; at < this.#lengths.length; at += codeBlockRows) {
      const codes = allocateCodes(Math.min(codeBlockRows, this.#lengths.length - at), bytes);
      codes.set(this.#lengths.slice(at, at + codes.length));
      await writer.add(codeBlockBytes(codes.length, bytes), (block) => block.set(bytesOf(codes)));
    }
    return codeSection(writer.endSection(), this.#lengths.length, bytes);
  }
}

/** Postings go to the store as they come; terms wait in their blocks, which are small. */
class PageWriter {
  readonly #writer: PartWriter;
  readonly #from: number;
  readonly #lengths: readonly number[];
  readonly #sizes: number[] = [];
  #page = new ByteWriter();

  constructor(writer: PartWriter, from: number, lengths: readonly number[]) {
    this.#writer = writer;
    this.#from = from;
    this.#lengths = lengths;
  }

  async add({ rows, counts }: Postings): Promise<TermPostings> {
    if (rows.length <= inlineMax) {
      return { kind: "inline", rows, counts };
    }
    const page = this.#sizes.length;
    const offset = this.#page.length;
    let before = this.#from;
    for (let at = 0; at < rows.length; at += postingBlockRows) {
      if (at > 0 && this.#page.length >= postingPageBytes) await this.#write();
      const block = rows.subarray(at, at + postingBlockRows);
      const each = { rows: block, counts: counts.subarray(at, at + postingBlockRows) };
      encodePostings(this.#page, each, before, this.#shortest(block));
      before = block.at(-1) as number;
    }
    const pages = this.#sizes.length - page + 1;
    if (this.#page.length >= postingPageBytes) await this.#write();
    return { kind: "pages", df: rows.length, page, offset, pages };
  }

  /** Tokens of the shortest of these rows. */
  #shortest(rows: Uint32Array): number {
    let shortest = Number.MAX_SAFE_INTEGER;
    for (const row of rows) {
      const length = this.#lengths[row - this.#from] as number;
      if (length < shortest) shortest = length;
    }
    return shortest;
  }

  async finish(): Promise<Section> {
    if (this.#page.length > 0) await this.#write();
    return unevenSection(this.#writer.endSection(), Uint32Array.from(this.#sizes));
  }

  async #write(): Promise<void> {
    this.#sizes.push((await addSized(this.#writer, this.#page.finish())).length);
    this.#page = new ByteWriter();
  }
}

class TermWriter {
  readonly #from: number;
  readonly #contents: Uint8Array[] = [];
  readonly #separators: string[] = [];
  #block = new TermBlockWriter();
  #last = "";

  constructor(from: number) {
    this.#from = from;
  }

  add(term: string, postings: TermPostings): void {
    if (this.#block.bytes >= termBlockBytes) this.#end();
    if (this.#block.count === 0) {
      const isFirst = this.#separators.length === 0;
      this.#separators.push(isFirst ? term : (separate(this.#last, term) as string));
    }
    this.#block.add(term, postings, this.#from);
    this.#last = term;
  }

  async write(writer: PartWriter): Promise<Pick<TextRun, "terms" | "separators">> {
    if (this.#block.count > 0) this.#end();
    const sizes: number[] = [];
    for (const content of this.#contents) {
      sizes.push((await addSized(writer, content)).length);
    }
    const terms = unevenSection(writer.endSection(), Uint32Array.from(sizes));
    return { terms, separators: this.#separators };
  }

  #end(): void {
    this.#contents.push(this.#block.finish());
    this.#block = new TermBlockWriter();
  }
}
