/** `npm run load -- NAME`: a data set into a namespace of a running server, until it is indexed. */
import { join } from "node:path";
import { Command } from "commander";
import { ApiClient, ApiError, namespacePath } from "../api-client.ts";
import { type Dataset, DatasetError, openDataset } from "../datasets.ts";
import { type IndexStatus, waitUntilIndexed } from "../index-status.ts";
import { type LoadOutcome, loadRows } from "../loader.ts";
import { readLocalKey } from "../local-key.ts";
import { positiveInteger } from "../options.ts";
import { cannotRun } from "../outcome.ts";
import { startProgress } from "../progress.ts";
import { round } from "../quantiles.ts";

interface Options {
  readonly namespace?: string;
  readonly url: string;
  readonly apiKey?: string;
  readonly batch: number;
  readonly concurrency: number;
  readonly limit?: number;
  readonly gzip: boolean;
  readonly fresh: boolean;
  readonly wait: boolean;
  readonly json: boolean;
}

const notes = join(import.meta.dirname, "../..", ".wrangler", "load");

export function loadCommand(): Command {
  return new Command("load")
    .description(
      "load a data set of $SHOAL_DATA into a running server and wait until it is indexed",
    )
    .argument("<name>", "name of the data set, or a path to its folder")
    .option("--namespace <name>", "where to load it (default: the name of the data set)")
    .option("--url <url>", "the server", "http://127.0.0.1:8787")
    .option("--api-key <key>", "its key (default: that of .dev.vars)")
    .option("--batch <rows>", "rows a request", positiveInteger, 500)
    .option("--concurrency <n>", "requests at a time", positiveInteger, 4)
    .option("--limit <rows>", "only the first rows", positiveInteger)
    .option("--gzip", "compress requests", false)
    .option("--fresh", "delete the namespace first", false)
    .option("--no-wait", "do not wait until it is indexed")
    .option("--json", "print the summary as a line of JSON", false)
    .action(load);
}

async function load(name: string, options: Options): Promise<void> {
  const dataset = openOrExplain(name);
  const client = new ApiClient({ url: options.url, apiKey: keyOf(options) });
  const namespace = options.namespace ?? dataset.name;
  await ping(client);
  if (options.fresh) await deleteNamespace(client, namespace);

  const rows = Math.min(options.limit ?? dataset.base.rows, dataset.base.rows);
  const startedMs = performance.now();
  const outcome = await sendRows(client, dataset, namespace, rows, options);
  const status = options.wait ? await watchIndexing(client, namespace) : undefined;
  outcome.forget();
  const totalSeconds = (performance.now() - startedMs) / 1000;
  report(options, summarise({ dataset, namespace, rows, outcome, status, totalSeconds }));
}

function openOrExplain(name: string): Dataset {
  try {
    return openDataset(name);
  } catch (error) {
    if (error instanceof DatasetError) throw cannotRun(error.message);
    throw error;
  }
}

function keyOf({ apiKey }: Options): string {
  const key = apiKey ?? readLocalKey();
  if (key !== undefined) return key;
  throw cannotRun("There is no key in .dev.vars yet: run `npm start` first, or give --api-key.");
}

async function ping(client: ApiClient): Promise<void> {
  try {
    await client.get("/v1/namespaces?page_size=1", { patienceMs: 0 });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { url } = client.connection;
    const hint = error.status === 0 ? " Is `npm start` running?" : "";
    throw cannotRun(`The server at ${url} cannot be used: ${error.message}.${hint}`);
  }
}

async function deleteNamespace(client: ApiClient, namespace: string): Promise<void> {
  try {
    await client.send("DELETE", namespacePath(namespace), undefined);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
}

async function sendRows(
  client: ApiClient,
  dataset: Dataset,
  namespace: string,
  rows: number,
  { batch, concurrency, gzip }: Options,
): Promise<LoadOutcome> {
  let bar: ReturnType<typeof startProgress> | undefined;
  const outcome = await loadRows({
    client,
    dataset,
    namespace,
    rows,
    batchRows: batch,
    concurrency,
    gzip,
    notes,
    onProgress: (done) => {
      bar ??= startProgress("loading ", rows, "rows", done);
      bar.update(done);
    },
    onRetry: (reason, waitMs) => console.error(`\n${reason}; trying again in ${waitMs} ms`),
  });
  bar?.stop();
  return outcome;
}

async function watchIndexing(client: ApiClient, namespace: string): Promise<IndexStatus> {
  let bar: ReturnType<typeof startProgress> | undefined;
  let total = 0;
  const status = await waitUntilIndexed(client, namespace, ({ unindexed_rows, segments }) => {
    const indexed = segments.reduce((sum, segment) => sum + segment.rows, 0);
    total = Math.max(total, indexed + unindexed_rows);
    bar ??= startProgress("indexing", total, "rows", total - unindexed_rows);
    bar.update(total - unindexed_rows);
  });
  bar?.stop();
  return status;
}

interface Loaded {
  readonly dataset: Dataset;
  readonly namespace: string;
  readonly rows: number;
  readonly outcome: LoadOutcome;
  readonly status: IndexStatus | undefined;
  readonly totalSeconds: number;
}

/** `seconds_indexed` counts from the last acknowledgement to the end of indexing. */
function summarise({ dataset, namespace, rows, outcome, status, totalSeconds }: Loaded) {
  const { rowsSent, rowsSkipped, bytes, seconds } = outcome;
  return {
    load: "summary",
    dataset: dataset.name,
    namespace,
    rows,
    rows_sent: rowsSent,
    rows_resumed: rowsSkipped,
    seconds_load: round(seconds, 2),
    seconds_indexed: status === undefined ? null : round(totalSeconds - seconds, 2),
    rows_per_s: Math.round(rowsSent / seconds),
    bytes,
    segments: status?.segments.length ?? null,
  };
}

function report({ json }: Options, summary: ReturnType<typeof summarise>): void {
  if (json) {
    console.log(JSON.stringify(summary));
    return;
  }
  const { rows_sent, rows_resumed, seconds_load, rows_per_s, bytes, seconds_indexed } = summary;
  const resumed = rows_resumed > 0 ? ` (${rows_resumed} were there already)` : "";
  const megabytes = (bytes / 1e6).toFixed(1);
  console.log(
    `${summary.dataset} -> ${summary.namespace}: ${rows_sent} rows${resumed}, ${megabytes} MB, ` +
      `${seconds_load} s, ${rows_per_s} rows/s`,
  );
  if (seconds_indexed !== null) {
    console.log(`indexed ${seconds_indexed} s later, ${summary.segments} segments`);
  }
}
