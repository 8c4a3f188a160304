/**
 * Vector block: full vectors of consecutive rows exactly as they were given, a fixed number a
 * block.
 *
 *   offset  size           field
 *        0  n × dims × e   components of e bytes (vector-element.ts), row after row
 *
 * Framed as in segment-block.ts. Blocks are small, because a query reads the vectors of its few
 * winners, scattered over the segment. Golden: test/golden/v2/segment.hex.
 */
import { elementBytes, type VectorElement } from "../document/schema.ts";
import { corrupt } from "../errors.ts";
import { limits } from "../limits.ts";
import { blockBytes } from "./segment-block.ts";
import { viewVectors, widenVectors } from "./vector-element.ts";

/** What the vectors of a segment have in common. */
export interface VectorShape {
  readonly dims: number;
  readonly element: VectorElement;
}

function rowBytes({ dims, element }: VectorShape): number {
  return dims * elementBytes(element);
}

export function vectorBlockRows(shape: VectorShape): number {
  return Math.max(1, Math.floor((limits.vectorBlockBytes - 16) / rowBytes(shape)));
}

export function vectorBlockBytes(rows: number, shape: VectorShape): number {
  return blockBytes(rows * rowBytes(shape));
}

/** The vectors of a verified block as f32: a view of it where they are stored so. */
export function readVectorRows(block: Uint8Array, rows: number, shape: VectorShape): Float32Array {
  if (block.length !== vectorBlockBytes(rows, shape)) {
    throw corrupt(`vector block: ${block.length} bytes do not hold ${rows} rows`);
  }
  return widenVectors(viewVectors(block, 0, rows * shape.dims, shape.element));
}
