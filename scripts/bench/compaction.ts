/**
 * CPU time and size of segments: rows flushed to several segments, and those merged to one.
 *
 *   node scripts/bench/compaction.ts [--dataset NAME] [--segments 4] [--runs 3] [--json]
 *
 * Only building is measured, objects stay in memory: no log is read and nothing is stored. Each
 * figure is the least of the runs, so that the noise of a shared machine is left out. With --json:
 *   {"bench":"compaction","engine":"shoal","step":"flush"|"merge","rows":…,"dims":…,"cpu_ms":…,
 *    "bytes":…,"bytes_per_row":…}
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Schema } from "../../src/document/schema.ts";
import {
  type BuildPorts,
  type BuiltSegment,
  buildFromRows,
  mergeSegments,
} from "../../src/index/builder/build-segment.ts";
import type { MemoryRows } from "../../src/index/builder/memory-source.ts";
import { rotationSeed, type SegmentSpec } from "../../src/index/builder/segment-spec.ts";
import { openSegment } from "../../src/index/segment/segment.ts";
import { createWasmKernels } from "../../src/kernels/wasm.ts";
import { openDataset } from "../datasets.ts";
import { round } from "../quantiles.ts";

export interface CompactionBench {
  readonly rows: number;
  readonly dims: number;
  /** Rows [from, to), one after the other. */
  readonly vectors: (from: number, to: number) => Float32Array;
  readonly segments: number;
  readonly runs: number;
}

export interface CompactionFigure {
  readonly bench: "compaction";
  readonly engine: "shoal";
  readonly step: "flush" | "merge";
  readonly rows: number;
  readonly dims: number;
  readonly cpu_ms: number;
  readonly bytes: number;
  readonly bytes_per_row: number;
}

const home = { tenant: "default", generation: "0".repeat(32) };

export async function benchCompaction(
  bench: CompactionBench,
): Promise<readonly CompactionFigure[]> {
  const least = { flush: Number.POSITIVE_INFINITY, merge: Number.POSITIVE_INFINITY };
  const bytes = { flush: 0, merge: 0 };
  for (let run = 0; run < bench.runs; run++) {
    const objects = new Map<string, Uint8Array>();
    const flushed = await measure(() => flushAll(bench, objects));
    const merged = await measure(() => mergeAll(bench, flushed.result, objects));
    least.flush = Math.min(least.flush, flushed.cpuMs);
    least.merge = Math.min(least.merge, merged.cpuMs);
    bytes.flush = flushed.result.reduce((sum, { info }) => sum + info.bytes, 0);
    bytes.merge = merged.result.info.bytes;
  }
  const { rows, dims } = bench;
  return (["flush", "merge"] as const).map((step) => ({
    bench: "compaction",
    engine: "shoal",
    step,
    rows,
    dims,
    cpu_ms: Math.round(least[step]),
    bytes: bytes[step],
    bytes_per_row: round(bytes[step] / rows, 2),
  }));
}

async function measure<T>(work: () => Promise<T>): Promise<{ result: T; cpuMs: number }> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { result, cpuMs: (user + system) / 1_000 };
}

async function flushAll(
  { rows, dims, vectors, segments }: CompactionBench,
  objects: Map<string, Uint8Array>,
): Promise<readonly BuiltSegment[]> {
  const built: BuiltSegment[] = [];
  const each = Math.ceil(rows / segments);
  for (let from = 0; from < rows; from += each) {
    const ids = Array.from({ length: Math.min(each, rows - from) }, (_, i) => from + i);
    const input: MemoryRows = {
      ids,
      vectors: vectors(from, from + ids.length),
      attributes: [
        { name: "label", values: ids.map((id) => id % 10) },
        { name: "title", values: ids.map((id) => `row ${id}`) },
      ],
    };
    const spec = specOf(`flush-${from}`, dims, 0);
    built.push(present(await buildFromRows(input, spec, buildPorts, sinkOf(objects))));
  }
  return built;
}

async function mergeAll(
  { dims }: CompactionBench,
  built: readonly BuiltSegment[],
  objects: Map<string, Uint8Array>,
): Promise<BuiltSegment> {
  const inputs = built.map(({ info, root }) => ({
    segment: openSegment(home.tenant, info, root),
    dead: undefined,
  }));
  const read = async (key: string, offset: number, length: number): Promise<Uint8Array> =>
    present(objects.get(key)).slice(offset, offset + length);
  const spec = specOf("merge", dims, 1);
  return present(await mergeSegments(inputs, read, spec, buildPorts, sinkOf(objects)));
}

const buildPorts: BuildPorts = {
  kernels: createWasmKernels(
    new WebAssembly.Module(
      readFileSync(new URL("../../src/kernels/kernels.wasm", import.meta.url)),
    ),
  ),
  digest: async (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()),
};

function sinkOf(objects: Map<string, Uint8Array>) {
  return {
    write: async (key: string, bytes: Uint8Array): Promise<void> => {
      objects.set(key, bytes.slice());
    },
  };
}

function specOf(id: string, dims: number, level: number): SegmentSpec {
  const schema: Schema = {
    version: 1,
    idKind: "uint",
    metric: "euclidean_squared",
    attributes: new Map([
      ["vector", { type: `[${dims}]f32`, filterable: false, ann: true }],
      ["label", { type: "uint", filterable: true }],
      ["title", { type: "string", filterable: false }],
    ]),
  };
  const rotation = rotationSeed(home.generation);
  return { home, id, schema, rotation, level, createdMs: 0 };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("nothing was built");
  return value;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      dataset: { type: "string", default: "fashion-mnist-784" },
      segments: { type: "string", default: "4" },
      runs: { type: "string", default: "3" },
      json: { type: "boolean", default: false },
    },
  });
  const { base } = openDataset(values.dataset);
  const figures = await benchCompaction({
    rows: base.rows,
    dims: base.dimensions,
    vectors: (from, to) => base.slice(from, to),
    segments: Number(values.segments),
    runs: Number(values.runs),
  });
  for (const figure of figures) {
    const { step, rows, cpu_ms, bytes_per_row } = figure;
    console.log(
      values.json
        ? JSON.stringify(figure)
        : `${step}: ${rows} rows, ${cpu_ms} ms of CPU, ${bytes_per_row} bytes a row`,
    );
  }
}
