/**
 * Aggregates over all rows that match, by group or as a whole.
 *
 *   1. Side by side: rows of the tail, added one by one; rows of segments that match; codes of the
 *      columns that are grouped by and aggregated.
 *   2. Rows that the tail touched are taken out.
 *   3. Each segment: groups are numbered by codes of what they are grouped by, and for each
 *      function rows are counted by group and code. No value is looked at yet.
 *   4. Values of the codes met, in one round; each is added to its group as often as it was
 *      counted.
 *
 * Cost: code blocks (1 to 4 bytes a row and attribute), dictionary chunks of the codes met; some
 * nanoseconds a row and function. A count of all that matches reads no column.
 */
import type { Bitmap } from "./bytes/bitmap.ts";
import { type AttributeValue, type ComparableValue, isComparable } from "./document/value.ts";
import { assert } from "./errors.ts";
import type { ColumnRows } from "./index/segment/column-rows.ts";
import {
  type BoundAggregate,
  elementsOf,
  type Group,
  type GroupBy,
  Groups,
} from "./query/aggregate.ts";
import type { BoundAggregates } from "./query/bind.ts";
import { batchValues, filterRows, type TailChunk, TailFold } from "./query/tail.ts";
import {
  fillColumns,
  maskTouched,
  readColumns,
  readValues,
  type SegmentColumns,
} from "./search-columns.ts";
import { both, type SearchContext } from "./search-ports.ts";
import { type MatchedSegment, matchRows, openSegments } from "./search-segments.ts";
import { readTail } from "./search-tail.ts";

export interface Aggregated {
  readonly groups: readonly Group[];
  readonly fold: TailFold;
}

export async function aggregateRows(
  context: SearchContext,
  { filter, aggregates, groups: by }: BoundAggregates,
): Promise<Aggregated> {
  const opened = await openSegments(context, context.reader.round());
  const round = context.reader.round();
  const groups = new Groups(aggregates);
  if (by.length === 0) groups.at([]);
  const fold = new TailFold();
  const visit = (chunk: TailChunk): void =>
    addTail(chunk, filterRows(chunk.batch, fold.add(chunk.batch), filter), by, groups);
  const names = [
    ...by.map(({ attribute }) => attribute),
    ...aggregates.flatMap((each) => (each.kind === "Count" ? [] : [each.attribute])),
  ];
  const [, [matched, columns]] = await both(
    readTail(context, round, { visit }),
    both(matchRows(context, round, opened, filter), readColumns(context, round, opened, names)),
  );
  const segments = await maskTouched(context, matched, fold.touched);
  const filled = await fillColumns(context, segments, columns, names);
  const counted = segments.map((segment, i) =>
    countSegment(segment, filled[i] ?? new Map(), by, aggregates),
  );
  await readValues(
    context,
    counted.flatMap(({ wanted }) => wanted),
  );
  for (const each of counted) addSegment(each, by, groups);
  return { groups: groups.all(), fold };
}

function addTail(
  { batch }: TailChunk,
  rows: Uint32Array,
  by: readonly GroupBy[],
  groups: Groups,
): void {
  const valuesOf = batchValues(batch);
  const keys = by.map(({ attribute }) => valuesOf(attribute));
  const values = groups.aggregates.map((each) =>
    each.kind === "Count" ? () => null : valuesOf(each.attribute),
  );
  for (const row of rows) {
    const parts = keys.map((valueAt) => valueAt(row));
    for (const { accumulators } of groupsOf(parts, by, groups)) {
      for (const [i, accumulator] of accumulators.entries()) {
        accumulator.add(values[i]?.(row) ?? null, 1);
      }
    }
  }
}

/** A group for each element of what is grouped by its elements. */
function groupsOf(
  parts: readonly AttributeValue[],
  by: readonly GroupBy[],
  groups: Groups,
): readonly Group[] {
  const [first] = by;
  if (first?.each === true && by.length === 1) {
    return elementsOf(parts[0] ?? null).map((element) => groups.atScalar(element));
  }
  const at = by.findIndex(({ each }) => each);
  const key = parts.map(comparable);
  return at < 0
    ? [groups.at(key)]
    : elementsOf(key[at] ?? null).map((element) => groups.at(key.with(at, element)));
}

