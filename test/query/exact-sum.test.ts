import { describe, expect, test } from "vitest";
import { ExactSum } from "../../src/query/exact-sum.ts";
import { SeededRandom } from "../seeded-random.ts";

function floatSum(values: readonly number[]): number {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum.float();
}

describe("sums", () => {
  test("of integers are exact beyond 2^53", () => {
    const sum = new ExactSum();
    sum.add(2 ** 53);
    sum.add(1);
    expect(sum.integer()).toBe(9_007_199_254_740_993n);
    sum.add(-(2n ** 63n), 3);
    sum.add(5, 1_000_000);
    expect(sum.integer()).toBe(9_007_199_254_740_993n - 3n * 2n ** 63n + 5_000_000n);
    expect(new ExactSum().integer()).toBe(0n);
  });

  test("of floats are rounded once, whatever the order", () => {
    expect(floatSum([1e100, 1, -1e100])).toBe(1);
    expect(floatSum([0.1, 0.2, 0.3])).toBe(0.6);
    expect(floatSum(Array.from({ length: 10 }, () => 0.1))).toBe(1);
    expect(floatSum([1, 2 ** -53, 2 ** -106])).toBe(1 + 2 ** -52);
    expect(floatSum([1, 2 ** -53])).toBe(1);
    expect(floatSum([])).toBe(0);
    expect(floatSum([-1.5, 1.5])).toBe(0);
    expect(floatSum([-0.25, -0.5])).toBe(-0.75);
  });

  test("reach from the smallest double to the largest, and no further", () => {
    expect(floatSum([5e-324, 5e-324])).toBe(1e-323);
    expect(floatSum([2 ** -1_022, -(2 ** -1_074)])).toBe(2 ** -1_022 - 2 ** -1_074);
    expect(floatSum([Number.MAX_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE])).toBe(
      Number.MAX_VALUE,
    );
    expect(floatSum([Number.MAX_VALUE, Number.MAX_VALUE])).toBe(Number.MAX_VALUE);
    expect(floatSum([-Number.MAX_VALUE, -Number.MAX_VALUE])).toBe(-Number.MAX_VALUE);
    expect(floatSum([Number.MAX_VALUE, 5e-324])).toBe(Number.MAX_VALUE);
  });

  test("count a value as often as it is there", () => {
    const sum = new ExactSum();
    sum.add(0.1, 3_000_000);
    const one = new ExactSum();
    for (let i = 0; i < 3_000_000; i++) one.add(0.1);
    expect(sum.float()).toBe(one.float());
  });

  test("are those of rational arithmetic", () => {
    const random = new SeededRandom(5);
    for (let round = 0; round < 200; round++) {
      const view = new DataView(random.bytes(8 * 40).buffer);
      const values: number[] = [];
      for (let i = 0; i < 40; i++) {
        const value = view.getFloat64(8 * i);
        if (Number.isFinite(value) && Math.abs(value) < 1e300) values.push(value);
      }
      const scaled = values.reduce((total, value) => total + scale(value), 0n);
      expect(scale(floatSum(values)) - scaled).toSatisfy((error: bigint) => {
        // Half of the last place of the result.
        const place = scale(ulp(floatSum(values)));
        return 2n * (error < 0n ? -error : error) <= place;
      });
    }
  });
});

/** The value in units of 2^-1074. */
function scale(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & ((1n << 52n) - 1n);
  const size = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return value < 0 ? -size : size;
}

function ulp(value: number): number {
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  return Math.max(2 ** (exponent - 52), 2 ** -1_074);
}
