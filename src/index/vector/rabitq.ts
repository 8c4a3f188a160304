/**
 * The scan plane: one bit a coordinate, relative to the cluster's centroid, with an unbiased
 * estimate of the distance and its standard error (RaBitQ, Gao and Long 2024, arXiv 2405.12497).
 *
 * For a row o with residual r = o - c: s = sign pattern of r (+1 where r > 0, else -1),
 * l1 = sum |r|, n2 = |r|^2, alpha = n2 / l1. For any fixed u, <r, u> ~ alpha <s, u>.
 * With u = q - c:
 *
 *   metric      base (per cluster)   A (per row)   F (per row)    distance = base + A + F <s, u>
 *   euclidean   |u|^2                n2            -2 alpha
 *   cosine      1 - <q, c>           -<r, c>       -alpha
 *
 * E = sqrt(P (1 - kappa^2) / (P - 1)) with kappa = l1 / (sqrt(P) |r|): the standard error is
 * |F| E |u|. E lies in [0, 1.01] whatever the scale of the data, so half precision is enough.
 * F = E = 0 where r is zero.
 *
 * u is quantised to 4 bits for each cluster, not once for the query: this costs a few microseconds
 * a cluster and keeps the error relative to |q - c|, also where all vectors lie far from the
 * origin.
 *   u ~ û = low + step * level,  <s, û> = 2 (step W + low pop) - sum û,  W = `Kernels.scanBits`.
 */
import { f16ToF32 } from "../../bytes/f16.ts";
import { scratch } from "../../bytes/scratch.ts";
import type { DistanceMetric } from "../../document/schema.ts";
import { assert } from "../../errors.ts";
import type { Kernels } from "../../kernels/kernels.ts";

/** Codes and factors of the rows of one cluster, as computed. */
export interface EncodedCluster {
  /** n x width / 8. */
  readonly codes: Uint8Array;
  readonly a: Float32Array;
  readonly f: Float32Array;
  /** Stored as IEEE half. */
  readonly e: Float32Array;
  /** Number of one bits of each code. */
  readonly pop: Uint16Array;
  /** Root mean square of |r|: the radius of the cluster. */
  readonly radius: number;
}

/** The same as stored, usually views over bytes that were read. */
export interface ClusterBlock {
  readonly codes: Uint8Array;
  readonly a: Float32Array;
  readonly f: Float32Array;
  /** Bits of IEEE half values. */
  readonly e: Uint16Array;
  readonly pop: Uint16Array;
}

/** Encodes the rotated rows (n x width) of a cluster against its dequantised centroid. */
export function encodeCluster(
  rows: Float32Array,
  centroid: Float32Array,
  metric: DistanceMetric,
): EncodedCluster {
  const width = centroid.length;
  const count = rows.length / width;
  assert(Number.isInteger(count), "rows do not match the centroid");
  const codes = new Uint8Array(rows.length / 8);
  const a = new Float32Array(count);
  const f = new Float32Array(count);
  const e = new Float32Array(count);
  const pop = new Uint16Array(count);
  let squares = 0;
  for (let i = 0; i < count; i++) {
    let l1 = 0;
    let n2 = 0;
    let along = 0;
    let ones = 0;
    for (let d = 0; d < width; d++) {
      const c = centroid[d] as number;
      const r = (rows[i * width + d] as number) - c;
      n2 += r * r;
      along += r * c;
      if (r > 0) {
        l1 += r;
        ones++;
        const at = (i * width + d) >> 3;
        codes[at] = (codes[at] as number) | (1 << (d & 7));
      } else {
        l1 -= r;
      }
    }
    const alpha = l1 > 0 ? n2 / l1 : 0;
    const unexplained = n2 > 0 ? Math.max(0, width - (l1 * l1) / n2) : 0;
    a[i] = metric === "cosine_distance" ? -along : n2;
    f[i] = metric === "cosine_distance" ? -alpha : -2 * alpha;
    e[i] = Math.sqrt(unexplained / (width - 1));
    pop[i] = ones;
    squares += n2;
  }
  return { codes, a, f, e, pop, radius: count === 0 ? 0 : Math.sqrt(squares / count) };
}

const residuals = scratch((length) => new Float32Array(length));
const bitPlanes = scratch((length) => new Uint8Array(length));
const bitSums = scratch((length) => new Uint32Array(length));

/** The standard error of the estimate of a row of the cluster: asked for few of them. */
export type ErrorOf = (row: number) => number;

/**
 * Estimates the distance of every row of a cluster to a rotated query and writes them from index
 * `at` on. Under cosine the rows and the query are unit vectors or zero.
 */
export function estimateCluster(
  metric: DistanceMetric,
  query: Float32Array,
  centroid: Float32Array,
  block: ClusterBlock,
  kernels: Kernels,
  out: Float32Array,
  at = 0,
): ErrorOf {
  const count = block.pop.length;
  assert(at + count <= out.length, "no room for the estimates");
  assert(query.length % 64 === 0, "queries are rotated first");
  const planes = bitPlanes(query.length / 2);
  const target = relate(query, centroid, planes);
  const sums = bitSums(count);
  kernels.scanBits(planes, block.codes, sums);
  const base = metric === "cosine_distance" ? 1 - target.along : target.norm;
  const { low, step, total, norm, lost } = target;
  const { a, f, e, pop } = block;
  for (let i = 0; i < count; i++) {
    const signed = 2 * (step * (sums[i] as number) + low * (pop[i] as number)) - total;
    out[at + i] = base + (a[i] as number) + (f[i] as number) * signed;
  }
  return (row) => {
    const share = f16ToF32(e[row] as number);
    return Math.abs(f[row] as number) * Math.sqrt(share * share * norm + lost);
  };
}

/** What is the same for all rows of a cluster; u = q - c. */
interface Target {
  /** |u|^2. */
  readonly norm: number;
  /** <q, c>. */
  readonly along: number;
  readonly low: number;
  readonly step: number;
  /** Sum of the coordinates of û. */
  readonly total: number;
  /** |u - û|^2: the variance that quantising adds to <s, u>. */
  readonly lost: number;
}

/** Computes u and its four bit planes. */
function relate(query: Float32Array, centroid: Float32Array, planes: Uint8Array): Target {
  const width = query.length;
  const residual = residuals(width);
  let norm = 0;
  let along = 0;
  let low = Infinity;
  let high = -Infinity;
  for (let d = 0; d < width; d++) {
    const c = centroid[d] as number;
    const u = (query[d] as number) - c;
    residual[d] = u;
    norm += u * u;
    along += (query[d] as number) * c;
    low = u < low ? u : low;
    high = u > high ? u : high;
  }
  const step = (high - low) / 15;
  const perStep = step > 0 ? 1 / step : 0;
  let levels = 0;
  let lost = 0;
  for (let byte = 0; byte < width / 8; byte++) {
    let bits = 0;
    for (let b = 0; b < 8; b++) {
      const u = residual[byte * 8 + b] as number;
      const level = ((u - low) * perStep + 0.5) | 0;
      const difference = u - (low + step * level);
      lost += difference * difference;
      levels += level;
      // Spreads the four bits of the level over the four bytes of `bits`.
      bits |= (((level * 0x204081) & 0x01010101) << b) | 0;
    }
    const word = (byte >> 3) * 32 + (byte & 7);
    planes[word] = bits;
    planes[word + 8] = bits >>> 8;
    planes[word + 16] = bits >>> 16;
    planes[word + 24] = bits >>> 24;
  }
  return { norm, along, low, step, total: low * width + step * levels, lost };
}
