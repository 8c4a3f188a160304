/** A document is written, found at once, indexed, and found the same way from segments. */
import { expect, it } from "vitest";
import { Namespace } from "../workerd/api.ts";

const documents = Array.from({ length: 300 }, (_, id) => ({
  id,
  vector: [Math.cos(id), Math.sin(id), id / 300],
  title: `document ${id}`,
  group: id % 7,
  even: id % 2 === 0,
}));

const nearest = { rank_by: ["vector", "ANN", [1, 0, 0]], limit: 10, include_attributes: ["title"] };
const filtered = {
  ...nearest,
  filters: [
    "And",
    [
      ["group", "In", [1, 2]],
      ["even", "Eq", true],
    ],
  ],
};
const questions = [nearest, filtered, { ...filtered, rank_by: ["id", "desc"] }];

it("is found the same way before and after indexing, and warm without reading anything", async () => {
  const library = new Namespace("library");
  await library.write({ upsert_rows: documents, distance_metric: "euclidean_squared" });

  const fromTail = await Promise.all(questions.map((question) => library.query(question)));
  expect(fromTail[0]?.rows).toHaveLength(10);
  expect(fromTail[0]?.performance.unindexed_rows).toBe(300);
  for (const { id } of fromTail[1]?.rows ?? []) {
    expect([1, 2]).toContain(Number(id) % 7);
    expect(Number(id) % 2).toBe(0);
  }

  const { segments, unindexed_rows: left } = await library.indexNow();
  expect(left).toBe(0);
  expect(segments.reduce((sum, { rows }) => sum + rows, 0)).toBe(300);

  for (const [i, question] of questions.entries()) {
    const cold = await library.query(question);
    expect(cold.rows).toEqual(fromTail[i]?.rows);
    const warm = await library.query(question);
    expect(warm.rows).toEqual(cold.rows);
    expect(warm.performance).toMatchObject({ store_requests: 0, cache_temperature: "hot" });
  }
});

it("costs a bounded number of reads when every cache was dropped", async () => {
  const library = new Namespace("library-cold");
  await library.write({ upsert_rows: documents, distance_metric: "cosine_distance" });
  await library.indexNow();
  await library.query(nearest);
  await library.purgeCaches();
  const { performance } = await library.query(nearest);
  expect(performance.cache_temperature).toBe("cold");
  expect(performance.rounds).toBeLessThanOrEqual(3);
  expect(performance.store_requests).toBeLessThanOrEqual(24);
  await library.purgeCaches();
  const withFilter = await library.query(filtered);
  expect(withFilter.performance.rounds).toBeLessThanOrEqual(4);
  expect(withFilter.performance.store_requests).toBeLessThanOrEqual(36);
});
