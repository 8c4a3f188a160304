/**
 * Rotated vectors as int8: the refine plane, and the form in which merges stream rows. One scale a
 * row (largest coordinate / 127); independent of any centroid, so a row that changes cluster keeps
 * its bytes.
 *
 *   o ~ ô = scale * codes,  norm = |ô|^2,  error >= |o - ô| + rounding of the rotation of o
 *
 * Because `error` is exact, every distance comes with a rigorous bound: the true distance of the
 * rotated-exact vectors lies within estimate +- bound. The bound is a worst case; the usual
 * deviation is about 1/sqrt(P) of it.
 *
 * The query is quantised to 16 bits, which is also what keeps the sums of `Kernels.dotInt8` below
 * 2^31.
 */
import { scratch } from "../../bytes/scratch.ts";
import type { DistanceMetric } from "../../document/schema.ts";
import { assert } from "../../errors.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { rotationErrorBound } from "./rotation.ts";

/** n rows, structure of arrays. */
export interface Int8Rows {
  /** n x width. */
  readonly codes: Int8Array;
  readonly scales: Float32Array;
  readonly norms: Float32Array;
  readonly errors: Float32Array;
}

/**
 * Rows to be scored, wherever they lie: row i is codes[starts[i]] and the width - 1 bytes after it.
 */
export interface GatheredRows {
  readonly codes: Int8Array;
  readonly starts: Uint32Array;
  readonly scales: Float32Array;
  readonly norms: Float32Array;
  readonly errors: Float32Array;
}

export interface Int8Query {
  readonly codes: Int16Array;
  readonly scale: number;
  /** |q|^2 and |q| of the rotated query. */
  readonly norm: number;
  readonly length: number;
  /** |q - scale * codes|. */
  readonly error: number;
  /** Error of the query's own rotation. */
  readonly rotationError: number;
}

const roundingUnit = 2 ** -24;

/** Encodes n rotated rows of `width` coordinates. */
export function encodeInt8(rows: Float32Array, width: number): Int8Rows {
  const count = rows.length / width;
  assert(Number.isInteger(count), "rows do not match the width");
  const codes = new Int8Array(rows.length);
  const scales = new Float32Array(count);
  const norms = new Float32Array(count);
  const errors = new Float32Array(count);
  const rotationError = rotationErrorBound(width);
  for (let i = 0; i < count; i++) {
    const start = i * width;
    const scale = Math.fround(largest(rows, start, width) / 127);
    const inverse = scale > 0 ? 1 / scale : 0;
    let squares = 0;
    let lost = 0;
    let norm = 0;
    for (let d = start; d < start + width; d++) {
      const value = rows[d] as number;
      const code = quantise(value, inverse, 127);
      const difference = value - code * scale;
      codes[d] = code;
      squares += code * code;
      lost += difference * difference;
      norm += value * value;
    }
    scales[i] = scale;
    norms[i] = squares * scale * scale;
    errors[i] = roundUp(Math.sqrt(lost) + rotationError * Math.sqrt(norm));
  }
  return { codes, scales, norms, errors };
}

/** Writes row after row of `scale * code` as f32; the inverse of `encodeInt8` up to `error`. */
export function decodeInt8(
  codes: Int8Array,
  scales: Float32Array,
  out: Float32Array,
): Float32Array {
  const width = codes.length / scales.length;
  assert(out.length === codes.length, "one output coordinate a code");
  for (let i = 0; i < scales.length; i++) {
    const scale = scales[i] as number;
    for (let d = i * width; d < (i + 1) * width; d++) {
      out[d] = (codes[d] as number) * scale;
    }
  }
  return out;
}

/** Quantises a rotated query, as finely as 16 bits and a 32-bit sum allow. */
export function prepareInt8Query(query: Float32Array): Int8Query {
  const width = query.length;
  let sum = 0;
  let norm = 0;
  for (let d = 0; d < width; d++) {
    const value = query[d] as number;
    sum += Math.abs(value);
    norm += value * value;
  }
  // Rounding adds at most a half to each of the codes whose magnitudes may add up to 2^24 - 1.
  const scale = Math.max(largest(query, 0, width) / 32_767, sum / (2 ** 24 - 1 - width));
  const inverse = scale > 0 ? 1 / scale : 0;
  const codes = new Int16Array(width);
  let lost = 0;
  for (let d = 0; d < width; d++) {
    const code = quantise(query[d] as number, inverse, 32_767);
    const difference = (query[d] as number) - code * scale;
    codes[d] = code;
    lost += difference * difference;
  }
  const length = Math.sqrt(norm);
  const rotationError = rotationErrorBound(width) * length;
  return { codes, scale, norm, length, error: Math.sqrt(lost), rotationError };
}

/** Good until `distanceInt8` is called again. */
export interface Int8Distances {
  readonly estimates: Float64Array;
  readonly bounds: Float64Array;
}

const productSums = scratch((length) => new Int32Array(length));
const rowEstimates = scratch((length) => new Float64Array(length));
const rowBounds = scratch((length) => new Float64Array(length));

/**
 * Distances of gathered rows: estimates[i] with |true distance - estimates[i]| <= bounds[i]. Under
 * cosine the rows and the query are unit vectors or zero, and the distance is 1 - <q, o>.
 */
export function distanceInt8(
  metric: DistanceMetric,
  query: Int8Query,
  rows: GatheredRows,
  kernels: Kernels,
): Int8Distances {
  const count = rows.starts.length;
  const sums = productSums(count);
  kernels.dotInt8(query.codes, rows.codes, rows.starts, sums);
  const estimates = rowEstimates(count);
  const bounds = rowBounds(count);
  for (let i = 0; i < count; i++) {
    const norm = rows.norms[i] as number;
    const product = (sums[i] as number) * query.scale * (rows.scales[i] as number);
    const error = (rows.errors[i] as number) + query.rotationError;
    // What quantising the query and rounding factors to f32 can do to the product.
    const slack = Math.sqrt(norm) * (query.error + 4 * roundingUnit * query.length);
    if (metric === "cosine_distance") {
      estimates[i] = 1 - product;
      bounds[i] = query.length * error + slack;
    } else {
      const estimate = Math.max(0, query.norm + norm - 2 * product);
      const squareSlack = 2 * slack + 4 * roundingUnit * (query.norm + norm);
      estimates[i] = estimate;
      bounds[i] = (2 * Math.sqrt(estimate + squareSlack) + error) * error + squareSlack;
    }
  }
  return { estimates, bounds };
}

/** Nearest code of a value. Only where the scale is subnormal can it miss the limit. */
function quantise(value: number, inverse: number, limit: number): number {
  const scaled = value * inverse;
  const code = (scaled < 0 ? scaled - 0.5 : scaled + 0.5) | 0;
  return code > limit ? limit : code < -limit ? -limit : code;
}

function largest(values: Float32Array, start: number, width: number): number {
  let most = 0;
  for (let d = start; d < start + width; d++) {
    const size = Math.abs(values[d] as number);
    most = size > most ? size : most;
  }
  return most;
}

/** The smallest f32 at or above a non-negative number, give or take one unit. */
function roundUp(value: number): number {
  const rounded = Math.fround(value);
  return rounded >= value ? rounded : Math.fround(rounded * (1 + 2 * roundingUnit) + 2 ** -149);
}
