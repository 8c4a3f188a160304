/** `npm run bench -- text`: full-text search of ours and of peers on the same documents. */
import { Command } from "commander";
import { benchText, type TextEngineName, textEngineNames } from "../bench/text/bench.ts";
import { type Collection, readCollections } from "../bench/text/corpus.ts";
import { isMeasured, type SkippedLine, type TextLine } from "../bench/text/lines.ts";
import { DatasetError } from "../datasets.ts";
import { listOf, names, positiveInteger } from "../options.ts";
import { cannotRun, failed } from "../outcome.ts";
import { formatTable } from "../table.ts";
import { lineWriter, printTable, readLatency } from "./bench-options.ts";

interface Options {
  readonly data: readonly string[];
  readonly engines: readonly TextEngineName[];
  readonly rows: number;
  readonly queries: number;
  readonly coldQueries: number;
  readonly runQueries: number;
  readonly phrases: readonly string[];
  readonly buildSeconds: number;
  readonly latency: string;
  readonly seed: number;
  readonly json: boolean;
}

const runSecondsMax = 60;

export function textCommand(): Command {
  return new Command("text")
    .description("CPU time, latency, size and speed of indexing, ours beside other engines")
    .requiredOption(
      "--data <folders>",
      "judged English texts to sample from, separated by commas: paths, or names below $SHOAL_DATA",
      names,
    )
    .option(
      "--engines <names>",
      `which, separated by commas: ${textEngineNames.join(", ")}`,
      listOf(textEngineNames),
      [...textEngineNames],
    )
    .option("--rows <n>", "documents", positiveInteger, 100_000)
    .option("--queries <n>", "questions of 1 to 14 words", positiveInteger, 280)
    .option("--cold-queries <n>", "how many of them with cold caches", positiveInteger, 28)
    .option("--run-queries <n>", "queries of a warm run, at least", positiveInteger, 1_000)
    .option("--phrases <phrases>", "asked of ours as filters, separated by commas", names, [
      "of the",
      "in the",
      "flow of the",
      "to be",
      "heat transfer",
      "boundary layer",
    ])
    .option("--build-seconds <n>", "given to a peer for indexing", positiveInteger, 240)
    .option(
      "--latency <setting>",
      "waiting of object storage: median and 99th percentile of reads in ms",
      "60,200 put=100/200 mbps=50",
    )
    .option("--seed <n>", "of the documents and the questions", positiveInteger, 1)
    .option(
      "--json",
      "print lines of JSON, the summary last; the table goes to standard error",
      false,
    )
    .action(measure);
}

async function measure(options: Options): Promise<void> {
  const collections = open(options.data);
  const { engines, rows, queries, coldQueries, seed, buildSeconds, json } = options;
  let lines: readonly (TextLine | SkippedLine)[];
  try {
    lines = await benchText({
      collections,
      engines,
      rows,
      queries,
      coldQueries,
      seed,
      runQueriesMin: options.runQueries,
      runSecondsMax,
      phrases: options.phrases,
      buildSecondsMax: buildSeconds,
      latency: readLatency(options.latency),
      onLine: lineWriter(json),
      say: (line) => console.error(line),
    });
  } catch (error) {
    throw failed(`Not every query was answered: ${String(error)}`);
  }
  const notes = lines.flatMap((line) =>
    isMeasured(line) ? [] : [`${line.engine} is missing: ${line.skipped}`],
  );
  printTable(json, [...tabulate(lines.filter(isMeasured)), ...notes]);
}

function open(places: readonly string[]): readonly Collection[] {
  try {
    return readCollections(places);
  } catch (error) {
    if (error instanceof DatasetError) throw cannotRun(error.message);
    throw error;
  }
}

function tabulate(lines: readonly TextLine[]): readonly string[] {
  return formatTable(
    [
      "engine",
      "rows",
      "phase",
      "top",
      "p50 ms",
      "p99 ms",
      "CPU ms",
      "rounds",
      "KB",
      "before",
      "KB before",
      "MB/s",
      "index",
    ],
    lines.map((line) => [
      line.engine,
      line.rows,
      line.phase,
      line.top_k,
      line.p50_ms,
      line.p99_ms,
      line.cpu_ms_per_query,
      line.rounds_per_query,
      Math.round(line.bytes_per_query / 1000),
      line.before_documents?.rounds_max ?? "",
      line.before_documents === null
        ? ""
        : Math.round(line.before_documents.bytes_per_query / 1000),
      line.mb_per_second,
      line.index_bytes === 0 ? "" : `${(100 * line.index_share).toFixed(1)} %`,
    ]),
  );
}
