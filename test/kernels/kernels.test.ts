import { expect, test } from "vitest";
import { scalarKernels } from "../../src/kernels/scalar.ts";
import { kernelsConformance } from "../conformance/kernels.ts";
import { createSimdKernels } from "./simd.ts";

kernelsConformance("scalar in Node", () => scalarKernels);
kernelsConformance("SIMD in Node", createSimdKernels);

test("two sets of kernels from one module do not share memory", () => {
  const [first, second] = [createSimdKernels(), createSimdKernels()];
  const out = new Float32Array(1);
  first.dot(Float32Array.of(1, 2), Float32Array.of(3, 4), out);
  second.dot(Float32Array.of(0, 0), Float32Array.of(3, 4), new Float32Array(1));
  expect(out[0]).toBe(11);
});
