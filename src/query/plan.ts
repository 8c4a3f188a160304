/**
 * How an approximate query goes about the segments: which scan blocks it reads and how many rows it
 * refines. Pure. The numbers are what recall was measured with; more of either costs bytes and
 * time, never correctness.
 *
 *   few matches     no scan: every matching row is refined
 *   small filter    every scan block that holds a match: where matches are rare or lie far from the
 *                   query, the ranking of clusters says nothing, and a budget would miss them
 *   otherwise       flat segments whole; clusters of all others together, nearest first, until they
 *                   hold the budget of live, matching rows
 *
 * A namespace whose queries were seen to find too little scans `probes` times as many, and refines
 * more by the root of it.
 */
import type { DistanceMetric } from "../document/schema.ts";
import type { Int8Query } from "../index/vector/int8.ts";
import { type ClusterDirectory, chooseClusters } from "../index/vector/probe.ts";
import type { Kernels } from "../kernels/kernels.ts";

/** A segment as the planner sees it. */
export interface PlannedSegment {
  readonly query: Int8Query;
  readonly clustered: boolean;
  /** Live, matching rows of each scan block. */
  readonly directory: ClusterDirectory;
  /** Rows of the segment, dead ones included. */
  readonly rows: number;
  /** Live, matching rows. */
  readonly matches: number;
}

export type ScanPlan =
  | { readonly kind: "refineAll" }
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
/** Matches scanned grow with the share that matches to this power: measured from 0.1 % to 50 %. */
const selectivityPower = 0.7;
/**
 * Filters with no more matches are scanned completely, and so are those that touch few clusters.
 */
const matchesScannedMax = 2_000;
const clustersScannedMax = 100;
const clusterMatchesScannedMax = 40_000;
const shareScannedMax = 0.5;

/**
 * Rows a filtered query reads at most, as a multiple of what an unfiltered one does: where few rows
 * of each cluster match, the last of the matches that the budget asks for cost the most. Measured
 * with 3.5 to 20 % of 60,000 rows matching: the best ten were missed by half a percent at most.
 */
const filteredRowsShare = 1.4;

/** So few matches are not worth a scan, however far apart they lie. */
const refinedAtOnceMax = 24;
const refineRowsMin = 100;
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
export function refineMax(wanted: number): number {
  return Math.max(refineRowsMin, refineRowsPerWanted * wanted);
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
  const matches = segments.reduce((sum, segment) => sum + segment.matches, 0);
  if (matches <= Math.max(wanted, refinedAtOnceMax)) {
    return { kind: "refineAll" };
  }
  const blocks: ScanTarget[] = [];
  const clustered: number[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment.clustered) clustered.push(index);
    else blocks.push(...matchingBlocks(segment, index));
  }
  if (isFiltered && isSmall(clustered.map((index) => segments[index] as PlannedSegment))) {
    for (const index of clustered) {
      blocks.push(...matchingBlocks(segments[index] as PlannedSegment, index));
    }
  } else {
    // The nearest clusters are the most promising reads, so they come first.
    blocks.unshift(...nearestClusters(metric, segments, clustered, wanted, kernels, probes));
  }
  return { kind: "scan", blocks, refineMax: Math.ceil(refineMax(wanted) * Math.sqrt(probes)) };
}

function matchingBlocks({ directory }: PlannedSegment, segment: number): ScanTarget[] {
  return Array.from(directory.rows.keys())
    .filter((block) => (directory.rows[block] as number) > 0)
    .map((block) => ({ segment, block }));
}

function isSmall(clustered: readonly PlannedSegment[]): boolean {
  let clusters = 0;
  let matches = 0;
  let rows = 0;
  for (const { directory, ...segment } of clustered) {
    clusters += directory.rows.reduce((sum, each) => sum + (each > 0 ? 1 : 0), 0);
    matches += segment.matches;
    rows += segment.rows;
  }
  const fewMatches = matches <= clusterMatchesScannedMax && matches <= rows * shareScannedMax;
  return matches <= matchesScannedMax || (clusters <= clustersScannedMax && fewMatches);
}

function nearestClusters(
  metric: DistanceMetric,
  segments: readonly PlannedSegment[],
  clustered: readonly number[],
  wanted: number,
  kernels: Kernels,
  probes: number,
): ScanTarget[] {
  const chosen = clustered.map((index) => segments[index] as PlannedSegment);
  const query = chosen[0]?.query;
  if (query === undefined) {
    return [];
  }
  const rows = chosen.reduce((sum, segment) => sum + segment.rows, 0);
  const matches = chosen.reduce((sum, segment) => sum + segment.matches, 0);
  const whole = scanBudget(rows, chosen.length);
  const budget = Math.max(
    whole * Math.min(1, matches / rows) ** selectivityPower,
    scanRowsPerWanted * wanted,
  );
  const directories = chosen.map(({ directory }) => directory);
  const probe = chooseClusters(metric, query, directories, probes * budget, kernels);
  const meanRows = chosen.map(({ rows: all, directory }) => all / directory.rows.length);
  const rowsMax = probes * filteredRowsShare * whole;
  const targets: ScanTarget[] = [];
  let [read, found] = [0, 0];
  for (let i = 0; i < probe.clusters.length; i++) {
    const isEnough = matches < rows && read >= rowsMax && found >= scanRowsPerWanted * wanted;
    if (isEnough) break;
    const segment = probe.segments[i] as number;
    const block = probe.clusters[i] as number;
    read += meanRows[segment] as number;
    found += directories[segment]?.rows[block] as number;
    targets.push({ segment: clustered[segment] as number, block });
  }
  return targets;
}
