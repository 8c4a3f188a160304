/**
 * What a world is asked: the body of a query, and what is wrong with an answer, if anything is. A
 * new kind of question is a maker in `questionMakers`, or in those of rank-questions.ts.
 */
import type { DistanceMetric } from "../../../src/document/schema.ts";
import type { SearchResult } from "../../../src/query/result.ts";
import type { PartsResult } from "../../../src/search-parts.ts";
import type { BruteForce, OracleDocument, OracleFilter, OracleHit } from "../brute-force.ts";
import { type FilterSource, jsonFilter, randomFilter } from "./random-filters.ts";
import { randomVector } from "./values.ts";

export interface Question {
  readonly body: object;
  /** What is wrong; undefined: nothing. */
  readonly check: (result: SearchResult) => string | undefined;
}

/** Of a request that is no single query for rows. */
export interface PartsQuestion {
  readonly body: object;
  readonly checkParts: (result: PartsResult) => string | undefined;
}

/** What makers know of the world. */
export interface Asked extends FilterSource {
  readonly documents: BruteForce;
  readonly metric: DistanceMetric;
  /** 0: documents have no vectors. */
  readonly dims: number;
}

export type QuestionMaker = (asked: Asked) => Question | PartsQuestion | undefined;

export const questionMakers: readonly QuestionMaker[] = [
  orderById,
  lookUp,
  exactNeighbours,
  nearNeighbours,
];

export function randomQuestion(
  asked: Asked,
  makers: readonly QuestionMaker[],
): Question | PartsQuestion {
  for (;;) {
    const question = asked.random.pick(makers)(asked);
    if (question !== undefined) return question;
  }
}

function orderById(asked: Asked): Question {
  const { random, documents } = asked;
  const filter = random.chance(0.9) ? randomFilter(asked) : undefined;
  const isDescending = random.chance(0.5);
  const window = randomWindow(asked);
  const expected = cut(documents.byId(isDescending, filter), window);
  const body = {
    rank_by: ["id", isDescending ? "desc" : "asc"],
    ...window,
    ...(filter === undefined ? {} : { filters: jsonFilter(filter) }),
    include_attributes: true,
  };
  return { body, check: (result) => compareRows(result, expected) };
}

/** By filter alone. */
function lookUp(asked: Asked): Question {
  const filter = randomFilter(asked);
  const window = randomWindow(asked);
  const expected = cut(asked.documents.byId(false, filter), window);
  const body = { ...window, filters: jsonFilter(filter), include_attributes: ["s", "ts"] };
  return { body, check: (result) => compareRows(result, expected, ["s", "ts"]) };
}

function exactNeighbours(asked: Asked): Question | undefined {
  const { random, dims, metric, documents } = asked;
  if (dims === 0) return undefined;
  const filter = randomFilter(asked);
  const vector = randomVector(random, dims);
  const window = randomWindow(asked);
  const expected = cut(documents.nearest(metric, Float32Array.from(vector), filter), window);
  const body = {
    rank_by: ["vector", "kNN", vector],
    ...window,
    filters: jsonFilter(filter),
    include_attributes: true,
  };
  return { body, check: (result) => compareRows(result, expected) };
}

/** Approximate: which are found is not fixed; that they exist, match and are as far is. */
function nearNeighbours(asked: Asked): Question | undefined {
  const { random, dims, metric, documents } = asked;
  if (dims === 0) return undefined;
  const filter = randomFilter(asked);
  const vector = randomVector(random, dims);
  const window = randomWindow(asked);
  const body = { rank_by: ["vector", "ANN", vector], ...window, filters: jsonFilter(filter) };
  const all = documents.nearest(metric, Float32Array.from(vector), filter);
  const check = ({ rows }: SearchResult): string | undefined => {
    const wanted = cut(all, window).length;
    if (rows.length !== wanted) return `${rows.length} rows, but ${wanted} are there`;
    const places = rows.map((row) => all.findIndex(({ id }) => id === row.id));
    const stranger = places.findIndex((place) => place < 0);
    if (stranger >= 0) return `${rows[stranger]?.id} does not match`;
    const isOff = rows.findIndex((row, i) => all[places[i] ?? -1]?.distance !== row.distance);
    if (isOff >= 0) return `${rows[isOff]?.id} is not ${rows[isOff]?.distance} away`;
    return places.every((place, i) => i === 0 || (places[i - 1] as number) < place)
      ? undefined
      : "rows are out of order";
  };
  return { body, check };
}

// ---- Answers
// ----------------------------------------------------------------------------------------

export interface Window {
  readonly limit: number;
  readonly offset?: number;
}

export function randomWindow({ random }: Asked): Window {
  const limit = random.pick([1, 3, 10, 50, 10_000 - 20]);
  return random.chance(0.3) ? { limit, offset: random.below(20) } : { limit };
}

export function cut<T>(all: readonly T[], { limit, offset = 0 }: Window): readonly T[] {
  return all.slice(offset, offset + limit);
}

/** `names`: the attributes shown, all and the vector if not given. */
export function compareRows(
  { rows }: SearchResult,
  expected: readonly OracleHit[],
  names?: readonly string[],
): string | undefined {
  const shown = rows.map(({ id, distance, vector, attributes }) =>
    rowText(
      id,
      distance,
      vector?.values,
      attributes.map(({ name, value }) => [name, value]),
    ),
  );
  const wanted = expected.map(({ id, distance, document }) =>
    rowText(
      id,
      distance,
      names === undefined ? document.vector : undefined,
      presentValues(document).filter(([name]) => names?.includes(name) ?? true),
    ),
  );
  for (let i = 0; i < Math.max(shown.length, wanted.length); i++) {
    if (shown[i] !== wanted[i]) return `row ${i} is ${shown[i]}, but should be ${wanted[i]}`;
  }
  return undefined;
}

function presentValues({ attributes }: OracleDocument): [string, unknown][] {
  return Object.entries(attributes).filter(([, value]) => value !== null);
}

function rowText(
  id: unknown,
  distance: number | undefined,
  vector: ArrayLike<number> | undefined,
  values: readonly (readonly [string, unknown])[],
): string {
  const sorted = values.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const components = vector === undefined ? [] : Array.from(vector);
  return JSON.stringify([id, distance, components, sorted], (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
}

/** For messages. */
export function filterOf(body: object): OracleFilter | undefined {
  return (body as { filters?: OracleFilter }).filters;
}
