/**
 * Postings of a term: rows that have it and how often, `postingBlockRows` at a time, bit-packed
 * (packed-bits.ts).
 *
 *   varint  gap of the first row from the last one of the block before, or from the run's first
 *   u8      rows - 1
 *   u8      bits of a gap, g          u8      bits of a count, c
 *   varint  last row - first row      both for readers that skip the block:
 *   varint  largest count             varint  tokens of the shortest row
 *   2 × u8  in a run with positions: widths of those of the block (position-block.ts)
 *   (rows - 1) × g bits  gaps - 1
 *   rows × c bits        counts - 1
 *
 * Largest count and shortest row bound what the block can add to a score, for any k1 and b.
 */
import type { ByteReader } from "../bytes/byte-reader.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";
import { bitsOf, isWidth, packBits, packedBytes, unpackBits } from "../bytes/packed-bits.ts";
import {
  type PositionPlaces,
  type PositionWidths,
  positionBytes,
  readWidths,
  writeWidths,
} from "./position-block.ts";

export const postingBlockRows = 128;

export interface Postings {
  readonly rows: Uint32Array;
  readonly counts: Uint32Array;
}

/** All postings of a term in a run, in blocks that are full but for the last. */
export interface BlockedPostings {
  readonly rows: Uint32Array;
  readonly counts: Uint8Array | Uint32Array;
  /** Of each block. */
  readonly largest: Uint32Array;
  readonly shortest: Uint32Array;
  /** Missing: of a run without positions, or of many terms. */
  readonly positions?: PositionPlaces;
}

/** What is read of a block: its postings, from an index on, and its bounds, at another. */
export interface PostingsRead {
  readonly rows: Uint32Array;
  readonly counts: Uint32Array;
  readonly largest: Uint32Array;
  readonly shortest: Uint32Array;
  /** Missing: the run has no positions. The first place is known. */
  readonly blocks?: PositionPlaces["blocks"];
}

const scratch = {
  gaps: new Uint32Array(postingBlockRows),
  counts: new Uint32Array(postingBlockRows),
};

/** Writes a block of 1 to 128 rows; `before` as above. */
export function encodePostings(
  writer: ByteWriter,
  { rows, counts }: Postings,
  before: number,
  shortest: number,
  widths: PositionWidths | undefined,
): void {
  const { length } = rows;
  const first = rows[0] as number;
  const gaps = scratch.gaps.subarray(0, length - 1);
  const rest = scratch.counts.subarray(0, length);
  let largest = 0;
  for (let i = 0; i < length; i++) {
    const count = counts[i] as number;
    if (i > 0) gaps[i - 1] = (rows[i] as number) - (rows[i - 1] as number) - 1;
    rest[i] = count - 1;
    if (count > largest) largest = count;
  }
  const gapBits = bitsOf(gaps);
  const countBits = bitsOf(rest);
  writer.varint(first - before);
  writer.u8(length - 1);
  writer.u8(gapBits);
  writer.u8(countBits);
  writer.varint((rows[length - 1] as number) - first);
  writer.varint(largest);
  writer.varint(shortest);
  if (widths !== undefined) writeWidths(writer, widths);
  writer.bytes(packBits(gaps, gapBits));
  writer.bytes(packBits(rest, countBits));
}

/**
 * Reads a block into `rows` and `counts` from index `at` on, its bounds to where blocks of
 * `postingBlockRows` before it put them, and returns how many there are. `end`: rows are below.
 */
export function decodePostings(
  reader: ByteReader,
  { rows, counts, largest, shortest, blocks }: PostingsRead,
  at: number,
  before: number,
  end: number,
): number {
  let row = before + reader.varint();
  const length = reader.u8() + 1;
  const gapBits = reader.u8();
  const countBits = reader.u8();
  const span = reader.varint();
  const block = Math.floor(at / postingBlockRows);
  largest[block] = reader.varint();
  shortest[block] = reader.varint();
  const widths = blocks && readWidths(reader);
  if (!isWidth(gapBits) || !isWidth(countBits) || length > postingBlockRows) {
    throw reader.error("a block of postings of unknown width");
  }
  const last = row + span;
  if (at + length > rows.length || last >= end) {
    throw reader.error("postings beyond their end");
  }
  const gaps = reader.bytes(packedBytes(length - 1, gapBits));
  const packed = reader.bytes(packedBytes(length, countBits));
  unpackBits(gaps, gapBits, rows, at + 1, length - 1);
  unpackBits(packed, countBits, counts, at, length);
  rows[at] = row;
  counts[at] = (counts[at] as number) + 1;
  let occurrences = counts[at] as number;
  for (let i = at + 1; i < at + length; i++) {
    row += (rows[i] as number) + 1;
    rows[i] = row;
    counts[i] = (counts[i] as number) + 1;
    occurrences += counts[i] as number;
  }
  if (row !== last) {
    throw reader.error("postings do not end where they say");
  }
  if (blocks !== undefined && widths !== undefined) {
    blocks.first[block] = widths.first;
    blocks.gap[block] = widths.gap;
    const bytes = positionBytes(widths, length, occurrences);
    blocks.places[block + 1] = (blocks.places[block] as number) + bytes;
  }
  return length;
}
