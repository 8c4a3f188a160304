/**
 * Recall and cost of vector queries over a data set, through HTTP, on the bundled Worker.
 *
 * 1. A server with empty state; rows loaded and indexed. Each phase then has a new server process
 *    on that state, whose bucket waits if so asked.
 * 2. cold, then warm, as http-queries.ts measures them; recall as questions.ts counts it.
 */
import type { Dataset } from "../datasets.ts";
import { encodeFloats } from "../import/json-wire.ts";
import { round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import {
  loadAndIndex,
  measureCold,
  measureWarm,
  onServer,
  type Phase,
  type QueryCosts,
  summarizeCosts,
  summarizeRuns,
} from "./http-queries.ts";
import { type LoadCpu, measureCpu, ownCpu } from "./load-cpu.ts";
import { checkAnswers, prepareQuestions, recallOf, topK } from "./questions.ts";

export interface RecallBench {
  readonly dataset: Dataset;
  /** The first rows of the data set. */
  readonly rows: number;
  readonly queries: number;
  readonly phases: readonly Phase[];
  /** Orders the queries. */
  readonly seed: number;
  /** Queries of a measured run at least; fewer make CPU times coarse. */
  readonly runQueriesMin?: number;
  /** Waiting added to requests to the bucket, as src/store/latency-store.ts reads it. */
  readonly latency?: string;
  readonly say: (line: string) => void;
}

/**
 * One line of output. The keys up to `bytes_per_query` are for comparisons over time: none changes.
 */
export interface RecallLine extends QueryCosts, LoadCpu {
  readonly bench: "recall";
  readonly engine: "shoal";
  readonly dataset: string;
  readonly phase: Phase;
  readonly rows: number;
  readonly recall_at_10: number;
  readonly queries: number;
  readonly store_requests_max: number;
  readonly rounds_max: number;
  /** Rows scored by their 1-bit codes, as a share of all rows. */
  readonly scored_share: number;
  readonly segments: number;
  readonly seconds_load: number;
  readonly seconds_indexed: number;
  readonly latency: string;
  readonly rows_per_cpu_second: number;
}

const runQueriesMinDefault = 1_000;

export function benchRecall(bench: RecallBench): Promise<readonly RecallLine[]> {
  const { dataset, rows, say, runQueriesMin = runQueriesMinDefault } = bench;
  return withTemporaryFolder("bench", async (stateDir) => {
    const { loaded, cpuSeconds } = await onServer({ stateDir }, (client, pid) =>
      measureCpu(pid, () => loadAndIndex(client, dataset, rows, say)),
    );
    const { status, secondsLoad, secondsIndexed } = loaded;
    const cpu = await ownCpu(cpuSeconds, stateDir);
    say(`${cpu.cpu_seconds_load} s of CPU, ${cpu.cpu_seconds_puts} of them the bucket's for puts`);
    const questions = await prepareQuestions(bench);
    const bodies = questions.map(({ vector }) => ({
      rank_by: ["vector", "ANN", encodeFloats(vector)],
      top_k: topK,
    }));
    const lines: RecallLine[] = [];
    for (const phase of bench.phases) {
      const options = { stateDir, ...(bench.latency && { latency: bench.latency }) };
      const { answers, runs } = await onServer(options, (client, pid) => {
        say(`${phase}: ${questions.length} queries`);
        return phase === "cold"
          ? measureCold(client, pid, bodies)
          : measureWarm(client, pid, bodies, runQueriesMin);
      });
      const ids = answers.map((answer) => answer.rows.map(({ id }) => id));
      checkAnswers(ids, rows);
      lines.push({
        bench: "recall",
        engine: "shoal",
        dataset: dataset.name,
        phase,
        rows,
        recall_at_10: round(recallOf(questions, ids, rows), 4),
        ...summarizeRuns(runs),
        ...summarizeCosts(answers),
        segments: status.segments.length,
        seconds_load: secondsLoad,
        seconds_indexed: secondsIndexed,
        latency: bench.latency ?? "",
        ...cpu,
        rows_per_cpu_second: Math.round(rows / cpu.cpu_seconds_own),
      });
    }
    return lines;
  });
}
