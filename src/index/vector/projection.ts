/**
 * The plane in which points of many dimensions differ most: their first two principal axes, by
 * power iteration on the covariance, which is never made. For pictures: two axes of many show a
 * part, and how large a part is said with them.
 *
 * Cost: `iterations` passes over the points for each axis, 2 n d multiplications each. The same
 * points give the same axes; signs are fixed by the largest coordinate.
 */
import { assert } from "../../errors.ts";
import { createPrng } from "./prng.ts";

export interface Plane {
  readonly mean: Float64Array;
  /** Of length 1 and at right angles; zero where the points do not differ any more. */
  readonly axes: readonly [Float64Array, Float64Array];
  /** Share of the variance that the plane shows, 0 … 1; 1 if there is none. */
  readonly share: number;
}

const iterations = 24;
const roundingShare = 1e-9;
const seed = { low: 1, high: 0 };

/** `points`: n x width, n >= 1. */
export function principalPlane(points: Float32Array, width: number): Plane {
  const count = points.length / width;
  assert(Number.isInteger(count) && count > 0, "points come in rows of the width");
  const mean = new Float64Array(width);
  for (let i = 0; i < points.length; i++) {
    mean[i % width] = (mean[i % width] as number) + (points[i] as number) / count;
  }
  const centred = Float32Array.from(points, (value, i) => value - (mean[i % width] as number));
  const total = centred.reduce((sum, value) => sum + value * value, 0);
  const first = principalAxis(centred, width, undefined);
  const second = principalAxis(centred, width, first);
  const shown = [first, second].reduce((sum, axis) => sum + varianceAlong(centred, axis), 0);
  return { mean, axes: [first, second], share: total > 0 ? Math.min(1, shown / total) : 1 };
}

export function projectPoint(
  { mean, axes }: Plane,
  point: Float32Array,
): readonly [number, number] {
  const [x, y] = axes.map((axis) =>
    axis.reduce((sum, value, d) => sum + value * ((point[d] as number) - (mean[d] as number)), 0),
  );
  return [x as number, y as number];
}

/** At right angles to `other`. */
function principalAxis(
  centred: Float32Array,
  width: number,
  other: Float64Array | undefined,
): Float64Array {
  const prng = createPrng(seed, other === undefined ? 0 : 1);
  let axis = Float64Array.from({ length: width }, () => prng.below(2_000) - 999.5);
  for (let i = 0; i < iterations; i++) {
    const next = new Float64Array(width);
    for (let start = 0; start < centred.length; start += width) {
      let product = 0;
      for (let d = 0; d < width; d++) {
        product += (centred[start + d] as number) * (axis[d] as number);
      }
      for (let d = 0; d < width; d++) {
        next[d] = (next[d] as number) + product * (centred[start + d] as number);
      }
    }
    const before = Math.hypot(...next);
    if (other !== undefined) subtractAlong(next, other);
    const length = Math.hypot(...next);
    // What rounding leaves of points on a line is no direction.
    if (!(length > roundingShare * before)) return new Float64Array(width);
    axis = next.map((value) => value / length);
  }
  const largest = axis.reduce(
    (most, value) => (Math.abs(value) > Math.abs(most) ? value : most),
    0,
  );
  return largest < 0 ? axis.map((value) => -value) : axis;
}

function subtractAlong(vector: Float64Array, axis: Float64Array): void {
  const product = vector.reduce((sum, value, d) => sum + value * (axis[d] as number), 0);
  for (let d = 0; d < vector.length; d++) {
    vector[d] = (vector[d] as number) - product * (axis[d] as number);
  }
}

function varianceAlong(centred: Float32Array, axis: Float64Array): number {
  let sum = 0;
  for (let start = 0; start < centred.length; start += axis.length) {
    let product = 0;
    for (let d = 0; d < axis.length; d++) {
      product += (centred[start + d] as number) * (axis[d] as number);
    }
    sum += product * product;
  }
  return sum;
}
