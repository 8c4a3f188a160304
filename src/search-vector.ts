/**
 * Ranks the rows of segments by distance to a vector.
 *
 *   approximate   1. scan: 1-bit codes of the planned blocks -> candidates by estimate      <= 6 reads
 *                 2. refine: int8 codes of the best candidates, each with a rigorous range   <= 8 reads
 *                 3. exact: full vectors of the rows whose range reaches into the answer    <= 10 reads
 *   exhaustive    2 and 3 over every matching row
 *
 * Rows whose id the tail touched are dropped at 2, where ids are first seen; so that they do not crowd others
 * out, 1 keeps as many candidates more as the tail has rows, and 2 goes on until enough live rows came out.
 */
import { u32View } from "./bytes/typed-view.ts";
import type { DocumentId } from "./document/id.ts";
import { assert, corrupt } from "./errors.ts";
import { idKeys } from "./format/segment-ids.ts";
import type { RefineRows } from "./format/segment-refine.ts";
import {
  pickRefineRows,
  readRefinePage,
  refinePage,
  refinePageOf,
  refinePageStart,
  refineRowId,
} from "./index/segment/refine-plane.ts";
import {
  centroidOfScanBlock,
  clusterDirectory,
  readScanBlock,
  scanBlock,
  scanBlockRows,
} from "./index/segment/scan-plane.ts";
import { vectorPlanes } from "./index/segment/segment.ts";
import { dequantiseCentroid } from "./index/vector/centroids.ts";
import { distanceInt8, type Int8Query, prepareInt8Query } from "./index/vector/int8.ts";
import { estimateCluster, prepareScanQuery, type ScanQuery } from "./index/vector/rabitq.ts";
import { createRotation, rotateRows } from "./index/vector/rotation.ts";
import { normaliseRows } from "./index/vector/unit-vector.ts";
import { limits } from "./limits.ts";
import { Candidates, type RankedRows, refineCount } from "./query/candidates.ts";
import { type DistanceQuery, exactDistance, roundingSlack } from "./query/distance.ts";
import { KeySet } from "./query/key-set.ts";
import { exactMax, planScan, type ScanTarget } from "./query/plan.ts";
import { Survivors } from "./query/survivors.ts";
import type { SearchContext } from "./search-ports.ts";
import { fetchRows, newRow, type SegmentRow } from "./search-rows.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { ReadRound } from "./store/block-reader.ts";

