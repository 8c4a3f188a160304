import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import { dequantiseCentroid, quantiseCentroids } from "../../../src/index/vector/centroids.ts";
import {
  decodeInt8,
  distanceInt8,
  encodeInt8,
  prepareInt8Query,
} from "../../../src/index/vector/int8.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import { createRotation, rotateRows } from "../../../src/index/vector/rotation.ts";
import { normaliseRows } from "../../../src/index/vector/unit-vector.ts";
import { scalarKernels } from "../../../src/kernels/scalar.ts";
import { simdKernels } from "../../kernels/simd.ts";
import { exactDistance, gaussianRows, rowOf, seed } from "./vectors.ts";

const dims = fc.oneof(fc.integer({ min: 1, max: 130 }), fc.constantFrom(768, 1_000, 2_048));
const metrics = fc.constantFrom<DistanceMetric>("cosine_distance", "euclidean_squared");

describe("int8 rows", () => {
  test("every distance of the vectors as given lies within its bound", () => {
    const scales = fc.constantFrom(1e-12, 1e-3, 1, 300, 1e12);
    const offsets = fc.constantFrom(0, 1, 20);
    fc.assert(
      fc.property(dims, metrics, scales, offsets, fc.integer(), (d, metric, scale, offset, low) => {
        const prng = createPrng({ low, high: 3 });
        const rows = gaussianRows(6, d, prng).map((x) => (x + offset) * scale);
        const query = gaussianRows(1, d, prng).map((x) => (x + offset) * scale);
        if (metric === "cosine_distance") {
          normaliseRows(rows, d);
          normaliseRows(query, d);
        }
        rows.fill(0, 0, d);
        rows.set(query, d);
        const rotation = createRotation(d, { low, high: 4 });
        const encoded = encodeInt8(rotateRows(rotation, rows, simdKernels), rotation.width);
        const prepared = prepareInt8Query(rotateRows(rotation, query, simdKernels));
        const starts = Uint32Array.from({ length: 6 }, (_, i) => i * rotation.width);
        const { estimates, bounds } = distanceInt8(
          metric,
          prepared,
          { ...encoded, starts },
          simdKernels,
        );
        for (let i = 0; i < 6; i++) {
          const truth = exactDistance(metric, query, rowOf(rows, i, d));
          expect(Math.abs((estimates[i] as number) - truth)).toBeLessThanOrEqual(
            bounds[i] as number,
          );
        }
        // And the bound says something: a few percent of the lengths involved.
        const length = Math.hypot(...query) + Math.hypot(...rows.subarray(2 * d, 3 * d));
        const limit = metric === "cosine_distance" ? 0.05 : 0.05 * length * length;
        expect(bounds[2]).toBeLessThan(limit);
      }),
      { numRuns: 60 },
    );
  });

  test("zero vectors have distance one under cosine and no error", () => {
    const rows = encodeInt8(new Float32Array(128), 64);
    const starts = Uint32Array.of(0, 64);
    const unit = normaliseRows(gaussianRows(1, 64, createPrng(seed)), 64);
    for (const query of [unit, new Float32Array(64)]) {
      const { estimates, bounds } = distanceInt8(
        "cosine_distance",
        prepareInt8Query(query),
        { ...rows, starts },
        scalarKernels,
      );
      expect([...estimates]).toEqual([1, 1]);
      expect(Math.max(...bounds)).toBeLessThan(1e-5);
    }
  });

  test("no query can make the integer sums overflow", () => {
    for (const width of [64, 768, 10_752]) {
      const spike = new Float32Array(width);
      spike[5] = -3;
      const random = gaussianRows(1, width, createPrng(seed));
      for (const query of [new Float32Array(width).fill(1e30), spike, random]) {
        const { codes, scale, error, length } = prepareInt8Query(query);
        const sum = codes.reduce((total, code) => total + Math.abs(code), 0);
        expect(sum * 128).toBeLessThan(2 ** 31);
        expect(error).toBeLessThan(1e-3 * length);
        expect(scale).toBeGreaterThan(0);
      }
    }
  });

  test("decoding gives back what encoding kept, within the stated error", () => {
    const rows = gaussianRows(10, 192, createPrng(seed));
    const encoded = encodeInt8(rows, 192);
    const decoded = decodeInt8(encoded.codes, encoded.scales, new Float32Array(rows.length));
    for (let i = 0; i < 10; i++) {
      const [row, back] = [rowOf(rows, i, 192), rowOf(decoded, i, 192)];
      const lost = Math.sqrt(exactDistance("euclidean_squared", row, back));
      expect(lost).toBeLessThanOrEqual(encoded.errors[i] as number);
      expect(lost).toBeGreaterThan(0.9 * (encoded.errors[i] as number));
      const zero = new Float32Array(192);
      const norm = exactDistance("euclidean_squared", back, zero);
      expect(Math.abs((encoded.norms[i] as number) / norm - 1)).toBeLessThan(1e-6);
    }
  });

  test("encoding what was decoded keeps every code, so merges do not wear rows out", () => {
    const first = encodeInt8(gaussianRows(20, 128, createPrng(seed)), 128);
    const decoded = decodeInt8(first.codes, first.scales, new Float32Array(20 * 128));
    const second = encodeInt8(decoded, 128);
    expect(second.codes).toEqual(first.codes);
    second.scales.forEach((scale, i) => {
      expect(Math.abs(scale / (first.scales[i] as number) - 1)).toBeLessThan(2 ** -22);
    });
  });

  test("a stored centroid is one vector, whoever dequantises it", () => {
    const centroids = gaussianRows(3, 64, createPrng(seed));
    const stored = quantiseCentroids(centroids, 64);
    const second = dequantiseCentroid(stored, 1, new Float32Array(64));
    const difference = exactDistance("euclidean_squared", second, rowOf(centroids, 1, 64));
    expect(difference).toBeLessThan(1e-3 * 64);
    const view = { codes: stored.codes.slice(), scales: stored.scales.slice() };
    expect(dequantiseCentroid(view, 1, new Float32Array(64))).toEqual(second);
  });
});
