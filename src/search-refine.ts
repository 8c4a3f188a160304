/**
 * The refine round of a vector query: int8 codes of chosen rows, each giving a range that its exact
 * distance is sure to lie in. Here ids are first seen, so here the rows are dropped whose id the
 * tail touched.
 */
import { u32View } from "./bytes/typed-view.ts";
import type { RefineRows } from "./format/segment-refine.ts";
import {
  cutRefineRow,
  fewRefineRows,
  joinRefineRows,
  pickRefineRows,
  readRefinePage,
  refinePage,
  refinePageOf,
  refinePageStart,
  refineRowId,
} from "./index/segment/refine-plane.ts";
import type { Segment } from "./index/segment/segment.ts";
import { distanceInt8, type Int8Query } from "./index/vector/int8.ts";
import { type RankedRows, refineCount } from "./query/candidates.ts";
import { type DistanceQuery, roundingSlack } from "./query/distance.ts";
import type { KeySet } from "./query/key-set.ts";
import type { ReadAllowance } from "./query/read-allowance.ts";
import type { Survivors } from "./query/survivors.ts";
import type { KeptRows } from "./search-kept-rows.ts";
import type { SearchContext } from "./search-ports.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { BlockReads } from "./store/block-reader.ts";
import type { ReadCap } from "./store/range-plan.ts";

export interface Refinement {
  readonly context: SearchContext;
  readonly segments: readonly MatchedSegment[];
  readonly distance: DistanceQuery;
  readonly wanted: number;
  readonly query: Int8Query;
  /** How much of their rigorous bounds distances are believed to be off. */
  readonly boundShare: number;
  /** Keys of the ids that the tail touched. */
  readonly masks: KeySet;
  readonly survivors: Survivors;
  readonly allowance: ReadAllowance;
  readonly kept: KeptRows;
}

/** So many rows of other clusters are worth a round. */
const othersMin = 256;

/** How pages are read. */
type Reads = Omit<BlockReads, "onBlock" | "most">;

/** As what the rounds before have left allows. */
export function refineReads(allowance: ReadAllowance): Reads {
  const readsMax = allowance.readsMax("refine");
  return { readsMax, gapBytes: allowance.gapBytes, wideReads: allowance.wideReads("refine") };
}

function cappedReads({
  context,
  segments,
  allowance,
  wanted,
}: Refinement): Reads & { most?: ReadCap } {
  const cap = allowance.cap("refine", wanted, segments.length, context.snapshot.probes);
  return { ...refineReads(allowance), ...(cap && { most: { ...cap, sure: 1 } }) };
}

/** Rows of a segment, `from` … `to`-1. */
export interface SegmentRange {
  readonly segment: number;
  readonly from: number;
  readonly to: number;
}

/** A page, and which of its rows to score. */
interface PageTask {
  readonly segment: number;
  readonly page: number;
  readonly indexes: number[];
}

/** Refines candidates, best first, until enough live ones were among them. */
export async function refineBest(
  refinement: Refinement,
  rows: RankedRows,
  refineMax: number,
): Promise<void> {
  const { context, masks, wanted, kept } = refinement;
  const total = rows.ordinals.length;
  let target = refineCount(rows, wanted, refineMax);
  // Some of the first will turn out masked: as many more save a round in the ordinary case.
  const spare = masks.isEmpty ? 0 : Math.min(target, context.snapshot.unindexedRows);
  const leftOut: PageTask[] = [];
  let live = 0;
  for (let from = 0, to = Math.min(total, target + spare); from < to; ) {
    const tasks = new PageTasks(refinement.segments);
    const known = refinement.segments.map((): KnownRows => ({ ordinals: [], rows: [] }));
    for (let i = from; i < to; i++) {
      const [segment, ordinal] = [rows.segments[i] as number, rows.ordinals[i] as number];
      const row = kept.code(segment, ordinal);
      if (row === undefined) {
        tasks.add(segment, ordinal);
      } else {
        known[segment]?.ordinals.push(ordinal);
        known[segment]?.rows.push(row);
      }
    }
    for (const [segment, of] of known.entries()) live += refineKnown(refinement, segment, of);
    live += await refinePages(refinement, tasks.list(), cappedReads(refinement), kept, leftOut);
    // The bound that decides how many are enough was set by rows that do not count.
    if (live < to) target = refineMax;
    from = to;
    to = live >= target ? from : Math.min(total, from + 2 * (target - live));
  }
  if (leftOut.length > 0 && refinement.survivors.bar === Infinity) {
    await refinePages(refinement, leftOut, refineReads(refinement.allowance), kept);
  }
}

/** Rows of a segment that memory holds. */
interface KnownRows {
  readonly ordinals: number[];
  readonly rows: Uint8Array[];
}

/** Refines every matching row of the ranges. */
export async function refineRanges(
  refinement: Refinement,
  ranges: readonly SegmentRange[],
  reads: Reads,
): Promise<void> {
  const tasks = new PageTasks(refinement.segments);
  for (const { segment, from, to } of ranges) {
    const { rows } = refinement.segments[segment] as MatchedSegment;
    let ordinal = rows?.next(from) ?? from;
    while (ordinal >= 0 && ordinal < to) {
      tasks.add(segment, ordinal);
      ordinal = rows?.next(ordinal + 1) ?? ordinal + 1;
    }
  }
  await refinePages(refinement, tasks.list(), reads);
}

