/**
 * Positions of a term: where in each row it stands, for the rows of a block of postings, bit-packed
 * (packed-bits.ts):
 *
 *   rows × f bits                 the first position of each row
 *   (positions - rows) × g bits   gaps - 1 of the further ones, row after row
 *
 * How many there are of a row, and in all, is what its postings say; f and g stand there too, so
 * blocks follow one another without a gap: one stretch of bytes for a run, cut into pages. Blocks
 * reach over the ends of pages.
 *
 * Cost: 7.8 bits a position in English texts of 600 bytes. Varints take 8.3, a Rice code 6.9, which
 * is read bit by bit.
 */
import type { ByteReader } from "../bytes/byte-reader.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";
import { bitsOf, isWidth, packBits, packedBytes, unpackBits } from "../bytes/packed-bits.ts";
import { corrupt } from "../errors.ts";

/** How positions count (`TextPlaces`): a change makes it one larger, and others are not asked. */
export const placingVersion = 1;
export const positionPageBytes = 8 * 1024;

export interface PositionWidths {
  /** Bits of a first position, and of a gap. */
  readonly first: number;
  readonly gap: number;
}

/** Where the positions of a term are. */
export interface PositionPlaces {
  /** Those that stand in the dictionary, row after row; undefined: they are in blocks. */
  readonly inline: Uint32Array | undefined;
  readonly blocks: {
    /** Where each block begins among the bytes of its run, then where the last one ends. */
    readonly places: Uint32Array;
    readonly first: Uint8Array;
    readonly gap: Uint8Array;
  };
}

export function allocateBlocks(count: number): PositionPlaces["blocks"] {
  return {
    places: new Uint32Array(count === 0 ? 0 : count + 1),
    first: new Uint8Array(count),
    gap: new Uint8Array(count),
  };
}

export function positionBytes(
  { first, gap }: PositionWidths,
  rows: number,
  positions: number,
): number {
  return packedBytes(rows, first) + packedBytes(positions - rows, gap);
}

export function writeWidths(writer: ByteWriter, { first, gap }: PositionWidths): void {
  writer.u8(first);
  writer.u8(gap);
}

export function readWidths(reader: ByteReader): PositionWidths {
  const widths = { first: reader.u8(), gap: reader.u8() };
  if (!isWidth(widths.first) || !isWidth(widths.gap)) {
    throw reader.error("positions of unknown width");
  }
  return widths;
}

/** Writes the positions of a block, those of a row ascending, and says how wide they are. */
export function encodePositions(
  writer: ByteWriter,
  counts: Uint32Array,
  positions: Uint32Array,
): PositionWidths {
  const firsts = new Uint32Array(counts.length);
  const gaps = new Uint32Array(positions.length - counts.length);
  let at = 0;
  let further = 0;
  for (let row = 0; row < counts.length; row++) {
    const end = at + (counts[row] as number);
    let before = positions[at++] as number;
    firsts[row] = before;
    while (at < end) {
      const position = positions[at++] as number;
      gaps[further++] = position - before - 1;
      before = position;
    }
  }
  const widths = { first: bitsOf(firsts), gap: bitsOf(gaps) };
  writer.bytes(packBits(firsts, widths.first));
  writer.bytes(packBits(gaps, widths.gap));
  return widths;
}

const scratch = { firsts: new Uint32Array(128), gaps: new Uint32Array(1_024) };

/**
 * Reads the positions of a block into `to`, which has room for them. `counts`: of its rows, the
 * `from`-th to the one before the `end`-th.
 */
export function decodePositions(
  packed: Uint8Array,
  widths: PositionWidths,
  counts: Uint8Array | Uint32Array,
  from: number,
  end: number,
  to: Uint32Array,
): void {
  const rows = end - from;
  let positions = 0;
  for (let row = from; row < end; row++) positions += counts[row] as number;
  const further = positions - rows;
  if (packed.length !== positionBytes(widths, rows, positions)) {
    throw corrupt(`positions: ${packed.length} bytes of ${positions}`);
  }
  if (further > scratch.gaps.length) scratch.gaps = new Uint32Array(2 * further);
  const { firsts, gaps } = scratch;
  const gapsAt = packedBytes(rows, widths.first);
  unpackBits(packed, widths.first, firsts, 0, rows);
  unpackBits(packed.subarray(gapsAt), widths.gap, gaps, 0, further);
  let at = 0;
  let next = 0;
  for (let row = 0; row < rows; row++) {
    let position = firsts[row] as number;
    to[at++] = position;
    for (let left = (counts[from + row] as number) - 1; left > 0; left--) {
      position += (gaps[next++] as number) + 1;
      to[at++] = position;
    }
  }
}
