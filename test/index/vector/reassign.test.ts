import { describe, expect, test } from "vitest";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import { assignRows, prepareAssignment } from "../../../src/index/vector/assignment.ts";
import { type BalancedClusters, balanceClusters } from "../../../src/index/vector/balance.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import { type ReassignReport, reassignSteps } from "../../../src/index/vector/reassign.ts";
import { trainCentroids } from "../../../src/index/vector/training.ts";
import { simdKernels as kernels } from "../../kernels/simd.ts";
import { gatherRows, mixture, seed } from "./vectors.ts";

const width = 64;
const targetRows = 40;
const metrics = ["cosine_distance", "euclidean_squared"] as const;

/** Clusters trained on a quarter of the rows, which all of them then join. */
function grown(metric: DistanceMetric) {
  const count = 8_000;
  const shape = { rows: count, queries: 0, dims: width, centers: 30, latent: 4 };
  const { rows } = mixture(shape, createPrng(seed));
  const sample = rows.slice(0, (count / 4) * width);
  const rowsTotal = count / 4;
  const training = { sample, width, rowsTotal, targetRows, metric, seed, kernels };
  const centroids = trainCentroids(training);
  const { clusters } = assignRows(rows, prepareAssignment(centroids, width, metric), kernels);
  return { rows, before: { centroids, clusters } };
}

function run(rows: Float32Array, input: Parameters<typeof reassignSteps>[0]) {
  const steps = reassignSteps(input);
  let step = steps.next();
  let loaded = 0;
  while (!step.done) {
    loaded += step.value.length;
    step = steps.next(gatherRows(rows, step.value, width));
  }
  return { ...(step.value satisfies ReassignReport), loaded };
}

/** Share of rows that are not in the cluster of their nearest centroid. */
function misplaced(
  rows: Float32Array,
  { centroids, clusters }: BalancedClusters,
  metric: DistanceMetric,
) {
  const nearest = assignRows(rows, prepareAssignment(centroids, width, metric), kernels).clusters;
  return nearest.filter((cluster, row) => cluster !== clusters[row]).length / clusters.length;
}

describe.each(metrics)("after clusters have grown fourfold and were split, under %s", (metric) => {
  const { rows, before } = grown(metric);
  const read = (numbers: Uint32Array) => gatherRows(rows, numbers, width);
  const shape = { width, targetRows, metric, seed, kernels };
  const after = balanceClusters({ ...before, ...shape }, read);
  const unmoved = misplaced(rows, after, metric);
  const report = run(rows, { width, metric, kernels, before, after });

  test("nearly every row is where it belongs, which it was not before", () => {
    expect(unmoved).toBeGreaterThan(0.05);
    expect(misplaced(rows, after, metric)).toBeLessThan(0.01);
    expect(report.moved).toBeGreaterThan(0.04 * after.clusters.length);
    expect(report.checked).toBeGreaterThanOrEqual(report.moved);
  });

  test("counts are those of the rows", () => {
    const counts = new Uint32Array(after.counts.length);
    for (const cluster of after.clusters) {
      counts[cluster] = (counts[cluster] as number) + 1;
    }
    expect(after.counts).toEqual(counts);
  });
});

test("where nothing has changed no row is looked at", () => {
  const metric = "euclidean_squared";
  const { rows, before } = grown(metric);
  const counts = new Uint32Array(before.centroids.length / width);
  for (const cluster of before.clusters) {
    counts[cluster] = (counts[cluster] as number) + 1;
  }
  const after = { ...before, clusters: before.clusters.slice(), counts };
  const report = run(rows, { width, metric, kernels, before, after });
  expect(report).toEqual({ checked: 0, moved: 0, loaded: 0 });
});

test("one split moves rows of its neighbours, and few are compared with all centroids", () => {
  const metric = "euclidean_squared";
  const { rows, before } = grown(metric);
  const shape = { width, metric, seed, kernels } as const;
  const read = (numbers: Uint32Array) => gatherRows(rows, numbers, width);
  const counts = new Uint32Array(before.centroids.length / width);
  for (const cluster of before.clusters) {
    counts[cluster] = (counts[cluster] as number) + 1;
  }
  // So that the largest alone is too large.
  const targetRows = Math.ceil(Math.max(...counts) / 2) - 1;
  const after = balanceClusters({ ...before, ...shape, targetRows }, read);
  const small = counts.filter((count) => count > 0 && count < 0.35 * targetRows).length;
  expect(after.counts.length).toBeLessThanOrEqual(counts.length + 4);
  const unmoved = misplaced(rows, after, metric);
  const report = run(rows, { width, metric, kernels, before, after });
  expect(misplaced(rows, after, metric)).toBeLessThanOrEqual(unmoved);
  if (small === 0) {
    expect(report.checked).toBeLessThan(0.5 * after.clusters.length);
  }
});