/** Refines ranges in their order until as many rows are known as are wanted. */
export async function refineOthers(
  refinement: Refinement,
  ranges: readonly (SegmentRange & { readonly matches: number })[],
): Promise<void> {
  const { survivors, wanted, allowance } = refinement;
  let atOnce = Math.max(othersMin, 2 * wanted);
  for (let from = 0; from < ranges.length && survivors.bar === Infinity; atOnce *= 4) {
    let to = from;
    for (let matches = 0; to < ranges.length && matches < atOnce; to++) {
      matches += ranges[to]?.matches as number;
    }
    await refineRanges(refinement, ranges.slice(from, to), refineReads(allowance));
    from = to;
  }
}

/** Rows by page, pages in the order of their first row. */
class PageTasks {
  readonly #tasks = new Map<string, PageTask>();
  readonly #segments: readonly MatchedSegment[];
  #last: PageTask | undefined;

  constructor(segments: readonly MatchedSegment[]) {
    this.#segments = segments;
  }

  add(segment: number, ordinal: number): void {
    const { segment: opened } = this.#segments[segment] as MatchedSegment;
    const page = refinePageOf(opened, ordinal);
    if (this.#last?.segment !== segment || this.#last.page !== page) {
      const key = `${segment}/${page}`;
      this.#last = this.#tasks.get(key) ?? { segment, page, indexes: [] };
      this.#tasks.set(key, this.#last);
    }
    this.#last.indexes.push(ordinal - refinePageStart(opened, page));
  }

  list(): readonly PageTask[] {
    return [...this.#tasks.values()];
  }
}

/** Scores rows that memory holds; returns how many of them the tail has not touched. */
function refineKnown(
  refinement: Refinement,
  segment: number,
  { ordinals, rows }: KnownRows,
): number {
  if (rows.length === 0) return 0;
  const { segment: opened } = refinement.segments[segment] as MatchedSegment;
  const joined = joinRefineRows(opened, rows);
  const ordinalOf = (index: number): number => ordinals[index] as number;
  return scoreRows(refinement, { segment, indexes: [...ordinals.keys()], ordinalOf }, joined);
}

/**
 * The same for rows of pages, the most promising first. `kept`: where rows are kept if few of their
 * page are wanted; `leftOut`: takes the pages that there is no room for, whose rows count as if
 * they lived: others promise less.
 */
async function refinePages(
  refinement: Refinement,
  tasks: readonly PageTask[],
  { most, ...reads }: Reads & { readonly most?: ReadCap },
  kept?: KeptRows,
  leftOut: PageTask[] = [],
): Promise<number> {
  const { context, segments } = refinement;
  const segmentOf = (task: PageTask): Segment => (segments[task.segment] as MatchedSegment).segment;
  const isPassing = (task: PageTask): boolean =>
    kept?.isUsed === true && task.indexes.length <= fewRefineRows(segmentOf(task));
  let live = 0;
  const onLeftOut = (index: number): void => {
    const task = tasks[index] as PageTask;
    leftOut.push(task);
    live += task.indexes.length;
  };
  await context.reader.readRound(
    tasks.map((task) => {
      return { ...refinePage(segmentOf(task), task.page), isPassing: isPassing(task) };
    }),
    {
      ...reads,
      ...(most && { most: { ...most, onLeftOut } }),
      onBlock: (index, bytes) => {
        const task = tasks[index] as PageTask;
        const { segment, indexes } = task;
        const page = readRefinePage(segmentOf(task), task.page, bytes);
        const start = refinePageStart(segmentOf(task), task.page);
        if (isPassing(task)) {
          for (const row of indexes) {
            kept?.keepCode(segment, start + row, cutRefineRow(page, row));
          }
        }
        live += scoreRows(refinement, { segment, indexes, ordinalOf: (row) => start + row }, page);
      },
    },
  );
  return live;
}

/** Which of some rows to score. */
interface RowTask {
  readonly segment: number;
  readonly indexes: readonly number[];
  readonly ordinalOf: (index: number) => number;
}

/** Returns how many of them the tail has not touched. */
function scoreRows(refinement: Refinement, task: RowTask, rows: RefineRows): number {
  const { context, segments, distance, query, boundShare, survivors, masks } = refinement;
  const { counters } = context;
  const { metric } = distance;
  const keys = u32View(rows.keys, 0, rows.keys.length / 4);
  const indexes = masks.isEmpty
    ? task.indexes
    : task.indexes.filter((row) => !masks.has(keys, row));
  counters.masked += task.indexes.length - indexes.length;
  counters.refined += indexes.length;
  const { segment } = segments[task.segment] as MatchedSegment;
  const scored = distanceInt8(metric, query, pickRefineRows(rows, indexes), context.ports.kernels);
  for (const [i, row] of indexes.entries()) {
    let estimate = scored.estimates[i] as number;
    let bound = boundShare * (scored.bounds[i] as number);
    // Normalising, and rounding the exact distance to f32, are not in the bound of the codes.
    bound += roundingSlack * (metric === "cosine_distance" ? 4 : estimate + bound);
    if (!(Math.abs(estimate) < Infinity && bound < Infinity)) {
      // The magnitudes are beyond f32: nothing is known but the row itself.
      estimate = 0;
      bound = Infinity;
    }
    if (survivors.admits(estimate, bound)) {
      const id = refineRowId(segment, rows, row);
      const ordinal = task.ordinalOf(row);
      survivors.add({ segment: task.segment, ordinal, estimate, bound, id });
    }
  }
  return indexes.length;
}
