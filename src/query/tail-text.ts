/**
 * The text of the tail, chunk by chunk: for one analysis of one attribute, which rows have a term
 * and how often, and how long each row is. Made when a query first asks, and kept as long as the
 * decoded chunk is. Pure but for that.
 */
import type { Batch } from "../document/batch.ts";
import type { TextStatistics } from "../index/text/bm25.ts";
import { prepareBeginning } from "../index/text/term-prefix.ts";
import { batchValues } from "./tail.ts";
import type { Occurrences, TextClause } from "./text-clause.ts";

interface BatchText {
  /** Tokens of each row. */
  readonly lengths: Uint32Array;
  /** By term: row, frequency, row, frequency, … with rows ascending. */
  readonly postings: ReadonlyMap<string, readonly number[]>;
}

const kept = new WeakMap<Batch, Map<string, BatchText>>();

function textOf(batch: Batch, { attribute, analyzer }: TextClause): BatchText {
  const name = `${analyzer.name}/${attribute}`;
  const texts = kept.get(batch) ?? new Map<string, BatchText>();
  kept.set(batch, texts);
  const known = texts.get(name);
  if (known !== undefined) return known;
  const text = indexBatch(batch, attribute, analyzer);
  texts.set(name, text);
  return text;
}

function indexBatch(batch: Batch, attribute: string, analyzer: TextClause["analyzer"]): BatchText {
  const lengths = new Uint32Array(batch.upserts);
  const postings = new Map<string, number[]>();
  const valueAt = batchValues(batch)(attribute);
  for (let row = 0; row < batch.upserts; row++) {
    analyzer.visit(valueAt(row), ({ term }) => {
      lengths[row] = (lengths[row] as number) + 1;
      const list = postings.get(term);
      if (list === undefined) postings.set(term, [row, 1]);
      else if (list.at(-2) === row) list[list.length - 1] = (list.at(-1) as number) + 1;
      else list.push(row, 1);
    });
  }
  return { lengths, postings };
}

/** Adds what the rows of a chunk that count add to the statistics. */
export function addBatchStatistics(
  batch: Batch,
  rows: Uint32Array,
  clause: TextClause,
  to: TextStatistics,
): void {
  const { lengths, postings } = textOf(batch, clause);
  const counts = new Uint8Array(batch.upserts);
  for (const row of rows) {
    counts[row] = 1;
    to.tokens += lengths[row] as number;
    to.rows += (lengths[row] as number) > 0 ? 1 : 0;
  }
  for (const [i, { term, isPrefix }] of clause.terms.entries()) {
    if (isPrefix) continue;
    const list = postings.get(term) ?? [];
    for (let at = 0; at < list.length; at += 2) {
      if (counts[list[at] as number] === 1) to.frequencies[i] = (to.frequencies[i] as number) + 1;
    }
  }
}

/** Those of the rows that have a term, and what they have. */
export function findInBatch(
  batch: Batch,
  rows: Uint32Array,
  clause: TextClause,
): ReadonlyMap<number, Occurrences> {
  const { lengths, postings } = textOf(batch, clause);
  const isWanted = new Uint8Array(batch.upserts);
  for (const row of rows) isWanted[row] = 1;
  const found = new Map<number, Occurrences>();
  const add = (place: number, list: readonly number[]): void => {
    for (let at = 0; at < list.length; at += 2) {
      const row = list[at] as number;
      if (isWanted[row] === 0) continue;
      const known = found.get(row) ?? {
        frequencies: new Uint32Array(clause.terms.length),
        length: lengths[row] as number,
      };
      found.set(row, known);
      known.frequencies[place] = (known.frequencies[place] as number) + (list[at + 1] as number);
    }
  };
  for (const [place, { term, isPrefix, edits }] of clause.terms.entries()) {
    if (!isPrefix) {
      add(place, postings.get(term) ?? []);
      continue;
    }
    const begins = prepareBeginning(term, edits);
    for (const [each, list] of postings) {
      if (begins(each)) add(place, list);
    }
  }
  return found;
}
