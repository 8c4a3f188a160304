/** `npm run bench -- filters`: what filters cost a vector query, and its recall. */
import { Command, Option } from "commander";
import { benchFilters, type FilterLine } from "../bench/filters.ts";
import type { Phase } from "../bench/http-queries.ts";
import { positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";
import { formatTable } from "../table.ts";
import { lineWriter, openOrExplain, printTable } from "./bench-options.ts";

interface Options {
  readonly data: string;
  readonly queries: number;
  readonly phase: Phase | "both";
  readonly seed: number;
  readonly json: boolean;
}

export function filtersCommand(): Command {
  return new Command("filters")
    .description("recall@10 and cost of filtered vector queries beside unfiltered ones")
    .option("--data <folder>", "a data set with filters", "fashion-mnist-784")
    .option("--queries <n>", "how many of its queries with each filter", positiveInteger, 200)
    .addOption(
      new Option("--phase <phase>", "caches dropped before each query, or filled")
        .choices(["cold", "warm", "both"])
        .default("both"),
    )
    .option("--seed <n>", "order of the queries", positiveInteger, 1)
    .option("--json", "print lines of JSON; the table goes to standard error", false)
    .action(measure);
}

async function measure({ data, queries, phase, seed, json }: Options): Promise<void> {
  const dataset = openOrExplain(data);
  const phases: readonly Phase[] = phase === "both" ? ["cold", "warm"] : [phase];
  let lines: readonly FilterLine[];
  try {
    const say = (line: string): void => console.error(line);
    lines = await benchFilters({ dataset, data, queries, phases, seed, say });
  } catch (error) {
    throw failed(`Not every query was answered: ${String(error)}`);
  }
  printTable(json, tabulate(lines));
  lines.forEach(lineWriter(json));
}

function tabulate(lines: readonly FilterLine[]): readonly string[] {
  return formatTable(
    ["phase", "filter", "matches", "recall@10", "CPU ms", "x", "rounds", "+", "KB", "x"],
    lines.map((line) => [
      line.phase,
      line.filter,
      line.matches,
      line.recall_at_10,
      line.cpu_ms_per_query,
      line.cpu_ratio,
      line.rounds_per_query,
      line.rounds_more,
      Math.round(line.bytes_per_query / 1000),
      line.bytes_ratio,
    ]),
  );
}
