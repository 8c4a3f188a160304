/** `npm run bench -- growth`: what queries and rows cost as a namespace grows to a million rows. */
import { join } from "node:path";
import { Command } from "commander";
import { benchGrowth, type GrowthBench, type GrowthLine } from "../bench/growth.ts";
import type { SinglePlane } from "../bench/http-queries.ts";
import { plotGrowth } from "../bench/plots.ts";
import { benchReplace, findDecay, type ReplaceLine } from "../bench/replace.ts";
import { benchSegments, type SegmentsLine } from "../bench/segments.ts";
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
  readonly rows?: readonly number[];
  readonly replace: boolean;
  readonly firstRows: number;
  readonly rowsPerWrite: number;
  readonly segments?: readonly number[];
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
      "sizes, separated by commas (default: 10000,100000,1000000; 200000; 4500)",
      positiveIntegers,
    )
    .option(
      "--replace",
      "grow by small writes that replace and delete, beside a fresh build",
      false,
    )
    .option("--first-rows <n>", "loaded before those writes", positiveInteger, 20_000)
    .option("--rows-per-write <n>", "new ones in each of them", positiveInteger, 500)
    .option("--segments <n,...>", "cold reads by the number of segments", positiveIntegers)
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
  const { dimensions, seed } = options;
  const source = { images, dimensions, seed, folder: benchFolder, onProgress: followProgress() };
  const shared = {
    source,
    queries: Math.min(options.queries, images.queries.rows),
    coldQueries: options.coldQueries,
    seed,
    latency: readLatency(options.latency),
    objectLatencyMs: options.objectLatency,
    runQueriesMin: options.runQueries,
    say: (line: string) => console.error(line),
  };
  let decay: readonly string[] = [];
  try {
    if (options.replace) decay = await measureReplace(options, shared);
    else if (options.segments === undefined) await measureGrowth(options, shared);
    else await measureSegments(options, options.segments, shared);
  } catch (error) {
    throw failed(`The measurement did not succeed: ${String(error)}`);
  }
  if (decay.length > 0)
    throw failed(`More than a tenth worse than built anew: ${decay.join(", ")}`);
}

type Shared = Omit<GrowthBench, "sizes" | "onLine">;

async function measureGrowth({ rows, json, plots }: Options, shared: Shared): Promise<void> {
  const sizes = (rows ?? [10_000, 100_000, 1_000_000]).toSorted((a, b) => a - b);
  const lines = await benchGrowth({ ...shared, sizes, onLine: lineWriter(json) });
  printTable(json, tabulate(lines));
  savePlots(plots, await plotGrowth(lines));
}

async function measureReplace(options: Options, shared: Shared): Promise<readonly string[]> {
  const { firstRows, rowsPerWrite, rows = [200_000], json } = options;
  const lines = await benchReplace({
    ...shared,
    firstRows,
    rowsPerWrite,
    rows: Math.max(...rows),
    replacedShare: 0.2,
    deletedShare: 0.1,
    onLine: lineWriter(json),
  });
  printTable(json, tabulateBuilds(lines));
  return findDecay(lines);
}

async function measureSegments(
  { rows = [4_500], coldQueries, json }: Options,
  segments: readonly number[],
  shared: Shared,
): Promise<void> {
  const lines = await benchSegments({
    ...shared,
    rows: Math.max(...rows),
    segments,
    queries: Math.min(coldQueries, shared.queries),
    onLine: lineWriter(json),
  });
  printTable(json, tabulateSegments(lines));
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
    [...headings, "KB", "requests", "rounds", "one plane", ...build],
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
      describeSinglePlane(line.single_plane),
      line.seconds_build,
      line.cpu_ms_per_row,
      line.segments,
      line.write_amplification,
      line.memory_peak_mb ?? "",
    ]),
  );
}

function describeSinglePlane(single: SinglePlane | null): string {
  if (single === null || single.p50_ms === null) return "";
  return `${single.queries}: ${single.p50_ms} ms, ${single.store_requests_max} at most`;
}

function tabulateBuilds(lines: readonly ReplaceLine[]): readonly string[] {
  const headings = ["build", "phase", "rows", "recall@10", "p50 ms", "CPU ms", "scanned", "KB"];
  return formatTable(
    [...headings, "requests", "rounds", "segments", "written x"],
    lines.map((line) => [
      line.build,
      line.phase,
      line.rows,
      line.recall_at_10,
      line.p50_ms,
      line.cpu_ms_per_query,
      line.rows_scanned_per_query,
      Math.round(line.bytes_per_query / 1000),
      line.store_requests_per_query,
      line.rounds_per_query,
      line.segments,
      line.write_amplification,
    ]),
  );
}

function tabulateSegments(lines: readonly SegmentsLine[]): readonly string[] {
  return formatTable(
    ["segments", "planes", "rows", "recall@10", "requests", "most", "rounds", "KB"],
    lines.map((line) => [
      line.segments,
      line.planes,
      line.rows,
      line.recall_at_10,
      line.store_requests_per_query,
      line.store_requests_max,
      line.rounds_max,
      Math.round(line.bytes_per_query / 1000),
    ]),
  );
}
