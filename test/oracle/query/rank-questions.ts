/** Questions for orders by attributes, expressions, `limit.per`, aggregates and several at once. */

import type { SearchResult } from "../../../src/query/result.ts";
import type { PartsResult } from "../../../src/search-parts.ts";
import {
  aggregated,
  type OracleAggregates,
  type OracleCall,
  type OracleGroup,
  shownAggregates,
} from "../aggregates.ts";
import type { OracleDocument, OracleFilter } from "../brute-force.ts";
import { type OracleOrder, type OracleRank, ordered, scored, valueOf } from "../ranks.ts";
import {
  type Asked,
  compareRows,
  cut,
  type PartsQuestion,
  type Question,
  type QuestionMaker,
  randomWindow,
} from "./questions.ts";
import { jsonFilter, randomFilter } from "./random-filters.ts";
import { type Attribute, attributes, jsonValue, randomScalar, randomVector } from "./values.ts";

const scalars = attributes.filter(({ isArray }) => !isArray);
const numbers = scalars.filter(({ scalar }) => ["int", "uint", "float"].includes(scalar));
const times = scalars.filter(({ scalar }) => scalar === "datetime");

export const rankQuestionMakers: readonly QuestionMaker[] = [
  orderByAttributes,
  rankByExpression,
  limitPerKind,
  aggregate,
  aggregate,
  severalAtOnce,
];

function filterFields(filter: OracleFilter | undefined): object {
  return filter === undefined ? {} : { filters: jsonFilter(filter) };
}

function maybeFilter(asked: Asked): OracleFilter | undefined {
  return asked.random.chance(0.6) ? randomFilter(asked) : undefined;
}

// ---- Rows
// -------------------------------------------------------------------------------------------

function randomOrders({ random }: Asked): readonly OracleOrder[] {
  const direction = () => random.pick(["asc", "desc"] as const);
  const orders = Array.from(
    { length: 1 + random.below(3) },
    (): OracleOrder => [random.pick(scalars).name, direction()],
  );
  return random.chance(0.2) ? [...orders, ["id", direction()]] : orders;
}

function orderByAttributes(asked: Asked): Question {
  const orders = randomOrders(asked);
  const filter = maybeFilter(asked);
  const window = randomWindow(asked);
  const expected = cut(ordered(asked.documents, orders, filter), window);
  const body = {
    rank_by: orders.length === 1 ? orders[0] : orders,
    ...window,
    ...filterFields(filter),
    include_attributes: true,
  };
  const hits = expected.map((document) => ({ id: document.id, document }));
  return { body, check: (result) => compareRows(result, hits) };
}

/** As the oracle takes it, and as a request writes it. */
interface Rank {
  readonly rank: OracleRank;
  readonly json: unknown;
}

/** One that is never negative. */
function randomRank(asked: Asked, depth = 2): Rank {
  const { random } = asked;
  const dice = depth === 0 ? 0.5 + random.next() / 2 : random.next();
  const child = (): Rank => randomRank(asked, depth - 1);
  if (dice < 0.25) {
    const head = random.pick(["Sum", "Max"]);
    const members = Array.from({ length: 1 + random.below(3) }, child);
    const floor = head === "Max" && random.chance(0.3) ? [random.pick([0, 0.5, 3])] : [];
    return {
      rank: [head, [...members.map(({ rank }) => rank), ...floor]],
      json: [head, [...members.map(({ json }) => json), ...floor]],
    };
  }
  if (dice < 0.4) {
    const weight = random.pick([0, 0.5, 2, 1e30]);
    const { rank, json } = child();
    return random.chance(0.5)
      ? { rank: ["Product", weight, rank], json: ["Product", weight, json] }
      : { rank: ["Product", rank, weight], json: ["Product", json, weight] };
  }
  if (dice < 0.5) return curved(asked, child());
  if (dice < 0.65) {
    const filter = randomFilter(asked, 1);
    return { rank: filter, json: jsonFilter(filter) };
  }
  return dice < 0.85 ? curved(asked, randomNumber(asked)) : randomDistance(asked);
}

function curved({ random }: Asked, { rank, json }: Rank): Rank {
  const head = random.pick(["Saturate", "Decay"]);
  const options = {
    midpoint: random.pick([0.5, 3, 86_400_000]),
    ...(random.chance(0.4) ? { exponent: random.pick([0.5, 2]) } : {}),
  };
  return { rank: [head, rank, options], json: [head, json, options] };
}

function randomNumber({ random }: Asked): Rank {
  const rank = ["Attribute", random.pick([...numbers, ...times]).name];
  return { rank, json: rank };
}

function randomDistance({ random }: Asked): Rank {
  const attribute = random.pick([...numbers, ...times]);
  const origin = randomScalar(random, attribute);
  const leaf = ["Attribute", attribute.name];
  return {
    rank: ["Dist", leaf, origin],
    json: ["Dist", leaf, jsonValue(attribute.scalar, origin)],
  };
}

function rankByExpression(asked: Asked): Question {
  const { rank, json } = randomRank(asked);
  const filter = maybeFilter(asked);
  const window = randomWindow(asked);
  const expected = cut(scored(asked.documents, rank, filter), window);
  const hits = expected.map(({ document, score }) => ({
    id: document.id,
    distance: score,
    document,
  }));
  const body = { rank_by: json, ...window, ...filterFields(filter), include_attributes: ["s"] };
  return { body, check: (result) => compareRows(result, hits, ["s"]) };
}

