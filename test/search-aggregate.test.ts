/** Aggregates and groups, over segments and tail, against brute force. */
import { beforeAll, describe, expect, test } from "vitest";
import { aggregated, type OracleAggregates, shownAggregates } from "./oracle/aggregates.ts";
import type { OracleDocument, OracleFilter } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

const count = 1_800;
let rig: SearchRig;
const random = new SeededRandom(11);
const pick = (most: number): number => (random.bytes(1)[0] as number) % most;

function documentAt(id: number): OracleDocument {
  const tags = Array.from({ length: pick(4) }, () => `t${pick(6)}`);
  return {
    id,
    vector: Float32Array.of(pick(5), pick(5)),
    attributes: {
      n: pick(10) === 0 ? null : pick(20) === 0 ? 2n ** 60n + BigInt(pick(9)) : pick(20) - 5,
      name: pick(8) === 0 ? null : `w${pick(9)}é`,
      tags: pick(7) === 0 ? null : tags,
      note: pick(3) === 0 ? null : `note ${pick(6)}`,
    },
  };
}

beforeAll(async () => {
  rig = new SearchRig({ dims: 2 });
  await rig.fill(count, documentAt);
});

const filters: readonly (OracleFilter | undefined)[] = [
  undefined,
  ["n", "Lt", 3],
  ["name", "Eq", "w7é"],
  ["name", "Eq", "nobody"],
];
const all: OracleAggregates["aggregate_by"] = {
  count: ["Count"],
  old: ["Count", "id"],
  sum: ["Sum", "n"],
  min: ["Min", "n"],
  max: ["Max", "n"],
  first: ["Min", "name"],
  last: ["Max", "name"],
  avg: ["Avg", "n"],
  names: ["CountDistinct", "name"],
  kinds: ["CountDistinct", "tags"],
  notes: ["CountDistinct", "note"],
  bins: ["Histogram", "n", { interval: 4 }],
  ranks: ["Percentiles", "n", [0, 25, 50, 99, 100]],
};
const asked: readonly OracleAggregates[] = [
  { aggregate_by: { count: ["Count"] } },
  { aggregate_by: all },
  { aggregate_by: all, group_by: [] },
  { aggregate_by: all, group_by: ["name"] },
  { aggregate_by: { c: ["Count"] }, group_by: ["n"], top_k: 5 },
  { aggregate_by: all, group_by: ["name", "n"] },
  { aggregate_by: all, group_by: ["tags"] },
  { aggregate_by: all, group_by: ["note"] },
  { aggregate_by: all, group_by: [{ tag: ["ForEachUnique", "tags"] }] },
  { aggregate_by: all, group_by: ["name", { tag: ["ForEachUnique", "tags"] }], top_k: 9 },
  { aggregate_by: { c: ["Count"] }, group_by: ["name"], top_k: 0 },
];

describe("aggregates are those of brute force", () => {
  for (const body of asked) {
    test(JSON.stringify(body).slice(0, 90), async () => {
      for (const filter of filters) {
        const { parts } = await rig.searchParts({
          ...body,
          ...(filter === undefined ? {} : { filters: filter }),
        });
        expect(parts.length).toBe(1);
        const [part] = parts;
        const shown = part?.kind === "aggregates" ? shownAggregates(part) : undefined;
        expect(normal(shown)).toEqual(normal(aggregated(rig.oracle, body, filter)));
      }
    });
  }
});

/** Numbers are compared as numbers, whether they are small or big integers. */
function normal(shown: unknown): unknown {
  return JSON.parse(
    JSON.stringify(shown, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : typeof value === "number" ? String(value) : value,
    ),
  );
}

test("groups come in the order of a label if one is named", async () => {
  const { parts } = await rig.searchParts({
    aggregate_by: { c: ["Count"], s: ["Sum", "n"] },
    group_by: ["name"],
    group_order: ["c", "desc"],
    top_k: 4,
  });
  const [part] = parts;
  const shown = part?.kind === "aggregates" ? shownAggregates(part) : [];
  const expected = aggregated(rig.oracle, {
    aggregate_by: { c: ["Count"] },
    group_by: ["name"],
  }).toSorted((a, b) => Number(b[1][0]) - Number(a[1][0]));
  expect(shown.map(([key]) => key)).toEqual(expected.slice(0, 4).map(([key]) => key));
});

test("several queries see one snapshot, and a fused one ranks what they found", async () => {
  const near = { rank_by: ["vector", "ANN", [1, 1]], limit: 5, include_attributes: ["n"] };
  const ordered = { rank_by: ["name", "desc"], limit: 5, include_attributes: ["name"] };
  const heads = rig.heads;
  const both = await rig.searchParts({
    queries: [near, ordered, { aggregate_by: { c: ["Count"] } }],
  });
  expect(rig.heads).toBe(heads + 1);
  expect(both.parts.map(({ kind }) => kind)).toEqual(["rows", "rows", "aggregates"]);
  const [first, second] = await Promise.all([rig.search(near), rig.search(ordered)]);
  expect(both.parts[0]).toMatchObject({ rows: first.rows });
  expect(both.parts[1]).toMatchObject({ rows: second.rows });
  const fused = await rig.searchParts({
    queries: [near, ordered],
    rerank_by: ["RRF", { rank_constant: 10, weights: [2, 1] }],
    limit: 4,
    offset: 1,
  });
  const scores = new Map<unknown, number>();
  for (const [weight, { rows }] of [
    [2, first],
    [1, second],
  ] as const) {
    rows.forEach(({ id }, at) => scores.set(id, (scores.get(id) ?? 0) + weight / (11 + at)));
  }
  const expected = [...scores].sort((a, b) => b[1] - a[1] || Number(a[0]) - Number(b[0]));
  const [part] = fused.parts;
  expect(part?.kind === "rows" ? part.rows.map(({ id, distance }) => [id, distance]) : []).toEqual(
    expected.slice(1, 5).map(([id, score]) => [id, Math.fround(score)]),
  );
});

test("aggregates read columns, not documents, and a warm one reads nothing", async () => {
  rig.newIsolate();
  const body = { aggregate_by: { c: ["Count"], s: ["Sum", "n"] }, group_by: ["name"] };
  const cold = await rig.searchParts(body);
  expect(cold.performance.rounds).toBeLessThanOrEqual(4);
  expect(cold.performance.exact).toBe(0);
  const warm = await rig.searchParts(body);
  expect(warm.performance.storeRequests).toBe(0);
});

test("a facet that is asked again needs no block", async () => {
  const body = { aggregate_by: { c: ["Count"] }, group_by: [{ tag: ["ForEachUnique", "tags"] }] };
  const { parts: first } = await rig.searchParts(body);
  rig.isolate.cache.memory.clear();
  rig.reads.reset();
  const { parts: again } = await rig.searchParts(body);
  expect(rig.reads.requests).toBe(0);
  const shown = [first, again].map(([part]) =>
    part?.kind === "aggregates" ? shownAggregates(part) : undefined,
  );
  expect(normal(shown[1])).toEqual(normal(shown[0]));
});
