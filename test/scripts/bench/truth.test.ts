import { describe, expect, it } from "vitest";
import { exactNeighbours } from "../../../scripts/bench/truth.ts";
import type { VectorTable } from "../../../scripts/datasets.ts";
import { nearest } from "../../../scripts/nearest.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";

const prng = createPrng({ low: 11, high: 0 });

describe("the exact truth of many queries", () => {
  for (const metric of ["euclidean_squared", "cosine_distance"] as const) {
    it(`is what brute force in 64 bits finds, under ${metric}`, async () => {
      const base = drawTable(5_000, 20, 1_000);
      const queries = Array.from({ length: 12 }, () => drawTable(1, 20, 1_000).slice(0, 1));
      const found = await exactNeighbours({ metric, base, rows: 4_321, queries, k: 10 });
      expect(found.map((rows) => Array.from(rows))).toEqual(
        queries.map((query) => Array.from(nearest(metric, base, 4_321, query, 10))),
      );
    });

    it(`keeps the order of ties, of which there are many, under ${metric}`, async () => {
      // Four values a component: far more equal distances than the rounding error could tell apart.
      const base = drawTable(3_000, 4, 2);
      const queries = [base.slice(7, 8), new Float32Array(4), Float32Array.of(1, -1, 0, 1)];
      const found = await exactNeighbours({ metric, base, rows: 3_000, queries, k: 25 });
      expect(found.map((rows) => Array.from(rows))).toEqual(
        queries.map((query) => Array.from(nearest(metric, base, 3_000, query, 25))),
      );
    });
  }

  it("decides in 64 bits what 32 bits cannot", async () => {
    // Distances differ in the eleventh digit; a 32-bit sum sees seven.
    const values = Float32Array.from({ length: 400 * 64 }, () => 1_000 + prng.below(3) / 8_192);
    const base = tableOf(values, 64);
    const queries = [new Float32Array(64).fill(-1_000)];
    const [found] = await exactNeighbours({
      metric: "euclidean_squared",
      base,
      rows: 400,
      queries,
      k: 10,
    });
    const query = queries[0] ?? new Float32Array(0);
    expect(Array.from(found ?? [])).toEqual(
      Array.from(nearest("euclidean_squared", base, 400, query, 10)),
    );
  });

  it("has as many rows as there are, where there are fewer than asked for", async () => {
    const base = drawTable(3, 8, 10);
    const queries = [base.slice(1, 2)];
    const request = { metric: "euclidean_squared", base, rows: 3, queries, k: 10 } as const;
    const [found] = await exactNeighbours(request);
    expect(found).toHaveLength(3);
    expect(found?.[0]).toBe(1);
  });
});

function drawTable(rows: number, dimensions: number, steps: number): VectorTable {
  const draw = () => (prng.below(2 * steps + 1) - steps) / steps;
  return tableOf(Float32Array.from({ length: rows * dimensions }, draw), dimensions);
}

function tableOf(values: Float32Array, dimensions: number): VectorTable {
  return {
    rows: values.length / dimensions,
    dimensions,
    slice: (from, to) => values.slice(from * dimensions, to * dimensions),
  };
}
