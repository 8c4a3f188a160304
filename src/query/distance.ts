/**
 * The distance that users see, defined once: in double precision over the f32 coordinates as they
 * were written, then rounded to f32. Rows of the tail and rows of segments go through this same
 * function, so merging them is exact and equal vectors have equal distances wherever they lie.
 *
 *   cosine_distance     1 - <q, v> / sqrt(|q|^2 |v|^2), in [0, 2]; 1 if either vector is zero
 *   euclidean_squared   sum (q_i - v_i)^2, at most the largest f32 (JSON has no infinity)
 *
 * The kernels compute nearly the same much faster. `quickDistances` says how far they may be off,
 * rounding to f32 included, so that rows which cannot matter are skipped without computing their
 * exact distance.
 */
import type { DistanceMetric } from "../document/schema.ts";
import { assert } from "../errors.ts";
import { type Kernels, sumErrorBound } from "../kernels/kernels.ts";

export interface DistanceQuery {
  readonly metric: DistanceMetric;
  readonly vector: Float32Array;
  /** |q|^2. */
  readonly squares: number;
}

/** JSON has no infinity. */
export const f32Max = 3.4028234663852886e38;
/**
 * Covers the few single roundings to f32 around a sum: of its terms, of its result, of the exact
 * distance.
 */
export const roundingSlack = 2 ** -21;
const tiny = 2 ** -100;

export function prepareDistance(metric: DistanceMetric, vector: Float32Array): DistanceQuery {
  return { metric, vector, squares: squaresAt(vector, 0, vector.length) };
}

/** Distance of the row that begins at rows[start]. */
export function exactDistance(query: DistanceQuery, rows: Float32Array, start: number): number {
  const { metric, vector, squares } = query;
  assert(start >= 0 && start + vector.length <= rows.length, "the row lies outside the rows");
  if (metric === "euclidean_squared") {
    let sum = 0;
    for (let d = 0; d < vector.length; d++) {
      const difference = (vector[d] as number) - (rows[start + d] as number);
      sum += difference * difference;
    }
    return Math.min(Math.fround(sum), f32Max);
  }
  let product = 0;
  let rowSquares = 0;
  for (let d = 0; d < vector.length; d++) {
    const value = rows[start + d] as number;
    product += (vector[d] as number) * value;
    rowSquares += value * value;
  }
  if (squares === 0 || rowSquares === 0) {
    return 1;
  }
  const distance = 1 - product / Math.sqrt(squares * rowSquares);
  return Math.fround(Math.min(2, Math.max(0, distance)));
}

/** |v|^2 of each row. Costs as much as a distance: worth keeping for rows that are scored again. */
export function rowSquares(rows: Float32Array, width: number): Float64Array {
  const squares = new Float64Array(width === 0 ? 0 : rows.length / width);
  for (let i = 0; i < squares.length; i++) {
    squares[i] = squaresAt(rows, i * width, width);
  }
  return squares;
}

/** Distances computed by the kernels, and how far each may lie from the exact one. */
export interface QuickDistances {
  readonly distances: Float32Array;
  readonly slacks: Float32Array;
}

/**
 * Quick distances of all rows: |distances[i] - exactDistance| <= slacks[i]. Where f32 overflows or
 * underflows on the way the slack is infinite: nothing is known about that row.
 */
export function quickDistances(
  query: DistanceQuery,
  rows: Float32Array,
  squares: Float64Array,
  kernels: Kernels,
): QuickDistances {
  const distances = new Float32Array(squares.length);
  const slacks = new Float32Array(squares.length);
  const error = sumErrorBound(query.vector.length);
  if (query.metric === "euclidean_squared") {
    kernels.squaredDistance(query.vector, rows, distances);
    for (let i = 0; i < distances.length; i++) {
      const distance = distances[i] as number;
      slacks[i] = distance < f32Max ? distance * (2 * error + roundingSlack) + tiny : Infinity;
    }
    return { distances, slacks };
  }
  kernels.dot(query.vector, rows, distances);
  for (let i = 0; i < distances.length; i++) {
    const lengths = Math.sqrt(query.squares * (squares[i] as number));
    const known = lengths > tiny && lengths < 1 / tiny;
    // The magnitudes of the terms add up to at most |q||v| (Cauchy-Schwarz).
    slacks[i] = known ? error + roundingSlack : Infinity;
    distances[i] = known ? 1 - (distances[i] as number) / lengths : 1;
  }
  return { distances, slacks };
}

function squaresAt(values: Float32Array, start: number, width: number): number {
  let sum = 0;
  for (let d = start; d < start + width; d++) {
    sum += (values[d] as number) * (values[d] as number);
  }
  return sum;
}
