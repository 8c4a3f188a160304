/** The SIMD kernels for tests in Node, from the module that the build left beside their source. */
import { readFileSync } from "node:fs";
import type { Kernels } from "../../src/kernels/kernels.ts";
import { createWasmKernels } from "../../src/kernels/wasm.ts";

const module = new WebAssembly.Module(
  readFileSync(new URL("../../src/kernels/kernels.wasm", import.meta.url)),
);

export function createSimdKernels(): Kernels {
  return createWasmKernels(module);
}

export const simdKernels: Kernels = createSimdKernels();
