/**
 * The scan round of an approximate query: decides which rows are worth refining.
 *
 * A cold query does without it (search-one-plane.ts).
 *
 * Below `singlePlaneWidth` coordinates one bit each says too little, and a row of the refine plane
 * is small: then no code is scanned, and every row of the chosen clusters is refined.
 */
import { scratch } from "./bytes/scratch.ts";
import {
  centroidOfScanBlock,
  clusterDirectory,
  readScanBlock,
  scanBlock,
  scanBlockRows,
} from "./index/segment/scan-plane.ts";
import { vectorPlanes } from "./index/segment/segment.ts";
import { dequantiseCentroid } from "./index/vector/centroids.ts";
import type { Int8Query } from "./index/vector/int8.ts";
import { estimateCluster } from "./index/vector/rabitq.ts";
import { Candidates, type RankedRows } from "./query/candidates.ts";
import type { DistanceQuery } from "./query/distance.ts";
import { type PlannedSegment, planScan, type ScanPlan, type ScanTarget } from "./query/plan.ts";
import type { ReadAllowance } from "./query/read-allowance.ts";
import { planOnePlane } from "./search-one-plane.ts";
import type { SearchContext } from "./search-ports.ts";
import type { SegmentRange } from "./search-refine.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { ReadRound } from "./store/block-reader.ts";

export interface Scan {
  readonly context: SearchContext;
  readonly segments: readonly MatchedSegment[];
  readonly distance: DistanceQuery;
  readonly wanted: number;
  readonly isFiltered: boolean;
  /** The rotated query, and the form that centroids take. */
  readonly rotated: Float32Array;
  readonly int8: Int8Query;
  readonly allowance: ReadAllowance;
}

/** Rows worth refining. `blocks`: where they were looked for, among so many `matches`. */
export type ScanResult = { readonly blocks: readonly ScanTarget[]; readonly matches: number } & (
  | { readonly kind: "ranked"; readonly rows: RankedRows; readonly refineMax: number }
  | {
      readonly kind: "ranges";
      readonly ranges: readonly SegmentRange[];
      /** Codes of whole clusters in place of 1-bit codes: these were left out. */
      readonly leftOut?: readonly SegmentRange[];
    }
);

const singlePlaneWidth = 128;

export async function scanSegments(scan: Scan, round: ReadRound): Promise<ScanResult> {
  const { context, segments } = scan;
  const planned = plannedSegments(scan);
  const plan = planBlocks(scan, planned, context.snapshot.probes ?? 1);
  context.counters.clustersProbed += plan.blocks.filter(
    ({ segment }) => planned[segment]?.clustered,
  ).length;
  const matchesIn = (blocks: readonly ScanTarget[]): number =>
    blocks.reduce((sum, { segment, block }) => {
      return sum + (planned[segment]?.directory.rows[block] as number);
    }, 0);
  if (plan.kind === "refine" || scan.rotated.length <= singlePlaneWidth) {
    const { blocks } = plan;
    return { kind: "ranges", blocks, matches: matchesIn(blocks), ranges: rangesOf(scan, blocks) };
  }
  const onePlane = scan.isFiltered ? undefined : await planOnePlane(context, segments, plan.blocks);
  if (onePlane !== undefined) {
    const left = onePlane.leftOut.reduce((sum, { from, to }) => sum + to - from, 0);
    const matches = matchesIn(plan.blocks) - left;
    return { kind: "ranges", blocks: plan.blocks, matches, ...onePlane };
  }
  // The tail is not known yet: room for as many more as it could mask.
  const maskable = Math.min(context.snapshot.unindexedRows, matchCount(scan));
  const candidates = new Candidates(plan.refineMax + maskable);
  const flatFirst = plan.blocks.toSorted(
    (a, b) => Number(isClustered(planned, a)) - Number(isClustered(planned, b)),
  );
  const flat = plan.blocks.filter((target) => !isClustered(planned, target)).length;
  const leftOut = await scanBlocks(scan, flatFirst, flat + 1, candidates, round);
  const blocks = plan.blocks.filter((target) => !leftOut.has(target));
  const { refineMax } = plan;
  const rows = candidates.ranked();
  return { kind: "ranked", blocks, matches: matchesIn(blocks), rows, refineMax };
}

/** In all segments, looked for or not. */
function matchCount({ segments }: Scan): number {
  return segments.reduce((sum, { count }) => sum + count, 0);
}

