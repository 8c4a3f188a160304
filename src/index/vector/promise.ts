/**
 * Which clusters to read for a query with a filter: how many of the nearest matching rows each is
 * expected to hold. The distance of a centroid alone says little where few rows of a cluster match:
 * one match in the nearest is worth less than a hundred in one that is not much farther.
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
 * Cost: an int8 product a cluster, and some twenty exponentials for each that has a match.
 */
import type { Kernels } from "../../kernels/kernels.ts";
import type { Int8Query } from "./int8.ts";
import { type ClusterDirectory, multiplyCentroids } from "./probe.ts";

export interface SizedDirectory extends ClusterDirectory {
  /** All rows of each cluster, of which `rows` match. */
  readonly sizes: Uint32Array;
}

/** Clusters that have matches, the most promising first. */
export interface PromisingClusters {
  /** Index into the directories given. */
  readonly segments: Uint32Array;
  readonly clusters: Uint32Array;
  /** Of the rows wanted, how many are expected there. */
  readonly promises: Float64Array;
}

/** s and v. With more of either more clusters are read; measured with filters on images. */
const alongShare = 0.18;
const lengthShare = 0.18;
/** Deviations beyond which nothing is expected. */
const farthest = 6;
const barSteps = 20;

export function promisingClusters(
  query: Int8Query,
  directories: readonly SizedDirectory[],
  wanted: number,
  kernels: Kernels,
): PromisingClusters {
  const all = directories.flatMap((directory, segment) =>
    describeClusters(query, directory, segment, kernels),
  );
  const bar = findBar(all, wanted);
  const promised = all
    .map((each) => ({ ...each, promise: promiseBelow(bar, each) }))
    .sort((a, b) => b.promise / b.size - a.promise / a.size || a.mean - b.mean);
  return {
    segments: Uint32Array.from(promised, ({ segment }) => segment),
    clusters: Uint32Array.from(promised, ({ cluster }) => cluster),
    promises: Float64Array.from(promised, ({ promise }) => promise),
  };
}

interface DescribedCluster {
  readonly segment: number;
  readonly cluster: number;
  readonly size: number;
  readonly matches: number;
  /** Of the squared distances of its rows. */
  readonly mean: number;
  readonly deviation: number;
}

function describeClusters(
  query: Int8Query,
  { centroids, radii, rows, sizes }: SizedDirectory,
  segment: number,
  kernels: Kernels,
): readonly DescribedCluster[] {
  const products = new Float32Array(rows.length);
  multiplyCentroids(query, centroids, kernels, products);
  const described: DescribedCluster[] = [];
  for (const [cluster, matches] of rows.entries()) {
    if (matches === 0) continue;
    const norm = centroids.norms[cluster] as number;
    const squared = Math.max(0, query.norm + norm - 2 * (products[cluster] as number));
    const radius = (radii[cluster] as number) ** 2;
    const along = 4 * alongShare * alongShare * squared * radius;
    const deviation = Math.sqrt(along + (lengthShare * radius) ** 2);
    const size = sizes[cluster] as number;
    described.push({ segment, cluster, size, matches, mean: squared + radius, deviation });
  }
  return described;
}

/** The distance below which `wanted` matches are expected; Infinity if there are no more. */
function findBar(clusters: readonly DescribedCluster[], wanted: number): number {
  // Half of a cluster lies below its mean, so the bar does not lie above the mean at which the
  // clusters before hold twice the rows.
  const sorted = clusters.toSorted((a, b) => a.mean - b.mean);
  let matches = 0;
  let high = Infinity;
  for (const each of sorted) {
    matches += each.matches;
    if (matches >= 2 * wanted) {
      high = each.mean;
      break;
    }
  }
  if (high === Infinity) return Infinity;
  const near = sorted.filter(({ mean, deviation }) => mean - farthest * deviation < high);
  let low = near.reduce(
    (least, { mean, deviation }) => Math.min(least, mean - farthest * deviation),
    high,
  );
  for (let step = 0; step < barSteps; step++) {
    const middle = (low + high) / 2;
    const below = near.reduce((sum, each) => sum + promiseBelow(middle, each), 0);
    if (below < wanted) low = middle;
    else high = middle;
  }
  return high;
}

/** How many rows of a cluster are expected below the bar. */
function promiseBelow(bar: number, { matches, mean, deviation }: DescribedCluster): number {
  if (bar === Infinity) return matches;
  if (deviation === 0) return mean <= bar ? matches : 0;
  return matches * normalBelow((bar - mean) / deviation);
}

/** The normal distribution function, within some percent far out too. */
function normalBelow(x: number): number {
  const away = Math.abs(x);
  const tail = Math.exp((-away * away) / 2) / (1.64 * away + Math.sqrt(0.76 * away * away + 4));
  return x < 0 ? tail : 1 - tail;
}
