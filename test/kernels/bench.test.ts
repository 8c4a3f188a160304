import { expect, test } from "vitest";
import { benchKernels, small } from "../../scripts/bench/kernels.ts";

test("the kernel benchmark gives a time for every kernel in both implementations", () => {
  const figures = benchKernels(small);
  const names = (implementation: string): string[] =>
    figures.filter((each) => each.implementation === implementation).map((each) => each.kernel);
  expect(names("simd")).toEqual(names("scalar"));
  expect(names("simd").length).toBeGreaterThanOrEqual(6);
  expect(figures.every((each) => each.ns_per_vector > 0)).toBe(true);
});
