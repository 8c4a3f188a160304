/**
 * `shoal doctor`: whether a deployment works, by using it. A namespace of its own is written,
 * searched, indexed and deleted, so the bucket, the object, the caches and the queue all take part.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { ApiClient, ApiError, namespacePath } from "../api-client.ts";
import { type IndexStatus, indexStatus } from "../index-status.ts";
import { failed } from "../outcome.ts";
import { median } from "../quantiles.ts";
import { connect, explain, type ServerOptions, withServer } from "./connection.ts";
import { printJson, printTable } from "./output.ts";

interface Options extends ServerOptions {
  readonly json: boolean;
  readonly readOnly: boolean;
}

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}

const rows = 64;
const dimensions = 16;
const repeats = 5;
const indexMsMax = 30_000;

export function doctorCommand(): Command {
  return withServer(new Command("doctor").description("check a deployment by using it"))
    .option("--read-only", "write nothing: only whether it answers, and how fast", false)
    .option("--json", "print lines of JSON", false)
    .action(examine);
}

async function examine(options: Options): Promise<void> {
  const client = connect(options);
  const findings: Finding[] = [];
  const record = (check: string, ok: boolean, detail: string): void => {
    findings.push({ check, ok, detail });
    if (options.json) printJson({ check, ok, detail });
  };
  try {
    await checkReach(client, record);
  } catch (error) {
    throw explain(error, client);
  }
  if (!options.readOnly) await checkStorage(client, record);
  if (!options.json) {
    printTable(
      ["", "check", "finding"],
      findings.map(({ check, ok, detail }) => [ok ? "ok" : "FAIL", check, detail]),
      100,
    );
  }
  const wrong = findings.filter(({ ok }) => !ok).length;
  if (wrong > 0) throw failed(`${wrong} of ${findings.length} checks failed.`);
}

type Recorder = (check: string, ok: boolean, detail: string) => void;

async function checkReach(client: ApiClient, record: Recorder): Promise<void> {
  const { url } = client.connection;
  const health = await timed(() => client.get("/health", { patienceMs: 0 }));
  record("answers", true, `${url}, ${health.ms} ms`);
  const response = await fetch(`${url}/health`).catch(() => undefined);
  const ray = response?.headers.get("cf-ray") ?? "";
  const place = /-([A-Z]{3})$/.exec(ray)?.[1];
  record("region", true, place === undefined ? "no edge in between: a local server" : place);
  const limits = await client.get<Record<string, number>>("/v1/limits", { patienceMs: 0 });
  const bodies = `bodies up to ${limits["write_body_bytes"]} bytes`;
  record("key", true, "accepted");
  record("limits", Number(limits["write_body_bytes"]) > 0, bodies);
  const trips = await repeat(() => client.get("/v1/namespaces?page_size=1", { patienceMs: 0 }));
  record("list", true, `${trips} ms: one request to the bucket and the way there`);
  const anonymous = new ApiClient({ url, apiKey: "none" });
  const refused = await statusOf(() => anonymous.get("/v1/namespaces", { patienceMs: 0 }));
  record("refuses strangers", refused === 401, `a wrong key is answered ${refused}`);
}

async function checkStorage(client: ApiClient, record: Recorder): Promise<void> {
  const name = `shoal-doctor-${randomBytes(6).toString("hex")}`;
  const path = namespacePath(name);
  try {
    const write = await attempt("write", record, () => client.post(path, sampleWrite(), once));
    if (write === undefined) return;
    const fast = await repeat(() => client.post(path, sampleWrite(), once));
    record("write", true, `first ${write} ms, then ${fast} ms: durable in the bucket`);
    const question = { rank_by: ["vector", "ANN", vectorOf(7)], top_k: 3 };
    await checkQuery(client, record, path, question);
    await checkIndexing(client, record, name);
    const cold = await attempt("query, cold", record, () =>
      client.post(`${path}/query`, { ...question, disable_cache: true }, once),
    );
    if (cold !== undefined) record("query, cold", true, `${cold} ms, straight from the bucket`);
  } finally {
    const gone = await statusOf(() => client.send("DELETE", path, undefined));
    record("cleaned up", gone === 200 || gone === 404, `${name} is gone`);
  }
}

async function checkQuery(client: ApiClient, record: Recorder, path: string, question: object) {
  const found = await client
    .post<{ rows: { id: number }[] }>(`${path}/query`, question, once)
    .catch(() => undefined);
  const first = found?.rows[0]?.id;
  const ms = await repeat(() => client.post(`${path}/query`, question, once));
  record(
    "query",
    first === 7,
    `${ms} ms, ${first === 7 ? "sees the write" : "found the wrong row"}`,
  );
}

/** A hint goes through the queue to the consumer, which claims the job and publishes a manifest. */
async function checkIndexing(client: ApiClient, record: Recorder, name: string): Promise<void> {
  const startedMs = performance.now();
  await client.post(`${namespacePath(name, "v1")}/index`, undefined, once).catch(() => undefined);
  let status: IndexStatus | undefined;
  while (performance.now() - startedMs < indexMsMax) {
    status = await indexStatus(client, name).catch(() => undefined);
    if (status?.indexed === true) break;
    await sleep(200);
  }
  const ms = Math.round(performance.now() - startedMs);
  const jobs = status?.jobs.map(({ kind }) => kind).join(", ");
  record(
    "queue and indexing",
    status?.indexed === true,
    status?.indexed === true
      ? `${ms} ms from the request to a segment`
      : `not after ${ms} ms (${jobs ?? "no answer"}): does the queue of wrangler.toml exist?`,
  );
}

const once = { patienceMs: 0 };

function sampleWrite() {
  return {
    distance_metric: "cosine_distance",
    upsert_rows: Array.from({ length: rows }, (_, id) => ({ id, vector: vectorOf(id) })),
  };
}

function vectorOf(seed: number): readonly number[] {
  return Array.from({ length: dimensions }, (_, d) => Math.sin(seed * 1.7 + d * d));
}

async function attempt(check: string, record: Recorder, use: () => Promise<unknown>) {
  try {
    return (await timed(use)).ms;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    record(check, false, error.message);
    return undefined;
  }
}

async function timed(use: () => Promise<unknown>): Promise<{ readonly ms: number }> {
  const startedMs = performance.now();
  await use();
  return { ms: Math.round(performance.now() - startedMs) };
}

/** The median of a few. */
async function repeat(use: () => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < repeats; i++) all.push((await timed(use)).ms);
  return Math.round(median(all));
}

async function statusOf(use: () => Promise<unknown>): Promise<number> {
  try {
    await use();
    return 200;
  } catch (error) {
    if (error instanceof ApiError) return error.status;
    throw error;
  }
}
