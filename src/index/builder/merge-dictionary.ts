/**
 * The terms of a run that is merged, one after the other, with their postings and positions: read
 * in windows, since all three sections are in the order of the terms.
 */
import { assert, corrupt } from "../../errors.ts";
import type { PositionPlaces } from "../../format/position-block.ts";
import { type BlockedPostings, postingBlockRows } from "../../format/posting-block.ts";
import { locateBlock, type Section } from "../../format/segment-section.ts";
import {
  type RunPositions,
  readTerms,
  type TermPostings,
  type TextDirectory,
  type TextRun,
} from "../../format/segment-text.ts";
import type { Segment } from "../segment/segment.ts";
import {
  openPositions,
  openPostings,
  pagesOf,
  positionPages,
  rowsWith,
  sectionBlock,
} from "../segment/text-index.ts";
import { forEachBlock, type ReadRange } from "./block-gather.ts";
import type { CollectedPostings } from "./collected-postings.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PartWriter } from "./part-writer.ts";

/** The index of an attribute in each input that has the attribute. */
export interface MergedTexts {
  readonly inputs: readonly TextInput[];
  readonly read: ReadRange;
}

export interface TextInput {
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

/** Where positions are decoded, a block of postings at a time: one array for all old runs. */
export class PositionScratch {
  readonly #ledger: MemoryLedger;
  #positions = new Uint32Array(0);
  #release: (() => void) | undefined;

  constructor(ledger: MemoryLedger) {
    this.#ledger = ledger;
  }

  /** Room for so many, until the next call. */
  take(count: number): Uint32Array {
    if (count > this.#positions.length) {
      this.release();
      const size = Math.max(1_024, Math.ceil(1.5 * count));
      this.#release = this.#ledger.hold(4 * size);
      this.#positions = new Uint32Array(size);
    }
    return this.#positions;
  }

  release(): void {
    this.#release?.();
    this.#release = undefined;
    this.#positions = new Uint32Array(0);
  }
}

export interface OldRun {
  readonly segment: Segment;
  /** Number of the segment's first row. */
  readonly first: number;
  readonly run: TextRun;
  /** Of a window. */
  readonly bytes: number;
  readonly scratch: PositionScratch;
}

/** The terms of an old run, one after the other, and their postings. */
export class Dictionary {
  readonly #old: OldRun;
  readonly #input: MergedRunInput;
  readonly #terms: BlockWindow;
  readonly #pages: BlockWindow;
  readonly #positions: BlockWindow;
  /** Of the block in hand. */
  #entries: readonly (readonly [string, TermPostings])[] = [];
  #at = 0;
  #block = 0;
  #found: TermPostings | undefined;
  #opened: BlockedPostings | undefined;
  /** Undefined behind the last. */
  term: string | undefined;

  constructor(old: OldRun, input: MergedRunInput) {
    const { segment, run, bytes } = old;
    this.#old = old;
    this.#input = input;
    this.#terms = new BlockWindow(segment, run.terms, bytes, input);
    this.#pages = new BlockWindow(segment, run.postings, bytes, input);
    this.#positions = new BlockWindow(segment, positionsOf(run).section, bytes, input);
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
    const { run } = this.#old;
    const { from, to } = this.#input;
    const found = this.#postings();
    const opened = openPostings(run, found, (page) => this.#pages.at(page));
    const { rows, counts } = opened;
    this.#opened = opened;
    collected.reserve(rowsWith(found));
    for (let i = 0; i < rows.length; i++) {
      const ordinal = this.#ordinalOf(rows[i] as number);
      if (ordinal >= from && ordinal < to) collected.add(ordinal, counts[i] as number);
    }
  }

  /**
   * Puts the positions of the term in these rows to where they belong: `starts` has that of each
   * ordinal, from the first of the new run on.
   */
  async place(least: number, most: number, starts: Uint32Array, to: Uint32Array): Promise<void> {
    const { run, scratch } = this.#old;
    const { from } = this.#input;
    const opened = this.#opened as BlockedPostings;
    const { rows, counts } = opened;
    for (let block = 0; block * postingBlockRows < rows.length; block++) {
      const begin = block * postingBlockRows;
      const end = Math.min(rows.length, begin + postingBlockRows);
      let positions = 0;
      let isWanted = false;
      for (let i = begin; i < end; i++) {
        const ordinal = this.#ordinalOf(rows[i] as number);
        if (ordinal >= least && ordinal <= most) isWanted = true;
        positions += counts[i] as number;
      }
      if (!isWanted) continue;
      if (this.#lacksPositions(opened, block)) await this.#readPositions(opened, block);
      const decoded = scratch.take(positions);
      openPositions(run, opened, block, (page) => this.#positions.at(page), decoded);
      let at = 0;
      for (let i = begin; i < end; i++) {
        const ordinal = this.#ordinalOf(rows[i] as number);
        const count = counts[i] as number;
        if (ordinal >= least && ordinal <= most) {
          const start = starts[ordinal - from] as number;
          for (let k = 0; k < count; k++) to[start + k] = decoded[at + k] as number;
        }
        at += count;
      }
    }
  }

  #lacksPositions({ positions }: BlockedPostings, block: number): boolean {
    if (positions === undefined || positions.inline !== undefined) return false;
    const [first, last] = positionPages(positions, block);
    return !this.#positions.covers(first, last - first + 1);
  }

  async #readPositions({ positions }: BlockedPostings, block: number): Promise<void> {
    const [first, last] = positionPages(positions as PositionPlaces, block);
    await this.#positions.read(first, last - first + 1);
  }

  #ordinalOf(row: number): number {
    return this.#input.ordinals[this.#old.first + row] as number;
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

function positionsOf({ positions }: TextRun): RunPositions {
  assert(positions !== undefined, "runs without positions are not merged");
  return positions;
}
