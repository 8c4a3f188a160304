/**
 * Which clusters to read: how many of the nearest matching rows each is expected to hold. The
 * distance of a centroid alone says little where few rows of a cluster match: one match in the
 * nearest is worth less than a hundred in one that is not much farther. And it does not say when to
 * stop: of some queries two clusters hold all that is near, of others thirty.
 *
 *   1. |q - x|^2 of a row x of a cluster with centroid c and radius rho is taken for normal, with
 *      mean |q - c|^2 + rho^2 and variance (2 s rho |q - c|)^2 + (v rho^2)^2. s is the share of the
 *      radius that lies along one direction.
 *   2. The bar: the distance below which as many matches as are wanted are expected, all clusters
 *      together.
 *   3. What a cluster promises: its matches, times the probability that one is below the bar.
 *
 * Clusters come by what they promise for each row that has to be read. Under cosine all rows are
 * unit vectors, and |q - x|^2 is twice the distance.
 *
 * Cost: an int8 product a cluster, and some sixteen exponentials for each that may be near.
 */
import { scratch } from "../../bytes/scratch.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import type { QuantisedCentroids } from "./centroids.ts";
import type { Int8Query } from "./int8.ts";

/** The cluster directory of one segment. */
export interface ClusterDirectory {
  readonly centroids: QuantisedCentroids;
  /** Root mean square distance of the rows from their centroid. */
  readonly radii: Float32Array;
  /** Rows worth reading: all of a cluster, or those that match. Zero skips the cluster. */
  readonly rows: Uint32Array;
  /** All rows of each cluster. */
  readonly sizes: Uint32Array;
}

/** Clusters that have matches, the most promising first. */
export interface PromisingClusters {
  /** Index into the directories given. */
  readonly segments: readonly number[];
  readonly clusters: readonly number[];
  /** Of the rows wanted, how many are expected there. */
  readonly promises: readonly number[];
}

/** s and v. With more of either more clusters are read; measured with filters on images. */
const alongShare = 0.18;
const lengthShare = 0.18;
/** Deviations beyond which nothing is expected: a row in thirty thousand. */
const farthest = 4;
const barSteps = 16;

/** Those that promise next to nothing, nearest first, come only where the others are not enough. */
export function promisingClusters(
  query: Int8Query,
  directories: readonly ClusterDirectory[],
  wanted: number,
  kernels: Kernels,
  isEnough: (promised: number, found: number) => boolean = () => false,
): PromisingClusters {
  const all = new Clusters(query, directories, kernels);
  const bar = findBar(all, wanted);
  const promises = promisesOf(all.count);
  const worth = worthOf(all.count);
  const likely: number[] = [];
  const others: number[] = [];
  let [promised, found] = [0, 0];
  for (let i = 0; i < all.count; i++) {
    const promise = all.promiseBelow(bar, i);
    promises[i] = promise;
    worth[i] = promise / (all.sizes[i] as number);
    (promise > 0 ? likely : others).push(i);
    promised += promise;
    if (promise > 0) found += all.matches[i] as number;
  }
  const nearer = (a: number, b: number): number =>
    (all.means[a] as number) - (all.means[b] as number) || a - b;
  likely.sort((a, b) => (worth[b] as number) - (worth[a] as number) || nearer(a, b));
  const order = isEnough(promised, found) ? likely : [...likely, ...others.sort(nearer)];
  return {
    segments: order.map((i) => all.segments[i] as number),
    clusters: order.map((i) => all.clusters[i] as number),
    promises: order.map((i) => promises[i] as number),
  };
}

const wholeNumbers = () => scratch((length) => new Uint32Array(length));
const doubles = () => scratch((length) => new Float64Array(length));

/** Room for one query at a time. */
const columns = {
  segments: wholeNumbers(),
  clusters: wholeNumbers(),
  sizes: wholeNumbers(),
  matches: wholeNumbers(),
  means: doubles(),
  deviations: doubles(),
};
const promisesOf = doubles();
const worthOf = doubles();
const productsOf = scratch((length) => new Float32Array(length));
const startsOf = wholeNumbers();
const sumsOf = scratch((length) => new Int32Array(length));

/**
 * The clusters that have matches, and what is known of the squared distances of their rows. There
 * is room for those of one query at a time.
 */
class Clusters {
  readonly segments: Uint32Array;
  readonly clusters: Uint32Array;
  readonly sizes: Uint32Array;
  readonly matches: Uint32Array;
  readonly means: Float64Array;
  readonly deviations: Float64Array;
  count = 0;

