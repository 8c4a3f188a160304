import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scalarKernels } from "../../src/kernels/scalar.ts";
import {
  exactDistance,
  prepareDistance,
  quickDistances,
  rowSquares,
} from "../../src/query/distance.ts";
import { distance } from "../oracle/brute-force.ts";

const metrics = ["cosine_distance", "euclidean_squared"] as const;

describe("the exact distance", () => {
  test("of equal vectors is zero, whatever their scale under cosine", () => {
    const vector = Float32Array.of(0.1, 0.2, 0.3);
    const scaled = vector.map((x) => x * 1024);
    for (const metric of metrics) {
      expect(exactDistance(prepareDistance(metric, vector), vector, 0)).toBe(0);
    }
    expect(exactDistance(prepareDistance("cosine_distance", vector), scaled, 0)).toBe(0);
  });

  test("of opposite unit vectors is 2 under cosine and 4 squared", () => {
    const [a, b] = [Float32Array.of(1, 0), Float32Array.of(-1, 0)];
    expect(exactDistance(prepareDistance("cosine_distance", a), b, 0)).toBe(2);
    expect(exactDistance(prepareDistance("euclidean_squared", a), b, 0)).toBe(4);
  });

  test("of a zero vector is 1 under cosine, never NaN", () => {
    const [zero, one] = [new Float32Array(2), Float32Array.of(1, 1)];
    for (const [a, b] of [
      [zero, one],
      [one, zero],
      [zero, zero],
    ] as const) {
      expect(exactDistance(prepareDistance("cosine_distance", a), b, 0)).toBe(1);
    }
  });

  test("of huge vectors is finite", () => {
    const [a, b] = [Float32Array.of(3e38, 3e38), Float32Array.of(-3e38, -3e38)];
    expect(exactDistance(prepareDistance("euclidean_squared", a), b, 0)).toBe(
      3.4028234663852886e38,
    );
    expect(exactDistance(prepareDistance("cosine_distance", a), b, 0)).toBe(2);
  });

  test("is an f32 and agrees with the definition", () => {
    fc.assert(
      fc.property(vectors(2), ([a, b]) => {
        for (const metric of metrics) {
          const value = exactDistance(
            prepareDistance(metric, a as Float32Array),
            b as Float32Array,
            0,
          );
          expect(value).toBe(Math.fround(value));
          expect(value).toBe(
            Math.min(distance(metric, a as Float32Array, b as Float32Array), 3.4028234663852886e38),
          );
        }
      }),
    );
  });
});

test("quick distances are never farther from the exact ones than they say", () => {
  fc.assert(
    fc.property(vectors(6), ([query, ...rows]) => {
      const width = (query as Float32Array).length;
      const all = new Float32Array(rows.length * width);
      rows.forEach((row, i) => all.set(row, i * width));
      for (const metric of metrics) {
        const prepared = prepareDistance(metric, query as Float32Array);
        const quick = quickDistances(prepared, all, rowSquares(all, width), scalarKernels);
        rows.forEach((_, i) => {
          const exact = exactDistance(prepared, all, i * width);
          const slack = quick.slacks[i] as number;
          const low = (quick.distances[i] as number) - slack;
          expect(slack === Infinity || (low <= exact && exact <= low + 2 * slack)).toBe(true);
        });
      }
    }),
    { numRuns: 300 },
  );
});

/** `count` vectors of one width, of ordinary and of extreme magnitudes. */
function vectors(count: number): fc.Arbitrary<Float32Array[]> {
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.float({ min: -10, max: 10, noNaN: true }) },
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1, 1e-45, 3e38),
  );
  return fc
    .integer({ min: 1, max: 40 })
    .chain((width) =>
      fc.array(fc.array(value, { minLength: width, maxLength: width }), {
        minLength: count,
        maxLength: count,
      }),
    )
    .map((rows) => rows.map((row) => Float32Array.from(row)));
}
