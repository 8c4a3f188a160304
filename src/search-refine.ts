/**
 * The refine round of a vector query: int8 codes of chosen rows, each giving a range that its exact
 * distance is sure to lie in. Here ids are first seen, so here the rows are dropped whose id the
 * tail touched.
 */
import { u32View } from "./bytes/typed-view.ts";
import type { RefineRows } from "./format/segment-refine.ts";
import {
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
import type { SearchContext } from "./search-ports.ts";
import type { MatchedSegment } from "./search-segments.ts";

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
  const { context, masks, wanted } = refinement;
  const total = rows.ordinals.length;
  let target = refineCount(rows, wanted, refineMax);
  // Some of the first will turn out masked: as many more save a round in the ordinary case.
  const spare = masks.isEmpty ? 0 : Math.min(target, context.snapshot.unindexedRows);
  let live = 0;
  for (let from = 0, to = Math.min(total, target + spare); from < to; ) {
    const tasks = new PageTasks(refinement.segments);
    for (let i = from; i < to; i++) {
      tasks.add(rows.segments[i] as number, rows.ordinals[i] as number);
    }
    live += await refinePages(refinement, tasks.list(), refinement.allowance.readsMax("refine"));
    // The bound that decides how many are enough was set by rows that do not count.
    if (live < to) target = refineMax;
    from = to;
    to = live >= target ? from : Math.min(total, from + 2 * (target - live));
  }
}

/** Refines every matching row of the ranges. */
export async function refineRanges(
  refinement: Refinement,
  ranges: readonly SegmentRange[],
  readsMax: number,
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
  await refinePages(refinement, tasks.list(), readsMax);
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

/** Scores the rows of the pages; returns how many of them the tail has not touched. */
async function refinePages(
  refinement: Refinement,
  tasks: readonly PageTask[],
  readsMax: number,
): Promise<number> {
  const { context, segments, masks } = refinement;
  const { counters, reader } = context;
  const segmentOf = (task: PageTask): Segment => (segments[task.segment] as MatchedSegment).segment;
  let live = 0;
  await reader.readRound(
    tasks.map((task) => refinePage(segmentOf(task), task.page)),
    {
      readsMax,
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
  { context, segments, distance, query, boundShare, survivors }: Refinement,
  task: PageTask,
  page: RefineRows,
  indexes: readonly number[],
): void {
  const { metric } = distance;
  const { segment } = segments[task.segment] as MatchedSegment;
  const scored = distanceInt8(metric, query, pickRefineRows(page, indexes), context.ports.kernels);
  const start = refinePageStart(segment, task.page);
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
      const id = refineRowId(segment, page, row);
      survivors.add({ segment: task.segment, ordinal: start + row, estimate, bound, id });
    }
  }
}
