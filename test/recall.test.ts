import { describe, expect, test } from "vitest";
import { measureRecall } from "../src/recall.ts";
import { takeSnapshot } from "../src/snapshot.ts";
import { warm } from "../src/warm.ts";
import type { OracleDocument } from "./oracle/brute-force.ts";
import { SearchRig } from "./search-rig.ts";

function documentAt(id: number): OracleDocument {
  const vector = Float32Array.of(Math.sin(id), Math.cos(id), Math.sin(id * 2), Math.cos(id * 3));
  return { id, vector, attributes: { n: id % 10 } };
}

const everything = { count: 5, topK: 3, filters: undefined, vector: undefined };

function measure(rig: SearchRig, request: object = {}) {
  return rig.clock.run(measureRecall(rig.isolate, rig.target, { ...everything, ...request }));
}

describe("recall", () => {
  test("of three fresh documents is complete", async () => {
    const rig = new SearchRig();
    await rig.put([1, 2, 3].map(documentAt));
    expect(await measure(rig, { count: 1, topK: 2 })).toMatchObject({
      recall: 1,
      exhaustiveCount: 2,
      annCount: 2,
    });
  });

  test("draws vectors of segments and tail, never of what was deleted or overwritten", async () => {
    const rig = new SearchRig();
    await rig.put(Array.from({ length: 60 }, (_, id) => documentAt(id)));
    await rig.flush();
    await rig.put(
      Array.from({ length: 20 }, (_, id) => ({ ...documentAt(id), vector: new Float32Array(4) })),
      Array.from({ length: 30 }, (_, id) => 20 + id),
    );
    const { truths, recall } = await measure(rig, { count: 40, filters: ["n", "Lt", 9] });
    expect(recall).toBe(1);
    expect(truths.length).toBeGreaterThanOrEqual(40);
    const live = [...rig.oracle.documents.values()].map(({ vector }) => String(vector));
    const drawn = new Set(truths.map(({ vector }) => String(vector)));
    expect([...drawn].filter((vector) => !live.includes(vector))).toEqual([]);
    expect(drawn.size).toBeGreaterThan(5);
    for (const { vector, rows } of truths) {
      const expected = rig.oracle.nearest("euclidean_squared", vector, ["n", "Lt", 9]).slice(0, 3);
      expect(rows.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    }
  });

  test("may be asked for one vector of the caller's", async () => {
    const rig = new SearchRig();
    await rig.put([1, 2, 3].map(documentAt));
    const vector = { column: "vector", values: Float32Array.of(1, 0, 0, 0) };
    const { truths } = await measure(rig, { vector });
    expect(truths.map((truth) => truth.vector)).toEqual([vector.values]);
  });

  test("is measured without a trace in the caches", async () => {
    const rig = new SearchRig();
    await rig.put(Array.from({ length: 60 }, (_, id) => documentAt(id)));
    await rig.flush();
    await rig.search({ rank_by: ["vector", "ANN", [1, 0, 0, 0]], limit: 3 });
    const before = rig.isolate.cache.counts();
    await measure(rig);
    const after = rig.isolate.cache.counts();
    expect([after.entries, after.bytes, after.evictions]).toEqual([
      before.entries,
      before.bytes,
      before.evictions,
    ]);
  });

  test("of an empty namespace is 1, of nothing", async () => {
    const rig = new SearchRig();
    await rig.put([documentAt(1)]);
    await rig.put([], [1]);
    expect(await measure(rig)).toMatchObject({ recall: 1, exhaustiveCount: 0, annCount: 0 });
  });
});

test("after warming, a query needs no scan plane from the store", async () => {
  const rig = new SearchRig({ dims: 160 });
  const wide = (id: number): OracleDocument => ({
    id,
    vector: Float32Array.from({ length: 160 }, (_, d) => Math.sin(id + d)),
    attributes: { n: id },
  });
  await rig.put(Array.from({ length: 300 }, (_, id) => wide(id)));
  await rig.flush();
  await rig.put([wide(300)]);
  const { memory } = rig.isolate;
  const taken = takeSnapshot(rig.isolate, memory.snapshots, rig.target, "strong", undefined);
  const snapshot = await rig.clock.run(taken);
  await rig.clock.run(warm(rig.isolate, snapshot));
  const body = { rank_by: ["vector", "ANN", Array.from({ length: 160 }, () => 0.1)], limit: 3 };
  const { performance } = await rig.search(body);
  expect(performance.rounds).toBe(2);
  expect(performance.candidates).toBe(300);
  rig.reads.reset();
  await rig.clock.run(warm(rig.isolate, snapshot));
  expect(rig.reads.requests).toBe(0);
});
