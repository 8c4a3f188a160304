/**
 * Evens out the sizes of clusters, so that a probe costs about the same wherever it goes.
 *
 *   1. split clusters of more than 2 x target rows by 2-means, each side at least a quarter, until
 *      none is left (identical rows are cut anywhere: several clusters then share one centroid);
 *   2. merge clusters of less than 0.35 x target rows, smallest first, each into the nearest
 *      cluster that stays within 2 x target; empty ones vanish;
 *   3. renumber in tree order.
 *
 * A generator, because rows may have to be read from storage: it yields row numbers (ascending runs
 * of one cluster or several, at most `loadBytesMax` of f32 rows) and is sent those rows, which it
 * may overwrite. Drive it with `balanceClusters` where rows are in memory, or with a loop that
 * awaits a read for each step. Send views of one array: at every level of the recursion a generator
 * holds on to what it was sent last.
 *
 * Memory: one load, the centroids twice, 12 bytes a row.
 */
import type { DistanceMetric } from "../../document/schema.ts";
import { assert } from "../../errors.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { prepareAssignment } from "./assignment.ts";
import { clusterRows } from "./kmeans.ts";
import { orderCentroids, reorderRows } from "./order.ts";
import { createPrng, type Prng, type Seed } from "./prng.ts";

export interface BalanceInput {
  /** k x width, means of their rows. */
  readonly centroids: Float32Array;
  readonly width: number;
  /** Cluster of every row. */
  readonly clusters: Uint32Array;
  readonly targetRows: number;
  readonly metric: DistanceMetric;
  readonly seed: Seed;
  readonly kernels: Kernels;
  /** Bytes of f32 rows to ask for at once; a merge step has 64 MB altogether. */
  readonly loadBytesMax?: number;
}

export interface BalancedClusters {
  /** k x width in tree order. */
  readonly centroids: Float32Array;
  /** Cluster of every row. */
  readonly clusters: Uint32Array;
  /** Rows of every cluster; never zero. */
  readonly counts: Uint32Array;
}

/** Yields the numbers of rows it needs, is sent the rows (n x width), returns the outcome. */
export type BalanceSteps = Generator<Uint32Array, BalancedClusters, Float32Array>;

const balanceStream = 0x6261_6c61;
const loadBytesDefault = 8 * 1024 * 1024;
const splitIterations = 8;

interface Cluster {
  readonly rows: Uint32Array;
  readonly centroid: Float32Array;
}

interface Context extends BalanceInput {
  readonly prng: Prng;
  readonly rowsMax: number;
  readonly loadRows: number;
}

/** Runs `balanceSteps` with rows that are at hand. */
export function balanceClusters(
  input: BalanceInput,
  readRows: (rows: Uint32Array) => Float32Array,
): BalancedClusters {
  const steps = balanceSteps(input);
  let step = steps.next();
  while (!step.done) {
    step = steps.next(readRows(step.value));
  }
  return step.value;
}

export function* balanceSteps(input: BalanceInput): BalanceSteps {
  assert(input.clusters.length > 0, "there is at least one row");
  const context: Context = {
    ...input,
    prng: createPrng(input.seed, balanceStream),
    rowsMax: 2 * input.targetRows,
    loadRows: Math.max(4, Math.floor((input.loadBytesMax ?? loadBytesDefault) / (4 * input.width))),
  };
  const whole: Cluster[] = [];
  // Small loads wait for each other: a read takes long to begin.
  let waiting: Uint32Array[] = [];
  let waitingRows = 0;
  for (const cluster of collectClusters(input)) {
    const { length } = cluster.rows;
    if (length <= context.rowsMax || length > context.loadRows) {
      yield* splitCluster(context, cluster, whole);
      continue;
    }
    if (waitingRows + length > context.loadRows) {
      yield* splitTogether(context, waiting, whole);
      waiting = [];
      waitingRows = 0;
    }
    waiting.push(cluster.rows);
    waitingRows += length;
  }
  yield* splitTogether(context, waiting, whole);
  return mergeSmall(context, whole);
}

/** Splits clusters that fit one load together. */
function* splitTogether(
  context: Context,
  clusters: readonly Uint32Array[],
  whole: Cluster[],
): Generator<Uint32Array, void, Float32Array> {
  if (clusters.length === 0) {
    return;
  }
  const numbers = Uint32Array.from(clusters.flatMap((own) => [...own]));
  // What is yielded stays as it is while rows change places.
  const rows = yield numbers.slice();
  let at = 0;
  for (const { length } of clusters) {
    const own = rows.subarray(at * context.width, (at + length) * context.width);
    splitLoaded(context, numbers.subarray(at, at + length), own, whole);
    at += length;
  }
}

