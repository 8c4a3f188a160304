/** The SIMD kernels of this isolate: instantiated once, from a module compiled at deploy time. */

import type { Kernels } from "../../src/kernels/kernels.ts";
import simd from "../../src/kernels/kernels.wasm";
import { createWasmKernels } from "../../src/kernels/wasm.ts";

let instance: Kernels | undefined;

export function kernels(): Kernels {
  instance ??= createWasmKernels(simd);
  return instance;
}
