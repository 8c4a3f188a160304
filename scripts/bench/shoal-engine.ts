/**
 * Measures our own engine for the comparison: both layouts of the index, several settings of each,
 * over HTTP on the bundled Worker.
 *
 *   flat        the first rows, as many as segments hold that are scanned whole
 *   clustered   all rows asked for, where that is more
 *
 * Settings are what a client may ask for: to answer with more rows than the ten that count makes a
 * query look further; `kNN` is exact.
 */
import { limits } from "../../src/limits.ts";
import type { ApiClient } from "../api-client.ts";
import type { Dataset } from "../datasets.ts";
import { encodeFloats } from "../import/json-wire.ts";
import { descendants } from "../process-cpu.ts";
import { memoryPeakMb } from "../process-memory.ts";
import { round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import {
  type Loaded,
  loadAndIndex,
  type Measured,
  measureCold,
  measureWarm,
  onServer,
  type Phase,
  type QueryBody,
  summarizeCosts,
  summarizeRuns,
} from "./http-queries.ts";
import type { VectorsLine } from "./lines.ts";
import { measureCpu, ownCpu } from "./load-cpu.ts";
import { costOfMillion } from "./prices.ts";
import { checkAnswers, prepareQuestions, type Question, recallOf, topK } from "./questions.ts";
import { measureSearchCpu, type SearchedQuery } from "./search-cpu.ts";

export interface ShoalBench {
  readonly dataset: Dataset;
  readonly rows: number;
  readonly queries: number;
  readonly coldQueries: number;
  readonly seed: number;
  readonly latency: string;
  /** Waiting added to each call of our object: the distance from a Worker to it. */
  readonly objectLatencyMs: number;
  readonly runQueriesMin: number;
  readonly runSecondsMax: number;
  readonly say: (line: string) => void;
}

interface Setting {
  readonly label: string;
  readonly rank: "ANN" | "kNN";
  readonly topK: number;
}

const settings: readonly Setting[] = [
  { label: "ANN", rank: "ANN", topK },
  { label: "ANN top_k=100", rank: "ANN", topK: 100 },
  { label: "ANN top_k=500", rank: "ANN", topK: 500 },
  { label: "kNN", rank: "kNN", topK },
];

type Add = (line: VectorsLine) => void;

export async function benchShoal(bench: ShoalBench, add: Add): Promise<void> {
  const flatRows = Math.min(bench.rows, limits.clusteredRowsMin - 1);
  const sizes = [...new Set([flatRows, bench.rows])];
  for (const rows of sizes) await benchSize({ ...bench, rows }, add);
}

function benchSize(bench: ShoalBench, add: Add): Promise<void> {
  return withTemporaryFolder("bench", async (stateDir) => {
    const { dataset, rows, latency, objectLatencyMs, say } = bench;
    const built = await onServer({ stateDir }, async (client, pid) => {
      const load = () => loadAndIndex(client, dataset, rows, say);
      const { loaded, cpuSeconds } = await measureCpu(pid, load);
      return { ...loaded, cpuSeconds, memoryMb: memoryPeakMb(descendants(pid)) };
    });
    const { cpu_seconds_own } = await ownCpu(built.cpuSeconds, stateDir);
    const questions = await prepareQuestions(bench);
    say(`shoal, in this process: ${questions.length} queries of ${rows} rows`);
    const sides = settings.map((setting) => searchesOf(questions, setting));
    const { runQueriesMin, runSecondsMax } = bench;
    const searchCpu = await measureSearchCpu(stateDir, sides, runQueriesMin, runSecondsMax);
    for (const phase of ["cold", "warm"] as const) {
      const asked = phase === "cold" ? questions.slice(0, bench.coldQueries) : questions;
      await onServer({ stateDir, latency, objectLatencyMs }, async (client, pid) => {
        for (const [at, setting] of settings.entries()) {
          say(`shoal, ${phase}, ${setting.label}: ${asked.length} queries of ${rows} rows`);
          const measured = await measure(bench, client, pid, phase, bodiesOf(asked, setting));
          const line = describe(bench, built, setting, phase, asked, measured);
          add({
            ...line,
            rows_per_cpu_second: Math.round(rows / cpu_seconds_own),
            search_cpu_ms_per_query: phase === "warm" ? round(searchCpu[at] ?? 0, 3) : null,
          });
        }
      });
    }
  });
}

function bodiesOf(questions: readonly Question[], setting: Setting): readonly QueryBody[] {
  return questions.map(({ vector }) => ({
    rank_by: ["vector", setting.rank, encodeFloats(vector)],
    top_k: setting.topK,
    // kNN wants a filter: this one leaves every row.
    ...(setting.rank === "kNN" && { filters: ["id", "Gte", 0] }),
  }));
}

function searchesOf(
  questions: readonly Question[],
  { rank, topK: limit }: Setting,
): readonly SearchedQuery[] {
  return questions.map(({ vector }) => ({
    rank: { kind: "vector", exhaustive: rank === "kNN", column: "vector", vector },
    limit,
    filters: undefined,
  }));
}

function measure(
  { runQueriesMin, runSecondsMax }: ShoalBench,
  client: ApiClient,
  pid: number,
  phase: Phase,
  bodies: readonly QueryBody[],
): Promise<Measured> {
  return phase === "cold"
    ? measureCold(client, pid, bodies)
    : measureWarm(client, pid, bodies, runQueriesMin, runSecondsMax);
}

interface Built extends Loaded {
  readonly cpuSeconds: number;
  readonly memoryMb: number | undefined;
}

function describe(
  { dataset, rows, latency, objectLatencyMs }: ShoalBench,
  { status, secondsLoad, secondsIndexed, cpuSeconds, memoryMb }: Built,
  setting: Setting,
  phase: Phase,
  questions: readonly Question[],
  { answers, runs }: Measured,
): Omit<VectorsLine, "rows_per_cpu_second" | "search_cpu_ms_per_query"> {
  const times = summarizeRuns(runs);
  const costs = summarizeCosts(answers);
  const ids = answers.map((answer) => answer.rows.map(({ id }) => id));
  checkAnswers(ids, rows);
  const cost = costOfMillion({
    storeReads: costs.store_requests_per_query,
    storeLists: 0,
    cpuMs: times.cpu_ms_per_query,
    workerRequests: 1,
    objectCalls: 1,
  });
  return {
    bench: "vectors",
    engine: "shoal",
    dataset: dataset.name,
    phase,
    rows,
    recall_at_10: round(recallOf(questions, ids, rows), 4),
    ...times,
    ...costs,
    segments: status.segments.length,
    seconds_load: secondsLoad,
    seconds_indexed: secondsIndexed,
    latency,
    object_latency_ms: objectLatencyMs,
    setting: setting.label,
    plan: status.segments.some(({ clusters }) => clusters > 0) ? "clustered" : "flat",
    version: "this tree",
    place: "object storage",
    store_lists_per_query: 0,
    cpu_seconds_build: round(cpuSeconds, 2),
    memory_peak_mb: memoryMb === undefined ? null : Math.round(memoryMb),
    usd_per_million_queries: round(cost, 2),
  };
}
