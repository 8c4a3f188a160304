/** `npm run bench -- facets`: groups, counts and orders over a collection of documents. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { benchFacets, type FacetsLine } from "../bench/facets.ts";
import type { Phase } from "../bench/http-queries.ts";
import { dataFolder } from "../datasets.ts";
import { positiveInteger } from "../options.ts";
import { cannotRun, failed } from "../outcome.ts";
import { formatTable } from "../table.ts";
import { lineWriter, printTable } from "./bench-options.ts";

interface Options {
  readonly data: string;
  readonly rows?: number;
  readonly phase: Phase | "both";
  readonly queries: number;
  readonly json: boolean;
}

export function facetsCommand(): Command {
  return new Command("facets")
    .description("what groups and counts over all documents of a collection cost")
    .option("--data <folder>", "with docs.jsonl.gz: a path, or below $SHOAL_DATA", "netflix-titles")
    .option("--rows <n>", "only its first documents", positiveInteger)
    .addOption(
      new Option("--phase <phase>", "caches dropped before each query, or filled")
        .choices(["cold", "warm", "both"])
        .default("both"),
    )
    .option("--queries <n>", "of each run and shape", positiveInteger, 300)
    .option("--json", "print lines of JSON; the table goes to standard error", false)
    .action(measure);
}

async function measure({ data, rows, phase, queries, json }: Options): Promise<void> {
  const folder = [resolve(data), join(dataFolder(), data)].find((each) =>
    existsSync(join(each, "docs.jsonl.gz")),
  );
  if (folder === undefined) {
    throw cannotRun(`There is no ${data}/docs.jsonl.gz, here or in ${dataFolder()}.`);
  }
  let lines: readonly FacetsLine[];
  try {
    lines = await benchFacets({
      folder,
      ...(rows !== undefined && { rows }),
      phases: phase === "both" ? ["cold", "warm"] : [phase],
      runQueries: queries,
      say: (line) => console.error(line),
    });
  } catch (error) {
    throw failed(`Not every query was answered: ${String(error)}`);
  }
  const table = formatTable(
    ["phase", "shape", "rows", "p50 ms", "p99 ms", "CPU ms", "requests", "rounds", "KB"],
    lines.map((line) => [
      line.phase,
      line.shape,
      line.rows,
      line.p50_ms,
      line.p99_ms,
      line.cpu_ms_per_query,
      line.store_requests_per_query,
      line.rounds_per_query,
      Math.round(line.bytes_per_query / 1000),
    ]),
  );
  printTable(json, table);
  lines.forEach(lineWriter(json));
}
