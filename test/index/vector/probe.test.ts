import { describe, expect, test } from "vitest";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import { quantiseCentroids } from "../../../src/index/vector/centroids.ts";
import { prepareInt8Query } from "../../../src/index/vector/int8.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import {
  type ClusterDirectory,
  chooseClusters,
  type Probe,
} from "../../../src/index/vector/probe.ts";
import { simdKernels as kernels } from "../../kernels/simd.ts";
import { gaussianRows, rowOf, seed } from "./vectors.ts";

const width = 64;

/** Clusters along the first axis, at the given places. */
function directory(places: readonly number[], rows: readonly number[], radii?: readonly number[]) {
  const centroids = new Float32Array(places.length * width);
  places.forEach((x, j) => {
    centroids[j * width] = x;
    centroids[j * width + 1] = 1;
  });
  const built: ClusterDirectory = {
    centroids: quantiseCentroids(centroids, width),
    radii: Float32Array.from(radii ?? places.map(() => 0)),
    rows: Uint32Array.from(rows),
  };
  return built;
}

function query(...values: number[]) {
  const vector = new Float32Array(width);
  vector.set(values);
  return prepareInt8Query(vector);
}

function chosen({ segments, clusters }: Probe): string[] {
  return Array.from(clusters, (cluster, i) => `${segments[i]}/${cluster}`);
}

describe("probe", () => {
  test("clusters of all segments compete, nearest first, until the row budget is met", () => {
    const directories = [directory([0, 4, 8], [10, 10, 10]), directory([5, 1], [10, 10])];
    const probe = (budget: number): Probe =>
      chooseClusters("euclidean_squared", query(4.4, 1), directories, budget, kernels);
    expect(chosen(probe(0))).toEqual(["0/1"]);
    expect(chosen(probe(25))).toEqual(["0/1", "1/0", "1/1"]);
    expect(probe(25).rows).toBe(30);
    expect(probe(25).nextScore).toBeCloseTo(3.6 ** 2, 1);
    expect(chosen(probe(1e9))).toEqual(["0/1", "1/0", "1/1", "0/2", "0/0"]);
    expect(probe(1e9).nextScore).toBe(Infinity);
  });

  test("clusters without matching rows are skipped, and no clusters give no probe", () => {
    const directories = [directory([4, 5], [0, 3])];
    const probe = chooseClusters("euclidean_squared", query(4, 1), directories, 10, kernels);
    expect(chosen(probe)).toEqual(["0/1"]);
    const none = chooseClusters("cosine_distance", query(4, 1), [directory([], [])], 10, kernels);
    expect(none).toMatchObject({ rows: 0, nextScore: Infinity });
    expect(chosen(none)).toEqual([]);
  });

  test("a wide cluster a little further away comes before a narrow one", () => {
    const directories = [directory([10, -11], [5, 5], [0, 8])];
    const probe = chooseClusters("euclidean_squared", query(0, 1), directories, 1, kernels);
    expect(chosen(probe)).toEqual(["0/1"]);
  });

  test("under cosine only the direction of a centroid counts, and a zero one is neutral", () => {
    const centroids = new Float32Array(4 * width);
    centroids.set([0.1, 0], 0);
    centroids.set([0.9, 0.9], width);
    centroids.set([-1, 0], 2 * width);
    const directories = [
      {
        centroids: quantiseCentroids(centroids, width),
        radii: new Float32Array(4),
        rows: new Uint32Array(4).fill(1),
      },
    ];
    const probe = chooseClusters("cosine_distance", query(1, 0), directories, 9, kernels);
    expect(chosen(probe)).toEqual(["0/0", "0/1", "0/3", "0/2"]);
    expect(probe.scores[0]).toBeCloseTo(-1, 3);
  });

  test("scores of quantised centroids stay close to those of the vectors themselves", () => {
    const rows = gaussianRows(50, width, createPrng(seed));
    const target = gaussianRows(1, width, createPrng(seed, 1));
    const directories: ClusterDirectory[] = [
      {
        centroids: quantiseCentroids(rows, width),
        radii: new Float32Array(50),
        rows: new Uint32Array(50).fill(1),
      },
    ];
    for (const metric of ["cosine_distance", "euclidean_squared"] satisfies DistanceMetric[]) {
      const prepared = prepareInt8Query(target);
      const probe = chooseClusters(metric, prepared, directories, 50, kernels);
      probe.clusters.forEach((cluster, i) => {
        const row = rowOf(rows, cluster, width);
        const product = row.reduce((sum, x, d) => sum + x * (target[d] as number), 0);
        const length = Math.hypot(...row);
        const truth =
          metric === "cosine_distance"
            ? -product / length
            : length ** 2 + prepared.norm - 2 * product;
        expect(Math.abs((probe.scores[i] as number) - truth)).toBeLessThan(
          0.02 * prepared.length * length,
        );
      });
    }
  });
});
