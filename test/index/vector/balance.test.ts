import { describe, expect, test } from "vitest";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import { assignRows, prepareAssignment } from "../../../src/index/vector/assignment.ts";
import {
  type BalancedClusters,
  type BalanceInput,
  balanceClusters,
  balanceSteps,
} from "../../../src/index/vector/balance.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import { simdKernels as kernels } from "../../kernels/simd.ts";
import { gatherRows, gaussianRows, mixture, rowOf, seed } from "./vectors.ts";

const width = 64;
const targetRows = 40;

/** Unevenly filled clusters: a few of the rows serve as centroids. */
function unbalanced(metric: DistanceMetric): { rows: Float32Array; input: BalanceInput } {
  const shape = { rows: 2_000, queries: 0, dims: width, centers: 20, latent: 3 };
  const { rows } = mixture(shape, createPrng(seed));
  const centroids = rows.slice(0, 60 * width);
  const target = prepareAssignment(centroids, width, metric);
  const { clusters } = assignRows(rows, target, kernels);
  return { rows, input: { centroids, width, clusters, targetRows, metric, seed, kernels } };
}

function sizes(clusters: Uint32Array): number[] {
  const counts: number[] = [];
  for (const cluster of clusters) {
    counts[cluster] = (counts[cluster] ?? 0) + 1;
  }
  return Array.from(counts, (count) => count ?? 0);
}

function expectConsistent(balanced: BalancedClusters, rowCount: number): void {
  expect(balanced.clusters.length).toBe(rowCount);
  expect([...balanced.counts]).toEqual(sizes(balanced.clusters));
  expect(balanced.centroids.length).toBe(balanced.counts.length * width);
  expect(balanced.centroids.every(Number.isFinite)).toBe(true);
}

describe("balance", () => {
  test("clusters end between a third and twice the target, whatever they were", () => {
    for (const metric of ["cosine_distance", "euclidean_squared"] as const) {
      const { rows, input } = unbalanced(metric);
      const before = sizes(input.clusters);
      expect(Math.max(...before)).toBeGreaterThan(2 * targetRows);
      expect(Math.min(...before)).toBeLessThan(0.35 * targetRows);
      const balanced = balanceClusters(input, (numbers) => gatherRows(rows, numbers, width));
      expectConsistent(balanced, 2_000);
      expect(Math.max(...balanced.counts)).toBeLessThanOrEqual(2 * targetRows);
      expect(Math.min(...balanced.counts)).toBeGreaterThanOrEqual(0.35 * targetRows);
    }
  });

  test("centroids of split clusters are the means of their rows", () => {
    const rows = gaussianRows(300, width, createPrng(seed));
    const clusters = new Uint32Array(300);
    const centroids = new Float32Array(width);
    const input: BalanceInput = {
      centroids,
      width,
      clusters,
      targetRows,
      seed,
      kernels,
      metric: "euclidean_squared",
    };
    const balanced = balanceClusters(input, (numbers) => gatherRows(rows, numbers, width));
    expectConsistent(balanced, 300);
    expect(balanced.counts.length).toBeGreaterThanOrEqual(4);
    balanced.counts.forEach((count, j) => {
      const own = [...clusters.keys()].filter((i) => balanced.clusters[i] === j);
      for (let d = 0; d < width; d++) {
        const sum = own.reduce((total, i) => total + (rows[i * width + d] as number), 0);
        expect(balanced.centroids[j * width + d]).toBeCloseTo(sum / count, 4);
      }
    });
  });

  test("rows are asked for in bounded loads, and the outcome does not depend on who reads", () => {
    const { rows, input } = unbalanced("euclidean_squared");
    const loadRows = 30;
    const bounded = { ...input, loadBytesMax: loadRows * width * 4 };
    const steps = balanceSteps(bounded);
    let step = steps.next();
    let loads = 0;
    while (!step.done) {
      loads++;
      const numbers = Uint32Array.from(step.value);
      expect(numbers.length).toBeLessThanOrEqual(loadRows);
      expect(numbers).toEqual(Uint32Array.from(numbers).sort());
      step = steps.next(gatherRows(rows, numbers, width));
    }
    expect(loads).toBeGreaterThan(10);
    expectConsistent(step.value, 2_000);
    expect(Math.max(...step.value.counts)).toBeLessThanOrEqual(2 * targetRows);
    const again = balanceClusters(bounded, (numbers) => gatherRows(rows, numbers, width));
    expect(again).toEqual(step.value);
  });

  test("identical rows are cut into clusters that share their centroid", () => {
    for (const loadBytesMax of [1 << 20, 20 * width * 4]) {
      const rows = new Float32Array(1_000 * width).fill(0.125);
      const balanced = balanceClusters(
        {
          centroids: rowOf(rows, 0, width),
          width,
          clusters: new Uint32Array(1_000),
          targetRows,
          metric: "cosine_distance",
          seed,
          kernels,
          loadBytesMax,
        },
        (numbers) => gatherRows(rows, numbers, width),
      );
      expectConsistent(balanced, 1_000);
      expect(Math.max(...balanced.counts)).toBeLessThanOrEqual(2 * targetRows);
      expect(balanced.centroids.every((x) => Math.abs(x - 0.125) < 1e-6)).toBe(true);
    }
  });

  test("one small cluster with nowhere to go stays as it is", () => {
    const rows = gaussianRows(5, width, createPrng(seed));
    const balanced = balanceClusters(
      {
        centroids: rowOf(rows, 0, width),
        width,
        clusters: new Uint32Array(5),
        targetRows,
        metric: "euclidean_squared",
        seed,
        kernels,
      },
      () => {
        throw new Error("no row is needed");
      },
    );
    expect([...balanced.counts]).toEqual([5]);
    expect(balanced.centroids).toEqual(rowOf(rows, 0, width));
  });

  test("small clusters join their nearest neighbours, and empty ones vanish", () => {
    const centroids = new Float32Array(4 * width);
    [0, 10, 11, 50].forEach((x, j) => {
      centroids[j * width] = x;
    });
    const clusters = new Uint32Array(44);
    clusters.fill(1, 20, 22);
    clusters.fill(2, 22);
    const balanced = balanceClusters(
      {
        centroids,
        width,
        clusters,
        targetRows: 20,
        seed,
        kernels,
        metric: "euclidean_squared",
      },
      () => new Float32Array(0),
    );
    expect(balanced.counts.slice().sort()).toEqual(Uint32Array.of(20, 24));
    const merged = balanced.counts[0] === 24 ? 0 : 1;
    expect(balanced.centroids[merged * width]).toBeCloseTo((2 * 10 + 22 * 11) / 24, 5);
    expect(balanced.clusters[20]).toBe(merged);
    expect(balanced.clusters[43]).toBe(merged);
    expect(balanced.clusters[0]).toBe(1 - merged);
  });
});