function limitPerKind(asked: Asked): Question {
  const { random } = asked;
  const orders = randomOrders(asked);
  const filter = maybeFilter(asked);
  const names = Array.from({ length: 1 + random.below(2) }, () => random.pick(attributes).name);
  const most = 1 + random.below(3);
  const window = { limit: most + random.below(8), offset: random.below(3) };
  const counts = new Map<string, number>();
  const kept = ordered(asked.documents, orders, filter).filter((document) => {
    const key = showJson(names.map((name) => valueOf(document, name)));
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count <= most;
  });
  const hits = cut(kept, window).map((document) => ({ id: document.id, document }));
  const body = {
    rank_by: orders,
    limit: { total: window.limit, per: { attributes: names, limit: most } },
    offset: window.offset,
    ...filterFields(filter),
    include_attributes: names,
  };
  return { body, check: (result) => compareRows(result, hits, names) };
}

// ---- Aggregates
// --------------------------------------------------------------------------------------

function randomCall({ random }: Asked): OracleCall {
  const dice = random.below(7);
  const number = random.pick(numbers).name;
  switch (dice) {
    case 0:
      return ["Count"];
    case 1:
      return ["Sum", number];
    case 2:
      return ["Avg", number];
    case 3:
      return [random.pick(["Min", "Max"]), random.pick(scalars).name];
    case 4:
      return ["CountDistinct", random.pick(attributes).name];
    case 5:
      return ["Histogram", random.pick([...numbers, ...times]).name, { interval: 4 }];
    default:
      return ["Percentiles", random.pick([...numbers, ...times]).name, [0, 50, 90, 100]];
  }
}

function randomGroups({ random }: Asked): readonly OracleGroup[] {
  const chosen = new Map<string, Attribute>();
  for (let i = random.below(4); i > 0; i--) {
    const attribute = random.pick(attributes);
    chosen.set(attribute.name, attribute);
  }
  let isUnnested = false;
  return [...chosen.values()].map(({ name, isArray }): OracleGroup => {
    if (!isArray || isUnnested || random.chance(0.3)) return name;
    isUnnested = true;
    return { [`each ${name}`]: ["ForEachUnique", name] };
  });
}

function randomAggregates(asked: Asked): OracleAggregates {
  const { random } = asked;
  const calls = Array.from({ length: 1 + random.below(4) }, (_, i) => [`x${i}`, randomCall(asked)]);
  const groups = randomGroups(asked);
  return {
    aggregate_by: Object.fromEntries(calls),
    ...(groups.length > 0 ? { group_by: groups } : {}),
    ...(groups.length > 0 && random.chance(0.4) ? { top_k: random.below(6) } : {}),
  };
}

function aggregate(asked: Asked): PartsQuestion {
  const body = randomAggregates(asked);
  const filter = maybeFilter(asked);
  const expected = showJson(aggregated(asked.documents, body, filter));
  return {
    body: { ...body, ...filterFields(filter) },
    checkParts: ({ parts: [part] }) => {
      const shown = part?.kind === "aggregates" ? showJson(shownAggregates(part)) : "rows";
      return shown === expected ? undefined : `${shown}, but should be ${expected}`;
    },
  };
}

/** Rows and aggregates of one snapshot; or rankings, fused. */
function severalAtOnce(asked: Asked): PartsQuestion {
  const rows = orderByAttributes(asked);
  const counts = aggregate(asked);
  if (asked.random.chance(0.5)) return fused(asked);
  return {
    body: { queries: [rows.body, counts.body] },
    checkParts: (result) => {
      const [first, second] = result.parts;
      const { billing, performance, schema } = result;
      const found: SearchResult = {
        rows: first?.kind === "rows" ? first.rows : [],
        billing,
        performance,
        schema,
      };
      const of = (part: typeof second): PartsResult => ({
        ...result,
        parts: part === undefined ? [] : [part],
      });
      return rows.check(found) ?? counts.checkParts(of(second));
    },
  };
}

function fused(asked: Asked): PartsQuestion {
  const { random, documents } = asked;
  const filter = randomFilter(asked);
  const orders = randomOrders(asked);
  const vector = asked.dims === 0 ? undefined : randomVector(random, asked.dims);
  const limit = random.pick([2, 10, 50]);
  const rankings: (readonly OracleDocument[])[] = [cut(ordered(documents, orders), { limit })];
  const queries: object[] = [{ rank_by: orders, limit }];
  if (vector !== undefined) {
    const near = documents.nearest(asked.metric, Float32Array.from(vector), filter);
    rankings.push(cut(near, { limit }).map(({ document }) => document));
    queries.push({ rank_by: ["vector", "kNN", vector], filters: jsonFilter(filter), limit });
  }
  const scores = new Map<OracleDocument, number>();
  for (const ranking of rankings) {
    for (const [at, document] of ranking.entries()) {
      scores.set(document, (scores.get(document) ?? 0) + 1 / (5 + at + 1));
    }
  }
  const expected = ordered(documents, [])
    .filter((document) => scores.has(document))
    .map((document) => ({ id: document.id, score: Math.fround(scores.get(document) ?? 0) }))
    .sort((a, b) => b.score - a.score)
    .slice(1, 8);
  return {
    body: { queries, rerank_by: ["RRF", { rank_constant: 5 }], limit: 7, offset: 1 },
    checkParts: ({ parts: [part] }) => {
      const rows = part?.kind === "rows" ? part.rows : [];
      const shown = showJson(rows.map(({ id, distance }) => ({ id, score: distance })));
      const wanted = showJson(expected);
      return shown === wanted ? undefined : `${shown}, but should be ${wanted}`;
    },
  };
}

/** Integers alike, whether they are numbers or big. */
function showJson(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === "bigint" || typeof each === "number" ? String(each) : each,
  );
}
