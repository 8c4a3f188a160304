import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPrng } from "../../../src/index/vector/prng.ts";
import {
  createRotation,
  rotatedWidth,
  rotateRows,
  rotationErrorBound,
} from "../../../src/index/vector/rotation.ts";
import { scalarKernels } from "../../../src/kernels/scalar.ts";
import { simdKernels } from "../../kernels/simd.ts";
import { exactDistance, gaussianRows, rowOf, seed } from "./vectors.ts";

const dims = fc.oneof(
  fc.integer({ min: 1, max: 200 }),
  fc.constantFrom(768, 784, 999, 1_024, 1_536, 10_751, 10_752),
);

describe("rotation", () => {
  test("vectors of any size are padded to a multiple of 64", () => {
    expect([1, 63, 64, 65, 784, 10_752].map(rotatedWidth)).toEqual([64, 64, 64, 128, 832, 10_752]);
  });

  test("the rotation of a seed never changes, for stored codes depend on it", () => {
    const row = Float32Array.from({ length: 100 }, (_, d) => d - 50);
    const rotated = rotateRows(createRotation(100, { low: 1, high: 2 }), row, scalarKernels);
    expect(Array.from(rotated.subarray(0, 4), (x) => x.toFixed(3))).toEqual([
      "-66.209",
      "-0.068",
      "6.424",
      "11.041",
    ]);
  });

  test("lengths and distances survive within the stated bound, in any dimension", () => {
    fc.assert(
      fc.property(dims, fc.integer(), (d, low) => {
        const rotation = createRotation(d, { low, high: 1 });
        const rows = gaussianRows(2, d, createPrng({ low, high: 2 }));
        const rotated = rotateRows(rotation, rows, simdKernels);
        const [a, b] = [rowOf(rows, 0, d), rowOf(rows, 1, d)];
        const { width } = rotation;
        const [x, y] = [rowOf(rotated, 0, width), rowOf(rotated, 1, width)];
        const distance = Math.sqrt(exactDistance("euclidean_squared", a, b));
        const after = Math.sqrt(exactDistance("euclidean_squared", x, y));
        const bound = rotationErrorBound(width) * (Math.hypot(...a) + Math.hypot(...b));
        expect(Math.abs(after - distance)).toBeLessThanOrEqual(bound);
      }),
      { numRuns: 40 },
    );
  });

  test("a vector of one coordinate comes out spread over all of them", () => {
    for (const d of [64, 192, 768, 10_752]) {
      const row = new Float32Array(d);
      row[d >> 1] = 1;
      const rotated = rotateRows(createRotation(d, seed), row, simdKernels);
      expect(Math.max(...rotated.map(Math.abs))).toBeLessThan(6 / Math.sqrt(d));
    }
  });

  test("many rows come out as each of them alone, whatever the output held before", () => {
    const rotation = createRotation(70, seed);
    const rows = gaussianRows(5, 70, createPrng(seed));
    const out = new Float32Array(5 * 128).fill(9);
    expect(rotateRows(rotation, rows, simdKernels, out)).toBe(out);
    for (let i = 0; i < 5; i++) {
      const alone = rotateRows(rotation, rowOf(rows, i, 70), simdKernels);
      expect(rowOf(out, i, 128)).toEqual(alone);
    }
  });
});