function isClustered(planned: readonly PlannedSegment[], { segment }: ScanTarget): boolean {
  return planned[segment]?.clustered === true;
}

/** Where else there are matches, the most promising first; nothing is planned if there are none. */
export function otherRanges(
  scan: Scan,
  result: ScanResult,
): readonly (SegmentRange & { readonly matches: number })[] {
  const { blocks, matches } = result;
  if (matchCount(scan) === matches) return [];
  const leftOut = (result.kind === "ranges" && result.leftOut) || [];
  const planned = plannedSegments(scan);
  const known = new Set(blocks.map(({ segment, block }) => `${segment}/${block}`));
  const others = planBlocks(scan, planned, Infinity).blocks.filter(
    ({ segment, block }) => !known.has(`${segment}/${block}`),
  );
  const ranges = rangesOf(scan, others).map((range, i) => {
    const { segment, block } = others[i] as ScanTarget;
    return { ...range, matches: planned[segment]?.directory.rows[block] as number };
  });
  return [...leftOut.map((range) => ({ ...range, matches: range.to - range.from })), ...ranges];
}

function plannedSegments({ segments, int8 }: Scan): readonly PlannedSegment[] {
  return segments.map(({ segment, rows }) => ({
    query: int8,
    clustered: vectorPlanes(segment).clustered,
    directory: clusterDirectory(segment, rows),
  }));
}

function planBlocks(scan: Scan, planned: readonly PlannedSegment[], probes: number): ScanPlan {
  const { context, wanted, isFiltered } = scan;
  return planScan(planned, wanted, isFiltered, context.ports.kernels, probes);
}

function rangesOf({ segments }: Scan, blocks: readonly ScanTarget[]): readonly SegmentRange[] {
  return blocks.map(({ segment, block }) => ({
    segment,
    ...scanBlockRows((segments[segment] as MatchedSegment).segment, block),
  }));
}

export function wholeSegments(segments: readonly MatchedSegment[]): readonly SegmentRange[] {
  return segments.map(({ segment }, index) => ({
    segment: index,
    from: 0,
    to: segment.root.rows,
  }));
}

const wholeCentroid = scratch((length) => new Float32Array(length));
const rowEstimates = scratch((length) => new Float32Array(length));

/** The first `sure` are scanned whatever that takes; returns those that there was no room for. */
async function scanBlocks(
  { context, segments, distance, wanted, rotated, allowance }: Scan,
  targets: readonly ScanTarget[],
  sure: number,
  candidates: Candidates,
  round: ReadRound,
): Promise<ReadonlySet<ScanTarget>> {
  const { counters, ports } = context;
  const matched = (target: ScanTarget) => segments[target.segment] as MatchedSegment;
  const leftOut = new Set<ScanTarget>();
  const cap = allowance.cap("scan", wanted, segments.length, context.snapshot.probes);
  const onLeftOut = (index: number) => leftOut.add(targets[index] as ScanTarget);
  await round.readBlocks(
    targets.map((target) => scanBlock(matched(target).segment, target.block)),
    {
      readsMax: allowance.readsMax("scan"),
      gapBytes: allowance.gapBytes,
      wideReads: allowance.wideReads("scan"),
      ...(cap && { most: { ...cap, sure, onLeftOut } }),
      onBlock: (index, bytes) => {
        const target = targets[index] as ScanTarget;
        const { segment, rows } = matched(target);
        const { centroids } = vectorPlanes(segment);
        const codes = readScanBlock(segment, target.block, bytes);
        const number = centroidOfScanBlock(segment, target.block);
        const centroid = dequantiseCentroid(centroids, number, wholeCentroid(rotated.length));
        const { from, to } = scanBlockRows(segment, target.block);
        const estimates = rowEstimates(to - from);
        const { metric } = distance;
        const errorOf = estimateCluster(metric, rotated, centroid, codes, ports.kernels, estimates);
        counters.candidates += to - from;
        let { worst } = candidates;
        for (let i = 0; i < to - from; i++) {
          const estimate = estimates[i] as number;
          // Not `estimate >= worst`: what is not a number is no promise either.
          if (estimate < worst && rows?.has(from + i) !== false) {
            candidates.offer(estimate, errorOf(i), target.segment, from + i);
            worst = candidates.worst;
          }
        }
      },
    },
  );
  return leftOut;
}
