/**
 * Text: for each attribute with full-text search, which rows have a term, how often, and how long
 * each row is. An index is a list of *runs*, each of consecutive ordinals, so that a build of any
 * size is made in bounded memory. A run has these sections:
 *
 *   terms      blocks of sized content, terms ascending as `compareText` has it:
 *                varint  number of entries
 *                each    varint   bytes shared with the term before, in UTF-8
 *                        varint + bytes of the rest
 *                        varint   rows that have the term (df)
 *                        df <= `inlineMax`: for each row varint gap, varint times - 1
 *                        else    varint page, varint offset in its content, varint pages - 1
 *                        positions: df <= `inlineMax`, and times <= `inlineTimesMax` in all:
 *                        for each row varint first, varint gaps - 1 of the further ones
 *                        else    varint place, for df <= `inlineMax` behind 2 × u8 widths
 *   postings   pages of sized content: posting-block.ts, those of a term one after the other
 *   positions  pages of `positionPageBytes`, the last of what remains: position-block.ts, those of
 *              all terms one after the other; a place counts bytes from the first page's first
 *   lengths    tokens of each row, as codes of a column (segment-columns.ts)
 *
 * Runs of earlier versions have no positions. Queries of single words never read that section.
 *
 * A gap counts from the row before, the first from the first row of the run. The root holds, for
 * each block of terms, a *separator*: above every term before the block, not above its first. It
 * names the analysis too: what was made by another is not read.
 *
 * Golden: test/golden/v2/segment-text.hex.
 */
import { ByteReader } from "../bytes/byte-reader.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { corrupt } from "../errors.ts";
import {
  allocateBlocks,
  type PositionPlaces,
  positionBytes,
  readWidths,
} from "./position-block.ts";
import { readSized } from "./segment-block.ts";
import type { CodeBytes } from "./segment-columns.ts";
import type { Section } from "./segment-section.ts";

export interface TextDirectory {
  /** `analysisName` of the options under which it was made. */
  readonly analysis: string;
  readonly runs: readonly TextRun[];
}

export interface TextRun {
  /** Ordinals `from` … `to`-1. */
  readonly from: number;
  readonly to: number;
  /** Rows with a token. */
  readonly rows: number;
  readonly tokens: number;
  readonly terms: Section;
  /** Of each block of terms. */
  readonly separators: readonly string[];
  readonly postings: Section;
  readonly lengths: Section;
  readonly lengthBytes: CodeBytes;
  readonly positions?: RunPositions;
}

export interface RunPositions {
  /** `placingVersion` of how they were counted. */
  readonly placing: number;
  readonly section: Section;
  /** Of content. */
  readonly bytes: number;
}

/** Terms of so few rows have no postings beside the dictionary. */
export const inlineMax = 4;
/** Occurrences whose positions stand there too: more would be in the way of other terms. */
export const inlineTimesMax = 8;
/** Bytes of entries; one that is larger has a block to itself. */
export const termBlockBytes = 4 * 1024;
export const postingPageBytes = 8 * 1024;

export type TermPostings =
  | {
      readonly kind: "inline";
      readonly rows: Uint32Array;
      readonly counts: Uint32Array;
      /** Undefined in a run without positions. */
      readonly positions: PositionPlaces | undefined;
    }
  | {
      readonly kind: "pages";
      readonly df: number;
      readonly page: number;
      readonly offset: number;
      readonly pages: number;
      /** Of its positions; undefined likewise. */
      readonly place: number | undefined;
    };

const encoder = new TextEncoder();
// A term may begin with the sign that others take for a byte order mark.
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

// ---- Terms
// ----------------------------------------------------------------------------------------------

