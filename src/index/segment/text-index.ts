/**
 * Where a segment's text index has a term, and in which rows. A lookup takes two reads: the blocks
 * of terms that the root names, then the pages that those name.
 */
import { Bitmap } from "../../bytes/bitmap.ts";
import { ByteReader } from "../../bytes/byte-reader.ts";
import { corrupt } from "../../errors.ts";
import {
  allocateBlocks,
  decodePositions,
  type PositionPlaces,
  placingVersion,
  positionPageBytes,
} from "../../format/position-block.ts";
import {
  type BlockedPostings,
  decodePostings,
  type PostingsRead,
  postingBlockRows,
} from "../../format/posting-block.ts";
import { readSized } from "../../format/segment-block.ts";
import {
  allocateCodes,
  type Codes,
  codeBlockRows,
  readCodes,
} from "../../format/segment-columns.ts";
import { locateBlock, type Section } from "../../format/segment-section.ts";
import type { TermPostings, TextDirectory, TextRun } from "../../format/segment-text.ts";
import type { Block } from "../../store/block.ts";
import { blockAt, type Segment } from "./segment.ts";

export interface WantedTerm {
  readonly term: string;
  readonly isPrefix: boolean;
  /** Of a prefix: how many characters of it may be wrong. */
  readonly edits?: number;
}

/** The index of an attribute, if there is one that was made by this analysis. */
export function textIndexOf(
  { root }: Segment,
  attribute: string,
  analysis: string,
): TextDirectory | undefined {
  const text = root.attributes.find(({ name }) => name === attribute)?.text;
  return text?.analysis === analysis ? text : undefined;
}

/** Blocks that may have the term, or terms that begin with it. */
export function termBlocks({ separators }: TextRun, { term, isPrefix }: WantedTerm): number[] {
  let first = lastNotAbove(separators, term);
  if (!isPrefix) return first < 0 ? [] : [first];
  first = Math.max(0, first);
  let end = first;
  while (end < separators.length && isBefore(separators[end] as string, term)) end++;
  return Array.from({ length: end - first }, (_, i) => first + i);
}

/** Whether terms that begin with the prefix may stand at the separator or behind. */
function isBefore(separator: string, prefix: string): boolean {
  return separator <= prefix || separator.startsWith(prefix);
}

