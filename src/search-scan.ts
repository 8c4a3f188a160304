/**
 * The scan round of an approximate query: decides which rows are worth refining.
 *
 * Below `singlePlaneWidth` coordinates one bit each says too little, and a row of the refine plane
 * is small: then no code is scanned, and every row of the chosen clusters is refined.
 */
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
import { estimateCluster, type ScanQuery } from "./index/vector/rabitq.ts";
import { Candidates, type RankedRows } from "./query/candidates.ts";
import type { DistanceQuery } from "./query/distance.ts";
import { planScan, type ScanTarget } from "./query/plan.ts";
import type { ReadAllowance } from "./query/read-allowance.ts";
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
  /** The query in the forms that centroids and codes take. */
  readonly int8: Int8Query;
  readonly scan: ScanQuery;
  readonly allowance: ReadAllowance;
}

/** Rows worth refining. */
export type ScanResult =
  | { readonly kind: "ranked"; readonly rows: RankedRows; readonly refineMax: number }
  | { readonly kind: "ranges"; readonly ranges: readonly SegmentRange[] };

const singlePlaneWidth = 128;

export async function scanSegments(scan: Scan, round: ReadRound): Promise<ScanResult> {
  const { context, segments, wanted } = scan;
  const planned = segments.map(({ segment, rows }) => ({
    query: scan.int8,
    clustered: vectorPlanes(segment).clustered,
    directory: clusterDirectory(segment, rows),
  }));
  const { probes = 1 } = context.snapshot;
  const plan = planScan(planned, wanted, scan.isFiltered, context.ports.kernels, probes);
  context.counters.clustersProbed += plan.blocks.filter(
    ({ segment }) => planned[segment]?.clustered,
  ).length;
  if (plan.kind === "refine" || scan.scan.query.length <= singlePlaneWidth) {
    const ranges = plan.blocks.map(({ segment, block }) => ({
      segment,
      ...scanBlockRows((segments[segment] as MatchedSegment).segment, block),
    }));
    return { kind: "ranges", ranges };
  }
  // The tail is not known yet: room for as many more as it could mask.
  const matches = segments.reduce((sum, { count }) => sum + count, 0);
  const maskable = Math.min(context.snapshot.unindexedRows, matches);
  const candidates = new Candidates(plan.refineMax + maskable);
  await scanBlocks(scan, plan.blocks, candidates, round);
  return { kind: "ranked", rows: candidates.ranked(), refineMax: plan.refineMax };
}

export function wholeSegments(segments: readonly MatchedSegment[]): readonly SegmentRange[] {
  return segments.map(({ segment }, index) => ({
    segment: index,
    from: 0,
    to: segment.root.rows,
  }));
}

async function scanBlocks(
  { context, segments, distance, scan, allowance }: Scan,
  targets: readonly ScanTarget[],
  candidates: Candidates,
  round: ReadRound,
): Promise<void> {
  const { counters, ports } = context;
  const matched = (target: ScanTarget) => segments[target.segment] as MatchedSegment;
  const largest = targets.reduce((most, target) => {
    const { from, to } = scanBlockRows(matched(target).segment, target.block);
    return Math.max(most, to - from);
  }, 0);
  const estimates = new Float32Array(largest);
  const centroid = new Float32Array(scan.query.length);
  await round.readBlocks(
    targets.map((target) => scanBlock(matched(target).segment, target.block)),
    {
      readsMax: allowance.readsMax("scan"),
      gapBytes: allowance.gapBytes,
      wideReads: allowance.wideReads("scan"),
      onBlock: (index, bytes) => {
        const target = targets[index] as ScanTarget;
        const { segment, rows } = matched(target);
        const { centroids } = vectorPlanes(segment);
        const codes = readScanBlock(segment, target.block, bytes);
        dequantiseCentroid(centroids, centroidOfScanBlock(segment, target.block), centroid);
        const { metric } = distance;
        const errorOf = estimateCluster(metric, scan, centroid, codes, ports.kernels, estimates);
        const { from, to } = scanBlockRows(segment, target.block);
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
}
