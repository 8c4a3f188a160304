/**
 * What a query and an indexed row cost as a namespace grows, through HTTP on the bundled Worker.
 *
 * For each size: a server with empty state; the first rows loaded and indexed, with CPU time and
 * the most memory of the runtime; what the bucket then holds; then queries, cold with the waiting
 * asked for, and warm. The rows are those of growth-data.ts, so every size is a sample of the next.
 *
 *   write_amplification   bytes put into the bucket for each byte of the rows (vector and id)
 *     …_flush, …_merge    of these, what flushes and what merges wrote
 *   segment_rewrites      bytes of all segments ever made for each byte of those that are left
 */

import { encodeFloats } from "../import/json-wire.ts";
import { cpuMs, descendants } from "../process-cpu.ts";
import { memoryPeakMb } from "../process-memory.ts";
import { round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import { type GrowthSource, openGrowthData } from "./growth-data.ts";
import {
  loadAndIndex,
  measureCold,
  measureWarm,
  onServer,
  type Phase,
  type QueryCosts,
  type SinglePlane,
  summarizeCosts,
  summarizeRuns,
  summarizeSinglePlane,
} from "./http-queries.ts";
import { checkAnswers, prepareQuestions, recallOf, topK } from "./questions.ts";
import { countStoredBytes, type StoredBytes } from "./stored-bytes.ts";

export interface GrowthBench {
  readonly source: GrowthSource;
  /** Ascending. */
  readonly sizes: readonly number[];
  readonly queries: number;
  readonly coldQueries: number;
  readonly seed: number;
  readonly latency: string;
  /** Waiting added to each call of our object: the distance from a Worker to it. */
  readonly objectLatencyMs: number;
  readonly runQueriesMin: number;
  /** Called for each line once it is known: a long run that is cut off has told what it knew. */
  readonly onLine?: (line: GrowthLine) => void;
  readonly say: (line: string) => void;
}

/** Keys up to `latency` as in `bench -- recall`. */
export interface GrowthLine extends QueryCosts {
  readonly bench: "growth";
  readonly engine: "shoal";
  readonly dataset: string;
  readonly phase: Phase;
  readonly rows: number;
  readonly recall_at_10: number;
  readonly queries: number;
  readonly store_requests_max: number;
  readonly rounds_max: number;
  readonly scored_share: number;
  readonly segments: number;
  readonly seconds_load: number;
  readonly seconds_indexed: number;
  readonly latency: string;
  readonly rows_scanned_per_query: number;
  /** Cold queries of one plane; null of warm ones. */
  readonly single_plane: SinglePlane | null;
  readonly object_latency_ms: number;
  /** From the first write until all rows were in segments, without most of what waits for rest. */
  readonly seconds_build: number;
  /** Of loading and indexing, simulators of the platform included. */
  readonly cpu_ms_per_row: number;
  readonly clusters: number;
  readonly log_bytes_written: number;
  readonly segment_bytes_written: number;
  readonly write_amplification: number;
  readonly write_amplification_flush: number;
  readonly write_amplification_merge: number;
  readonly segment_rewrites: number;
  /** Of the whole runtime, simulators included, while loading; null where it cannot be read. */
  readonly memory_peak_mb: number | null;
}

export async function benchGrowth(bench: GrowthBench): Promise<readonly GrowthLine[]> {
  const lines: GrowthLine[] = [];
  for (const rows of bench.sizes) lines.push(...(await benchSize(bench, rows)));
  return lines;
}

type BuildFigures = Omit<
  GrowthLine,
  keyof QueryFigures | "rows_scanned_per_query" | "single_plane" | "object_latency_ms"
>;
type QueryFigures = Pick<GrowthLine, "phase" | "recall_at_10"> &
  ReturnType<typeof summarizeRuns> &
  ReturnType<typeof summarizeCosts>;

async function benchSize(bench: GrowthBench, rows: number): Promise<readonly GrowthLine[]> {
  const { source, queries, coldQueries, seed, latency, objectLatencyMs, say } = bench;
  const dataset = await openGrowthData(source, rows, queries);
  const questions = await prepareQuestions({ dataset, rows, queries, seed });
  return withTemporaryFolder("bench", async (stateDir) => {
    const build = await buildIndex(bench, dataset, rows, stateDir);
    const lines: GrowthLine[] = [];
    for (const phase of ["cold", "warm"] as const) {
      const asked = phase === "cold" ? questions.slice(0, coldQueries) : questions;
      const bodies = asked.map(({ vector }) => ({
        rank_by: ["vector", "ANN", encodeFloats(vector)],
        top_k: topK,
      }));
      say(`${phase}: ${asked.length} queries of ${rows} rows`);
      const measured = await onServer({ stateDir, latency, objectLatencyMs }, (client, pid) =>
        phase === "cold"
          ? measureCold(client, pid, bodies)
          : measureWarm(client, pid, bodies, bench.runQueriesMin),
      );
      const { answers, runs } = measured;
      const ids = answers.map((answer) => answer.rows.map(({ id }) => id));
      checkAnswers(ids, rows);
      const costs = summarizeCosts(answers);
      const { bench: name, engine, dataset: set, rows: size, ...built } = build;
      const line: GrowthLine = {
        bench: name,
        engine,
        dataset: set,
        phase,
        rows: size,
        recall_at_10: round(recallOf(asked, ids, rows), 4),
        ...summarizeRuns(runs),
        ...costs,
        ...built,
        object_latency_ms: objectLatencyMs,
        rows_scanned_per_query: Math.round(costs.scored_share * rows),
        single_plane: phase === "cold" ? summarizeSinglePlane(measured) : null,
      };
      lines.push(line);
      bench.onLine?.(line);
    }
    return lines;
  });
}

async function buildIndex(
  { latency, say }: GrowthBench,
  dataset: Awaited<ReturnType<typeof openGrowthData>>,
  rows: number,
  stateDir: string,
): Promise<BuildFigures> {
  const { loaded, cpu, memory } = await onServer({ stateDir }, async (client, pid) => {
    const runtime = descendants(pid);
    const before = cpuMs(runtime);
    const loaded = await loadAndIndex(client, dataset, rows, say);
    return {
      loaded,
      cpu: cpuMs(runtime) - before,
      memory: memoryPeakMb(runtime),
    };
  });
  const { segments } = loaded.status;
  const stored: StoredBytes = await countStoredBytes(stateDir);
  const rowBytes = dataset.base.dimensions * 4 + 8;
  const live = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    bench: "growth",
    engine: "shoal",
    dataset: dataset.name,
    rows,
    segments: segments.length,
    seconds_load: loaded.secondsLoad,
    seconds_indexed: loaded.secondsIndexed,
    latency,
    seconds_build: round(loaded.secondsLoad + loaded.secondsIndexed, 2),
    cpu_ms_per_row: round(cpu / rows, 3),
    clusters: segments.reduce((sum, { clusters }) => sum + clusters, 0),
    log_bytes_written: stored.log,
    segment_bytes_written: stored.segments,
    write_amplification: round(
      (stored.log + stored.segments + stored.other) / (rows * rowBytes),
      2,
    ),
    write_amplification_flush: round(loaded.status.written_bytes.flush / (rows * rowBytes), 2),
    write_amplification_merge: round(loaded.status.written_bytes.merge / (rows * rowBytes), 2),
    segment_rewrites: round(stored.segments / live, 2),
    memory_peak_mb: memory === undefined ? null : Math.round(memory),
  };
}
