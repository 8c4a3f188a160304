/** `npm run bench -- recall`: the bundled Worker alone. */
import { Command, Option } from "commander";
import type { Phase } from "../bench/http-queries.ts";
import { benchRecall, type RecallLine } from "../bench/recall.ts";
import { positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";
import { formatTable } from "../table.ts";
import { lineWriter, openOrExplain, printTable, readLatency } from "./bench-options.ts";

interface Options {
  readonly data: string;
  readonly queries?: number;
  readonly rows?: number;
  readonly phase: Phase | "both";
  readonly latency?: string;
  readonly seed: number;
  readonly json: boolean;
}

export function recallCommand(): Command {
  return new Command("recall")
    .description("recall@10, latency, CPU time and store requests of vector queries")
    .requiredOption("--data <folder>", "a data set: a path, or a name below $SHOAL_DATA")
    .option("--queries <n>", "how many of its queries (default: all)", positiveInteger)
    .option("--rows <n>", "only its first rows; the truth is then computed", positiveInteger)
    .addOption(
      new Option("--phase <phase>", "caches dropped before each query, or filled")
        .choices(["cold", "warm", "both"])
        .default("both"),
    )
    .option(
      "--latency <setting>",
      "waiting added to reads: median and 99th percentile in ms, as 60,180",
    )
    .option("--seed <n>", "order of the queries", positiveInteger, 1)
    .option("--json", "print lines of JSON; the table goes to standard error", false)
    .action(measure);
}

async function measure(options: Options): Promise<void> {
  const dataset = openOrExplain(options.data);
  const phases: readonly Phase[] = options.phase === "both" ? ["cold", "warm"] : [options.phase];
  let lines: readonly RecallLine[];
  try {
    lines = await benchRecall({
      dataset,
      rows: Math.min(options.rows ?? dataset.base.rows, dataset.base.rows),
      queries: Math.min(options.queries ?? dataset.queries.rows, dataset.queries.rows),
      phases,
      seed: options.seed,
      ...(options.latency !== undefined && { latency: readLatency(options.latency) }),
      say: (line) => console.error(line),
    });
  } catch (error) {
    throw failed(`Not every query was answered: ${String(error)}`);
  }
  printTable(options.json, tabulate(lines));
  lines.forEach(lineWriter(options.json));
}

function tabulate(lines: readonly RecallLine[]): readonly string[] {
  return formatTable(
    ["phase", "rows", "recall@10", "p50 ms", "p99 ms", "CPU ms", "requests", "rounds", "KB"],
    lines.map((line) => [
      line.phase,
      line.rows,
      line.recall_at_10,
      line.p50_ms,
      line.p99_ms,
      line.cpu_ms_per_query,
      line.store_requests_per_query,
      line.rounds_per_query,
      Math.round(line.bytes_per_query / 1000),
    ]),
  );
}
