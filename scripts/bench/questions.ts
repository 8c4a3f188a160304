/**
 * The questions of a bench: queries of a data set in seeded order, each with its true neighbours.
 *
 * An answered row counts as found if it is among the true neighbours, or exactly as far from the
 * query as the last of them.
 */
import { createPrng } from "../../src/index/vector/prng.ts";
import type { Dataset } from "../datasets.ts";
import { distance } from "../nearest.ts";
import { mean } from "../quantiles.ts";
import { exactNeighbours } from "./truth.ts";

export interface Question {
  /** Its number in the data set. */
  readonly query: number;
  readonly vector: Float32Array;
  /** True if the row belongs in the answer. */
  readonly isNeighbour: (row: number) => boolean;
}

export interface QuestionRequest {
  readonly dataset: Dataset;
  /** The first rows of the data set. */
  readonly rows: number;
  readonly queries: number;
  /** Orders the queries. */
  readonly seed: number;
}

export const topK = 10;

export async function prepareQuestions(request: QuestionRequest): Promise<readonly Question[]> {
  const { dataset, rows } = request;
  const { metric, base } = dataset;
  const order = shuffle(
    Array.from({ length: request.queries }, (_, i) => i),
    request.seed,
  );
  const vectors = order.map((query) => dataset.queries.slice(query, query + 1));
  const truths =
    rows === base.rows
      ? order.map((query) => dataset.truth(query).subarray(0, topK))
      : await exactNeighbours({ metric, base, rows, queries: vectors, k: topK });
  return order.map((query, i) => {
    const vector = vectors[i] as Float32Array;
    const truth = truths[i] as Int32Array;
    const known = new Set(truth);
    const distanceTo = (row: number): number => distance(metric, vector, base.slice(row, row + 1));
    const last = truth.at(-1);
    const bound = last === undefined ? 0 : distanceTo(last);
    return { query, vector, isNeighbour: (row) => known.has(row) || distanceTo(row) <= bound };
  });
}

/** Mean recall@10 of the first ten rows of each answer; a row that is missing is one not found. */
export function recallOf(
  questions: readonly Question[],
  answers: readonly (readonly number[])[],
  rows: number,
): number {
  const found = answers.map((ids, i) => {
    const { isNeighbour } = questions[i] as Question;
    return bestOf(ids).filter(isNeighbour).length / Math.min(topK, rows);
  });
  return mean(found);
}

/** Throws if an answer of ours is short of rows: then the query was not answered. */
export function checkAnswers(answers: readonly (readonly number[])[], rows: number): void {
  for (const answer of answers) {
    const { length } = bestOf(answer);
    if (length !== Math.min(topK, rows))
      throw new Error(`a query was answered with ${length} rows`);
  }
}

function bestOf(ids: readonly number[]): readonly number[] {
  return [...new Set(ids)].slice(0, topK);
}

export function shuffle<T>(values: readonly T[], seed: number): readonly T[] {
  const shuffled = [...values];
  const prng = createPrng({ low: seed >>> 0, high: 0 });
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = prng.below(last + 1);
    [shuffled[last], shuffled[other]] = [shuffled[other] as T, shuffled[last] as T];
  }
  return shuffled;
}
