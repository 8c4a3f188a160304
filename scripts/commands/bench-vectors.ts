/** `npm run bench -- vectors`: ours and peers on the same rows and queries. */
import { join } from "node:path";
import { Command } from "commander";
import { isMeasured, type SkippedLine, type VectorsLine } from "../bench/lines.ts";
import { plotVectors } from "../bench/plots.ts";
import { benchVectors, type EngineName, engineNames, enginesDefault } from "../bench/vectors.ts";
import { placeOf } from "../datasets.ts";
import { listOf, milliseconds, positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";
import { formatTable } from "../table.ts";
import {
  benchFolder,
  lineWriter,
  openOrExplain,
  printTable,
  readLatency,
  savePlots,
} from "./bench-options.ts";

interface Options {
  readonly data: string;
  readonly engines: readonly EngineName[];
  readonly queries?: number;
  readonly coldQueries: number;
  readonly runQueries: number;
  readonly rows?: number;
  readonly latency: string;
  readonly objectLatency: number;
  readonly seed: number;
  readonly plots: string;
  readonly json: boolean;
}

const runSecondsMax = 20;

export function vectorsCommand(): Command {
  return new Command("vectors")
    .description("recall, latency, CPU time, reads and cost, ours beside other engines")
    .option(
      "--data <folder>",
      "a data set: a path, or a name below $SHOAL_DATA",
      "fashion-mnist-784",
    )
    .option(
      "--engines <names>",
      `which, separated by commas: ${engineNames.join(", ")}`,
      listOf(engineNames),
      enginesDefault,
    )
    .option("--rows <n>", "only its first rows; the truth is then computed", positiveInteger)
    .option("--queries <n>", "how many of its queries (default: all)", positiveInteger)
    .option("--cold-queries <n>", "how many of them with cold caches", positiveInteger, 50)
    .option("--run-queries <n>", "queries of a warm run, at least", positiveInteger, 1_000)
    .option(
      "--latency <setting>",
      "waiting of object storage: median and 99th percentile of reads in ms",
      "60,200 put=100/200 mbps=50",
    )
    .option("--object-latency <ms>", "waiting of a call of our object", milliseconds, 15)
    .option("--seed <n>", "order of the queries", positiveInteger, 1)
    .option("--plots <folder>", "where pictures go", join(benchFolder, "vectors"))
    .option("--json", "print lines of JSON; the table goes to standard error", false)
    .action(measure);
}

async function measure(options: Options): Promise<void> {
  const dataset = openOrExplain(options.data);
  let lines: readonly (VectorsLine | SkippedLine)[];
  try {
    lines = await benchVectors({
      dataset,
      data: placeOf(options.data),
      engines: options.engines,
      rows: Math.min(options.rows ?? dataset.base.rows, dataset.base.rows),
      queries: Math.min(options.queries ?? dataset.queries.rows, dataset.queries.rows),
      coldQueries: options.coldQueries,
      seed: options.seed,
      latency: readLatency(options.latency),
      objectLatencyMs: options.objectLatency,
      runQueriesMin: options.runQueries,
      runSecondsMax,
      onLine: lineWriter(options.json),
      say: (line) => console.error(line),
    });
  } catch (error) {
    throw failed(`Not every query was answered: ${String(error)}`);
  }
  const measured = lines.filter(isMeasured);
  const skipped = lines.filter((line): line is SkippedLine => !isMeasured(line));
  const notes = skipped.map((line) => `${line.engine} is missing: ${line.skipped}`);
  printTable(options.json, [...tabulate(measured), ...notes]);
  if (measured.length > 0) savePlots(options.plots, await plotVectors(measured));
}

function tabulate(lines: readonly VectorsLine[]): readonly string[] {
  const headings = ["engine", "setting", "plan", "rows", "phase", "recall@10", "p50 ms", "p99 ms"];
  return formatTable(
    [
      ...headings,
      "CPU ms",
      "search ms",
      "requests",
      "rounds",
      "KB",
      "$/million",
      "build s",
      "peak MB",
    ],
    lines.map((line) => [
      line.engine,
      line.setting,
      line.plan ?? "",
      line.rows,
      line.phase,
      line.recall_at_10,
      line.p50_ms,
      line.p99_ms,
      line.cpu_ms_per_query,
      line.search_cpu_ms_per_query ?? "",
      line.store_requests_per_query,
      line.rounds_per_query,
      Math.round(line.bytes_per_query / 1000),
      line.usd_per_million_queries,
      Number((line.seconds_load + line.seconds_indexed).toFixed(1)),
      line.memory_peak_mb ?? "",
    ]),
  );
}
