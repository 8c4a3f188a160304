/**
 * Reciprocal rank fusion: several rankings become one. A row's score is the sum, over the rankings
 * it is in, of weight / (constant + rank), ranks from 1. (Cormack, Clarke and Büttcher, SIGIR
 * 2009.) Rows bring along the attributes of all of them. Ties by id. Pure.
 */
import { compareIds, type DocumentId } from "../document/id.ts";
import type { ResultRow } from "./result.ts";

export interface Fusion {
  readonly constant: number;
  /** One for each ranking. */
  readonly weights: readonly number[];
  readonly limit: number;
  readonly offset: number;
}

export function fuseRows(
  rankings: readonly (readonly ResultRow[])[],
  { constant, weights, limit, offset }: Fusion,
): readonly ResultRow[] {
  const fused = new Map<DocumentId, { row: ResultRow; score: number }>();
  for (const [i, rows] of rankings.entries()) {
    for (const [at, row] of rows.entries()) {
      const score = (weights[i] ?? 1) / (constant + at + 1);
      const known = fused.get(row.id);
      fused.set(row.id, {
        row: known === undefined ? row : mergeRows(known.row, row),
        score: (known?.score ?? 0) + score,
      });
    }
  }
  return [...fused.values()]
    .map(({ row, score }) => ({ ...row, distance: Math.fround(score) }))
    .sort((a, b) => b.distance - a.distance || compareIds(a.id, b.id))
    .slice(offset, offset + limit);
}

function mergeRows(a: ResultRow, b: ResultRow): ResultRow {
  const names = new Set(a.attributes.map(({ name }) => name));
  const computed = new Set(a.computed?.map(({ name }) => name));
  return {
    ...a,
    attributes: [...a.attributes, ...b.attributes.filter(({ name }) => !names.has(name))],
    computed: [
      ...(a.computed ?? []),
      ...(b.computed ?? []).filter(({ name }) => !computed.has(name)),
    ],
    vector: a.vector ?? b.vector,
  };
}
