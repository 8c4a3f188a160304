/**
 * How an approximate query goes about the segments: which scan blocks it reads and how many rows it
 * refines. Pure. The numbers are what recall was measured with; more of either costs bytes and
 * time, never correctness.
 *
 *   flat segments   every scan block that has a match
 *   clusters        of all other segments together. Without a filter the nearest, until they hold
 *                   the budget of live rows; with one those that promise most (promise.ts), until
 *                   the others promise next to nothing
 *   few matches     in what was chosen so: no scan, each of them is refined
 *
 * A namespace whose queries were seen to find too little scans `probes` times as many, and refines
 * more by the root of it.
 */
import type { DistanceMetric } from "../document/schema.ts";
import type { Int8Query } from "../index/vector/int8.ts";
import { chooseClusters } from "../index/vector/probe.ts";
import { promisingClusters, type SizedDirectory } from "../index/vector/promise.ts";
import type { Kernels } from "../kernels/kernels.ts";

/** A segment as the planner sees it. */
export interface PlannedSegment {
  readonly query: Int8Query;
  readonly clustered: boolean;
  /** Live, matching rows of each scan block. */
  readonly directory: SizedDirectory;
  /** Rows of the segment, dead ones included. */
  readonly rows: number;
  /** Live, matching rows. */
  readonly matches: number;
}

export type ScanPlan =
  | { readonly kind: "refine"; readonly blocks: readonly ScanTarget[] }
  | { readonly kind: "scan"; readonly blocks: readonly ScanTarget[]; readonly refineMax: number };

export interface ScanTarget {
  readonly segment: number;
  readonly block: number;
}

/** See `scanBudget`. Measured with 60,000 rows of 784 dimensions in one to four segments. */
const scanRowsMin = 4_000;
const scanRowsPerRoot = 24;
const segmentsPower = 0.25;
/** A query for many rows looks at so many for each. */
const scanRowsPerWanted = 10;
/** Live rows scanned grow with the share that lives to this power. */
const livePower = 0.7;
/**
 * A filtered query reads clusters until what is left is expected to hold no larger share of the
 * rows wanted, and until it has found so many matches for each of them. Measured with eight filters
 * that leave 0.08 to 90 % of 60,000 rows: 97 % of the best ten are found by it, or more.
 */
const missedShare = 0.01;
const matchesPerWanted = 2;

/** So few matches are not worth a scan, however far apart they lie. */
const refinedAtOnceMax = 32;
const refineRowsMin = 100;
/** Rows that match a filter lie apart: each may cost a read. */
const filteredRefineRowsMin = 32;
const refineRowsPerWanted = 3;
/** Rows beyond those wanted whose exact distance settles what int8 codes cannot. */
const exactExtraMin = 20;
const exactExtraShare = 0.25;

/**
 * Rows that an unfiltered query scans in clustered segments of so many rows together. The clusters
 * around a query grow with the root of the rows; the same rows in several segments lie around it in
 * several sets of clusters, each cut elsewhere, and need more for the same recall.
 */
export function scanBudget(rows: number, segments: number): number {
  return Math.max(scanRowsMin, scanRowsPerRoot * Math.sqrt(rows) * segments ** segmentsPower);
}

/** Most rows to refine so that `wanted` good ones come out. */
export function refineMax(wanted: number, isFiltered = false): number {
  const least = isFiltered ? filteredRefineRowsMin : refineRowsMin;
  return Math.max(least, refineRowsPerWanted * wanted);
}

/** Most rows whose exact distance an approximate query computes. */
export function exactMax(wanted: number): number {
  return wanted + Math.max(exactExtraMin, Math.ceil(exactExtraShare * wanted));
}

/**
 * Share of the rigorous bound of an int8 estimate that an approximate query believes. The bound is
 * reached only if the lost parts of a row point exactly along the query; in a rotated space their
 * product has a standard deviation of 1 / sqrt(width) of it. So these are six of those: nothing was
 * ever lost by it, and a third fewer rows need their exact distance.
 */
export function believedShare(width: number): number {
  return Math.min(1, 6 / Math.sqrt(width));
}

export function planScan(
  metric: DistanceMetric,
  segments: readonly PlannedSegment[],
  wanted: number,
  isFiltered: boolean,
  kernels: Kernels,
  probes = 1,
): ScanPlan {
  const blocks: ScanTarget[] = [];
  const clustered: number[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment.clustered) clustered.push(index);
    else blocks.push(...matchingBlocks(segment, index));
  }
  const chosen = clustered.map((index) => segments[index] as PlannedSegment);
  const query = chosen[0]?.query;
  let nearest: ScanTarget[] = [];
  if (query !== undefined) {
    nearest = isFiltered
      ? promisedClusters(query, chosen, wanted, kernels, probes)
      : nearestClusters(metric, query, chosen, wanted, kernels, probes);
  }
  // The nearest clusters are the most promising reads, so they come first.
  blocks.unshift(
    ...nearest.map(({ segment, block }) => ({ segment: clustered[segment] as number, block })),
  );
  const matches = blocks.reduce(
    (sum, { segment, block }) => sum + (segments[segment]?.directory.rows[block] as number),
    0,
  );
  if (matches <= Math.max(refinedAtOnceMax, wanted)) {
    return { kind: "refine", blocks };
  }
  const most = Math.ceil(refineMax(wanted, isFiltered) * Math.sqrt(probes));
  return { kind: "scan", blocks, refineMax: most };
}

function matchingBlocks({ directory }: PlannedSegment, segment: number): ScanTarget[] {
  return Array.from(directory.rows.keys())
    .filter((block) => (directory.rows[block] as number) > 0)
    .map((block) => ({ segment, block }));
}

/** `segment` of what both choose: index into `chosen`. */
function promisedClusters(
  query: Int8Query,
  chosen: readonly PlannedSegment[],
  wanted: number,
  kernels: Kernels,
  probes: number,
): ScanTarget[] {
  const directories = chosen.map(({ directory }) => directory);
  const promising = promisingClusters(query, directories, wanted, kernels);
  const promisedMin = wanted * (1 - missedShare / probes);
  const foundMin = matchesPerWanted * wanted * probes;
  const targets: ScanTarget[] = [];
  let [promised, found] = [0, 0];
  for (const [i, block] of promising.clusters.entries()) {
    if (promised >= promisedMin && found >= foundMin) break;
    const segment = promising.segments[i] as number;
    promised += promising.promises[i] as number;
    found += directories[segment]?.rows[block] as number;
    targets.push({ segment, block });
  }
  return targets;
}

function nearestClusters(
  metric: DistanceMetric,
  query: Int8Query,
  chosen: readonly PlannedSegment[],
  wanted: number,
  kernels: Kernels,
  probes: number,
): ScanTarget[] {
  const rows = chosen.reduce((sum, segment) => sum + segment.rows, 0);
  const matches = chosen.reduce((sum, segment) => sum + segment.matches, 0);
  const share = Math.min(1, matches / rows) ** livePower;
  const budget = Math.max(scanBudget(rows, chosen.length) * share, scanRowsPerWanted * wanted);
  const directories = chosen.map(({ directory }) => directory);
  const probe = chooseClusters(metric, query, directories, probes * budget, kernels);
  return Array.from(probe.clusters, (block, i) => ({
    segment: probe.segments[i] as number,
    block,
  }));
}
