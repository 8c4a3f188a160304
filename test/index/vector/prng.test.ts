import { describe, expect, test } from "vitest";
import { createPrng } from "../../../src/index/vector/prng.ts";

describe("seeded random numbers", () => {
  test("the sequence of a seed never changes, for rotations on storage depend on it", () => {
    const prng = createPrng({ low: 1, high: 2 });
    expect(Array.from({ length: 4 }, () => prng.next())).toEqual([
      2286554482, 1279363195, 2188404564, 1472341550,
    ]);
  });

  test("seeds and streams that differ in one bit share nothing", () => {
    const first = (low: number, high: number, stream: number): number =>
      createPrng({ low, high }, stream).next();
    const values = [
      first(0, 0, 0),
      first(1, 0, 0),
      first(0, 1, 0),
      first(1, 1, 0),
      first(0x8000_0000, 0, 0),
      first(0, 0x8000_0000, 0),
      first(0, 0, 1),
    ];
    expect(new Set(values).size).toBe(values.length);
  });

  test("numbers below a bound are spread evenly", () => {
    const prng = createPrng({ low: 7, high: 9 });
    const counts = new Uint32Array(10);
    for (let i = 0; i < 10_000; i++) {
      const value = prng.below(10);
      counts[value] = (counts[value] as number) + 1;
    }
    for (const count of counts) {
      expect(Math.abs(count - 1_000)).toBeLessThan(150);
    }
  });
});
