/**
 * Vector block: full vectors of consecutive rows exactly as they were given, a fixed number a
 * block.
 *
 *   offset  size           field
 *        0  n × dims × 4   f32, row after row
 *
 * Framed as in segment-block.ts. Blocks are small, because a query reads the vectors of its few
 * winners, scattered over the segment. Golden: test/golden/v1/segment.hex.
 */
import { f32View } from "../bytes/typed-view.ts";
import { corrupt } from "../errors.ts";
import { limits } from "../limits.ts";
import { blockBytes } from "./segment-block.ts";

export function vectorBlockRows(dims: number): number {
  return Math.max(1, Math.floor((limits.documentBlockBytes - 16) / (dims * 4)));
}

export function vectorBlockBytes(rows: number, dims: number): number {
  return blockBytes(rows * dims * 4);
}

/** View of a verified block. */
export function readVectorRows(block: Uint8Array, rows: number, dims: number): Float32Array {
  if (block.length !== vectorBlockBytes(rows, dims)) {
    throw corrupt(`vector block: ${block.length} bytes do not hold ${rows} rows`);
  }
  return f32View(block, 0, rows * dims);
}