function lastNotAbove(separators: readonly string[], term: string): number {
  let low = 0;
  let high = separators.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((separators[middle] as string) <= term) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export function sectionBlock(segment: Segment, section: Section, index: number): Block {
  return blockAt(segment, locateBlock(section, index));
}

/** Pages of postings, none if they are at hand. */
export function pagesOf(found: TermPostings): number[] {
  return found.kind === "inline"
    ? []
    : Array.from({ length: found.pages }, (_, i) => found.page + i);
}

export function rowsWith(found: TermPostings): number {
  return found.kind === "inline" ? found.rows.length : found.df;
}

/** Rows of a term; `pageAt` has the verified pages. */
export function openPostings(
  { from, to }: TextRun,
  found: TermPostings,
  pageAt: (page: number) => Uint8Array,
): BlockedPostings {
  if (found.kind === "inline") {
    // So few are never bounded by their block.
    const { rows, counts, positions } = found;
    const postings = { rows, counts: narrow(counts), ...unbounded(rows.length) };
    return positions === undefined ? postings : { ...postings, positions };
  }
  const { df, page, pages, offset, place } = found;
  const blocks = place === undefined ? undefined : beginBlocks(df, place);
  const read = { ...allocate(df), ...unbounded(df), ...(blocks && { blocks }) };
  let before = from;
  let at = 0;
  for (let i = 0; i < pages && at < df; i++) {
    const content = readSized(pageAt(page + i), "postings");
    const reader = new ByteReader(content, "postings");
    reader.bytes(i === 0 ? offset : 0);
    while (at < df && reader.remaining > 0) {
      if (at % postingBlockRows !== 0) throw reader.error("a block in the middle is not full");
      at += decodePostings(reader, read, at, before, to);
      before = read.rows[at - 1] as number;
    }
  }
  if (at !== df) {
    throw corrupt(`postings: ${at} rows instead of ${df}`);
  }
  const { rows, largest, shortest } = read;
  const postings = { rows, counts: narrow(read.counts), largest, shortest };
  return blocks === undefined
    ? postings
    : { ...postings, positions: { inline: undefined, blocks } };
}

function beginBlocks(rows: number, place: number): PositionPlaces["blocks"] {
  const blocks = allocateBlocks(Math.ceil(rows / postingBlockRows));
  blocks.places[0] = place;
  return blocks;
}

function allocate(rows: number) {
  return { rows: new Uint32Array(rows), counts: new Uint32Array(rows) };
}

function unbounded(rows: number): Pick<PostingsRead, "largest" | "shortest"> {
  const blocks = Math.ceil(rows / postingBlockRows);
  return {
    largest: new Uint32Array(blocks).fill(0xffff_ffff),
    shortest: new Uint32Array(blocks),
  };
}

/** A byte each is enough for nearly all terms. */
function narrow(counts: Uint32Array): Uint8Array | Uint32Array {
  return counts.every((count) => count < 256) ? Uint8Array.from(counts) : counts;
}

// ---- Positions
// ----------------------------------------------------------------------------------------------

/** Whether positions of the run are those of today's texts and queries. */
export function hasPositions({ positions }: Pick<Partial<TextRun>, "positions">): boolean {
  return positions?.placing === placingVersion;
}

/** Of positions: the first and last page that a block of postings has some in. */
export function positionPages({ blocks }: PositionPlaces, block: number): [number, number] {
  const first = Math.floor((blocks.places[block] as number) / positionPageBytes);
  const end = blocks.places[block + 1] as number;
  return [first, Math.max(first, Math.ceil(end / positionPageBytes) - 1)];
}

/**
 * Positions of the rows of a block of postings, row after row, in `to`, which has room for them;
 * `pageAt` has the verified pages.
 */
export function openPositions(
  { positions: run }: TextRun,
  { counts, positions: found }: BlockedPostings,
  block: number,
  pageAt: (page: number) => Uint8Array,
  to: Uint32Array,
): void {
  if (run === undefined || found === undefined) {
    throw corrupt("positions of a run that has none");
  }
  const { inline, blocks } = found;
  if (inline !== undefined) {
    to.set(inline);
    return;
  }
  const from = blocks.places[block] as number;
  const end = blocks.places[block + 1] as number;
  if (end > run.bytes) {
    throw corrupt("positions beyond their end");
  }
  const packed = new Uint8Array(end - from);
  const [first, last] = positionPages(found, block);
  for (let page = first; page <= last && end > from; page++) {
    const begin = page * positionPageBytes;
    const content = Math.min(run.bytes, begin + positionPageBytes) - begin;
    const part = pageAt(page)
      .subarray(0, content)
      .subarray(Math.max(0, from - begin), end - begin);
    packed.set(part, Math.max(0, begin - from));
  }
  const widths = { first: blocks.first[block] as number, gap: blocks.gap[block] as number };
  const row = block * postingBlockRows;
  const rowEnd = Math.min(counts.length, row + postingBlockRows);
  decodePositions(packed, widths, counts, row, rowEnd, to);
}

/** Rows that have a term that begins so, each once. */
export function joinPostings(lists: Iterable<BlockedPostings>, run: TextRun): BlockedPostings {
  const joined = new Bitmap(run.to - run.from);
  for (const { rows } of lists) {
    for (const row of rows) joined.set(row - run.from);
  }
  const rows = joined.ordinals();
  return {
    rows: rows.map((at) => at + run.from),
    counts: new Uint8Array(rows.length).fill(1),
    ...unbounded(rows.length),
  };
}

/** Of verified blocks, the lengths of the rows of a run. */
export function openLengths(run: TextRun, blocks: readonly Uint8Array[]): Codes {
  const parts = blocks.map((bytes, index) => {
    const rows = Math.min(codeBlockRows, run.to - run.from - index * codeBlockRows);
    return readCodes(bytes, rows, run.lengthBytes);
  });
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const lengths = allocateCodes(run.to - run.from, run.lengthBytes);
  for (const [index, part] of parts.entries()) lengths.set(part, index * codeBlockRows);
  return lengths;
}
