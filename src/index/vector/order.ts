/**
 * Orders vectors so that neighbours in space become neighbours on disk: rows within a cluster, so
 * that the candidates of a query share few pages, and clusters within a segment, so that its probes
 * coalesce into few ranges.
 *
 *   1. k-means into groups of about `groupSize`;
 *   2. chain the groups greedily: each is followed by the nearest one not yet placed;
 *   3. optionally chain the members of each group likewise, from where the group before left off.
 */
import type { DistanceMetric } from "../../document/schema.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { clusterRows } from "./kmeans.ts";
import { createPrng, type Seed } from "./prng.ts";

export interface OrderInput {
  /** n x width. */
  readonly rows: Float32Array;
  readonly width: number;
  readonly metric: DistanceMetric;
  readonly seed: Seed;
  readonly kernels: Kernels;
}

const orderStream = 0x6f72_6465;
const orderIterations = 5;
/** Rows a page of the refine plane holds; candidates are fetched in such pages. */
const pageRows = 32;

/** Permutation of the rows of one cluster: position i holds row order[i]. */
export function orderRows(input: OrderInput): Uint32Array {
  return orderByGroups(input, pageRows, false);
}

/** Permutation of the centroids of a segment: groups of sqrt(k), chained, their members chained. */
export function orderCentroids(input: OrderInput): Uint32Array {
  const count = input.rows.length / input.width;
  return orderByGroups(input, Math.max(1, Math.round(Math.sqrt(count))), true);
}

/** The rows in the given order; rows left out of it are dropped. */
export function reorderRows(rows: Float32Array, width: number, order: Uint32Array): Float32Array {
  const out = new Float32Array(order.length * width);
  order.forEach((from, to) => {
    out.set(rows.subarray(from * width, (from + 1) * width), to * width);
  });
  return out;
}

function orderByGroups(input: OrderInput, groupSize: number, chainMembers: boolean): Uint32Array {
  const { rows, width, kernels } = input;
  const count = rows.length / width;
  const groupCount = Math.ceil(count / groupSize);
  if (groupCount < 2 && !chainMembers) {
    return Uint32Array.from({ length: count }, (_, i) => i);
  }
  const { centroids, assignment } = clusterRows({
    ...input,
    count: Math.max(1, groupCount),
    iterations: orderIterations,
    prng: createPrng(input.seed, orderStream),
  });
  const members: number[][] = Array.from({ length: groupCount }, () => []);
  assignment.clusters.forEach((group, row) => {
    members[group]?.push(row);
  });
  const order = new Uint32Array(count);
  let placed = 0;
  for (const group of chain(centroids, width, kernels)) {
    let chained = members[group] ?? [];
    if (chainMembers && chained.length > 1) {
      const previous = placed === 0 ? undefined : (order[placed - 1] as number);
      chained = chainGroup(rows, width, kernels, chained, previous);
    }
    order.set(chained, placed);
    placed += chained.length;
  }
  return order;
}

/** Chains some of the rows, beginning with the one nearest to row `previous`. */
function chainGroup(
  rows: Float32Array,
  width: number,
  kernels: Kernels,
  members: readonly number[],
  previous: number | undefined,
): number[] {
  const gathered = new Float32Array(members.length * width);
  members.forEach((row, i) => {
    gathered.set(rows.subarray(row * width, (row + 1) * width), i * width);
  });
  const from =
    previous === undefined ? undefined : rows.subarray(previous * width, (previous + 1) * width);
  return Array.from(chain(gathered, width, kernels, from), (i) => members[i] as number);
}

/**
 * Greedy chain through all vectors, starting from the one nearest to `from` (without it, from the
 * first), lowest number on ties. Distance is squared Euclidean: between means it serves both
 * metrics.
 */
function chain(
  vectors: Float32Array,
  width: number,
  kernels: Kernels,
  from?: Float32Array,
): Uint32Array {
  const count = vectors.length / width;
  const order = new Uint32Array(count);
  const left = new Set(order.keys());
  const distances = new Float32Array(count);
  let position = from ?? vectors.subarray(0, width);
  for (let i = 0; i < count; i++) {
    kernels.squaredDistance(position, vectors, distances);
    let next = -1;
    for (const candidate of left) {
      if (next < 0 || (distances[candidate] as number) < (distances[next] as number)) {
        next = candidate;
      }
    }
    left.delete(next);
    order[i] = next;
    position = vectors.subarray(next * width, (next + 1) * width);
  }
  return order;
}
