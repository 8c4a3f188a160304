/**
 * `shoal import SOURCE`: rows of a file, of standard input or of a data set into a namespace, until
 * they are indexed. Interrupted, or killed, the same command goes on where it stopped.
 */
import { basename } from "node:path";
import { Command, Option } from "commander";
import type { Mapping } from "../../workers/rows/row-mapping.ts";
import { type ApiClient, ApiError, namespacePath } from "../api-client.ts";
import { DatasetError } from "../datasets.ts";
import { plainName } from "../import/byte-source.ts";
import type { ImportOutcome } from "../import/import-rows.ts";
import { joinSources } from "../import/joined-source.ts";
import { type Format, formats, openSource } from "../import/open-source.ts";
import { type RowSource, SourceError } from "../import/row-source.ts";
import { type IndexStatus, waitUntilIndexed } from "../index-status.ts";
import { names, pairs, positiveInteger } from "../options.ts";
import { cannotRun, failed } from "../outcome.ts";
import { round } from "../quantiles.ts";
import { onServer, ping, type ServerOptions, withServer } from "./connection.ts";
import { printJson, startBar } from "./output.ts";
import { importOnServer } from "./server-import.ts";
import { importWatched } from "./watched-import.ts";

interface Options extends ServerOptions {
  readonly namespace?: string;
  readonly format?: Format;
  readonly delimiter?: string;
  readonly attributes?: string;
  readonly id?: string;
  readonly rowIds: boolean;
  readonly vector: string;
  readonly columns?: readonly string[];
  readonly rename?: ReadonlyMap<string, string>;
  readonly type?: ReadonlyMap<string, string>;
  readonly showOnly?: readonly string[];
  readonly metric?: string;
  readonly rejected?: string;
  readonly batch: number;
  readonly concurrency: number;
  readonly limit?: number;
  readonly gzip: boolean;
  readonly fresh: boolean;
  readonly wait: boolean;
  readonly json: boolean;
  readonly server: boolean;
}

const help = `
Formats: JSON lines, CSV and TSV, Parquet, Arrow IPC (stream, file, Feather), NumPy .npy, .fvecs and
.bvecs, known by their endings; gzip and zstd are recognised. "-" is standard input.

A row is a document: the column \`id\` (--id) its id, \`vector\` (--vector) its vector, every other
column an attribute. Rows of .npy, .fvecs, .bvecs and of data sets are numbered from 0.

  import films.csv --id show_id                 import rows.parquet --vector embedding
  import films.csv --server                     the object imports/default/films.csv of the bucket
  import words.npy --attributes words.csv       zcat log.gz | shoal import - --format jsonl --namespace log`;

export function importCommand(): Command {
  return withServer(new Command("import").description("write the rows of a file into a namespace"))
    .argument("<source>", "a path, - for standard input, or the name of a data set of $SHOAL_DATA")
    .option("--namespace <name>", "where to (default: the name of the source)")
    .addOption(new Option("--format <format>", "what it is").choices(formats))
    .option("--delimiter <text>", "between the values of a CSV (default: a comma)")
    .option("--attributes <file>", "rows that belong to those of the source, one by one")
    .option("--id <column>", "column of the ids (default: id)")
    .option("--row-ids", "the number of a row is its id", false)
    .option("--vector <column>", "column of the vectors", "vector")
    .option("--columns <names>", "columns to take, apart by commas (default: all)", names)
    .option("--rename <old=new,…>", "what attributes are to be called", pairs)
    .option("--type <column=type,…>", "types, as in a schema: year=int,embedding=[384]f16", pairs)
    .option("--show-only <names>", "columns that no filter will name", names)
    .addOption(
      new Option("--metric <metric>", "of a new namespace (default: cosine_distance)").choices([
        "cosine_distance",
        "euclidean_squared",
      ]),
    )
    .option("--rejected <file>", "go on without rows that are refused, and write them there")
    .option("--batch <rows>", "rows a request", positiveInteger, 500)
    .option("--concurrency <n>", "requests at a time", positiveInteger, 4)
    .option("--limit <rows>", "only the first rows", positiveInteger)
    .option("--gzip", "compress requests", false)
    .option("--fresh", "delete the namespace first", false)
    .option("--no-wait", "do not wait until it is indexed")
    .option("--server", "the source is a key in the server's bucket, below imports/default/", false)
    .option("--json", "print the summary as a line of JSON", false)
    .addHelpText("after", help)
    .action((place: string, options: Options) => {
      return onServer(options, (client) =>
        options.server ? runOnServer(client, place, options) : runImport(client, place, options),
      );
    });
}

async function runImport(client: ApiClient, place: string, options: Options): Promise<void> {
  const source = await openOrExplain(place, options);
  const namespace = options.namespace ?? nameOf(place);
  await ping(client);
  if (options.fresh) await deleteNamespace(client, namespace);
  const startedMs = performance.now();
  const outcome = await send(client, source, namespace, options);
  if (outcome.interrupted) {
    const there = (outcome.rowsSent + outcome.rowsSkipped).toLocaleString("en");
    const hint =
      source.identity === undefined
        ? "The same input, sent again, repeats them without harm."
        : "The same command goes on from there.";
    throw failed(`Interrupted with ${there} rows written. ${hint}`);
  }
  const status = options.wait ? await watchIndexing(client, namespace) : undefined;
  outcome.forget();
  const totalSeconds = (performance.now() - startedMs) / 1000;
  report(options, summarise({ source, namespace, outcome, status, totalSeconds }));
  if (outcome.rowsRejected > 0) {
    throw failed(`${outcome.rowsRejected} rows were rejected; they are in ${options.rejected}.`);
  }
}