export interface VectorSearch {
  readonly context: SearchContext;
  readonly segments: readonly MatchedSegment[];
  readonly distance: DistanceQuery;
  readonly wanted: number;
  readonly exhaustive: boolean;
  readonly isFiltered: boolean;
  /** To bring along, if that costs no more than a few rows too many. */
  readonly attributes: readonly string[] | undefined;
  readonly keepVectors: boolean;
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

/** The query in the forms that the planes take. */
interface PreparedQuery {
  readonly scan: ScanQuery;
  readonly int8: Int8Query;
}

/** Rows that may be in the answer, with exact distances. `round`: for the first reads. */
export async function searchVectors(
  search: VectorSearch,
  round: ReadRound,
): Promise<readonly RankedRow[]> {
  const { context, segments, wanted } = search;
  if (segments.every(({ count }) => count === 0)) {
    return [];
  }
  const query = prepareQuery(search);
  const ranked = search.exhaustive ? undefined : await rankCandidates(search, query, round);
  const tail = await search.tail();
  const masks = new KeySet(idKeys(context.snapshot.schema.idKind ?? "uint", [...tail.touched]));
  const survivors = new Survivors(wanted, tail.distances);
  const refinement: Refinement = { search, query, masks, survivors };
  if (ranked === undefined) {
    await refineAll(refinement);
  } else {
    await refineBest(refinement, ranked);
  }
  const rows = survivors.finish();
  const chosen = search.exhaustive ? rows : rows.slice(0, exactMax(wanted));
  return measureRows(
    search,
    chosen.map(({ segment, ordinal, id }) => ({
      ...newRow(segment, ordinal),
      id,
      distance: Infinity,
    })),
  );
}

/** All segments of a namespace share one rotation. */
function prepareQuery({ context, segments, distance }: VectorSearch): PreparedQuery {
  const { kernels } = context.ports;
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
  const vector = distance.vector.slice();
  if (distance.metric === "cosine_distance") {
    normaliseRows(vector, vector.length);
  }
  const rotated = rotateRows(createRotation(vector.length, first.rotation), vector, kernels);
  return { scan: prepareScanQuery(rotated), int8: prepareInt8Query(rotated) };
}

// ---- Scan -------------------------------------------------------------------------------------------

/** Candidates by estimate, best first; undefined if so few rows match that all are to be refined. */
async function rankCandidates(
  search: VectorSearch,
  query: PreparedQuery,
  round: ReadRound,
): Promise<RankedCandidates | undefined> {
  const { context, segments, wanted } = search;
  const planned = segments.map(({ segment, rows, count }) => ({
    query: query.int8,
    clustered: vectorPlanes(segment).clustered,
    directory: clusterDirectory(segment, rows),
    rows: segment.root.rows,
    matches: count,
  }));
  const plan = planScan(
    search.distance.metric,
    planned,
    wanted,
    search.isFiltered,
    context.ports.kernels,
  );
  if (plan.kind === "refineAll") {
    return undefined;
  }
  const maskable = Math.min(
    context.snapshot.unindexedRows,
    segments.reduce((sum, { count }) => sum + count, 0),
  );
  const candidates = new Candidates(plan.refineMax + maskable);
  await scanBlocks(search, query, plan.blocks, candidates, round);
  return { rows: candidates.ranked(), refineMax: plan.refineMax };
}

interface RankedCandidates {
  readonly rows: RankedRows;
  readonly refineMax: number;
}

async function scanBlocks(
  search: VectorSearch,
  query: PreparedQuery,
  targets: readonly ScanTarget[],
  candidates: Candidates,
  round: ReadRound,
): Promise<void> {
  const { context, segments, distance } = search;
  const { counters, ports } = context;
  const matched = (target: ScanTarget) => segments[target.segment] as MatchedSegment;
  const largest = targets.reduce((most, target) => {
    const { from, to } = scanBlockRows(matched(target).segment, target.block);
    return Math.max(most, to - from);
  }, 0);
  const out = { distances: new Float32Array(largest), errors: new Float32Array(largest) };
  const centroid = new Float32Array(query.scan.query.length);
  await round.readBlocks(
    targets.map((target) => scanBlock(matched(target).segment, target.block)),
    {
      readsMax: limits.scanReadsMax,
      onBlock: (index, bytes) => {
        const target = targets[index] as ScanTarget;
        const { segment, rows } = matched(target);
        const { centroids, clustered } = vectorPlanes(segment);
        const codes = readScanBlock(segment, target.block, bytes);
        dequantiseCentroid(centroids, centroidOfScanBlock(segment, target.block), centroid);
        estimateCluster(distance.metric, query.scan, centroid, codes, ports.kernels, out);
        const { from, to } = scanBlockRows(segment, target.block);
        counters.candidates += to - from;
        counters.clustersProbed += clustered ? 1 : 0;
        for (let i = 0; i < to - from; i++) {
          const estimate = out.distances[i] as number;
          // Not `estimate >= worst`: what is not a number is no promise either.
          if (!(estimate < candidates.worst) || rows?.has(from + i) === false) {
            continue;
          }
          candidates.offer(estimate, out.errors[i] as number, target.segment, from + i);
        }
      },
    },
  );
}

// ---- Refine -----------------------------------------------------------------------------------------

interface Refinement {
  readonly search: VectorSearch;
  readonly query: PreparedQuery;
  /** Keys of the ids that the tail touched. */
  readonly masks: KeySet;
  readonly survivors: Survivors;
}

/** A page, and which of its rows to score; all that match if undefined. */
interface PageTask {
  readonly segment: number;
  readonly page: number;
  readonly indexes: number[];
}

/** Refines candidates, best first, until enough live ones were among them. */
async function refineBest(
  refinement: Refinement,
  { rows, refineMax }: RankedCandidates,
): Promise<void> {
  const { search, masks } = refinement;
  const total = rows.ordinals.length;
  const target = refineCount(rows, search.wanted, refineMax);
  // Some of the first will turn out masked: as many more save a round in the ordinary case.
  const spare = masks.isEmpty ? 0 : Math.min(target, search.context.snapshot.unindexedRows);
  let live = 0;
  for (let from = 0, to = Math.min(total, target + spare); from < to; ) {
    live += await refinePages(refinement, pagesOf(rows, from, to));
    from = to;
    to = live >= target ? from : Math.min(total, from + 2 * (target - live));
  }
}

function pagesOf(rows: RankedRows, from: number, to: number): readonly PageTask[] {
  const tasks = new Map<string, PageTask>();
  for (let i = from; i < to; i++) {
    const segment = rows.segments[i] as number;
    const ordinal = rows.ordinals[i] as number;
    const page = refinePageOf(ordinal);
    const key = `${segment}/${page}`;
    const task = tasks.get(key) ?? { segment, page, indexes: [] };
    task.indexes.push(ordinal - refinePageStart(page));
    tasks.set(key, task);
  }
  return [...tasks.values()];
}

/** Refines every row that matches. */
async function refineAll(refinement: Refinement): Promise<void> {
  const tasks: PageTask[] = [];
  for (const [index, { segment, rows }] of refinement.search.segments.entries()) {
    for (let from = 0; from < segment.root.rows; ) {
      const first = rows === undefined ? from : rows.next(from);
      if (first < 0) {
        break;
      }
      const page = refinePageOf(first);
      const end = Math.min(refinePageStart(page + 1), segment.root.rows);
      const indexes: number[] = [];
      for (let ordinal = first; ordinal < end; ordinal++) {
        if (rows?.has(ordinal) ?? true) indexes.push(ordinal - refinePageStart(page));
      }
      tasks.push({ segment: index, page, indexes });
      from = end;
    }
  }
  await refinePages(refinement, tasks);
}

/** Four waves: an exhaustive query reads much anyway, and gaps between matches cost more than requests. */
const exhaustiveReadsMax = 4 * limits.connectionsMax;

/** Scores the rows of the pages; returns how many of them the tail has not touched. */
async function refinePages(refinement: Refinement, tasks: readonly PageTask[]): Promise<number> {
  const { search, masks } = refinement;
  const { context, segments, exhaustive } = search;
  const { counters } = context;
  const segmentOf = (task: PageTask) => (segments[task.segment] as MatchedSegment).segment;
  let live = 0;
  await context.reader.readRound(
    tasks.map((task) => refinePage(segmentOf(task), task.page)),
    {
      readsMax: exhaustive ? exhaustiveReadsMax : limits.refineReadsMax,
      onBlock: (index, bytes) => {
        const task = tasks[index] as PageTask;
        const page = readRefinePage(segmentOf(task), task.page, bytes);
        const keys = u32View(page.keys, 0, page.keys.length / 4);
        const indexes = masks.isEmpty
          ? task.indexes
          : task.indexes.filter((row) => !masks.has(keys, row));
        counters.masked += task.indexes.length - indexes.length;
        counters.refined += indexes.length;
        live += indexes.length;
        scorePage(refinement, task, page, indexes);
      },
    },
  );
  return live;
}

function scorePage(
  { search, query, survivors }: Refinement,
  task: PageTask,
  page: RefineRows,
  indexes: readonly number[],
): void {
  const { metric } = search.distance;
  const { segment } = search.segments[task.segment] as MatchedSegment;
  const picked = pickRefineRows(page, indexes);
  const scored = distanceInt8(metric, query.int8, picked, search.context.ports.kernels);
  const start = refinePageStart(task.page);
  for (const [i, row] of indexes.entries()) {
    let estimate = scored.estimates[i] as number;
    let bound = scored.bounds[i] as number;
    // Normalising, and rounding the exact distance to f32, are not in the bound of the codes.
    bound += roundingSlack * (metric === "cosine_distance" ? 4 : estimate + bound);
    if (!(Math.abs(estimate) < Infinity && bound < Infinity)) {
      // The magnitudes are beyond f32: nothing is known but the row itself.
      estimate = 0;
      bound = Infinity;
    }
    if (survivors.admits(estimate, bound)) {
      const id = refineRowId(segment, page, row);
      survivors.add({ segment: task.segment, ordinal: start + row, estimate, bound, id });
    }
  }
}

// ---- Exact ------------------------------------------------------------------------------------------

/** More rows than this leave their attributes for later, when fewer of them are left. */
const rowsWithAttributesMax = 256;

async function measureRows(
  search: VectorSearch,
  rows: readonly RankedRow[],
): Promise<readonly RankedRow[]> {
  const { context, segments, distance, keepVectors, attributes } = search;
  const few = rows.length <= Math.max(rowsWithAttributesMax, exactMax(search.wanted));
  const dims = distance.vector.length;
  await fetchRows(context.reader.round(), segments, rows, {
    ids: true,
    attributes: few ? attributes : undefined,
    onVector: (row, values, start) => {
      (row as RankedRow).distance = exactDistance(distance, values, start);
      if (keepVectors && few) row.vector = values.slice(start, start + dims);
    },
  });
  context.counters.exact += rows.length;
  return rows;
}
