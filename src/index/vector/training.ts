/**
 * Centroids for a new segment, from a sample of its rows.
 *
 *   1. k = rows / target, but no more than one centroid for `sampleRowsPerCentroid` rows of the
 *      sample: what is missing is made later, by splitting clusters that turn out too large, with
 *      all their rows at hand;
 *   2. flat k-means over the sample (a hierarchy first and global passes after it reach the same
 *      quality at best, and a comparison costs only some tens of nanoseconds);
 *   3. tree order: groups of sqrt(k) centroids, chained.
 *
 * Cost: iterations x sample x k comparisons of 25-80 ns at 768 dimensions.
 */
import type { DistanceMetric } from "../../document/schema.ts";
import { assert } from "../../errors.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { clusterRows } from "./kmeans.ts";
import { orderCentroids, reorderRows } from "./order.ts";
import { createPrng, type Seed } from "./prng.ts";

export interface TrainingInput {
  /** Rotated rows, n x width: all rows, or an unbiased sample of them. */
  readonly sample: Float32Array;
  readonly width: number;
  readonly rowsTotal: number;
  readonly targetRows: number;
  readonly metric: DistanceMetric;
  readonly seed: Seed;
  readonly kernels: Kernels;
}

const trainingStream = 0x7472_6169;
const iterations = 10;
const sampleRowsPerCentroid = 8;

/** k x width, in tree order. */
export function trainCentroids(input: TrainingInput): Float32Array {
  const { sample, width, metric, seed, kernels } = input;
  const sampleRows = sample.length / width;
  assert(Number.isInteger(sampleRows) && sampleRows > 0, "the sample has at least one row");
  const wanted = Math.ceil(input.rowsTotal / input.targetRows);
  const count = Math.max(1, Math.min(wanted, Math.floor(sampleRows / sampleRowsPerCentroid)));
  const prng = createPrng(seed, trainingStream);
  const { centroids } = clusterRows({
    rows: sample,
    width,
    count,
    iterations,
    metric,
    prng,
    kernels,
  });
  const order = orderCentroids({ rows: centroids, width, metric, seed, kernels });
  return reorderRows(centroids, width, order);
}