async function runOnServer(client: ApiClient, key: string, options: Options): Promise<void> {
  const { format, delimiter, id, vector, columns, rename, type, metric, rejected } = options;
  const types = [...(type ?? [])].map(([column, of]) => [rename?.get(column) ?? column, of]);
  const body = {
    source: key,
    vector,
    error_mode: rejected === undefined ? "abort" : "continue",
    ...(format && { format }),
    ...(delimiter && { delimiter }),
    ...(id && { id }),
    ...(columns && { columns }),
    ...(rename && { rename: Object.fromEntries(rename) }),
    ...(types.length > 0 && { schema: Object.fromEntries(types) }),
    ...(metric && { distance_metric: metric }),
  };
  const namespace = options.namespace ?? nameOf(key);
  if (options.fresh) await deleteNamespace(client, namespace);
  const { wait, json } = options;
  await importOnServer(client, namespace, body, { wait, json, rejected });
}

async function openOrExplain(place: string, options: Options): Promise<RowSource> {
  const { format, delimiter, vector, attributes } = options;
  const how = { vector, ...(format && { format }), ...(delimiter && { delimiter }) };
  try {
    const source = await openSource(place, how);
    return attributes === undefined
      ? source
      : joinSources(source, await openSource(attributes, { vector }));
  } catch (error) {
    if (error instanceof DatasetError || error instanceof SourceError) {
      throw cannotRun(error.message);
    }
    throw error;
  }
}

function nameOf(place: string): string {
  if (place === "-") throw cannotRun("Say --namespace: standard input has no name.");
  const name = plainName(basename(place)).replace(/\.\w+$/, "");
  return name.replaceAll(/[^A-Za-z0-9\-_.]/g, "-").slice(0, 128);
}

async function deleteNamespace(client: ApiClient, namespace: string): Promise<void> {
  try {
    await client.send("DELETE", namespacePath(namespace), undefined);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
}

async function send(
  client: ApiClient,
  source: RowSource,
  namespace: string,
  options: Options,
): Promise<ImportOutcome> {
  const { batch, concurrency, gzip, limit, type, showOnly, metric } = options;
  const total = source.rows === undefined ? limit : Math.min(source.rows, limit ?? source.rows);
  const rows = {
    client,
    source,
    namespace,
    batchRows: batch,
    concurrency,
    gzip,
    mapping: mappingOf(options),
    ...(type && { types: Object.fromEntries(type) }),
    ...(showOnly && { unfilterable: showOnly }),
    ...(metric && { metric }),
    ...(limit !== undefined && { limit }),
  };
  const bar = startBar("importing", total, "rows", source.share);
  try {
    return await importWatched(rows, bar, options.rejected);
  } catch (error) {
    throw error instanceof SourceError ? failed(error.message) : error;
  }
}

function mappingOf({ id, rowIds, vector, columns, rename }: Options): Partial<Mapping> {
  return {
    vector,
    ...(id !== undefined && { id }),
    ...(rowIds && { numbersRows: true }),
    ...(columns && { columns }),
    ...(rename && { renamed: rename }),
  };
}

export async function watchIndexing(client: ApiClient, namespace: string): Promise<IndexStatus> {
  let bar: ReturnType<typeof startBar> | undefined;
  let total = 0;
  const status = await waitUntilIndexed(client, namespace, ({ unindexed_rows, segments }) => {
    const indexed = segments.reduce((sum, segment) => sum + segment.rows, 0);
    total = Math.max(total, indexed + unindexed_rows);
    bar ??= startBar("indexing ", total, "rows");
    bar.update(total - unindexed_rows);
  });
  bar?.stop();
  return status;
}

interface Imported {
  readonly source: Pick<RowSource, "name">;
  readonly namespace: string;
  readonly outcome: ImportOutcome;
  readonly status: IndexStatus | undefined;
  readonly totalSeconds: number;
}

/** `seconds_indexed` counts from the last acknowledgement to the end of indexing. */
export function summarise({ source, namespace, outcome, status, totalSeconds }: Imported) {
  const { rowsSent, rowsSkipped, rowsRejected, bytes, seconds } = outcome;
  return {
    import: "summary",
    source: source.name,
    namespace,
    rows: rowsSent + rowsSkipped,
    rows_sent: rowsSent,
    rows_resumed: rowsSkipped,
    rows_rejected: rowsRejected,
    seconds_import: round(seconds, 2),
    seconds_indexed: status === undefined ? null : round(totalSeconds - seconds, 2),
    rows_per_s: Math.round(rowsSent / seconds),
    bytes,
    segments: status?.segments.length ?? null,
  };
}

export function report(
  { json }: Pick<Options, "json">,
  summary: ReturnType<typeof summarise>,
): void {
  if (json) {
    printJson(summary);
    return;
  }
  const { rows_sent, rows_resumed, seconds_import, rows_per_s, bytes, seconds_indexed } = summary;
  const resumed = rows_resumed > 0 ? ` (${rows_resumed} were there already)` : "";
  const megabytes = (bytes / 1e6).toFixed(1);
  console.log(
    `${summary.source} -> ${summary.namespace}: ${rows_sent} rows${resumed}, ${megabytes} MB, ` +
      `${seconds_import} s, ${rows_per_s} rows/s`,
  );
  if (seconds_indexed !== null) {
    console.log(`indexed ${seconds_indexed} s later, ${summary.segments} segments`);
  }
}
