/**
 * Measures queries of a running Worker over HTTP, one at a time, so that a latency is that of a
 * query alone.
 *
 *   cold   before each query the isolate forgets what it knows, and the query neither looks into
 *          the edge cache nor fills it. Each query is sent once.
 *   warm   every query is sent twice, then measured in three runs of at least `runQueriesMin`,
 *          unless a run takes longer than `runSecondsMax`.
 *
 * CPU time is user and system time of the runtime over a whole run, less that of as many requests
 * for /health (and, cold, of as many requests to forget). Simulators of the platform run inside the
 * runtime: what they use for the bucket is counted as ours.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../../src/limits.ts";
import { ApiClient, namespacePath } from "../api-client.ts";
import type { Dataset } from "../datasets.ts";
import { openDatasetRows } from "../import/dataset-source.ts";
import { importRows } from "../import/import-rows.ts";
import { type IndexStatus, indexStatus, waitUntilIndexed } from "../index-status.ts";
import { type ShoalOptions, spawnShoal } from "../miniflare.ts";
import { cpuMs, descendants } from "../process-cpu.ts";
import { mean, median, quantile, round } from "../quantiles.ts";

export type Phase = "cold" | "warm";
export type QueryBody = Readonly<Record<string, unknown>>;

export interface QueryAnswer {
  readonly rows: readonly { readonly id: number }[];
  readonly performance: {
    readonly rounds: number;
    readonly round_bytes: readonly number[];
    readonly store_requests: number;
    readonly bytes: number;
    readonly candidates: number;
    readonly rows_total: number;
  };
}

export interface Run {
  readonly latenciesMs: readonly number[];
  readonly cpuMsPerRequest: number;
}

export interface Measured {
  readonly answers: readonly QueryAnswer[];
  readonly runs: readonly Run[];
}

export const namespace = "bench";
const path = `${namespacePath(namespace)}/query`;
const measuredRuns = 3;
/** An answer that comes late because it was asked for twice is none. */
const once = { patienceMs: 0 };

export async function onServer<T>(
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

export interface Loaded {
  readonly status: IndexStatus;
  readonly secondsLoad: number;
  readonly secondsIndexed: number;
}

export async function loadAndIndex(
  client: ApiClient,
  dataset: Dataset,
  rows: number,
  say: (line: string) => void,
  onProgress?: (rowsDone: number) => void,
): Promise<Loaded> {
  const { seconds } = await importRows({
    client,
    source: openDatasetRows(dataset),
    namespace,
    limit: rows,
    batchRows: 500,
    concurrency: 4,
    ...(onProgress && { onProgress }),
  });
  say(`loaded ${rows} rows in ${seconds.toFixed(1)} s`);
  const { status, seconds: indexedSeconds } = await waitUntilSettled(client);
  say(`indexed ${indexedSeconds.toFixed(1)} s later, ${status.segments.length} segments`);
  return {
    status,
    secondsLoad: round(seconds, 2),
    secondsIndexed: round(indexedSeconds, 2),
  };
}

/** Between two jobs a namespace may look indexed for a moment. */
const settleMs = 1_500;

/** Until then a merge that waits for rest has begun, or none does: alarms may be late. */
const restMs = limits.restMs + 2 * limits.alarmMs;

/**
 * Resolves when nothing has changed for a while, and what waits for rest is done; `seconds` leaves
 * out these waits, and with them most of what is merged at rest.
 */
export async function waitUntilSettled(
  client: ApiClient,
): Promise<{ readonly status: IndexStatus; readonly seconds: number }> {
  const startedMs = performance.now();
  let waitMs = 0;
  for (;;) {
    const status = await waitUntilIndexed(client, namespace);
    const seconds = (performance.now() - startedMs - waitMs) / 1000;
    const waitsMs = status.segments.length > limits.segmentsAtRest ? restMs : settleMs;
    await sleep(waitsMs);
    waitMs += waitsMs;
    const later = await indexStatus(client, namespace);
    const still = later.indexed && later.manifest_version === status.manifest_version;
    if (still) return { status, seconds };
  }
}

export async function measureWarm(
  client: ApiClient,
  pid: number,
  bodies: readonly QueryBody[],
  runQueriesMin: number,
  runSecondsMax = Number.POSITIVE_INFINITY,
): Promise<Measured> {
  for (let pass = 0; pass < 2; pass++) {
    const send = (i: number) => client.post(path, bodies[i], once);
    await timeRequests(pid, bodies.length, send, runSecondsMax);
  }
  const count = Math.max(runQueriesMin, bodies.length);
  const idle = await idleCpu(client, pid, count, "/health");
  const answers: QueryAnswer[] = [];
  const runs: Run[] = [];
  for (let run = 0; run < measuredRuns; run++) {
    const send = async (i: number): Promise<void> => {
      const body = bodies[i % bodies.length] as QueryBody;
      const answer = await client.post<QueryAnswer>(path, body, once);
      if (run === 0 && i < bodies.length) answers.push(answer);
    };
    const measured = await timeRequests(pid, count, send, runSecondsMax);
    runs.push({ ...measured, cpuMsPerRequest: measured.cpuMsPerRequest - idle });
  }
  return { answers, runs };
}

export async function measureCold(
  client: ApiClient,
  pid: number,
  bodies: readonly QueryBody[],
): Promise<Measured> {
  const [measured] = await measureColdInTurn(client, pid, [bodies]);
  return measured as Measured;
}

/** So many queries of one side, then as many of the next: what else the machine does is shared. */
const turnQueries = 5;

/** Sides of equally many queries, measured side by side so that they can be compared. */
export async function measureColdInTurn(
  client: ApiClient,
  pid: number,
  sides: readonly (readonly QueryBody[])[],
): Promise<readonly Measured[]> {
  const purgePath = `${namespacePath(namespace, "v1")}/_debug/purge_cache`;
  const measured = sides.map(() => ({
    answers: [] as QueryAnswer[],
    latenciesMs: [] as number[],
    cpu: 0,
  }));
  const count = sides[0]?.length ?? 0;
  for (let from = 0; from < count; from += turnQueries) {
    for (const [at, side] of measured.entries()) {
      const bodies = sides[at]?.slice(from, from + turnQueries) ?? [];
      const { cpuMsPerRequest } = await timeRequests(pid, bodies.length, async (i) => {
        await client.get(purgePath, once);
        const startedMs = performance.now();
        const body = { ...bodies[i], disable_cache: true };
        side.answers.push(await client.post<QueryAnswer>(path, body, once));
        side.latenciesMs.push(performance.now() - startedMs);
      });
      side.cpu += cpuMsPerRequest * bodies.length;
    }
  }
  const overhead =
    (await idleCpu(client, pid, count, "/health")) + (await idleCpu(client, pid, count, purgePath));
  return measured.map(({ answers, latenciesMs, cpu }) => ({
    answers,
    runs: [{ latenciesMs, cpuMsPerRequest: cpu / count - overhead }],
  }));
}

/** A few, each asked once when `first` has been; their CPU time is coarse. */
export async function measureFew(
  client: ApiClient,
  pid: number,
  first: QueryBody,
  bodies: readonly QueryBody[],
): Promise<Measured> {
  await client.post(path, first, once);
  const answers: QueryAnswer[] = [];
  const run = await timeRequests(pid, bodies.length, async (i) => {
    answers.push(await client.post<QueryAnswer>(path, bodies[i], once));
  });
  const idle = await idleCpu(client, pid, bodies.length, "/health");
  return { answers, runs: [{ ...run, cpuMsPerRequest: run.cpuMsPerRequest - idle }] };
}

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
  secondsMax = Number.POSITIVE_INFINITY,
): Promise<Run> {
  const runtime = descendants(pid);
  const before = cpuMs(runtime);
  const endMs = performance.now() + secondsMax * 1_000;
  const latenciesMs: number[] = [];
  for (let i = 0; i < count && performance.now() < endMs; i++) {
    const startedMs = performance.now();
    await send(i);
    latenciesMs.push(performance.now() - startedMs);
  }
  return { latenciesMs, cpuMsPerRequest: (cpuMs(runtime) - before) / latenciesMs.length };
}

