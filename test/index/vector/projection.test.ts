/** The plane in which points differ most. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { principalPlane, projectPoint } from "../../../src/index/vector/projection.ts";

it("finds the directions of most variance, in order, and says what they show", () => {
  const width = 5;
  const points = Float32Array.from({ length: 400 * width }, (_, i) => {
    const [row, d] = [Math.floor(i / width), i % width];
    const spread = [0.1, 3, 0.1, 10, 0.1][d] ?? 0;
    return 7 + spread * Math.sin(row * (d + 1.37));
  });
  const { mean, axes, share } = principalPlane(points, width);
  expect(mean.length).toBe(width);
  expect(Math.abs(axes[0][3] as number)).toBeGreaterThan(0.99);
  expect(Math.abs(axes[1][1] as number)).toBeGreaterThan(0.99);
  expect(share).toBeGreaterThan(0.99);
});

it("keeps distances of points that lie in a plane", () => {
  const at = fc.record({ x: fc.integer({ min: -9, max: 9 }), y: fc.integer({ min: -9, max: 9 }) });
  fc.assert(
    fc.property(fc.array(at, { minLength: 3, maxLength: 12 }), (given) => {
      // Along (1, 1, 0, 0) and (0, 0, 1, -1).
      const rows = given.map(({ x, y }) => Float32Array.of(x, x, y, -y));
      const plane = principalPlane(Float32Array.from(rows.flatMap((row) => [...row])), 4);
      fc.pre(plane.share > 0.999);
      const flat = rows.map((row) => projectPoint(plane, row));
      for (const [i, a] of rows.entries()) {
        for (const [j, b] of rows.entries()) {
          const real = Math.hypot(...a.map((value, d) => value - (b[d] as number)));
          const [p = [0, 0], q = [0, 0]] = [flat[i], flat[j]];
          expect(Math.hypot(p[0] - q[0], p[1] - q[1])).toBeCloseTo(real, 1);
        }
      }
    }),
    // Among them points on a line.
    { numRuns: 50, examples: [[[9, 0, 0].map((y) => ({ x: 0, y }))]] },
  );
});

it("takes one point, and points that are all the same", () => {
  const one = principalPlane(Float32Array.of(1, 2, 3), 3);
  expect(projectPoint(one, Float32Array.of(1, 2, 3))).toEqual([0, 0]);
  expect(one.share).toBe(1);
  const same = principalPlane(Float32Array.of(1, 2, 1, 2), 2);
  expect(projectPoint(same, Float32Array.of(5, 5))).toEqual([0, 0]);
});