function comparable(value: AttributeValue): ComparableValue | null {
  assert(value === null || isComparable(value), "what is grouped by can be compared");
  return value;
}

// ---- Segments
// ---------------------------------------------------------------------------------------

/** What was counted in a segment, by codes. */
interface Counted {
  readonly keyColumns: readonly ColumnRows[];
  /** Codes of the key of each group, one after the other. */
  readonly keyCodes: readonly (readonly number[])[];
  /** Rows of each group. */
  readonly rows: Float64Array;
  /** For each function how many rows have which code; undefined for Count. */
  readonly pairs: readonly (CodeCounts | undefined)[];
  readonly wanted: { readonly column: ColumnRows; readonly codes: Iterable<number> }[];
}

interface CodeCounts {
  readonly column: ColumnRows;
  /** By group · (distinct + 1) + code. */
  readonly counts: ReadonlyMap<number, number>;
}

function countSegment(
  { segment, rows, count }: MatchedSegment,
  columns: SegmentColumns,
  by: readonly GroupBy[],
  aggregates: readonly BoundAggregate[],
): Counted {
  const columnOf = (name: string): ColumnRows => {
    const column = columns.get(name);
    assert(column !== undefined, "the columns that are aggregated were read");
    return column;
  };
  const keyColumns = by.map(({ attribute }) => columnOf(attribute));
  const needsRows = aggregates.some(({ kind }) => kind !== "Count");
  const numbered = numberGroups(segment.root.rows, rows, count, keyColumns, needsRows);
  const countsOf = new Map<ColumnRows, CodeCounts>();
  const pairs = aggregates.map((aggregate) => {
    if (aggregate.kind === "Count") return undefined;
    const column = columnOf(aggregate.attribute);
    const known = countsOf.get(column) ?? countCodes(column, rows, numbered);
    countsOf.set(column, known);
    return known;
  });
  const wanted = [
    ...keyColumns.map((column, i) => ({
      column,
      codes: new Set(numbered.keyCodes.map((codes) => codes[i] as number)),
    })),
    ...[...countsOf.values()].map(({ column, counts }) => {
      const width = column.distinct + 1;
      return { column, codes: new Set(Array.from(counts.keys(), (pair) => pair % width)) };
    }),
  ];
  return { keyColumns, keyCodes: numbered.keyCodes, rows: numbered.rows, pairs, wanted };
}

interface Numbered {
  /** Of each row that counts; undefined if all are in group 0. */
  readonly groupOf: Uint32Array | undefined;
  readonly keyCodes: readonly (readonly number[])[];
  readonly rows: Float64Array;
}

/** So many combinations of codes are looked up in an array. */
const tableMax = 2 ** 18;

function numberGroups(
  total: number,
  rows: Bitmap | undefined,
  count: number,
  columns: readonly ColumnRows[],
  needsRows: boolean,
): Numbered {
  const [first] = columns;
  if (first === undefined) {
    return { groupOf: undefined, keyCodes: [[]], rows: Float64Array.of(count) };
  }
  if (columns.length === 1) {
    return numberCodes(first, rows, count, needsRows);
  }
  const groupOf = new Uint32Array(total);
  const keyCodes: number[][] = [];
  let counts = new Float64Array(64);
  const combinations = columns.reduce((product, { distinct }) => product * (distinct + 1), 1);
  const table = combinations <= tableMax ? new Uint32Array(combinations) : undefined;
  const known = new Map<number | string, number>();
  const place = (row: number): number => {
    let key = 0;
    for (const { codes, distinct } of columns) key = key * (distinct + 1) + (codes[row] as number);
    if (table !== undefined) {
      const at = table[key] as number;
      if (at > 0) return at - 1;
      table[key] = keyCodes.length + 1;
    } else {
      const codes = columns.map((column) => column.codes[row]);
      const name = Number.isSafeInteger(combinations) ? key : codes.join();
      const at = known.get(name);
      if (at !== undefined) return at;
      known.set(name, keyCodes.length);
    }
    return keyCodes.push(columns.map(({ codes }) => codes[row] as number)) - 1;
  };
  eachRow(rows, total, (row) => {
    const group = place(row);
    groupOf[row] = group;
    if (group >= counts.length) {
      const larger = new Float64Array(2 * counts.length);
      larger.set(counts);
      counts = larger;
    }
    counts[group] = (counts[group] as number) + 1;
  });
  return { groupOf, keyCodes, rows: counts };
}

