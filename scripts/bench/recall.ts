/**
 * Recall and cost of vector queries over a data set, through HTTP, on the bundled Worker.
 *
 * 1. A server with empty state; rows loaded and indexed. Each phase then has a new server process
 *    on that state, whose bucket waits if so asked.
 * 2. cold: before each query the isolate forgets what it knows, and the query neither looks into
 *    the edge cache nor fills it. Each query is sent once.
 * 3. warm: every query is sent twice, then measured in three runs; medians of the runs.
 *
 * Queries go one at a time, so a latency is that of a query alone. CPU time is user and system time
 * of the runtime over a whole run, less that of as many requests for /health (and, cold, of as many
 * requests to forget). A run repeats the queries until it has at least 1,000 of them.
 *
 * Recall counts an answered row as found if it is among the true neighbours, or exactly as far from
 * the query as the last of them.
 */
import { createPrng } from "../../src/index/vector/prng.ts";
import { ApiClient, namespacePath } from "../api-client.ts";
import type { Dataset } from "../datasets.ts";
import { waitUntilIndexed } from "../index-status.ts";
import { encodeVector, loadRows } from "../loader.ts";
import { type ShoalOptions, spawnShoal } from "../miniflare.ts";
import { distance, nearest } from "../nearest.ts";
import { cpuMs, descendants } from "../process-cpu.ts";
import { mean, median, quantile, round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";

export type Phase = "cold" | "warm";

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
export interface RecallLine {
  readonly bench: "recall";
  readonly engine: "shoal";
  readonly dataset: string;
  readonly phase: Phase;
  readonly rows: number;
  readonly recall_at_10: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly cpu_ms_per_query: number;
  readonly store_requests_per_query: number;
  readonly rounds_per_query: number;
  readonly bytes_per_query: number;
  readonly queries: number;
  readonly store_requests_max: number;
  readonly rounds_max: number;
  /** Rows scored by their 1-bit codes, as a share of all rows. */
  readonly scored_share: number;
  readonly segments: number;
  readonly seconds_load: number;
  readonly seconds_indexed: number;
  readonly latency: string;
}

interface QueryAnswer {
  readonly rows: readonly { readonly id: number }[];
  readonly performance: {
    readonly rounds: number;
    readonly store_requests: number;
    readonly bytes: number;
    readonly candidates: number;
    readonly rows_total: number;
  };
}

interface Run {
  readonly latenciesMs: readonly number[];
  readonly cpuMsPerRequest: number;
}

const namespace = "recall";
const path = `${namespacePath(namespace)}/query`;
const topK = 10;
const runQueriesMinDefault = 1_000;
const measuredRuns = 3;

export function benchRecall(bench: RecallBench): Promise<readonly RecallLine[]> {
  return withTemporaryFolder("bench", async (stateDir) => {
    const loaded = await onServer({ stateDir }, (client) => load(bench, client));
    const questions = prepareQuestions(bench);
    const lines: RecallLine[] = [];
    for (const phase of bench.phases) {
      const options = { stateDir, ...(bench.latency && { latency: bench.latency }) };
      const measured = await onServer(options, (client, pid) => {
        bench.say(`${phase}: ${questions.length} queries`);
        return phase === "cold"
          ? measureCold(client, pid, questions)
          : measureWarm(client, pid, questions, bench);
      });
      lines.push({ ...describeRun(bench, phase, questions, measured), ...loaded });
    }
    return lines;
  });
}

async function onServer<T>(
  options: ShoalOptions,
  use: (client: ApiClient, pid: number) => Promise<T>,
): Promise<T> {
  const server = await spawnShoal(options);
  try {
    const { directUrl, apiKey, pid } = server;
    return await use(new ApiClient({ url: directUrl, apiKey }), pid);
  } finally {
    await server.stop();
  }
}

async function load({ dataset, rows, say }: RecallBench, client: ApiClient) {
  const { seconds } = await loadRows({
    client,
    dataset,
    namespace,
    rows,
    batchRows: 500,
    concurrency: 4,
  });
  say(`loaded ${rows} rows in ${seconds.toFixed(1)} s`);
  const startedMs = performance.now();
  const { segments } = await waitUntilIndexed(client, namespace);
  const indexedSeconds = (performance.now() - startedMs) / 1000;
  say(`indexed ${indexedSeconds.toFixed(1)} s later, ${segments.length} segments`);
  return {
    segments: segments.length,
    seconds_load: round(seconds, 2),
    seconds_indexed: round(indexedSeconds, 2),
  };
}

// ---- Questions and their truth ------------------------------------------------------------------

interface Question {
  readonly body: Readonly<Record<string, unknown>>;
  /** True if the row belongs in the answer. */
  readonly isNeighbour: (row: number) => boolean;
}

function prepareQuestions(bench: RecallBench): readonly Question[] {
  const { dataset, rows, queries } = bench;
  const { metric, base } = dataset;
  return shuffle(
    Array.from({ length: queries }, (_, i) => i),
    bench.seed,
  ).map((query) => {
    const vector = dataset.queries.slice(query, query + 1);
    const truth =
      rows === base.rows
        ? dataset.truth(query).subarray(0, topK)
        : nearest(metric, base, rows, vector, topK);
    const known = new Set(truth);
    const distanceTo = (row: number): number => distance(metric, vector, base.slice(row, row + 1));
    const last = truth.at(-1);
    const bound = last === undefined ? 0 : distanceTo(last);
    return {
      body: { rank_by: ["vector", "ANN", encodeVector(vector)], top_k: topK },
      isNeighbour: (row) => known.has(row) || distanceTo(row) <= bound,
    };
  });
}

function shuffle(values: number[], seed: number): readonly number[] {
  const prng = createPrng({ low: seed >>> 0, high: 0 });
  for (let last = values.length - 1; last > 0; last--) {
    const other = prng.below(last + 1);
    [values[last], values[other]] = [values[other] as number, values[last] as number];
  }
  return values;
}

// ---- Measuring ----------------------------------------------------------------------------------

interface Measured {
  readonly answers: readonly QueryAnswer[];
  readonly runs: readonly Run[];
}

async function measureWarm(
  client: ApiClient,
  pid: number,
  questions: readonly Question[],
  { runQueriesMin = runQueriesMinDefault }: RecallBench,
): Promise<Measured> {
  for (const { body } of [...questions, ...questions]) await client.post(path, body, once);
  const count = Math.max(runQueriesMin, questions.length);
  const idle = await idleCpu(client, pid, count, "/health");
  const answers: QueryAnswer[] = [];
  const runs: Run[] = [];
  for (let run = 0; run < measuredRuns; run++) {
    const measured = await timeRequests(pid, count, async (i) => {
      const question = questions[i % questions.length] as Question;
      const answer = await client.post<QueryAnswer>(path, question.body, once);
      if (run === 0 && i < questions.length) answers.push(answer);
    });
    runs.push({ ...measured, cpuMsPerRequest: measured.cpuMsPerRequest - idle });
  }
  return { answers, runs };
}

async function measureCold(
  client: ApiClient,
  pid: number,
  questions: readonly Question[],
): Promise<Measured> {
  const purgePath = `${namespacePath(namespace, "v1")}/_debug/purge_cache`;
  const answers: QueryAnswer[] = [];
  const latenciesMs: number[] = [];
  const { cpuMsPerRequest } = await timeRequests(pid, questions.length, async (i) => {
    const body = { ...(questions[i] as Question).body, disable_cache: true };
    await client.get(purgePath, once);
    const startedMs = performance.now();
    answers.push(await client.post<QueryAnswer>(path, body, once));
    latenciesMs.push(performance.now() - startedMs);
  });
  const overhead =
    (await idleCpu(client, pid, questions.length, "/health")) +
    (await idleCpu(client, pid, questions.length, purgePath));
  return { answers, runs: [{ latenciesMs, cpuMsPerRequest: cpuMsPerRequest - overhead }] };
}

/** An answer that comes late because it was asked for twice is none. */
const once = { patienceMs: 0 };

async function idleCpu(
  client: ApiClient,
  pid: number,
  count: number,
  route: string,
): Promise<number> {
  const { cpuMsPerRequest } = await timeRequests(pid, count, () => client.get(route, once));
  return cpuMsPerRequest;
}

async function timeRequests(
  pid: number,
  count: number,
  send: (i: number) => Promise<unknown>,
): Promise<Run> {
  const runtime = descendants(pid);
  const before = cpuMs(runtime);
  const latenciesMs: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    await send(i);
    latenciesMs.push(performance.now() - startedMs);
  }
  return { latenciesMs, cpuMsPerRequest: (cpuMs(runtime) - before) / count };
}

