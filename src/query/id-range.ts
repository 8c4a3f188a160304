/**
 * Which ids a filter can match, as far as its outermost comparisons say: what paging by id asks
 * for. Reading ids in order, these comparisons are decided by where to begin and where to end, and
 * need no bitmap. Pure.
 */
import type { CompareFilter, Filter } from "../document/filter.ts";
import { compareIds, type DocumentId } from "../document/id.ts";

/** Ids from `from` to `to`, both included where they are given. */
export interface IdRange {
  readonly from: DocumentId | undefined;
  readonly to: DocumentId | undefined;
  /** Bounds that are themselves outside. */
  readonly excluded: ReadonlySet<DocumentId>;
}

export interface SplitFilter {
  readonly range: IdRange;
  /** What remains to be tested besides the range. */
  readonly rest: Filter | undefined;
}

export const allIds: IdRange = { from: undefined, to: undefined, excluded: new Set() };

export function splitFilter(filter: Filter | undefined): SplitFilter {
  const parts = filter === undefined ? [] : filter.kind === "and" ? filter.filters : [filter];
  const bounds = parts.filter(isBound);
  const rest = parts.filter((part) => !isBound(part));
  return {
    range: bounds.reduce(narrow, allIds),
    rest: rest.length > 1 ? { kind: "and", filters: rest } : rest[0],
  };
}

export function isInRange({ from, to, excluded }: IdRange, id: DocumentId): boolean {
  return (
    (from === undefined || compareIds(id, from) >= 0) &&
    (to === undefined || compareIds(id, to) <= 0) &&
    !excluded.has(id)
  );
}

/** A comparison of the id with a constant that bounds it; ids are never null. */
function isBound(filter: Filter): filter is CompareFilter {
  return (
    filter.kind === "compare" &&
    filter.attribute === "id" &&
    filter.value !== null &&
    ["Lt", "Lte", "Gt", "Gte"].includes(filter.op)
  );
}

function narrow(range: IdRange, { op, value }: CompareFilter): IdRange {
  const bound = value as DocumentId;
  const excluded =
    op === "Lt" || op === "Gt" ? new Set([...range.excluded, bound]) : range.excluded;
  if (op === "Gt" || op === "Gte") {
    const higher = range.from === undefined || compareIds(bound, range.from) > 0;
    return { ...range, from: higher ? bound : range.from, excluded };
  }
  const lower = range.to === undefined || compareIds(bound, range.to) < 0;
  return { ...range, to: lower ? bound : range.to, excluded };
}