/** Entries of one block. */
export class TermBlockWriter {
  readonly #entries = new ByteWriter();
  #before: Uint8Array = new Uint8Array(0);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#entries.length;
  }

  /** `from`: first row of the run. */
  add(term: string, postings: TermPostings, from: number): void {
    const bytes = encoder.encode(term);
    const shared = sharedLength(this.#before, bytes);
    this.#entries.varint(shared);
    this.#entries.prefixed(bytes.subarray(shared));
    this.#before = bytes;
    this.#count += 1;
    if (postings.kind === "pages") {
      const { df, page, offset, pages, place } = postings;
      for (const value of [df, page, offset, pages - 1]) this.#entries.varint(value);
      if (place !== undefined) this.#entries.varint(place);
      return;
    }
    const { rows, counts, positions } = postings;
    this.#entries.varint(rows.length);
    let before = from;
    rows.forEach((row, i) => {
      this.#entries.varint(row - before);
      this.#entries.varint((counts[i] as number) - 1);
      before = row;
    });
    if (positions !== undefined) this.#addPositions(counts, positions);
  }

  #addPositions(counts: Uint32Array, { inline, blocks }: PositionPlaces): void {
    if (inline === undefined) {
      this.#entries.u8(blocks.first[0] as number);
      this.#entries.u8(blocks.gap[0] as number);
      this.#entries.varint(blocks.places[0] as number);
      return;
    }
    let at = 0;
    for (const count of counts) {
      let next = 0;
      for (const end = at + count; at < end; at++) {
        const position = inline[at] as number;
        this.#entries.varint(position - next);
        next = position + 1;
      }
    }
  }

  /** Content of the block; ends the writer's use. */
  finish(): Uint8Array {
    const block = new ByteWriter(this.#entries.length + 8);
    block.varint(this.#count);
    block.bytes(this.#entries.written());
    return block.finish();
  }
}

/** Calls `visit` with the entries of a verified block whose terms are, or begin with, `wanted`. */
export function findTerms(
  block: Uint8Array,
  run: TextRun,
  wanted: { readonly term: string; readonly isPrefix: boolean },
  visit: (postings: TermPostings) => void,
): void {
  const reader = new ByteReader(readSized(block, "terms"), "terms");
  const target = encoder.encode(wanted.term);
  let length = 0;
  /** Bytes of the target that the term begins with. */
  let matched = 0;
  for (let left = reader.varint(); left > 0; left--) {
    const shared = reader.varint(length);
    const rest = reader.prefixed();
    if (shared <= matched) {
      matched = shared + sharedLength(rest, target.subarray(shared));
    }
    length = shared + rest.length;
    const isFound = matched === target.length && (wanted.isPrefix || length === matched);
    const postings = readPostings(reader, run);
    if (isFound) visit(postings);
    if (isFound && !wanted.isPrefix) return;
  }
  reader.end();
}

/** All terms of a verified block. */
export function readTerms(block: Uint8Array, run: TextRun): [string, TermPostings][] {
  const reader = new ByteReader(readSized(block, "terms"), "terms");
  let before = new Uint8Array(0);
  return Array.from({ length: reader.varint(block.length) }, () => {
    const shared = reader.varint(before.length);
    const rest = reader.prefixed();
    const term = new Uint8Array(shared + rest.length);
    term.set(before.subarray(0, shared));
    term.set(rest, shared);
    before = term;
    return [decoder.decode(term), readPostings(reader, run)] as [string, TermPostings];
  });
}

function readPostings(reader: ByteReader, run: TextRun): TermPostings {
  const { from, to, postings } = run;
  const df = reader.varint(to - from);
  if (df > inlineMax) {
    const page = reader.varint();
    const offset = reader.varint();
    const pages = reader.varint() + 1;
    if (page + pages > postings.count) {
      throw reader.error("postings beyond the last page");
    }
    const place = run.positions && reader.varint(run.positions.bytes);
    return { kind: "pages", df, page, offset, pages, place };
  }
  const rows = new Uint32Array(df);
  const counts = new Uint32Array(df);
  let before = from;
  for (let i = 0; i < df; i++) {
    before += reader.varint();
    rows[i] = before;
    counts[i] = reader.varint() + 1;
  }
  if (before >= to) {
    throw reader.error(`row ${before} is not of the run`);
  }
  const positions = run.positions && readInline(reader, counts, run.positions);
  return { kind: "inline", rows, counts, positions };
}

const noBlocks = allocateBlocks(0);
const positionMax = 0xffff_ffff;

function readInline(
  reader: ByteReader,
  counts: Uint32Array,
  { bytes }: RunPositions,
): PositionPlaces {
  const times = counts.reduce((sum, count) => sum + count, 0);
  if (times > inlineTimesMax) {
    const widths = readWidths(reader);
    const place = reader.varint(bytes);
    const end = place + positionBytes(widths, counts.length, times);
    const [first, gap] = [Uint8Array.of(widths.first), Uint8Array.of(widths.gap)];
    return { inline: undefined, blocks: { places: Uint32Array.of(place, end), first, gap } };
  }
  const inline = new Uint32Array(times);
  let at = 0;
  for (const count of counts) {
    let next = 0;
    for (const end = at + count; at < end; at++) {
      const position = next + reader.varint(positionMax);
      inline[at] = position;
      next = position + 1;
    }
  }
  return { inline, blocks: noBlocks };
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const max = Math.min(a.length, b.length);
  let i = 0;
  while (i < max && a[i] === b[i]) i++;
  return i;
}

// ---- Runs
// ----------------------------------------------------------------------------------------------

/** Runs cover the rows without gaps. */
export function checkRuns({ runs }: TextDirectory, rows: number): void {
  let end = 0;
  for (const { from, to } of runs) {
    if (from !== end || to <= from) {
      throw corrupt("segment root: runs of texts are out of order");
    }
    end = to;
  }
  if (end !== rows) {
    throw corrupt("segment root: runs of texts do not cover the rows");
  }
}
