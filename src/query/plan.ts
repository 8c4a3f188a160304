/**
 * How an approximate query goes about the segments: which scan blocks it reads and how many rows it
 * refines. Pure. The numbers are what recall was measured with; more of either costs bytes and
 * time, never correctness.
 *
 *   flat segments   every scan block that has a match
 *   clusters        of all other segments together: those that promise most (promise.ts), until
 *                   the others promise next to nothing
 *   few matches     in what was chosen so: no scan, each of them is refined
 *
 * A namespace whose queries were seen to find too little leaves that much less to the others
 * (`probes` times less), and refines more by the root of it.
 */
import type { Int8Query } from "../index/vector/int8.ts";
import { type ClusterDirectory, promisingClusters } from "../index/vector/promise.ts";
import type { Kernels } from "../kernels/kernels.ts";

/** A segment as the planner sees it. */
export interface PlannedSegment {
  readonly query: Int8Query;
  readonly clustered: boolean;
  /** Live, matching rows of each scan block. */
  readonly directory: ClusterDirectory;
}

export type ScanPlan =
  | { readonly kind: "refine"; readonly blocks: readonly ScanTarget[] }
  | { readonly kind: "scan"; readonly blocks: readonly ScanTarget[]; readonly refineMax: number };

export interface ScanTarget {
  readonly segment: number;
  readonly block: number;
}

/**
 * Clusters are read until what is left is expected to hold no larger share of the rows wanted, and
 * until so many matches were found for each of them. Measured with eight filters that leave 0.08 to
 * 90 % of 60,000 rows, and without: 97 % of the best ten are found, or more.
 */
const missedShare = 0.04;
const matchesPerWanted = 10;
const filteredMissedShare = 0.01;
const filteredMatchesPerWanted = 2;
/** See `scanRowsMin`. */
const rowsMin = 2_500;
const rowsPerRoot = 12;
const segmentsPower = 0.25;

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
 * Fewest rows that an unfiltered query scans in clustered segments of so many rows together,
 * whatever their clusters promise: not all data lies around its centroids as the promise has it.
 * The clusters around a query grow with the root of the rows; the same rows in several segments lie
 * around it in several sets of clusters, each cut elsewhere.
 */
function scanRowsMin(directories: readonly ClusterDirectory[]): number {
  const rows = directories.reduce((sum, each) => sum + each.rows.reduce((a, b) => a + b, 0), 0);
  return Math.max(rowsMin, rowsPerRoot * Math.sqrt(rows) * directories.length ** segmentsPower);
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
    nearest = promisedClusters(query, chosen, wanted, isFiltered, kernels, probes);
  }
  // They are the most promising reads, so they come first.
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

/** `segment`: index into `chosen`. */
function promisedClusters(
  query: Int8Query,
  chosen: readonly PlannedSegment[],
  wanted: number,
  isFiltered: boolean,
  kernels: Kernels,
  probes: number,
): ScanTarget[] {
  const directories = chosen.map(({ directory }) => directory);
  const promisedMin = wanted * (1 - (isFiltered ? filteredMissedShare : missedShare) / probes);
  const foundMin =
    probes *
    (isFiltered
      ? filteredMatchesPerWanted * wanted
      : Math.max(matchesPerWanted * wanted, scanRowsMin(directories)));
  const isEnough = (promised: number, found: number): boolean =>
    promised >= promisedMin && found >= foundMin;
  const promising = promisingClusters(query, directories, wanted, kernels, isEnough);
  const targets: ScanTarget[] = [];
  let [promised, found] = [0, 0];
  for (const [i, block] of promising.clusters.entries()) {
    if (isEnough(promised, found)) break;
    const segment = promising.segments[i] as number;
    promised += promising.promises[i] as number;
    found += directories[segment]?.rows[block] as number;
    targets.push({ segment, block });
  }
  return targets;
}