/** Groups by one column: its codes are groups already. */
function numberCodes(
  column: ColumnRows,
  rows: Bitmap | undefined,
  count: number,
  needsRows: boolean,
): Numbered {
  const counts = countEach(column, rows, count);
  const groupOfCode = new Uint32Array(counts.length);
  const keyCodes: number[][] = [];
  for (let code = 0; code < counts.length; code++) {
    if (counts[code] === 0) continue;
    groupOfCode[code] = keyCodes.length;
    keyCodes.push([code]);
  }
  const { codes } = column;
  const groupOf = needsRows ? new Uint32Array(codes.length) : undefined;
  if (groupOf !== undefined) {
    for (let row = 0; row < codes.length; row++) {
      groupOf[row] = groupOfCode[codes[row] as number] as number;
    }
  }
  return { groupOf, keyCodes, rows: Float64Array.from(keyCodes, ([c = 0]) => counts[c] as number) };
}

/** Rows by code: of a column that counts them, less those that do not count if these are fewer. */
function countEach(column: ColumnRows, rows: Bitmap | undefined, count: number): Uint32Array {
  const { codes, counts: all } = column;
  if (rows === undefined) return all;
  const isMost = 2 * count > codes.length;
  const counts = isMost ? all.slice() : new Uint32Array(all.length);
  const step = isMost ? -1 : 1;
  (isMost ? rows.clone().invert() : rows).forEach((row) => {
    const code = codes[row] as number;
    counts[code] = (counts[code] as number) + step;
  });
  return counts;
}

function countCodes(
  column: ColumnRows,
  rows: Bitmap | undefined,
  { groupOf, keyCodes }: Numbered,
): CodeCounts {
  const { codes, distinct } = column;
  const width = distinct + 1;
  const pairs = width * keyCodes.length;
  if (pairs > tableMax) {
    const counts = new Map<number, number>();
    eachRow(rows, codes.length, (row) => {
      const pair = (groupOf === undefined ? 0 : (groupOf[row] as number)) * width;
      const key = pair + (codes[row] as number);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    });
    return { column, counts };
  }
  const table = new Uint32Array(pairs);
  eachRow(rows, codes.length, (row) => {
    const pair = (groupOf === undefined ? 0 : (groupOf[row] as number)) * width;
    const key = pair + (codes[row] as number);
    table[key] = (table[key] as number) + 1;
  });
  const counts = new Map<number, number>();
  for (let key = 0; key < pairs; key++) {
    const count = table[key] as number;
    if (count > 0) counts.set(key, count);
  }
  return { column, counts };
}

function eachRow(rows: Bitmap | undefined, total: number, visit: (row: number) => void): void {
  if (rows !== undefined) {
    rows.forEach(visit);
    return;
  }
  for (let row = 0; row < total; row++) visit(row);
}

function addSegment(
  { keyColumns, keyCodes, rows, pairs }: Counted,
  by: readonly GroupBy[],
  groups: Groups,
): void {
  const targets = keyCodes.map((codes, group) => {
    if ((rows[group] as number) === 0 && by.length > 0) return [];
    const parts = keyColumns.map((column, i) => column.valueOf(codes[i] as number));
    return groupsOf(parts, by, groups);
  });
  for (const [i, pair] of pairs.entries()) {
    if (pair === undefined) {
      for (const [group, members] of targets.entries()) {
        for (const { accumulators } of members) {
          accumulators[i]?.add(null, rows[group] as number);
        }
      }
      continue;
    }
    const { column, counts } = pair;
    const width = column.distinct + 1;
    for (const [key, count] of counts) {
      const value = column.valueOf(key % width);
      for (const { accumulators } of targets[Math.floor(key / width)] ?? []) {
        accumulators[i]?.add(value, count);
      }
    }
  }
}
