import { expect, test } from "vitest";
import { limits } from "../../src/limits.ts";
import { DistinctCount } from "../../src/query/distinct.ts";

function countOf(total: number, start = 0): DistinctCount {
  const count = new DistinctCount();
  for (let i = 0; i < total; i++) count.add(`value ${start + i}`);
  return count;
}

test("distinct values are counted exactly up to the bound", () => {
  const count = countOf(limits.distinctExactMax);
  for (let i = 0; i < 500; i++) count.add(`value ${i}`);
  expect([count.count(), count.isExact]).toEqual([limits.distinctExactMax, true]);
  count.add("one more");
  expect(count.isExact).toBe(false);
});

test("beyond, they are estimated within 3 %", () => {
  for (const total of [10_001, 20_000, 60_000, 300_000]) {
    const count = countOf(total, total);
    expect(count.isExact).toBe(false);
    expect(Math.abs(count.count() / total - 1)).toBeLessThan(0.03);
  }
});

test("numbers and texts that look alike differ, and so do false and absent things", () => {
  const count = new DistinctCount();
  for (const value of [1, "1", true, "true", 2n ** 60n, String(2n ** 60n)]) count.add(value);
  expect(count.count()).toBe(6);
});

test("the order of values plays no part", () => {
  const forward = new DistinctCount();
  const backward = new DistinctCount();
  for (let i = 0; i < 12_000; i++) {
    forward.add(i);
    backward.add(11_999 - i);
  }
  expect(forward.count()).toBe(backward.count());
});
