import module from "../../src/kernels/kernels.wasm";
import { createWasmKernels } from "../../src/kernels/wasm.ts";
import { kernelsConformance } from "../conformance/kernels.ts";

kernelsConformance("SIMD in workerd", () => createWasmKernels(module));
