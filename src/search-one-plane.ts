/**
 * A cold query by one plane: int8 codes of whole clusters, then the vectors of the best.
 *
 *   usually   1-bit codes, int8 codes of the best, vectors: 3 rounds, least bytes and memory
 *   cold      int8 codes, vectors: 2 rounds. Of a million rows of 192 dimensions 13 reads and 6 MB
 *             in place of 22 reads and 11 MB, most of which lies between rows that are far apart
 *
 * Cold is a query that is the first in its isolate to search a vector column, if the
 * edge does not have the most promising block of 1-bit codes either; and every query that passes
 * the caches by; not one with a filter, whose matches are spread over more clusters than there is
 * room for. What it reads is not kept: the queries behind it read the plane that fits into
 * memory. It is no gain where bounds leave room for few of the rows that were planned, or not for
 * all of a flat segment, of whose rows none promises less than others; nor where it reads megabytes
 * that 1-bit codes save for the greatest part, as of wide rows between many clusters.
 */
import { refinePage, refinePageOf, refinePageStart } from "./index/segment/refine-plane.ts";
import { scanBlock, scanBlockRows } from "./index/segment/scan-plane.ts";
import { vectorPlanes } from "./index/segment/segment.ts";
import { limits } from "./limits.ts";
import type { ScanTarget } from "./query/plan.ts";
import { capScale } from "./query/read-allowance.ts";
import type { SearchContext } from "./search-ports.ts";
import type { SegmentRange } from "./search-refine.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { BlockPosition } from "./store/block.ts";
import { chooseBlocks, rangeBytes } from "./store/range-plan.ts";

/** For each segment, while there are no more of them than connections. */
const readsOfSegment = 2;

/** Of the one round of int8 codes, by how many segments there are. */
export function onePlaneReads(segments: number) {
  return {
    readsMax: Math.max(
      Math.ceil(limits.onePlaneReadsMax * capScale(segments)),
      readsOfSegment * Math.min(segments, limits.connectionsMax),
    ),
    gapBytes: limits.onePlaneGapBytes,
    wideReads: 0,
    rangeBytesMax: 4 * 1024 * 1024,
    passesBy: true,
  } as const;
}

export interface OnePlane {
  readonly ranges: readonly SegmentRange[];
  /** Of what was planned, that for which there is no room. */
  readonly leftOut: readonly SegmentRange[];
}

/** Of the rows that were planned. With less, of a million rows, one neighbour of eight was lost. */
const keptShareMin = 0.5;

/**
 * What one plane may read in any case: to save less is not worth a round. Times the root of the
 * segments, for the same rows in several of them lie in more clusters.
 */
const cheapBytes = 3 * 1024 * 1024;
/** Beyond that, at most so many times what 1-bit codes of the same rows take. */
const scanTimesMax = 4;
const scanReads = { readsMax: limits.scanReadsMax, gapBytes: limits.coalesceGapBytes } as const;

/** Undefined if the query is not cold, or one plane is no gain. */
export async function planOnePlane(
  context: SearchContext,
  segments: readonly MatchedSegment[],
  targets: readonly ScanTarget[],
): Promise<OnePlane | undefined> {
  if (!(await isCold(context, segments, targets))) return undefined;
  const stretches = targets.flatMap((target) =>
    stretchesOf(segments[target.segment] as MatchedSegment, target),
  );
  const bounds = onePlaneReads(segments.length);
  const bytes = limits.onePlaneBytesMax * capScale(segments.length);
  const most = { reads: bounds.readsMax, bytes, sure: 1 };
  const chosen = new Set(chooseBlocks(stretches, bounds, most));
  const ranges = stretches.filter((_, i) => chosen.has(i));
  const leftOut = stretches.filter((_, i) => !chosen.has(i));
  const rowsOf = (all: readonly Stretch[]) => all.reduce((sum, { from, to }) => sum + to - from, 0);
  if (rowsOf(ranges) < keptShareMin * rowsOf(stretches)) return undefined;
  const isFlat = ({ segment }: Stretch) =>
    !vectorPlanes((segments[segment] as MatchedSegment).segment).clustered;
  if (leftOut.some(isFlat)) return undefined;
  const bytesMax = worthwhileBytes(segments, targets);
  return rangeBytes(ranges, bounds) > bytesMax ? undefined : { ranges, leftOut };
}

/** More than this is not worth the round that is saved. */
function worthwhileBytes(
  segments: readonly MatchedSegment[],
  targets: readonly ScanTarget[],
): number {
  const codes = targets.map(({ segment, block }) =>
    scanBlock((segments[segment] as MatchedSegment).segment, block),
  );
  const scanBytes = rangeBytes(codes, scanReads);
  return Math.max(cheapBytes * Math.sqrt(segments.length), scanTimesMax * scanBytes);
}

async function isCold(
  { ports, reader, snapshot, disableCache }: SearchContext,
  segments: readonly MatchedSegment[],
  targets: readonly ScanTarget[],
): Promise<boolean> {
  if (disableCache) return true;
  if (!reader.fillsMemory) return false;
  const [best] = targets;
  if (best === undefined) return false;
  const { segment } = segments[best.segment] as MatchedSegment;
  const { searched } = ports.memory;
  const column = `${snapshot.tenant}/${snapshot.manifest.generation}/${vectorPlanes(segment).name}`;
  const isFirst = searched.get(column) === undefined;
  searched.put(column, true, 1);
  if (!isFirst) return false;
  return !(await reader.hasAtHand(scanBlock(segment, best.block)));
}

/** Rows of a cluster whose codes lie in one object, and where. */
type Stretch = SegmentRange & BlockPosition;

function stretchesOf({ segment }: MatchedSegment, target: ScanTarget): readonly Stretch[] {
  const { from, to } = scanBlockRows(segment, target.block);
  const stretches: Stretch[] = [];
  for (let page = refinePageOf(segment, from); page <= refinePageOf(segment, to - 1); page++) {
    const { key, offset, length } = refinePage(segment, page);
    const last = stretches.at(-1);
    const end = Math.min(to, refinePageStart(segment, page + 1));
    if (last?.key === key) {
      stretches.splice(-1, 1, { ...last, to: end, length: offset + length - last.offset });
    } else {
      const start = Math.max(from, refinePageStart(segment, page));
      stretches.push({ segment: target.segment, from: start, to: end, key, offset, length });
    }
  }
  return stretches;
}
