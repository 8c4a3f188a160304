/**
 * Postings of a term: rows that have it and how often, `postingBlockRows` at a time, bit-packed.
 *
 *   varint  gap of the first row from the last one of the block before, or from the run's first
 *   u8      rows - 1
 *   u8      bits of a gap, g          u8      bits of a count, c
 *   varint  last row - first row      both for readers that skip the block:
 *   varint  largest count             varint  tokens of the shortest row
 *   (rows - 1) × g bits  gaps - 1, lowest bit first, up to a whole byte
 *   rows × c bits        counts - 1, likewise
 *
 * Largest count and shortest row bound what the block can add to a score, for any k1 and b.
 */
import type { ByteReader } from "../bytes/byte-reader.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";

export const postingBlockRows = 128;
/** A value and what is left of the byte before it fit 32 bits. */
const bitsMax = 24;

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
}

/** What is read of a block: its postings, from an index on, and its bounds, at another. */
export interface PostingsRead {
  readonly rows: Uint32Array;
  readonly counts: Uint32Array;
  readonly largest: Uint32Array;
  readonly shortest: Uint32Array;
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
  writer.bytes(packBits(gaps, gapBits));
  writer.bytes(packBits(rest, countBits));
}

/**
 * Reads a block into `rows` and `counts` from index `at` on, its bounds to where blocks of
 * `postingBlockRows` before it put them, and returns how many there are. `end`: rows are below.
 */
export function decodePostings(
  reader: ByteReader,
  { rows, counts, largest, shortest }: PostingsRead,
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
  if (gapBits > bitsMax || countBits > bitsMax || length > postingBlockRows) {
    throw reader.error("a block of postings of unknown width");
  }
  const last = row + span;
  if (at + length > rows.length || last >= end) {
    throw reader.error("postings beyond their end");
  }
  const gaps = reader.bytes(Math.ceil(((length - 1) * gapBits) / 8));
  const packed = reader.bytes(Math.ceil((length * countBits) / 8));
  unpackBits(gaps, gapBits, rows, at + 1, length - 1);
  unpackBits(packed, countBits, counts, at, length);
  rows[at] = row;
  counts[at] = (counts[at] as number) + 1;
  for (let i = at + 1; i < at + length; i++) {
    row += (rows[i] as number) + 1;
    rows[i] = row;
    counts[i] = (counts[i] as number) + 1;
  }
  if (row !== last) {
    throw reader.error("postings do not end where they say");
  }
  return length;
}

function bitsOf(values: Uint32Array): number {
  let all = 0;
  for (const value of values) all |= value;
  return 32 - Math.clz32(all);
}

function packBits(values: Uint32Array, bits: number): Uint8Array {
  const packed = new Uint8Array(Math.ceil((values.length * bits) / 8));
  let at = 0;
  let held = 0;
  let heldBits = 0;
  for (const value of values) {
    held |= value << heldBits;
    heldBits += bits;
    while (heldBits >= 8) {
      packed[at++] = held;
      held >>>= 8;
      heldBits -= 8;
    }
  }
  if (heldBits > 0) packed[at] = held;
  return packed;
}

function unpackBits(
  packed: Uint8Array,
  bits: number,
  to: Uint32Array,
  from: number,
  count: number,
): void {
  const mask = 2 ** bits - 1;
  let at = 0;
  let held = 0;
  let heldBits = 0;
  for (let i = from; i < from + count; i++) {
    while (heldBits < bits) {
      held |= (packed[at++] as number) << heldBits;
      heldBits += 8;
    }
    to[i] = held & mask;
    held >>>= bits;
    heldBits -= bits;
  }
}