function* collectClusters(input: BalanceInput): Generator<Cluster> {
  const { centroids, width, clusters } = input;
  const count = centroids.length / width;
  const ends = new Uint32Array(count);
  for (const cluster of clusters) {
    ends[cluster] = (ends[cluster] as number) + 1;
  }
  let total = 0;
  const starts = ends.map((size) => (total += size) - size);
  ends.set(starts);
  const sorted = new Uint32Array(clusters.length);
  clusters.forEach((cluster, row) => {
    const at = ends[cluster] as number;
    sorted[at] = row;
    ends[cluster] = at + 1;
  });
  for (let j = 0; j < count; j++) {
    const rows = sorted.subarray(starts[j], ends[j]);
    if (rows.length > 0) {
      yield { rows, centroid: centroids.subarray(j * width, (j + 1) * width) };
    }
  }
}

/** Appends the cluster, or the clusters it was split into, to `whole`. */
function* splitCluster(
  context: Context,
  cluster: Cluster,
  whole: Cluster[],
): Generator<Uint32Array, void, Float32Array> {
  const { rows } = cluster;
  if (rows.length <= context.rowsMax) {
    whole.push(cluster);
  } else if (rows.length <= context.loadRows) {
    splitLoaded(context, rows, yield rows, whole);
  } else {
    for (const part of yield* splitStreamed(context, rows)) {
      yield* splitCluster(context, part, whole);
    }
  }
}

/** Splits rows in memory, recursively; halves are moved together in place, so nothing is copied. */
function splitLoaded(
  context: Context,
  numbers: Uint32Array,
  rows: Float32Array,
  whole: Cluster[],
): void {
  const { width } = context;
  if (numbers.length <= context.rowsMax) {
    whole.push({ rows: numbers, centroid: meanOf(rows, width) });
    return;
  }
  const plane = separate(context, rows);
  const projections = project(context, plane, rows);
  const first = cut(projections, plane.threshold);
  const size = partition(numbers, rows, width, first);
  splitLoaded(context, numbers.subarray(0, size), rows.subarray(0, size * width), whole);
  splitLoaded(context, numbers.subarray(size), rows.subarray(size * width), whole);
}

/**
 * Splits once a cluster that cannot be loaded whole: 2-means on a sample, then every row by its
 * side.
 */
function* splitStreamed(
  context: Context,
  numbers: Uint32Array,
): Generator<Uint32Array, Cluster[], Float32Array> {
  const { width, loadRows } = context;
  const count = numbers.length;
  const sample = Uint32Array.from(
    { length: loadRows },
    (_, i) => numbers[Math.floor((i * count) / loadRows)] as number,
  );
  const plane = separate(context, yield sample);
  const projections = new Float32Array(count);
  for (let from = 0; from < count; from += loadRows) {
    const rows = yield numbers.subarray(from, from + loadRows);
    projections.set(project(context, plane, rows), from);
  }
  const first = cut(projections, plane.threshold);
  const sides = [1, 0].map((side) => numbers.filter((_, i) => first[i] === side));
  const parts: Cluster[] = [];
  for (const rows of sides) {
    const centroid = new Float32Array(width);
    for (let from = 0; from < rows.length; from += loadRows) {
      const part = rows.subarray(from, from + loadRows);
      const mean = meanOf(yield part, width);
      mean.forEach((value, d) => {
        centroid[d] = (centroid[d] as number) + (value * part.length) / rows.length;
      });
    }
    parts.push({ rows, centroid });
  }
  return parts;
}

/**
 * The plane between two centroids: rows with a projection above the threshold are nearer to the
 * first.
 */
interface Plane {
  readonly direction: Float32Array;
  readonly threshold: number;
}

function separate(context: Context, rows: Float32Array): Plane {
  const { width, metric, prng, kernels } = context;
  const { centroids } = clusterRows({
    rows,
    width,
    count: 2,
    iterations: splitIterations,
    metric,
    prng,
    kernels,
  });
  const { vectors, bias } = prepareAssignment(centroids, width, metric);
  const direction = vectors.slice(0, width);
  for (let d = 0; d < width; d++) {
    direction[d] = (direction[d] as number) - (vectors[width + d] as number);
  }
  return { direction, threshold: (bias[0] as number) - (bias[1] as number) };
}

function project(context: Context, plane: Plane, rows: Float32Array): Float32Array {
  const projections = new Float32Array(rows.length / context.width);
  context.kernels.dot(plane.direction, rows, projections);
  return projections;
}

/**
 * 1 for rows of the first side, 0 for the second; each side gets at least a quarter of the rows.
 */
