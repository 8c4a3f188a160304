/**
 * Writes the text indexes of a segment, run by run. Rows are gone through once more in the order of
 * their ordinals, analysed as queries will be, and collected until the memory of a run is used up:
 *
 *   1. documents -> tokens -> postings and positions by term     (term-arena.ts)
 *   2. for each attribute: pages of postings and positions, blocks of terms, lengths
 *
 * A merge takes postings from its inputs, if all of them have some of the same analysis
 * (merge-texts.ts), and makes them from its documents else. Each run is a step of its own.
 *
 * Memory: `runBytes` of postings, half as much again while their buffer grows; gathered documents.
 */

import type { AttributeValue } from "../../document/value.ts";
import { decodeRow } from "../../format/segment-documents.ts";
import type { TextDirectory, TextRun } from "../../format/segment-text.ts";
import type { Analyzer } from "../text/analyzer.ts";
import { TextPlaces } from "../text/text-places.ts";
import { WordTable } from "../text/word-table.ts";
import type { BuildSteps } from "./build-steps.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { MergedTexts } from "./merge-dictionary.ts";
import { mergedRunRows, mergeTextRun } from "./merge-texts.ts";
import type { PartWriter } from "./part-writer.ts";
import type { RowSource } from "./row-source.ts";
import { positionStretchBytes, RunWriter } from "./run-writer.ts";
import { TermArena } from "./term-arena.ts";

export interface TextColumn {
  /** Its place in rows of documents. */
  readonly index: number;
  readonly name: string;
  readonly analyzer: Analyzer;
}

export interface TextWriterInput {
  readonly source: RowSource;
  /** Row number of each ordinal, and the reverse. */
  readonly order: Uint32Array;
  readonly ordinals: Uint32Array;
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
  const found = input.columns.map((column) => {
    const texts = input.source.texts?.(column.name, column.analyzer.name);
    return { column, texts };
  });
  const analysed = found.flatMap(({ column, texts }) => (texts === undefined ? [column] : []));
  const runs = new Map(await analyseTexts({ ...input, columns: analysed }));
  for (const { column, texts } of found) {
    if (texts !== undefined) runs.set(column, await mergeTexts(input, column, texts));
  }
  return input.columns.map((column) => ({
    analysis: column.analyzer.name,
    runs: runs.get(column) ?? [],
  }));
}

type ColumnRuns = readonly [column: TextColumn, runs: readonly TextRun[]];

async function mergeTexts(
  { order, ordinals, runBytes, writer, ledger, steps }: TextWriterInput,
  { name }: TextColumn,
  texts: MergedTexts,
): Promise<readonly TextRun[]> {
  const runs: TextRun[] = [];
  const rows = mergedRunRows(texts, order.length, runBytes);
  for (let from = 0; from < order.length; from += rows) {
    const to = Math.min(order.length, from + rows);
    const merge = () => mergeTextRun({ texts, ordinals, from, to, writer, ledger });
    runs.push(await steps.run(`postings of ${name} from ${from}`, merge));
  }
  return runs;
}

async function analyseTexts(input: TextWriterInput): Promise<readonly ColumnRuns[]> {
  const { order, columns, steps } = input;
  const runs: (readonly TextRun[])[] = [];
  for (let from = 0; columns.length > 0 && from < order.length; ) {
    const written = await steps.run(`texts from ${from}`, () => writeRun(input, from));
    runs.push(written);
    from = written[0]?.to ?? order.length;
  }
  return columns.map((column, i) => [column, runs.map((each) => each[i] as TextRun)]);
}

/** Attributes of the first of `rows`: of all that lie in memory, else of some, at least one. */
async function gatherValues(
  { source, attributes }: TextWriterInput,
  rows: Uint32Array,
): Promise<Iterable<readonly AttributeValue[]>> {
  if (source.valuesOf !== undefined) return mapped(rows, source.valuesOf);
  const gathered = await source.gatherDocuments(rows, gatherBytes);
  return mapped(gathered.rows, (row) => decodeRow(row, attributes));
}

/** One by one: an array of all would hold everything at once. */
function* mapped<T, U>(items: Iterable<T>, change: (item: T) => U): Generator<U> {
  for (const item of items) yield change(item);
}

async function writeRun(input: TextWriterInput, from: number): Promise<readonly TextRun[]> {
  const { order, columns, ledger, runBytes } = input;
  const texts = columns.map(({ analyzer }) => new RunText(from, analyzer));
  const release = ledger.hold(runBytes + positionStretchBytes);
  const isFull = () => texts.reduce((sum, { bytes }) => sum + bytes, 0) >= runBytes;
  let to = from;
  while (to < order.length && !isFull()) {
    const gathered = ledger.hold(gatherBytes);
    to += await addGathered(input, to, texts, isFull);
    gathered();
  }
  const runs: TextRun[] = [];
  for (const text of texts) {
    runs.push(await text.write(input.writer));
  }
  release();
  return runs;
}

/**
 * Some rows from `from` on; returns how many. A function of its own: one that gathers the next
 * would hold on to these meanwhile.
 */
async function addGathered(
  input: TextWriterInput,
  from: number,
  texts: readonly RunText[],
  isFull: () => boolean,
): Promise<number> {
  let to = from;
  for (const values of await gatherValues(input, input.order.subarray(from))) {
    for (const [i, { index }] of input.columns.entries()) {
      texts[i]?.add(to, values[index] ?? null);
    }
    to += 1;
    if (isFull()) break;
  }
  return to - from;
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
    const places = new TextPlaces();
    this.#analyzer.visitWords(value, (text, from, to, position, element) => {
      const number = this.#termOf(text, from, to);
      if (number === dropped) return;
      length += 1;
      this.#arena.add(number, row, places.next(text, from, to, position, element));
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

  async write(writer: PartWriter): Promise<TextRun> {
    const run = new RunWriter(writer, this.#from, Uint32Array.from(this.#lengths));
    for (const term of this.#arena.terms()) {
      const { positions, ...postings } = this.#arena.postings(term);
      const { counts } = postings;
      let at = 0;
      await run.add(term, postings, (from, end) => {
        const start = at;
        for (let row = from; row < end; row++) at += counts[row] as number;
        return positions.subarray(start, at);
      });
    }
    return await run.finish();
  }
}