  constructor(query: Int8Query, directories: readonly ClusterDirectory[], kernels: Kernels) {
    const total = directories.reduce((sum, { rows }) => sum + rows.length, 0);
    this.segments = columns.segments(total);
    this.clusters = columns.clusters(total);
    this.sizes = columns.sizes(total);
    this.matches = columns.matches(total);
    this.means = columns.means(total);
    this.deviations = columns.deviations(total);
    for (const [segment, directory] of directories.entries()) {
      this.#describe(query, directory, segment, kernels);
    }
  }

  #describe(
    query: Int8Query,
    { centroids, radii, rows, sizes }: ClusterDirectory,
    segment: number,
    kernels: Kernels,
  ): void {
    const products = productsOf(rows.length);
    multiplyCentroids(query, centroids, kernels, products);
    for (let cluster = 0; cluster < rows.length; cluster++) {
      const matches = rows[cluster] as number;
      if (matches === 0) continue;
      const norm = centroids.norms[cluster] as number;
      const squared = Math.max(0, query.norm + norm - 2 * (products[cluster] as number));
      const radius = (radii[cluster] as number) ** 2;
      const along = 4 * alongShare * alongShare * squared * radius;
      const i = this.count++;
      this.segments[i] = segment;
      this.clusters[i] = cluster;
      this.sizes[i] = sizes[cluster] as number;
      this.matches[i] = matches;
      this.means[i] = squared + radius;
      this.deviations[i] = Math.sqrt(along + (lengthShare * radius) ** 2);
    }
  }

  /** How many rows of a cluster are expected below the bar. */
  promiseBelow(bar: number, i: number): number {
    const matches = this.matches[i] as number;
    if (bar === Infinity) return matches;
    const above = bar - (this.means[i] as number);
    const deviation = this.deviations[i] as number;
    if (deviation === 0) return above >= 0 ? matches : 0;
    return above < -farthest * deviation ? 0 : matches * normalBelow(above / deviation);
  }
}

/** The distance below which `wanted` matches are expected; Infinity if there are no more. */
function findBar(all: Clusters, wanted: number): number {
  let high = highBar(all, wanted);
  if (high === Infinity) return Infinity;
  const near: number[] = [];
  let low = high;
  for (let i = 0; i < all.count; i++) {
    const least = (all.means[i] as number) - farthest * (all.deviations[i] as number);
    if (!(least < high)) continue;
    near.push(i);
    low = Math.min(low, least);
  }
  for (let step = 0; step < barSteps; step++) {
    const middle = (low + high) / 2;
    let below = 0;
    for (const i of near) below += all.promiseBelow(middle, i);
    if (below < wanted) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * A distance that the bar is not above. Half of a cluster lies below its mean, so that is any mean
 * at which the clusters before, or one cluster alone, hold twice the rows.
 */
function highBar(all: Clusters, wanted: number): number {
  let high = Infinity;
  for (let i = 0; i < all.count; i++) {
    if ((all.matches[i] as number) >= 2 * wanted) high = Math.min(high, all.means[i] as number);
  }
  if (high < Infinity) return high;
  const nearestFirst = Array.from({ length: all.count }, (_, i) => i).sort(
    (a, b) => (all.means[a] as number) - (all.means[b] as number),
  );
  let matches = 0;
  for (const i of nearestFirst) {
    matches += all.matches[i] as number;
    if (matches >= 2 * wanted) return all.means[i] as number;
  }
  return Infinity;
}

/** The normal distribution function, within some percent far out too. */
function normalBelow(x: number): number {
  const away = Math.abs(x);
  const tail = Math.exp((-away * away) / 2) / (1.64 * away + Math.sqrt(0.76 * away * away + 4));
  return x < 0 ? tail : 1 - tail;
}

/** out[j] = <q, centroid j>. */
export function multiplyCentroids(
  query: Int8Query,
  { codes, scales }: QuantisedCentroids,
  kernels: Kernels,
  out: Float32Array,
): void {
  const width = query.codes.length;
  const starts = startsOf(out.length);
  for (let j = 0; j < starts.length; j++) starts[j] = j * width;
  const sums = sumsOf(out.length);
  kernels.dotInt8(query.codes, codes, starts, sums);
  for (let j = 0; j < out.length; j++) {
    out[j] = (sums[j] as number) * query.scale * (scales[j] as number);
  }
}
