/** `npm run bench -- growth`: what queries and rows cost as a namespace grows to a million rows. */
import { join } from "node:path";
import { Command } from "commander";
import { benchGrowth, type GrowthLine } from "../bench/growth.ts";
import { plotGrowth } from "../bench/plots.ts";
import { milliseconds, positiveInteger, positiveIntegers } from "../options.ts";
import { failed } from "../outcome.ts";
import { type Progress, startProgress } from "../progress.ts";
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
  readonly rows: readonly number[];
  readonly dimensions: number;
  readonly queries: number;
  readonly coldQueries: number;
  readonly runQueries: number;
  readonly latency: string;
  readonly objectLatency: number;
  readonly seed: number;
  readonly plots: string;
  readonly json: boolean;
}

export function growthCommand(): Command {
  return new Command("growth")
    .description("cost as a function of the number of rows, on shifted and projected images")
    .option(
      "--data <folder>",
      "square images: a path, or a name below $SHOAL_DATA",
      "fashion-mnist-784",
    )
    .option(
      "--rows <n,...>",
      "sizes, separated by commas",
      positiveIntegers,
      [10_000, 100_000, 1_000_000],
    )
    .option("--dimensions <n>", "of the projection", positiveInteger, 192)
    .option("--queries <n>", "how many queries", positiveInteger, 1_000)
    .option("--cold-queries <n>", "how many of them with cold caches", positiveInteger, 50)
    .option("--run-queries <n>", "queries of a warm run, at least", positiveInteger, 1_000)
    .option(
      "--latency <setting>",
      "waiting of object storage: median and 99th percentile of reads in ms",
      "60,200 put=100/200 mbps=50",
    )
    .option("--object-latency <ms>", "waiting of a call of our object", milliseconds, 15)
    .option("--seed <n>", "of the rows, the projection and the queries", positiveInteger, 1)
    .option("--plots <folder>", "where pictures go", join(benchFolder, "growth"))
    .option("--json", "print lines of JSON; the table goes to standard error", false)
    .action(measure);
}

async function measure(options: Options): Promise<void> {
  const images = openOrExplain(options.data);
  const progress = followProgress();
  let lines: readonly GrowthLine[];
  try {
    lines = await benchGrowth({
      source: {
        images,
        dimensions: options.dimensions,
        seed: options.seed,
        folder: benchFolder,
        onProgress: progress,
      },
      sizes: options.rows.toSorted((a, b) => a - b),
      queries: Math.min(options.queries, images.queries.rows),
      coldQueries: options.coldQueries,
      seed: options.seed,
      latency: readLatency(options.latency),
      objectLatencyMs: options.objectLatency,
      runQueriesMin: options.runQueries,
      onLine: lineWriter(options.json),
      say: (line) => console.error(line),
    });
  } catch (error) {
    throw failed(`The measurement did not succeed: ${String(error)}`);
  }
  printTable(options.json, tabulate(lines));
  savePlots(options.plots, await plotGrowth(lines));
}

/** A bar for the making of rows, then one for their truth. */
function followProgress(): (what: string, done: number, total: number) => void {
  let bar: Progress | undefined;
  return (what, done, total) => {
    bar ??= startProgress(`making ${what}`, total, "rows");
    bar.update(done);
    if (done < total) return;
    bar.stop();
    bar = undefined;
  };
}

function tabulate(lines: readonly GrowthLine[]): readonly string[] {
  const headings = ["rows", "phase", "recall@10", "p50 ms", "p99 ms", "CPU ms", "scanned"];
  const build = ["build s", "CPU ms/row", "segments", "written x", "peak MB"];
  return formatTable(
    [...headings, "KB", "requests", "rounds", ...build],
    lines.map((line) => [
      line.rows,
      line.phase,
      line.recall_at_10,
      line.p50_ms,
      line.p99_ms,
      line.cpu_ms_per_query,
      line.rows_scanned_per_query,
      Math.round(line.bytes_per_query / 1000),
      line.store_requests_per_query,
      line.rounds_per_query,
      line.seconds_build,
      line.cpu_ms_per_row,
      line.segments,
      line.write_amplification,
      line.memory_peak_mb ?? "",
    ]),
  );
}
