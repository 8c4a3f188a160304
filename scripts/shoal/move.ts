/**
 * `shoal move NAMESPACE --from URL --key KEY`: a namespace of turbopuffer, or of another Shoal,
 * comes over by way of the API that both speak: its schema first, then its documents in the order
 * of their ids. Interrupted, or killed, the same command goes on where it stopped.
 *
 * What is written there meanwhile may be missed: when it is over, both are counted.
 */
import { Command } from "commander";
import { ApiClient, ApiError } from "../api-client.ts";
import type { ImportOutcome } from "../import/import-rows.ts";
import { openWireSource, type WireSource } from "../import/wire-source.ts";
import { positiveInteger } from "../options.ts";
import { cannotRun, failed } from "../outcome.ts";
import { onServer, ping, type ServerOptions, withServer } from "./connection.ts";
import { report, summarise, watchIndexing } from "./import.ts";
import { say, startBar } from "./output.ts";
import { importWatched } from "./watched-import.ts";

interface Options extends ServerOptions {
  readonly from: string;
  readonly key?: string;
  readonly namespace?: string;
  readonly rejected?: string;
  readonly batch: number;
  readonly concurrency: number;
  readonly wait: boolean;
  readonly json: boolean;
}

const keyVariable = "TURBOPUFFER_API_KEY";

export function moveCommand(): Command {
  return withServer(new Command("move").description("bring a namespace over from turbopuffer"))
    .argument("<source>", "its name there")
    .requiredOption("--from <url>", "where: https://<region>.turbopuffer.com, or another Shoal")
    .option("--key <key>", `the key there (default: $${keyVariable})`)
    .option("--namespace <name>", "what it is to be called here (default: the same)")
    .option("--rejected <file>", "go on without documents that are refused, and write them there")
    .option("--batch <rows>", "documents a write", positiveInteger, 500)
    .option("--concurrency <n>", "writes at a time", positiveInteger, 4)
    .option("--no-wait", "do not wait until it is indexed")
    .option("--json", "print the summary as a line of JSON", false)
    .action((name: string, options: Options) =>
      onServer(options, (client) => move(client, name, options)),
    );
}

async function move(client: ApiClient, name: string, options: Options): Promise<void> {
  const namespace = options.namespace ?? name;
  await ping(client);
  const source = await openSource(name, options);
  const startedMs = performance.now();
  const { schema } = source;
  const { batch: batchRows, concurrency, rejected } = options;
  const rows = { client, source, namespace, batchRows, concurrency, schema };
  const bar = startBar("moving", source.rows, "rows");
  const outcome = await importWatched(rows, bar, rejected);
  if (outcome.interrupted) {
    const there = (outcome.rowsSent + outcome.rowsSkipped).toLocaleString("en");
    throw failed(`Interrupted with ${there} rows written. The same command goes on from there.`);
  }
  const status = options.wait ? await watchIndexing(client, namespace) : undefined;
  outcome.forget();
  const totalSeconds = (performance.now() - startedMs) / 1000;
  report(options, summarise({ source, namespace, outcome, status, totalSeconds }));
  await compare(client, source, namespace, outcome);
}

async function openSource(name: string, { from, key }: Options): Promise<WireSource> {
  const apiKey = key ?? process.env[keyVariable];
  if (apiKey === undefined) throw cannotRun(`Say --key, or set ${keyVariable}.`);
  try {
    return await openWireSource(new ApiClient({ url: from, apiKey }), name);
  } catch (error) {
    throw error instanceof ApiError ? cannotRun(`${from}: ${error.message}`) : error;
  }
}

/** Says whether as many are here as there. */
async function compare(
  client: ApiClient,
  source: WireSource,
  namespace: string,
  { rowsRejected }: ImportOutcome,
): Promise<void> {
  const here = await (await openWireSource(client, namespace)).count();
  const there = await source.count();
  say(`${there} documents there, ${here} here`);
  if (rowsRejected > 0) throw failed(`${rowsRejected} documents were rejected.`);
  if (here !== there) {
    throw failed("They are not as many: was something written meanwhile? Move it again.");
  }
}
