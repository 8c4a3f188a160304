/**
 * The whole vector index in memory, as a segment would hold it: rotate, cluster, balance, order,
 * encode, then probe, scan, refine; compared with the brute-force answer.
 */
import { describe, expect, test } from "vitest";
import { encodeF16 } from "../../../src/bytes/f16.ts";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import {
  addToMeans,
  assignRows,
  createMeans,
  moveToMeans,
  prepareAssignment,
} from "../../../src/index/vector/assignment.ts";
import { balanceClusters } from "../../../src/index/vector/balance.ts";
import { dequantiseCentroid, quantiseCentroids } from "../../../src/index/vector/centroids.ts";
import {
  decodeInt8,
  distanceInt8,
  encodeInt8,
  prepareInt8Query,
} from "../../../src/index/vector/int8.ts";
import { orderRows } from "../../../src/index/vector/order.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import { promisingClusters } from "../../../src/index/vector/promise.ts";
import {
  type ClusterBlock,
  encodeCluster,
  estimateCluster,
} from "../../../src/index/vector/rabitq.ts";
import { createRotation, rotateRows } from "../../../src/index/vector/rotation.ts";
import { trainCentroids } from "../../../src/index/vector/training.ts";
import { normaliseRows } from "../../../src/index/vector/unit-vector.ts";
import { simdKernels as kernels } from "../../kernels/simd.ts";
import { exactDistance, gatherRows, mixture, rowOf, seed } from "./vectors.ts";

interface Shape {
  readonly metric: DistanceMetric;
  readonly rows: number;
  readonly dims: number;
  readonly centers: number;
  readonly latent: number;
  readonly targetRows: number;
}

const queryCount = 40;
const topK = 10;
const refined = 100;

function buildIndex(rows: Float32Array, { metric, dims, targetRows }: Shape) {
  const rotation = createRotation(dims, seed);
  const { width } = rotation;
  const count = rows.length / dims;
  const int8 = encodeInt8(rotateRows(rotation, rows, kernels), width);
  // Everything below sees what a merge sees: rows decoded from int8.
  const decoded = decodeInt8(int8.codes, int8.scales, new Float32Array(count * width));
  const sampled = Uint32Array.from({ length: Math.ceil(count / 3) }, (_, i) => i * 3);
  const shared = { width, metric, targetRows, seed, kernels };
  const sample = gatherRows(decoded, sampled, width);
  const trained = trainCentroids({ ...shared, sample, rowsTotal: count });
  const target = prepareAssignment(trained, width, metric);
  const { clusters } = assignRows(decoded, target, kernels);
  const means = createMeans(target.count, width);
  addToMeans(means, decoded, clusters);
  moveToMeans(trained, means);
  const read = (numbers: Uint32Array): Float32Array => gatherRows(decoded, numbers, width);
  const balanced = balanceClusters({ ...shared, centroids: trained, clusters }, read);
  const centroids = quantiseCentroids(balanced.centroids, width);
  const members = Array.from(balanced.counts, (): number[] => []);
  balanced.clusters.forEach((cluster, row) => {
    members[cluster]?.push(row);
  });
  const built = members.map((own, cluster) => {
    const order = orderRows({ ...shared, rows: gatherRows(decoded, own, width) });
    const numbers = Array.from(order, (i) => own[i] as number);
    const centroid = dequantiseCentroid(centroids, cluster, new Float32Array(width));
    const encoded = encodeCluster(gatherRows(decoded, numbers, width), centroid, metric);
    const block: ClusterBlock = { ...encoded, e: encodeF16(encoded.e) };
    return { numbers, centroid, block, radius: encoded.radius };
  });
  const radii = Float32Array.from(built, ({ radius }) => radius);
  return {
    rotation,
    int8,
    built,
    directory: { centroids, radii, rows: balanced.counts, sizes: balanced.counts },
  };
}

