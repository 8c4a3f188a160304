/** Which clusters are promising, compared with rows drawn from them. */
import { describe, expect, test } from "vitest";
import { quantiseCentroids } from "../../../src/index/vector/centroids.ts";
import { prepareInt8Query } from "../../../src/index/vector/int8.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import {
  type ClusterDirectory,
  multiplyCentroids,
  promisingClusters,
} from "../../../src/index/vector/promise.ts";
import { scalarKernels } from "../../../src/kernels/scalar.ts";
import { gaussianRows, rowOf, seed } from "./vectors.ts";

const width = 64;

/** Clusters along one axis. */
function directory(
  places: readonly number[],
  radius: number,
  matches: readonly number[],
  sizes: readonly number[] = matches,
): ClusterDirectory {
  const centroids = new Float32Array(places.length * width);
  for (const [i, place] of places.entries()) centroids[i * width] = place;
  return {
    centroids: quantiseCentroids(centroids, width),
    radii: new Float32Array(places.length).fill(radius),
    rows: Uint32Array.from(matches),
    sizes: Uint32Array.from(sizes),
  };
}

function ask(directories: readonly ClusterDirectory[], wanted: number, place = 0) {
  const query = new Float32Array(width);
  query[0] = place;
  return promisingClusters(prepareInt8Query(query), directories, wanted, scalarKernels);
}

const sum = (values: Iterable<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
const ascending = (values: Iterable<number>): number[] => Array.from(values).sort((a, b) => a - b);

describe("promising clusters", () => {
  test("promise as many rows as are wanted, all together", () => {
    const directories = [
      directory([1, 2, 3, 4], 1, [40, 0, 100, 300]),
      directory([1.5, 9], 1, [20, 900], [500, 900]),
    ];
    for (const wanted of [1, 10, 100, 600]) {
      const { promises } = ask(directories, wanted);
      expect(sum(promises)).toBeGreaterThan(wanted * 0.95);
      expect(sum(promises)).toBeLessThan(wanted * 1.05);
    }
  });

  test("promise all they have where no more match than are wanted", () => {
    const { promises, clusters } = ask([directory([3, 1, 2], 1, [5, 0, 7])], 12);
    expect(ascending(clusters)).toEqual([0, 2]);
    expect(ascending(promises)).toEqual([5, 7]);
  });

  test("leave out clusters without a match", () => {
    const { segments, clusters } = ask([directory([0], 1, [0], [100]), directory([5], 1, [9])], 1);
    expect([...segments]).toEqual([1]);
    expect([...clusters]).toEqual([0]);
  });

  test("come by what they promise for each row that is read", () => {
    const alike = directory([2, 2, 2], 1, [10, 10, 100], [100, 400, 400]);
    expect([...ask([alike], 5).clusters]).toEqual([2, 0, 1]);
  });

  test("are the nearest where all rows match, and the fullest where few do", () => {
    const near = directory([1, 1.3, 6], 1, [300, 300, 300]);
    expect([...ask([near], 10).clusters]).toEqual([0, 1, 2]);
    const few = directory([1, 1.1], 1, [1, 200], [300, 300]);
    expect([...ask([few], 10).clusters]).toEqual([1, 0]);
  });

  test("are in an order where clusters have no extent, or lie beyond all numbers", () => {
    const points = directory([1, 2, 3], 0, [5, 5, 5]);
    expect([...ask([points], 7).clusters]).toEqual([0, 1, 2]);
    const beyond = directory([1, 2], 3e38, [50, 50]);
    expect(ascending(ask([beyond], 7).clusters)).toEqual([0, 1]);
  });
});

test("clusters that promise nothing come only where the others are not enough", () => {
  const query = new Float32Array(width);
  const directories = [directory([1, 1.2, 90], 1, [100, 100, 100])];
  const chosen = (enough: number): readonly number[] => {
    const isEnough = (_promised: number, found: number): boolean => found >= enough;
    const prepared = prepareInt8Query(query);
    return [...promisingClusters(prepared, directories, 5, scalarKernels, isEnough).clusters];
  };
  expect(chosen(200)).toEqual([0, 1]);
  expect(chosen(201)).toEqual([0, 1, 2]);
});

test("products with quantised centroids stay close to those with the vectors themselves", () => {
  const rows = gaussianRows(50, width, createPrng(seed));
  const target = gaussianRows(1, width, createPrng(seed, 1));
  const query = prepareInt8Query(target);
  const products = new Float32Array(50);
  multiplyCentroids(query, quantiseCentroids(rows, width), scalarKernels, products);
  for (const [i, product] of products.entries()) {
    const row = rowOf(rows, i, width);
    const truth = row.reduce((sum, x, d) => sum + x * (target[d] as number), 0);
    expect(Math.abs(product - truth)).toBeLessThan(0.01 * query.length * Math.hypot(...row));
  }
});