/** Of the queries that a line is about: medians of runs, and means of what answers say. */
export interface QueryCosts {
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly cpu_ms_per_query: number;
  readonly store_requests_per_query: number;
  readonly rounds_per_query: number;
  readonly bytes_per_query: number;
}

/** Times of the runs: medians of what each run shows. */
export function summarizeRuns(runs: readonly Run[]) {
  const middle = (digits: number, pick: (run: Run) => number): number =>
    round(median(runs.map(pick)), digits);
  return {
    p50_ms: middle(2, ({ latenciesMs }) => quantile(latenciesMs, 0.5)),
    p99_ms: middle(2, ({ latenciesMs }) => quantile(latenciesMs, 0.99)),
    cpu_ms_per_query: middle(3, ({ cpuMsPerRequest }) => cpuMsPerRequest),
  };
}

/** What the answers say of themselves: means, and the most. */
export function summarizeCosts(answers: readonly QueryAnswer[]) {
  const costs = answers.map(({ performance }) => performance);
  return {
    store_requests_per_query: round(mean(costs.map((cost) => cost.store_requests)), 2),
    rounds_per_query: round(mean(costs.map(({ rounds }) => rounds)), 2),
    bytes_per_query: Math.round(mean(costs.map(({ bytes }) => bytes))),
    queries: answers.length,
    store_requests_max: Math.max(...costs.map((cost) => cost.store_requests)),
    rounds_max: Math.max(...costs.map(({ rounds }) => rounds)),
    /** Rows scored by their 1-bit codes, as a share of all rows. */
    scored_share: round(mean(costs.map((cost) => cost.candidates / cost.rows_total)), 4),
  };
}

/** Of one run: the queries that scored no 1-bit codes, for they read int8 codes at once. */
export interface SinglePlane {
  readonly queries: number;
  /** Null if there are none. */
  readonly p50_ms: number | null;
  readonly store_requests_max: number;
  readonly rounds_max: number;
}

export function summarizeSinglePlane({ answers, runs }: Measured): SinglePlane {
  const latenciesMs = runs[0]?.latenciesMs ?? [];
  const single = answers
    .map(({ performance }, i) => ({ performance, latencyMs: latenciesMs[i] as number }))
    .filter(({ performance }) => performance.candidates === 0);
  const most = (pick: (of: QueryAnswer["performance"]) => number): number =>
    Math.max(0, ...single.map(({ performance }) => pick(performance)));
  const times = single.map(({ latencyMs }) => latencyMs);
  return {
    queries: single.length,
    p50_ms: single.length === 0 ? null : round(quantile(times, 0.5), 2),
    store_requests_max: most(({ store_requests }) => store_requests),
    rounds_max: most(({ rounds }) => rounds),
  };
}
