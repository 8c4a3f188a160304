/**
 * Ids of all documents that a filter matches, in order: for writes that change them.
 *
 *   1. The tail, read once: newest operations that are upserts and pass the filter.
 *   2. Segments: rows that are alive and pass it, their ids walked in order a page at a time, but
 *      for those that the tail touched.
 *   3. Both together, lowest first.
 *
 * Memory: an id for each match, and the ids of the tail. Cost: the tail, the columns of the filter
 * and the id blocks, each once.
 */
import type { Filter } from "./document/filter.ts";
import { compareIds, type DocumentId } from "./document/id.ts";
import { type IdRange, splitFilter } from "./query/id-range.ts";
import { filterRows, TailFold } from "./query/tail.ts";
import { searchInOrder } from "./search-order.ts";
import type { SearchContext } from "./search-ports.ts";
import { type MatchedSegment, matchRows, openSegments } from "./search-segments.ts";
import { readTail } from "./search-tail.ts";

/** Rows of segments at a time: each is an object of some hundred bytes meanwhile. */
const pageRows = 10_000;

/** At most `idsMax` of those that are wanted. */
export async function searchIds(
  context: SearchContext,
  filter: Filter,
  idsMax: number,
  isWanted: (id: DocumentId) => boolean,
): Promise<readonly DocumentId[]> {
  const { reader } = context;
  const opened = await openSegments(context, reader.round());
  const fold = new TailFold();
  const recent: DocumentId[] = [];
  await readTail(context, reader.round(), {
    visit: ({ batch }) => {
      for (const row of filterRows(batch, fold.add(batch), filter)) {
        const id = batch.ids[row] as DocumentId;
        if (isWanted(id)) recent.push(id);
      }
    },
  });
  const { range, rest } = splitFilter(filter);
  const segments = await matchRows(context, reader.round(), opened, rest);
  const older = await walk({ context, segments, range, touched: fold.touched }, idsMax, isWanted);
  return mergeIds(recent.sort(compareIds), older).slice(0, idsMax);
}

interface Walk {
  readonly context: SearchContext;
  readonly segments: readonly MatchedSegment[];
  readonly range: IdRange;
  readonly touched: ReadonlySet<DocumentId>;
}

async function walk(
  { range, ...search }: Walk,
  idsMax: number,
  isWanted: (id: DocumentId) => boolean,
): Promise<readonly DocumentId[]> {
  const found: DocumentId[] = [];
  let left = range;
  for (;;) {
    const order = { ...search, range: left, descending: false, wanted: pageRows };
    const round = search.context.reader.round();
    const rows = await searchInOrder({ ...order, attributes: undefined }, round);
    for (const { id } of rows) {
      if (isWanted(id)) found.push(id);
    }
    const last = rows.at(-1)?.id;
    if (last === undefined || rows.length < pageRows || found.length >= idsMax) {
      return found;
    }
    left = { ...range, from: last, excluded: new Set([...range.excluded, last]) };
  }
}

function mergeIds(a: readonly DocumentId[], b: readonly DocumentId[]): readonly DocumentId[] {
  if (a.length === 0 || b.length === 0) {
    return a.length === 0 ? b : a;
  }
  return [...a, ...b].sort(compareIds);
}
