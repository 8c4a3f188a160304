/**
 * Ranks the rows of segments by distance to a vector.
 *
 *   approximate   1. scan: 1-bit codes of the planned blocks -> candidates by estimate; 6 reads
 *                 2. refine: int8 codes of the best, each with a rigorous range; 6 reads
 *                 3. exact: vectors of the rows whose range reaches into the answer; 6 reads
 *   cold          int8 codes of all planned rows in place of 1 and 2 (search-one-plane.ts)
 *                 Where the tail masked so many rows that fewer are left than are wanted, 2 goes
 *                 on with the matches of other clusters, ever more at once.
 *   exhaustive    2 and 3 over every matching row
 *
 * Rows whose id the tail touched are dropped at 2, where ids are first seen; so that they do not
 * crowd others out, 1 keeps as many candidates more as the tail has rows, and 2 goes on until
 * enough live rows came out.
 */
import type { DocumentId } from "./document/id.ts";
import { assert, corrupt } from "./errors.ts";
import { idKeys } from "./format/segment-ids.ts";
import type { VectorPlanes } from "./format/segment-root.ts";
import { vectorPlanes } from "./index/segment/segment.ts";
import { prepareInt8Query } from "./index/vector/int8.ts";
import { createRotation, type Rotation, rotateRows } from "./index/vector/rotation.ts";
import { normaliseRows } from "./index/vector/unit-vector.ts";
import { limits } from "./limits.ts";
import { type DistanceQuery, exactDistance } from "./query/distance.ts";
import { KeySet } from "./query/key-set.ts";
import { believedShare, exactMax } from "./query/plan.ts";
import type { ReadAllowance } from "./query/read-allowance.ts";
import { Survivors } from "./query/survivors.ts";
import { KeptRows } from "./search-kept-rows.ts";
import { onePlaneReads } from "./search-one-plane.ts";
import type { SearchContext } from "./search-ports.ts";
import {
  type Refinement,
  refineBest,
  refineOthers,
  refineRanges,
  refineReads,
} from "./search-refine.ts";
import { fetchRows, newRow, type SegmentRow } from "./search-rows.ts";
import { otherRanges, scanSegments, wholeSegments } from "./search-scan.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { ReadRound } from "./store/block-reader.ts";

export interface VectorSearch {
  readonly context: SearchContext;
  readonly segments: readonly MatchedSegment[];
  readonly distance: DistanceQuery;
  readonly wanted: number;
  readonly exhaustive: boolean;
  readonly isFiltered: boolean;
  readonly allowance: ReadAllowance;
  /** To bring along, if that costs no more than a few rows too many. */
  readonly attributes: readonly string[] | undefined;
  readonly keepVectors: boolean;
  /** Rows are places (index/segment/further-planes.ts), of which documents know nothing. */
  readonly arePlaces?: boolean;
  /** Waits until the whole tail was read. */
  readonly tail: () => Promise<RankedTail>;
}

/** What the tail means to the segments. */
export interface RankedTail {
  readonly touched: ReadonlySet<DocumentId>;
  /** Exact distances of the best documents of the tail, at most as many as are wanted. */
  readonly distances: readonly number[];
}

export interface RankedRow extends SegmentRow {
  distance: number;
}

/** Four waves: who reads everything reads much anyway, and gaps cost more than requests. */
export const exhaustiveReadsMax = 4 * limits.connectionsMax;