function search(
  index: ReturnType<typeof buildIndex>,
  metric: DistanceMetric,
  query: Float32Array,
  missedShare: number,
): { found: Uint32Array; scored: number } {
  const { rotation, int8, built, directory } = index;
  const rotated = rotateRows(rotation, query, kernels);
  const prepared = prepareInt8Query(rotated);
  const { clusters, promises } = promisingClusters(prepared, [directory], topK, kernels);
  const chosen: number[] = [];
  let promised = 0;
  for (const [i, cluster] of clusters.entries()) {
    if (promised >= topK * (1 - missedShare)) break;
    promised += promises[i] as number;
    chosen.push(cluster);
  }
  const scored = chosen.reduce((sum, cluster) => sum + (directory.rows[cluster] as number), 0);
  const out = new Float32Array(scored);
  const scanned: number[] = [];
  for (const cluster of chosen) {
    const { numbers, centroid, block } = built[cluster] as (typeof built)[number];
    estimateCluster(metric, rotated, centroid, block, kernels, out, scanned.length);
    scanned.push(...numbers);
  }
  const candidates = nearest(out, refined).map((i) => scanned[i] as number);
  const pick = (values: Float32Array): Float32Array =>
    Float32Array.from(candidates, (row) => values[row] as number);
  const gathered = {
    codes: int8.codes,
    starts: candidates.map((row) => row * rotation.width),
    scales: pick(int8.scales),
    norms: pick(int8.norms),
    errors: pick(int8.errors),
  };
  const { estimates } = distanceInt8(metric, prepared, gathered, kernels);
  const found = nearest(estimates, topK).map((i) => candidates[i] as number);
  return { found, scored };
}

function nearest(distances: Float32Array | Float64Array, count: number): Uint32Array {
  return Uint32Array.from(distances.keys())
    .sort((a, b) => (distances[a] as number) - (distances[b] as number) || a - b)
    .subarray(0, count);
}

function measure(shape: Shape): { recall: number; share: number } {
  const { metric, dims } = shape;
  const { rows, queries } = mixture({ ...shape, queries: queryCount }, createPrng(seed));
  if (metric === "cosine_distance") {
    normaliseRows(rows, dims);
    normaliseRows(queries, dims);
  }
  const index = buildIndex(rows, shape);
  let hits = 0;
  let scored = 0;
  const exact = new Float32Array(shape.rows);
  for (let q = 0; q < queryCount; q++) {
    const query = rowOf(queries, q, dims);
    // Between unit vectors the order by squared distance is the order by cosine.
    kernels.squaredDistance(query, rows, exact);
    const truth = new Set(nearest(exact, topK));
    const answer = search(index, metric, query, 0.04);
    hits += answer.found.filter((row) => truth.has(row)).length;
    scored += answer.scored;
  }
  return { recall: hits / queryCount / topK, share: scored / queryCount / shape.rows };
}

describe("clustered search", () => {
  const text: Shape = {
    metric: "cosine_distance",
    rows: 20_000,
    dims: 96,
    centers: 60,
    latent: 12,
    targetRows: 128,
  };
  const images: Shape = {
    metric: "euclidean_squared",
    rows: 3_000,
    dims: 784,
    centers: 20,
    latent: 10,
    targetRows: 32,
  };

  for (const shape of [text, images]) {
    test(`finds 97 % of the neighbours (${shape.metric}) in 19 % of the rows`, () => {
      const { recall, share } = measure(shape);
      expect(recall).toBeGreaterThanOrEqual(0.97);
      expect(share).toBeLessThanOrEqual(0.19);
    });
  }

  test("an exhaustive probe misses nothing that one bit can tell", () => {
    const shape = { ...images, rows: 600 };
    const { rows, queries } = mixture({ ...shape, queries: 1 }, createPrng(seed));
    const answer = search(buildIndex(rows, shape), shape.metric, queries, -1);
    const distances = Float64Array.from({ length: 600 }, (_, i) =>
      exactDistance(shape.metric, queries, rowOf(rows, i, shape.dims)),
    );
    expect(answer.scored).toBe(600);
    expect(answer.found[0]).toBe(nearest(distances, 1)[0]);
  });
});
