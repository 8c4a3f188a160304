import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeF16 } from "../../../src/bytes/f16.ts";
import type { DistanceMetric } from "../../../src/document/schema.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";
import {
  type ClusterBlock,
  type EncodedCluster,
  encodeCluster,
  estimateCluster,
} from "../../../src/index/vector/rabitq.ts";
import { normaliseRows } from "../../../src/index/vector/unit-vector.ts";
import { scalarKernels } from "../../../src/kernels/scalar.ts";
import { simdKernels } from "../../kernels/simd.ts";
import { exactDistance, gaussianRows, rowOf, seed } from "./vectors.ts";

const metrics: DistanceMetric[] = ["cosine_distance", "euclidean_squared"];

/** The block as it comes back from storage: views into one buffer. */
function store({ codes, a, f, e, pop }: EncodedCluster): ClusterBlock {
  const count = pop.length;
  const bytes = new Uint8Array(64 + codes.length + count * 12);
  const at = 64 + codes.length;
  const block = {
    codes: bytes.subarray(64, at),
    a: new Float32Array(bytes.buffer, at, count),
    f: new Float32Array(bytes.buffer, at + 4 * count, count),
    e: new Uint16Array(bytes.buffer, at + 8 * count, count),
    pop: new Uint16Array(bytes.buffer, at + 10 * count, count),
  };
  block.codes.set(codes);
  block.a.set(a);
  block.f.set(f);
  block.e.set(encodeF16(e));
  block.pop.set(pop);
  return block;
}

describe("one-bit codes", () => {
  test("estimates are unbiased and miss by 1.9 standard errors as often as a Gaussian does", () => {
    const [width, count] = [192, 400];
    for (const metric of metrics) {
      for (const offset of [0, 5]) {
        const prng = createPrng(seed, offset);
        let [total, sum, squares, outside] = [0, 0, 0, 0];
        for (let round = 0; round < 10; round++) {
          const rows = gaussianRows(count, width, prng).map((x) => x + offset);
          const queries = gaussianRows(5, width, prng).map((x) => x + offset);
          const centroid = new Float32Array(width).fill(offset);
          if (metric === "cosine_distance") {
            normaliseRows(rows, width);
            normaliseRows(queries, width);
            normaliseRows(centroid, width);
            centroid.forEach((x, d) => {
              centroid[d] = offset === 0 ? 0 : x;
            });
          }
          const block = store(encodeCluster(rows, centroid, metric));
          const out = new Float32Array(count);
          for (let q = 0; q < 5; q++) {
            const query = rowOf(queries, q, width);
            const errorOf = estimateCluster(metric, query, centroid, block, simdKernels, out);
            for (let i = 0; i < count; i++) {
              const truth = exactDistance(metric, query, rowOf(rows, i, width));
              const z = ((out[i] as number) - truth) / errorOf(i);
              total++;
              sum += z;
              squares += z * z;
              outside += Math.abs(z) > 1.9 ? 1 : 0;
            }
          }
        }
        expect(Math.abs(sum / total)).toBeLessThan(0.05);
        expect(Math.sqrt(squares / total)).toBeGreaterThan(0.9);
        expect(Math.sqrt(squares / total)).toBeLessThan(1.1);
        // Two-sided Gaussian tail: 5.74 %.
        expect(outside / total).toBeGreaterThan(0.045);
        expect(outside / total).toBeLessThan(0.07);
      }
    }
  });

  test("a row on the centroid, and zero vectors, get a finite estimate without error", () => {
    const centroid = gaussianRows(1, 64, createPrng(seed));
    const query = gaussianRows(1, 64, createPrng(seed, 1));
    const out = new Float32Array(1);
    for (const metric of metrics) {
      const block = store(encodeCluster(centroid, centroid, metric));
      const errorOf = estimateCluster(metric, query, centroid, block, scalarKernels, out);
      expect(out[0]).toBeCloseTo(exactDistance(metric, query, centroid), 3);
      expect(errorOf(0)).toBe(0);
      // All at the origin: rows, centroid, query.
      const zero = new Float32Array(64);
      const origin = store(encodeCluster(zero, zero, metric));
      const noError = estimateCluster(metric, zero, zero, origin, scalarKernels, out);
      expect(out[0]).toBe(metric === "cosine_distance" ? 1 : 0);
      expect(noError(0)).toBe(0);
    }
  });

  test("estimates and errors are finite at any scale of the data", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...metrics),
        fc.constantFrom(1e-25, 1e-12, 1, 1e9, 1e15),
        fc.integer(),
        (metric, scale, low) => {
          const prng = createPrng({ low, high: 0 });
          const rows = gaussianRows(4, 128, prng).map((x) => x * scale);
          const query = gaussianRows(1, 128, prng).map((x) => x * scale);
          const centroid = gaussianRows(1, 128, prng).map((x) => x * scale);
          const { e, radius, ...encoded } = encodeCluster(rows, centroid, metric);
          const out = new Float32Array(4);
          const block = store({ ...encoded, e, radius });
          const errorOf = estimateCluster(metric, query, centroid, block, simdKernels, out);
          const errors = [0, 1, 2, 3].map(errorOf);
          expect([...out, ...errors, radius].every(Number.isFinite)).toBe(true);
          expect(e.every((share) => share >= 0 && share <= 1.01)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("clusters of one query fill one array, each from its own place on", () => {
    const rows = gaussianRows(7, 64, createPrng(seed));
    const query = gaussianRows(1, 64, createPrng(seed, 1));
    const centroids = gaussianRows(2, 64, createPrng(seed, 2));
    const out = new Float32Array(7);
    const parts = [rows.subarray(0, 4 * 64), rows.subarray(4 * 64)];
    parts.forEach((part, c) => {
      const centroid = rowOf(centroids, c, 64);
      const block = store(encodeCluster(part, centroid, "euclidean_squared"));
      const metric = "euclidean_squared";
      estimateCluster(metric, query, centroid, block, simdKernels, out, 4 * c);
      const alone = new Float32Array(part.length / 64);
      const errorOf = estimateCluster(metric, query, centroid, block, scalarKernels, alone);
      expect(out.subarray(4 * c, 4 * c + alone.length)).toEqual(alone);
      expect(alone.every((_, row) => errorOf(row) > 0)).toBe(true);
    });
  });

  test("an empty cluster encodes and scans to nothing", () => {
    const encoded = encodeCluster(new Float32Array(0), new Float32Array(64), "euclidean_squared");
    expect(encoded.radius).toBe(0);
    const query = new Float32Array(64);
    const out = new Float32Array(0);
    const block = store(encoded);
    estimateCluster("euclidean_squared", query, new Float32Array(64), block, simdKernels, out);
    expect(out.length).toBe(0);
  });
});