// ---- Summary ------------------------------------------------------------------------------------

type Summary = Omit<RecallLine, "segments" | "seconds_load" | "seconds_indexed">;

function describeRun(
  bench: RecallBench,
  phase: Phase,
  questions: readonly Question[],
  { answers, runs }: Measured,
): Summary {
  const costs = answers.map(({ performance }) => performance);
  const total = (pick: (run: Run) => number): number => median(runs.map(pick));
  return {
    bench: "recall",
    engine: "shoal",
    dataset: bench.dataset.name,
    phase,
    rows: bench.rows,
    recall_at_10: round(recallOf(questions, answers, Math.min(topK, bench.rows)), 4),
    p50_ms: round(
      total(({ latenciesMs }) => quantile(latenciesMs, 0.5)),
      2,
    ),
    p99_ms: round(
      total(({ latenciesMs }) => quantile(latenciesMs, 0.99)),
      2,
    ),
    cpu_ms_per_query: round(
      total(({ cpuMsPerRequest }) => cpuMsPerRequest),
      3,
    ),
    store_requests_per_query: round(mean(costs.map((cost) => cost.store_requests)), 2),
    rounds_per_query: round(mean(costs.map(({ rounds }) => rounds)), 2),
    bytes_per_query: Math.round(mean(costs.map(({ bytes }) => bytes))),
    queries: answers.length,
    store_requests_max: Math.max(...costs.map((cost) => cost.store_requests)),
    rounds_max: Math.max(...costs.map(({ rounds }) => rounds)),
    scored_share: round(mean(costs.map((cost) => cost.candidates / cost.rows_total)), 4),
    latency: bench.latency ?? "",
  };
}

/** Throws if an answer is short of rows: then the query was not answered. */
function recallOf(
  questions: readonly Question[],
  answers: readonly QueryAnswer[],
  expected: number,
): number {
  const found = questions.map(({ isNeighbour }, i) => {
    const ids = [...new Set(answers[i]?.rows.map(({ id }) => id))];
    if (ids.length !== expected) throw new Error(`a query was answered with ${ids.length} rows`);
    return ids.filter(isNeighbour).length / expected;
  });
  return mean(found);
}
