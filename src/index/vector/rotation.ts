/**
 * The seeded random rotation that all vectors of a namespace go through once, before anything else:
 * it spreads the information of a vector evenly over its coordinates, which is what lets one bit or
 * one byte a coordinate suffice. Vectors of D dimensions are padded with zeros to P, the next
 * multiple of 64; lengths and inner products are preserved (up to `rotationErrorBound`). Clusters,
 * codes and centroids live in rotated space only.
 *
 * Fast Hadamard transform with Kac walk as in RaBitQ-Library; the arithmetic is `Kernels.rotate`.
 */
import { assert } from "../../errors.ts";
import { hadamardSize, type Kernels } from "../../kernels/kernels.ts";
import { createPrng, type Seed } from "./prng.ts";

export interface Rotation {
  /** Dimensions of the vectors as given. */
  readonly dims: number;
  /** Width of a rotated vector: dims rounded up to a multiple of 64. */
  readonly width: number;
  /** Four rounds of width signs, +1 or -1. */
  readonly signs: Float32Array;
}

/** Width of a rotated vector of this many dimensions. */
export function rotatedWidth(dims: number): number {
  return Math.ceil(dims / 64) * 64;
}

/** The rotation that belongs to a seed; part of the storage format. */
export function createRotation(dims: number, seed: Seed): Rotation {
  assert(Number.isInteger(dims) && dims > 0, "a vector has at least one dimension");
  const width = rotatedWidth(dims);
  const signs = new Float32Array(4 * width);
  const prng = createPrng(seed);
  for (let i = 0; i < signs.length; i += 32) {
    const bits = prng.next();
    for (let b = 0; b < 32; b++) {
      signs[i + b] = (bits >>> b) & 1 ? 1 : -1;
    }
  }
  return { dims, width, signs };
}

/** Rotates n rows of `dims` into n rows of `width`; `out` may be reused between calls. */
export function rotateRows(
  rotation: Rotation,
  rows: Float32Array,
  kernels: Kernels,
  out = new Float32Array((rows.length / rotation.dims) * rotation.width),
): Float32Array {
  const { dims, width } = rotation;
  const count = rows.length / dims;
  assert(Number.isInteger(count) && out.length === count * width, "rows do not match the rotation");
  if (dims === width) {
    out.set(rows);
  } else {
    out.fill(0);
    for (let i = 0; i < count; i++) {
      out.set(rows.subarray(i * dims, (i + 1) * dims), i * width);
    }
  }
  kernels.rotate(rotation.signs, out);
  return out;
}

/**
 * Bound on |computed - exact rotation of x| / |x|: every butterfly, scaling and Kac step adds at
 * most one f32 rounding, relative to the length of the vector.
 */
export function rotationErrorBound(width: number): number {
  return (4 * (Math.log2(hadamardSize(width)) + 3) + 2) * 2 ** -24;
}
