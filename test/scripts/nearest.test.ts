import { expect, it } from "vitest";
import type { VectorTable } from "../../scripts/datasets.ts";
import { distance, nearest } from "../../scripts/nearest.ts";

const values = Float32Array.of(0, 0, 3, 4, 1, 0, 0, 1, -1, 0);
const table: VectorTable = {
  rows: 5,
  dimensions: 2,
  slice: (from, to) => values.slice(from * 2, to * 2),
};

it("measures as the wire API does", () => {
  const [a, b] = [Float32Array.of(1, 0), Float32Array.of(0, 2)];
  expect(distance("euclidean_squared", a, b)).toBe(5);
  expect(distance("cosine_distance", a, b)).toBe(1);
  expect(distance("cosine_distance", a, a)).toBe(0);
  expect(distance("cosine_distance", a, Float32Array.of(0, 0))).toBe(1);
});

it("finds the nearest, ties by lower row", () => {
  const query = Float32Array.of(0, 0);
  expect(Array.from(nearest("euclidean_squared", table, 5, query, 4))).toEqual([0, 2, 3, 4]);
});

it("looks only at the rows it is told to", () => {
  const query = Float32Array.of(0, 1);
  expect(Array.from(nearest("euclidean_squared", table, 3, query, 1))).toEqual([0]);
});
