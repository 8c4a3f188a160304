import { describe, expect, test } from "vitest";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import {
  addToMeans,
  assignRows,
  createMeans,
  moveToMeans,
  prepareAssignment,
} from "../../../src/index/vector/assignment.ts";
import { clusterRows } from "../../../src/index/vector/kmeans.ts";
import { orderCentroids, orderRows, reorderRows } from "../../../src/index/vector/order.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import { trainCentroids } from "../../../src/index/vector/training.ts";
import { normaliseRows } from "../../../src/index/vector/unit-vector.ts";
import { scalarKernels } from "../../../src/kernels/scalar.ts";
import { simdKernels as kernels } from "../../kernels/simd.ts";
import { exactDistance, gaussianRows, mixture, rowOf, seed } from "./vectors.ts";

const metrics: DistanceMetric[] = ["cosine_distance", "euclidean_squared"];
const width = 64;

function blobs(count: number, centers: number): Float32Array {
  const shape = { rows: count, queries: 0, dims: width, centers, latent: 2 };
  return mixture(shape, createPrng(seed)).rows;
}

/** Sum over consecutive rows of the distance between them. */
function pathLength(rows: Float32Array): number {
  let sum = 0;
  for (let i = 1; i < rows.length / width; i++) {
    const [a, b] = [rowOf(rows, i - 1, width), rowOf(rows, i, width)];
    sum += Math.sqrt(exactDistance("euclidean_squared", a, b));
  }
  return sum;
}

describe("assignment", () => {
  test("rows go to the nearest centroid, under cosine to the most similar direction", () => {
    const centroids = new Float32Array(3 * width);
    centroids.set([10, 0], 0);
    centroids.set([0, 0.1], width);
    const rows = new Float32Array(2 * width);
    rows.set([0.5, 0.4], 0);
    rows.set([0.2, 0.9], width);
    const clustersBy = (metric: DistanceMetric): number[] => [
      ...assignRows(rows, prepareAssignment(centroids, width, metric), kernels).clusters,
    ];
    expect(clustersBy("cosine_distance")).toEqual([0, 1]);
    // The third centroid is zero.
    expect(clustersBy("euclidean_squared")).toEqual([1, 1]);
    const far = new Float32Array(width);
    far[0] = 9;
    const target = prepareAssignment(centroids, width, "euclidean_squared");
    expect([...assignRows(far, target, kernels).clusters]).toEqual([0]);
  });

  test("means of streamed chunks are those of all rows at once", () => {
    const rows = blobs(100, 5);
    const centroids = rows.slice(0, 5 * width);
    const target = prepareAssignment(centroids, width, "euclidean_squared");
    const { clusters } = assignRows(rows, target, kernels);
    const means = createMeans(5, width);
    for (let i = 0; i < 100; i += 30) {
      const chunk = rows.subarray(i * width, Math.min(100, i + 30) * width);
      addToMeans(means, chunk, assignRows(chunk, target, kernels).clusters);
    }
    const moved = centroids.slice();
    moveToMeans(moved, means);
    for (let j = 0; j < 5; j++) {
      const own = [...clusters.keys()].filter((i) => clusters[i] === j);
      expect(means.counts[j]).toBe(own.length);
      for (let d = 0; d < width; d++) {
        const sum = own.reduce((total, i) => total + (rows[i * width + d] as number), 0);
        const expected = own.length === 0 ? (centroids[j * width + d] as number) : sum / own.length;
        expect(moved[j * width + d]).toBeCloseTo(expected, 4);
      }
    }
  });
});

describe("k-means", () => {
  test("separated blobs are found, each by one centroid, whatever rows it starts from", () => {
    for (const metric of metrics) {
      const rows = new Float32Array(60 * width);
      for (let i = 0; i < 60; i++) {
        rows[i * width + (i % 6)] = 1;
        rows[i * width + 20 + (i % 7)] = 0.05;
      }
      const input = { rows, width, count: 6, iterations: 20, metric, kernels };
      const { assignment } = clusterRows({ ...input, prng: createPrng(seed) });
      const found = new Set(assignment.clusters.map((c, i) => c * 6 + (i % 6)));
      expect(found.size).toBe(6);
    }
  });

  test("identical rows end in a finite clustering, with a centroid on each of them", () => {
    const rows = new Float32Array(20 * width).fill(0.5);
    const input = { rows, width, count: 8, iterations: 5, kernels, prng: createPrng(seed) };
    for (const metric of metrics) {
      const { centroids } = clusterRows({ ...input, metric });
      expect(centroids.every((x) => x === 0.5)).toBe(true);
    }
  });
});

describe("training", () => {
  test("a sample gives a centroid for every so many rows, but never more than it can bear", () => {
    const input = { sample: blobs(400, 8), width, metric: "euclidean_squared" as const, seed };
    const train = (rowsTotal: number, targetRows: number): number =>
      trainCentroids({ ...input, rowsTotal, targetRows, kernels }).length / width;
    expect(train(400, 20)).toBe(20);
    expect(train(9_600, 384)).toBe(25);
    expect(train(1_000_000, 384)).toBe(50);
    expect(train(10, 384)).toBe(1);
  });

  test("the same rows and seed give the same bytes, another seed others", () => {
    const sample = blobs(300, 10);
    for (const metric of metrics) {
      const train = (low: number): Float32Array =>
        trainCentroids({
          sample,
          width,
          metric,
          kernels,
          rowsTotal: 300,
          targetRows: 20,
          seed: { low, high: 0 },
        });
      expect(train(1)).toEqual(train(1));
      expect(train(1)).not.toEqual(train(2));
    }
  });

  test("zero rows among unit rows do no harm under cosine", () => {
    const sample = normaliseRows(blobs(200, 4), width);
    sample.fill(0, 0, 50 * width);
    const centroids = trainCentroids({
      sample,
      width,
      rowsTotal: 200,
      targetRows: 20,
      seed,
      kernels,
      metric: "cosine_distance",
    });
    expect(centroids.every(Number.isFinite)).toBe(true);
  });
});

describe("order", () => {
  test("rows and centroids come out as permutations along a much shorter path", () => {
    const rows = blobs(400, 12);
    const input = { rows, width, seed, kernels };
    for (const metric of metrics) {
      for (const order of [orderRows({ ...input, metric }), orderCentroids({ ...input, metric })]) {
        expect(Uint32Array.from(order).sort()).toEqual(Uint32Array.from(order.keys()));
        expect(pathLength(reorderRows(rows, width, order))).toBeLessThan(0.7 * pathLength(rows));
      }
    }
  });

  test("clusters of one page or less keep their order", () => {
    const rows = gaussianRows(32, width, createPrng(seed));
    const input = { width, metric: "euclidean_squared" as const, seed, kernels: scalarKernels };
    const [all, one, none] = [rows, rows.subarray(0, width), rows.subarray(0, 0)];
    expect(orderRows({ ...input, rows: all })).toEqual(
      Uint32Array.from({ length: 32 }, (_, i) => i),
    );
    expect([...orderRows({ ...input, rows: one })]).toEqual([0]);
    expect([...orderRows({ ...input, rows: none })]).toEqual([]);
    expect([...orderCentroids({ ...input, rows: one })]).toEqual([0]);
  });
});