/** Rows that may be in the answer, with exact distances. `round`: for the first reads. */
export async function searchVectors(
  search: VectorSearch,
  round: ReadRound,
): Promise<readonly RankedRow[]> {
  const { context, segments, wanted, exhaustive, distance } = search;
  if (segments.every(({ count }) => count === 0)) {
    return [];
  }
  const rotated = rotateQuery(search);
  const query = prepareInt8Query(rotated);
  const scan = { ...search, rotated, int8: query };
  const scanned = exhaustive ? undefined : await scanSegments(scan, round);
  const tail = await search.tail();
  const keys = idKeys(context.snapshot.schema.idKind ?? "uint", [...tail.touched]);
  const survivors = new Survivors(wanted, tail.distances);
  const masks = new KeySet(keys);
  const kept = new KeptRows(context, segments);
  const refinement: Refinement = {
    context,
    segments,
    distance,
    wanted,
    query,
    boundShare: exhaustive ? 1 : believedShare(rotated.length),
    masks,
    survivors,
    allowance: search.allowance,
    kept,
  };
  if (scanned === undefined) {
    await refineRanges(refinement, wholeSegments(segments), {
      ...refineReads(search.allowance),
      readsMax: exhaustiveReadsMax,
    });
  } else if (scanned.kind === "ranges") {
    const isOnePlane = scanned.leftOut !== undefined;
    if (isOnePlane && search.attributes === undefined) {
      search.allowance.goByOnePlane(wanted, segments.length);
    }
    const reads = isOnePlane ? onePlaneReads(segments.length) : refineReads(search.allowance);
    await refineRanges(refinement, scanned.ranges, reads);
  } else {
    await refineBest(refinement, scanned.rows, scanned.refineMax);
  }
  if (scanned !== undefined && survivors.bar === Infinity) {
    await refineOthers(refinement, otherRanges(scan, scanned));
  }
  const rows = survivors.finish();
  const chosen = exhaustive ? rows : rows.slice(0, exactMax(wanted));
  return measureRows(
    search,
    chosen.map(({ segment, ordinal, id }) => ({
      ...newRow(segment, ordinal),
      id,
      distance: Infinity,
    })),
    exhaustive ? undefined : kept,
  );
}

/** The query as the planes take it. All segments of a namespace share one rotation. */
function rotateQuery({ context, segments, distance }: VectorSearch): Float32Array {
  const planes = segments.map(({ segment }) => vectorPlanes(segment));
  const [first] = planes;
  assert(first !== undefined, "there are segments");
  for (const { rotation, dims, metric } of planes) {
    const { low, high } = first.rotation;
    if (rotation.low !== low || rotation.high !== high || metric !== distance.metric) {
      throw corrupt("the segments of the namespace differ in rotation or metric");
    }
    if (dims !== distance.vector.length) {
      throw corrupt("a segment has vectors of other dimensions than the schema");
    }
  }
  let { vector } = distance;
  if (distance.metric === "cosine_distance") {
    vector = vector.slice();
    normaliseRows(vector, vector.length);
  }
  return rotateRows(recallRotation(context, first), vector, context.ports.kernels);
}

/** Signs are drawn one by one: dearer than the rotation. */
function recallRotation(
  { ports: { memory } }: SearchContext,
  { dims, rotation: seed }: VectorPlanes,
): Rotation {
  const key = `${dims}/${seed.low}/${seed.high}`;
  const known = memory.rotations.get(key);
  if (known !== undefined) return known;
  const rotation = createRotation(dims, seed);
  memory.rotations.put(key, rotation, rotation.signs.byteLength);
  return rotation;
}

/** More rows than this leave their attributes for later, when fewer of them are left. */
const rowsWithAttributesMax = 256;

/** The exact distances of the rows, and what else is read with their vectors. */
async function measureRows(
  search: VectorSearch,
  rows: readonly RankedRow[],
  keptVectors: KeptRows | undefined,
): Promise<readonly RankedRow[]> {
  const { context, segments, distance, keepVectors, attributes, allowance } = search;
  const few = rows.length <= Math.max(rowsWithAttributesMax, exactMax(search.wanted));
  const dims = distance.vector.length;
  // Whoever is among the first is sure to be read, so no fewer than are wanted remain.
  const cap =
    keptVectors && allowance.cap("exact", search.wanted, segments.length, context.snapshot.probes);
  const leftOut = await fetchRows(context.reader.round(), segments, rows, {
    most: cap && { ...cap, sure: search.wanted },
    ids: search.arePlaces !== true,
    attributes: few ? attributes : undefined,
    readsMax: allowance.readsMax("exact"),
    gapBytes: allowance.gapBytes,
    wideReads: allowance.wideReads("exact"),
    keptVectors,
    onVector: (row, values, start) => {
      (row as RankedRow).distance = exactDistance(distance, values, start);
      if (keepVectors && few) row.vector = values.slice(start, start + dims);
    },
  });
  const measured = leftOut.size === 0 ? rows : rows.filter((row) => !leftOut.has(row));
  context.counters.exact += measured.length;
  return measured;
}
