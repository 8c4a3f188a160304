/**
 * At most so many rows for each combination of attributes, the best of each, in order.
 *
 *   1. The best rows, as without it; of each combination the first so many are kept.
 *   2. If that leaves fewer than wanted though there were more rows, some combination has had all
 *      its places taken: its other rows are filtered out, and the next pass asks for twice as many.
 *
 * Each pass takes at least one combination out of the way, so the result is exact where the order
 * is. Passes are bounded, which matters only where many kinds of rows each crowd out the next.
 */
import type { Filter } from "./document/filter.ts";
import { type AttributeValue, isComparable } from "./document/value.ts";
import { invalid } from "./errors.ts";
import { limits } from "./limits.ts";
import type { BoundQuery } from "./query/bind.ts";
import type { Diversity } from "./query/query.ts";
import type { ResultRow } from "./query/result.ts";

/** A query of which at least its rows are known. */
export interface Pass {
  readonly rows: readonly ResultRow[];
}

export async function diversify<T extends Pass>(
  bound: BoundQuery,
  per: Diversity,
  run: (bound: BoundQuery) => Promise<T>,
): Promise<T> {
  const full = new Map<string, Combination>();
  let { wanted } = bound;
  for (let pass = 0; pass < limits.diversePassesMax; pass++) {
    const filter = withoutFull(bound.filter, full);
    const result = await run({ ...bound, filter, wanted, offset: 0 });
    const kept = keepFirst(result.rows, per, full);
    if (kept.length >= bound.wanted || result.rows.length < wanted) {
      return { ...result, rows: kept.slice(bound.offset, bound.wanted) };
    }
    wanted = Math.min(2 * wanted, limits.topKMax);
  }
  const text =
    "💔 too many rows of a kind stand before those of others for `limit.per`; add a filter";
  throw invalid(text, "limit.per");
}

/** Attributes that agree, and the rows that have their places. */
interface Combination {
  readonly values: readonly (readonly [string, AttributeValue])[];
  readonly rows: ResultRow[];
}

/** The first rows of each combination; those that have no place left go into `full`. */
function keepFirst(
  rows: readonly ResultRow[],
  { attributes, limit }: Diversity,
  full: Map<string, Combination>,
): readonly ResultRow[] {
  const seen = new Map<string, Combination>();
  return rows.filter((row) => {
    const values = attributes.map(
      (name) =>
        [
          name,
          name === "id"
            ? row.id
            : (row.attributes.find((each) => each.name === name)?.value ?? null),
        ] as const,
    );
    const key = JSON.stringify(values, (_, value: unknown) =>
      typeof value === "bigint" ? { bigint: String(value) } : value,
    );
    const combination = seen.get(key) ?? { values, rows: [] };
    seen.set(key, combination);
    if (combination.rows.length < limit) {
      combination.rows.push(row);
      return true;
    }
    full.set(key, combination);
    return false;
  });
}

/** Of full combinations nothing passes but the rows that have a place. */
function withoutFull(
  filter: Filter | undefined,
  full: ReadonlyMap<string, Combination>,
): Filter | undefined {
  if (full.size === 0) {
    return filter;
  }
  const combinations = [...full.values()];
  const ids = combinations.flatMap(({ rows }) => rows.map(({ id }) => id));
  const excluded: Filter = {
    kind: "or",
    filters: combinations.map(({ values }) => ({
      kind: "and",
      filters: values.map(([attribute, value]) => ({
        kind: "compare",
        attribute,
        op: "Eq",
        value: isComparable(value) ? value : null,
      })),
    })),
  };
  const allowed: Filter = {
    kind: "or",
    filters: [
      { kind: "not", filter: excluded },
      { kind: "compare", attribute: "id", op: "In", value: ids },
    ],
  };
  return filter === undefined ? allowed : { kind: "and", filters: [filter, allowed] };
}
