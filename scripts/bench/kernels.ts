/**
 * Time per vector of every kernel, scalar and SIMD, copying into WASM memory included.
 *
 *   node scripts/bench/kernels.ts [--small] [--width 768] [--json]
 *
 * Each figure is the fastest of several repetitions: what the processor can do, with the noise of a
 * shared machine left out. With --json one line per figure:
 *   {"bench":"kernels","engine":"shoal","kernel":…,"implementation":"scalar"|"simd","width":…,
 *    "rows":…,"ns_per_vector":…}
 * `nearest` counts a vector against one centroid; `rotate` one vector.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Kernels } from "../../src/kernels/kernels.ts";
import { scalarKernels } from "../../src/kernels/scalar.ts";
import { createWasmKernels } from "../../src/kernels/wasm.ts";

export interface KernelBench {
  /** Of vectors; the bits and bytes of codes likewise. A multiple of 64. */
  readonly width: number;
  readonly rows: number;
  readonly centroids: number;
  readonly repetitions: number;
}

export interface KernelFigure {
  readonly bench: "kernels";
  readonly engine: "shoal";
  readonly kernel: string;
  readonly implementation: string;
  readonly width: number;
  readonly rows: number;
  readonly ns_per_vector: number;
}

export const small: KernelBench = { width: 128, rows: 20, centroids: 8, repetitions: 1 };
export const large: KernelBench = { width: 768, rows: 2_000, centroids: 160, repetitions: 15 };

export function benchKernels(bench: KernelBench): KernelFigure[] {
  const module = new WebAssembly.Module(
    readFileSync(new URL("../../src/kernels/kernels.wasm", import.meta.url)),
  );
  return [createWasmKernels(module), scalarKernels].flatMap((kernels) => run(kernels, bench));
}

function run(kernels: Kernels, bench: KernelBench): KernelFigure[] {
  const { width, centroids } = bench;
  // The scalar twin is many times slower; fewer rows tell its speed as well.
  const rows = kernels.name === "simd" ? bench.rows : Math.ceil(bench.rows / 20);
  const figures: KernelFigure[] = [];
  const measure = (kernel: string, vectors: number, work: () => void): void => {
    const implementation = kernels.name;
    const ns_per_vector = fastest(bench.repetitions, work) / vectors;
    const figure = { kernel, implementation, width, rows, ns_per_vector };
    figures.push({ bench: "kernels", engine: "shoal", ...figure });
  };

  const floats = fill(new Float32Array(rows * width), (i) => Math.sin(i));
  const query = floats.slice(0, width);
  const scores = new Float32Array(rows);
  measure("dot", rows, () => kernels.dot(query, floats, scores));
  measure("squaredDistance", rows, () => kernels.squaredDistance(query, floats, scores));

  const codes = fill(new Int8Array(rows * width), (i) => ((i * 37) % 255) - 127);
  const query16 = fill(new Int16Array(width), (i) => ((i * 7) % 2_001) - 1_000);
  const starts = fill(new Uint32Array(rows), (i) => i * width);
  const sums = new Int32Array(rows);
  measure("dotInt8", rows, () => kernels.dotInt8(query16, codes, starts, sums));
  const scattered = fill(new Uint32Array(rows), (i) => ((i * 7_919) % rows) * width);
  measure("dotInt8 scattered", rows, () => kernels.dotInt8(query16, codes, scattered, sums));

  const bits = fill(new Uint8Array((rows * width) / 8), (i) => i * 101);
  const planes = fill(new Uint8Array(width / 2), (i) => i * 59);
  const counts = new Uint32Array(rows);
  measure("scanBits", rows, () => kernels.scanBits(planes, bits, counts));

  const signs = fill(new Float32Array(4 * width), (i) => (i % 3 === 0 ? -1 : 1));
  measure("rotate", rows, () => kernels.rotate(signs, floats));
  measure("rotate single", 1, () => kernels.rotate(signs, query));

  const centers = floats.slice(0, Math.min(rows, centroids) * width);
  const bias = new Float32Array(centers.length / width);
  const some = floats.subarray(0, Math.ceil(rows / 10) * width);
  const best = new Uint32Array(some.length / width);
  const score = new Float32Array(best.length);
  measure("nearest", best.length * bias.length, () =>
    kernels.nearest(some, centers, bias, best, score),
  );
  return figures;
}

/** Nanoseconds of the fastest run, after one to warm up. */
function fastest(repetitions: number, work: () => void): number {
  work();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repetitions; i++) {
    const start = process.hrtime.bigint();
    work();
    least = Math.min(least, Number(process.hrtime.bigint() - start));
  }
  return least;
}

function fill<T extends { [index: number]: number; readonly length: number }>(
  values: T,
  valueAt: (index: number) => number,
): T {
  for (let i = 0; i < values.length; i++) {
    values[i] = valueAt(i);
  }
  return values;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      small: { type: "boolean", default: false },
      width: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const chosen = values.small ? small : large;
  const width = values.width === undefined ? chosen.width : Number(values.width);
  for (const figure of benchKernels({ ...chosen, width })) {
    if (values.json) {
      console.log(JSON.stringify(figure));
    } else {
      const { kernel, implementation, ns_per_vector } = figure;
      const time = ns_per_vector.toFixed(1).padStart(10);
      console.log(`${kernel.padEnd(18)} ${implementation.padEnd(7)} ${time} ns per vector`);
    }
  }
}

if (import.meta.main) {
  main();
}
