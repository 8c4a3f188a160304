/**
 * Orders that are read from columns: by attributes, or by the score of an expression. Pure.
 *
 * A row's *key* is what it is ranked by: values of attributes, or one score. Rows of one key come
 * in the order of their ids. Absent values come first ascending and last descending.
 */
import { compareIds, type DocumentId } from "../document/id.ts";
import { type AttributeValue, compareValues } from "../document/value.ts";
import type { Expression } from "./expression.ts";

export interface OrderKey {
  readonly attribute: string;
  readonly descending: boolean;
}

export type Ranking =
  | {
      readonly kind: "order";
      readonly keys: readonly OrderKey[];
      /** Of rows that agree in all keys. */
      readonly idDescending: boolean;
    }
  | { readonly kind: "expression"; readonly expression: Expression };

export type RankKey = readonly AttributeValue[];

export type CompareKeys = (a: RankKey, b: RankKey) => number;

/** Negative if rows with key `a` come first. */
export function keyOrder(ranking: Ranking): CompareKeys {
  const signs = directionsOf(ranking);
  return (a, b) => {
    for (let i = 0; i < signs.length; i++) {
      const order = compareValues(a[i] ?? null, b[i] ?? null);
      if (order !== 0) return order * (signs[i] as number);
    }
    return 0;
  };
}

/** 1 ascending, -1 descending, for each part of a key. */
export function directionsOf(ranking: Ranking): readonly number[] {
  return ranking.kind === "expression"
    ? [-1]
    : ranking.keys.map(({ descending }) => (descending ? -1 : 1));
}

export function idOrder(ranking: Ranking): (a: DocumentId, b: DocumentId) => number {
  const isDescending = ranking.kind === "order" && ranking.idDescending;
  return isDescending ? (a, b) => compareIds(b, a) : compareIds;
}

/** The best rows of one segment by numbers that rank as their keys do, and all that tie. */
export interface LocalBest {
  /** Ordinals, best first; equal ones in any order. */
  readonly rows: readonly number[];
  /** Of those that tie with the last of `rows`, the ones that found no place there. */
  readonly tied: readonly number[];
}

/**
 * The `wanted` best of the rows by `levels`: for each part of the key a number a row, and its
 * direction. One comparison a row that does not enter.
 */
export function selectBest(
  rows: { forEach(visit: (row: number) => void): void },
  levels: readonly { readonly numbers: ArrayLike<number>; readonly sign: number }[],
  wanted: number,
): LocalBest {
  const compare = (a: number, b: number): number => {
    for (const { numbers, sign } of levels) {
      const order = (numbers[a] as number) - (numbers[b] as number);
      if (order !== 0) return order * sign;
    }
    return 0;
  };
  const heap: number[] = [];
  let tied: number[] = [];
  rows.forEach((row) => {
    if (heap.length < wanted) {
      push(heap, row, compare);
      return;
    }
    const root = heap[0] as number;
    const order = compare(row, root);
    if (order === 0) {
      tied.push(row);
    } else if (order < 0) {
      heap[0] = row;
      sink(heap, compare);
      // Whoever tied with the one that left ties with the new last only if that is as good.
      if (compare(heap[0] as number, root) === 0) tied.push(root);
      else tied = [];
    }
  });
  return { rows: heap.sort(compare), tied };
}

function push(heap: number[], row: number, compare: (a: number, b: number) => number): void {
  let at = heap.push(row) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (compare(row, heap[parent] as number) <= 0) break;
    heap[at] = heap[parent] as number;
    at = parent;
  }
  heap[at] = row;
}

function sink(heap: number[], compare: (a: number, b: number) => number): void {
  const row = heap[0] as number;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    const right = child + 1;
    if (right < heap.length && compare(heap[right] as number, heap[child] as number) > 0) {
      child = right;
    }
    if (compare(heap[child] as number, row) <= 0) break;
    heap[at] = heap[child] as number;
    at = child;
  }
  heap[at] = row;
}
