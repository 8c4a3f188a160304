/**
 * A seeded data set as large as real ones, whose neighbours mean something: clouds in a space of
 * few dimensions, which overlap, seen through a linear map in many, with a little noise. And the
 * truth about it, by brute force.
 */
import { createPrng, type Prng } from "../../src/index/vector/prng.ts";
import { simdKernels } from "../kernels/simd.ts";

export interface DataSet {
  readonly dims: number;
  readonly count: number;
  /** Row-major. */
  readonly rows: Float32Array;
  readonly queries: Float32Array;
}

export interface DataSetShape {
  readonly dims: number;
  readonly count: number;
  readonly queries: number;
}

/** How many coordinates a row really has: more is harder to search. */
const latentDims = 8;
const clouds = 64;
/** Distance of the clouds from each other, in units of their own radius. */
const cloudSpread = 2;
const noise = 0.4;
/** A prime: rows meet the table of deviates at ever other places. */
const deviates = 262_139;

export function drawDataSet({ dims, count, queries }: DataSetShape, seed: number): DataSet {
  const prng = createPrng({ low: seed, high: 0 });
  const table = drawDeviates(prng);
  const draw = (size: number): Float32Array => {
    const from = prng.below(deviates - size);
    return table.slice(from, from + size);
  };
  const axes = draw(latentDims * dims);
  const centres = draw(clouds * latentDims);
  const drawRows = (wanted: number): Float32Array => {
    const out = new Float32Array(wanted * dims);
    const latent = new Float32Array(latentDims);
    for (let i = 0; i < wanted; i++) {
      const cloud = prng.below(clouds) * latentDims;
      const place = prng.below(deviates - latentDims);
      for (let a = 0; a < latentDims; a++) {
        const centre = cloudSpread * (centres[cloud + a] as number);
        latent[a] = centre + (table[place + a] as number);
      }
      const row = out.subarray(i * dims, (i + 1) * dims);
      fillRow(row, latent, axes, table, prng.below(deviates - dims));
    }
    return out;
  };
  return { dims, count, rows: drawRows(count), queries: drawRows(queries) };
}

/** row = latent x axes + noise; four axes at a time. */
function fillRow(
  row: Float32Array,
  latent: Float32Array,
  axes: Float32Array,
  table: Float32Array,
  noiseFrom: number,
): void {
  const dims = row.length;
  for (let d = 0; d < dims; d++) {
    row[d] = noise * (table[noiseFrom + d] as number);
  }
  for (let a = 0; a < latentDims; a += 4) {
    const [w, x, y, z] = latent.subarray(a, a + 4) as Iterable<number> as [
      number,
      number,
      number,
      number,
    ];
    const at = a * dims;
    for (let d = 0; d < dims; d++) {
      row[d] =
        (row[d] as number) +
        w * (axes[at + d] as number) +
        x * (axes[at + dims + d] as number) +
        y * (axes[at + 2 * dims + d] as number) +
        z * (axes[at + 3 * dims + d] as number);
    }
  }
}

/** Standard normal deviates (Box and Muller). */
function drawDeviates(prng: Prng): Float32Array {
  return Float32Array.from({ length: deviates }, () => {
    const radius = Math.sqrt(-2 * Math.log((prng.next() + 1) / 2 ** 32));
    return radius * Math.cos((2 * Math.PI * prng.next()) / 2 ** 32);
  });
}

/** Rows whose distances are computed at a time: they stay in the processor's cache. */
const truthRows = 500;

/** The `k`-th smallest squared distance of each query to any row. */
export function farthestNeighbours({ dims, count, rows, queries }: DataSet, k: number) {
  const asked = queries.length / dims;
  const best = Array.from({ length: asked }, () => new Float32Array(k).fill(Infinity));
  const out = new Float32Array(truthRows);
  for (let from = 0; from < count; from += truthRows) {
    const to = Math.min(count, from + truthRows);
    const some = rows.subarray(from * dims, to * dims);
    for (let q = 0; q < asked; q++) {
      const distances = out.subarray(0, to - from);
      simdKernels.squaredDistance(queries.subarray(q * dims, (q + 1) * dims), some, distances);
      keepSmallest(best[q] as Float32Array, distances);
    }
  }
  return best.map((distances) => distances[k - 1] as number);
}

/** `best` is ascending. */
function keepSmallest(best: Float32Array, distances: Float32Array): void {
  let last = best[best.length - 1] as number;
  for (const distance of distances) {
    if (distance < last) {
      let at = best.length - 1;
      for (; at > 0 && (best[at - 1] as number) > distance; at--) best[at] = best[at - 1] as number;
      best[at] = distance;
      last = best[best.length - 1] as number;
    }
  }
}
