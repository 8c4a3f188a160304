/**
 * Lloyd's k-means over rows in memory, under either metric (spherical for cosine). Deterministic:
 * the same rows and generator state give the same centroids.
 *
 *   1. distinct random rows are the first centroids;
 *   2. assign every row; stop after `iterations` rounds or when no row changed;
 *   3. move each centroid to the mean of its rows; one without rows takes over the worst-fitting
 *      row; back to 2.
 *
 * Cost: iterations x n x k comparisons.
 */
import type { DistanceMetric } from "../../document/schema.ts";
import { assert } from "../../errors.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import {
  type Assignment,
  addToMeans,
  assignRows,
  createMeans,
  moveToMeans,
  prepareAssignment,
} from "./assignment.ts";
import type { Prng } from "./prng.ts";

export interface KmeansInput {
  /** n x width. */
  readonly rows: Float32Array;
  readonly width: number;
  /** At most n. */
  readonly count: number;
  readonly iterations: number;
  readonly metric: DistanceMetric;
  readonly prng: Prng;
  readonly kernels: Kernels;
}

export interface Clustering {
  /** count x width: means of their rows, also under cosine. */
  readonly centroids: Float32Array;
  /** Where each row belongs under the last centroids but one, whose means `centroids` are. */
  readonly assignment: Assignment;
}

export function clusterRows(input: KmeansInput): Clustering {
  const { rows, width, count, metric, kernels } = input;
  const rowCount = rows.length / width;
  assert(count > 0 && count <= rowCount, "no more clusters than rows");
  const centroids = pickRows(input);
  const assignment: Assignment = {
    clusters: new Uint32Array(rowCount),
    scores: new Float32Array(rowCount),
  };
  const before = new Uint32Array(rowCount).fill(count);
  for (let round = 0; round < input.iterations; round++) {
    assignRows(rows, prepareAssignment(centroids, width, metric), kernels, assignment);
    if (assignment.clusters.every((cluster, i) => cluster === before[i])) {
      break;
    }
    before.set(assignment.clusters);
    const means = createMeans(count, width);
    addToMeans(means, rows, assignment.clusters);
    moveToMeans(centroids, means);
    if (round + 1 < input.iterations) {
      reviveEmpty(input, centroids, means.counts, assignment);
    }
  }
  return { centroids, assignment };
}

/** `count` distinct rows, by a partial Fisher-Yates shuffle. */
function pickRows(input: KmeansInput): Float32Array {
  const { rows, width, count, prng } = input;
  const order = Uint32Array.from({ length: rows.length / width }, (_, i) => i);
  const picked = new Float32Array(count * width);
  for (let j = 0; j < count; j++) {
    const other = j + prng.below(order.length - j);
    const row = order[other] as number;
    order[other] = order[j] as number;
    order[j] = row;
    picked.set(rows.subarray(row * width, (row + 1) * width), j * width);
  }
  return picked;
}

/** Puts every centroid without rows onto one of the rows that fit worst where they are. */
function reviveEmpty(
  input: KmeansInput,
  centroids: Float32Array,
  counts: Uint32Array,
  assignment: Assignment,
): void {
  const { rows, width, metric } = input;
  const empty = [...counts.keys()].filter((j) => counts[j] === 0);
  if (empty.length === 0) {
    return;
  }
  const misfit = misfits(rows, width, metric, assignment);
  const worst = [...misfit.keys()].sort(
    (a, b) => (misfit[b] as number) - (misfit[a] as number) || a - b,
  );
  for (const [i, j] of empty.entries()) {
    const row = worst[i] as number;
    centroids.set(rows.subarray(row * width, (row + 1) * width), j * width);
  }
}

/**
 * Up to a constant, half the squared distance of each row from its centroid (its direction, under
 * cosine).
 */
function misfits(
  rows: Float32Array,
  width: number,
  metric: DistanceMetric,
  assignment: Assignment,
): Float64Array {
  const misfit = new Float64Array(assignment.scores.length);
  for (let i = 0; i < misfit.length; i++) {
    let norm = 0;
    if (metric === "euclidean_squared") {
      for (let d = i * width; d < (i + 1) * width; d++) {
        norm += (rows[d] as number) * (rows[d] as number);
      }
    }
    misfit[i] = norm / 2 - (assignment.scores[i] as number);
  }
  return misfit;
}