function cut(projections: Float32Array, threshold: number): Uint8Array {
  const count = projections.length;
  const order = Uint32Array.from(projections.keys()).sort(
    (a, b) => (projections[b] as number) - (projections[a] as number) || a - b,
  );
  const natural = projections.reduce((sum, value) => sum + (value > threshold ? 1 : 0), 0);
  const alike = projections[order[0] as number] === projections[order[count - 1] as number];
  const least = Math.ceil(count / 4);
  const size = alike ? count >> 1 : Math.max(least, Math.min(count - least, natural));
  const first = new Uint8Array(count);
  for (const row of order.subarray(0, size)) {
    first[row] = 1;
  }
  return first;
}

/** Moves the rows marked 1 to the front, numbers and vectors alike; returns how many they are. */
function partition(
  numbers: Uint32Array,
  rows: Float32Array,
  width: number,
  first: Uint8Array,
): number {
  let low = 0;
  let high = numbers.length - 1;
  for (;;) {
    while (first[low] === 1) {
      low++;
    }
    while (high >= 0 && first[high] === 0) {
      high--;
    }
    if (low > high) {
      return low;
    }
    const moved = rows.slice(low * width, (low + 1) * width);
    rows.copyWithin(low * width, high * width, (high + 1) * width);
    rows.set(moved, high * width);
    const number = numbers[low] as number;
    numbers[low] = numbers[high] as number;
    numbers[high] = number;
    first[low] = 1;
    first[high] = 0;
  }
}

function meanOf(rows: Float32Array, width: number): Float32Array {
  const sums = new Float64Array(width);
  const count = rows.length / width;
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < width; d++) {
      sums[d] = (sums[d] as number) + (rows[i * width + d] as number);
    }
  }
  return Float32Array.from(sums, (sum) => sum / count);
}

/** Steps 2 and 3 of the header. */
function mergeSmall(context: Context, whole: readonly Cluster[]): BalancedClusters {
  const { width, metric, seed, kernels } = context;
  const centroids = new Float32Array(whole.length * width);
  whole.forEach(({ centroid }, j) => centroids.set(centroid, j * width));
  const counts = Uint32Array.from(whole, ({ rows }) => rows.length);
  const into = absorb(context, centroids, counts);
  const alive = Uint32Array.from(counts.keys()).filter((j) => into[j] === j);
  const kept = reorderRows(centroids, width, alive);
  const order = orderCentroids({ rows: kept, width, metric, seed, kernels });
  const places = new Uint32Array(whole.length);
  order.forEach((from, to) => {
    places[alive[from] as number] = to;
  });
  const clusters = new Uint32Array(context.clusters.length);
  whole.forEach(({ rows }, j) => {
    let target = j;
    while (into[target] !== target) {
      target = into[target] as number;
    }
    for (const row of rows) {
      clusters[row] = places[target] as number;
    }
  });
  return {
    centroids: reorderRows(kept, width, order),
    clusters,
    counts: order.map((from) => counts[alive[from] as number] as number),
  };
}

/**
 * Merges clusters that are too small, in place; returns for each the cluster it went to, or itself.
 */
function absorb(context: Context, centroids: Float32Array, counts: Uint32Array): Uint32Array {
  const { width, rowsMax, kernels } = context;
  const rowsMin = 0.35 * context.targetRows;
  const into = Uint32Array.from(counts.keys());
  const stuck = new Set<number>();
  const distances = new Float32Array(counts.length);
  for (;;) {
    const candidates = into.filter(
      (to, j) => to === j && (counts[j] as number) < rowsMin && !stuck.has(j),
    );
    if (candidates.length === 0) {
      return into;
    }
    const small = candidates.reduce((a, b) =>
      (counts[b] as number) < (counts[a] as number) ? b : a,
    );
    const size = counts[small] as number;
    const from = centroids.subarray(small * width, (small + 1) * width);
    kernels.squaredDistance(from, centroids, distances);
    let target = small;
    for (let j = 0; j < counts.length; j++) {
      const fits = j !== small && into[j] === j && (counts[j] as number) + size <= rowsMax;
      const nearer = target === small || (distances[j] as number) < (distances[target] as number);
      target = fits && nearer ? j : target;
    }
    if (target === small) {
      stuck.add(small);
      continue;
    }
    const total = (counts[target] as number) + size;
    for (let d = 0; d < width; d++) {
      const at = target * width + d;
      const move = (from[d] as number) - (centroids[at] as number);
      centroids[at] = (centroids[at] as number) + (move * size) / total;
    }
    counts[target] = total;
    into[small] = target;
  }
}
