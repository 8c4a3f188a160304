/**
 * Scan block: the 1-bit codes of the rows of one cluster (or of one stretch of a flat segment).
 *
 *   offset  size        field
 *        0  n × P / 8   codes, row after row; bit d % 8 of byte d / 8 is coordinate d
 *       ..  n × 4       A, f32
 *       ..  n × 4       F, f32
 *       ..  n × 2       E, IEEE half
 *       ..  n × 2       number of one bits of the code, u16
 *
 * n rows and the width P (a multiple of 64) are known from the root. The factors are explained in
 * index/vector/rabitq.ts. Framed as in segment-block.ts. Golden: test/golden/v2/segment.hex.
 */
import { bytesOf, f32View, u16View } from "../bytes/typed-view.ts";
import { corrupt } from "../errors.ts";
import { blockBytes } from "./segment-block.ts";

export interface ScanRows {
  readonly codes: Uint8Array;
  readonly a: Float32Array;
  readonly f: Float32Array;
  /** Bits of half-precision values. */
  readonly e: Uint16Array;
  readonly pop: Uint16Array;
}

const factorBytes = 12;

export function scanBlockBytes(rows: number, width: number): number {
  return blockBytes(scanContentBytes(rows, width));
}

function scanContentBytes(rows: number, width: number): number {
  return rows * (width / 8 + factorBytes);
}

/** Writes the content of a block. */
export function writeScanRows(rows: ScanRows, block: Uint8Array): void {
  let at = 0;
  for (const part of [rows.codes, rows.a, rows.f, rows.e, rows.pop]) {
    block.set(bytesOf(part), at);
    at += part.byteLength;
  }
}

/** Views of a verified block. */
export function readScanRows(block: Uint8Array, rows: number, width: number): ScanRows {
  if (block.length !== scanBlockBytes(rows, width)) {
    throw corrupt(`scan block: ${block.length} bytes do not hold ${rows} rows`);
  }
  const aAt = (rows * width) / 8;
  return {
    codes: block.subarray(0, aAt),
    a: f32View(block, aAt, rows),
    f: f32View(block, aAt + rows * 4, rows),
    e: u16View(block, aAt + rows * 8, rows),
    pop: u16View(block, aAt + rows * 10, rows),
  };
}
