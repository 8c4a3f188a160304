/** `npm run bench -- branch`: branches of a large namespace, beside writes. */
import { Command } from "commander";
import { type BranchLine, benchBranch } from "../bench/branch.ts";
import { positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";
import { formatTable } from "../table.ts";
import { lineWriter, openOrExplain, printTable } from "./bench-options.ts";

interface Options {
  readonly data: string;
  readonly rows?: number;
  readonly times: number;
  readonly latency?: string;
  readonly json: boolean;
}

export function branchCommand(): Command {
  return new Command("branch")
    .description("how long a branch of a large namespace takes, beside writes")
    .requiredOption("--data <folder>", "a data set: a path, or a name below $SHOAL_DATA")
    .option("--rows <n>", "only its first rows", positiveInteger)
    .option("--times <n>", "branches, and writes of either kind", positiveInteger, 100)
    .option(
      "--latency <setting>",
      "waiting added by the bucket, as remote or get=60/180 put=100/250",
    )
    .option("--json", "print a line of JSON; the table goes to standard error", false)
    .action(measure);
}

async function measure({ data, rows, times, latency, json }: Options): Promise<void> {
  const dataset = openOrExplain(data);
  let line: BranchLine;
  try {
    line = await benchBranch({
      dataset,
      rows: Math.min(rows ?? dataset.base.rows, dataset.base.rows),
      times,
      ...(latency !== undefined && { latency }),
      say: (text) => console.error(text),
    });
  } catch (error) {
    throw failed(`Not every request was answered: ${String(error)}`);
  }
  const table = formatTable(
    ["", "p50 ms", "by write", "by first write"],
    [
      ["write", line.write_p50_ms, 1, ""],
      ["first write", line.first_write_p50_ms, "", 1],
      ["branch", line.branch_p50_ms, line.by_write, line.by_first_write],
    ],
  );
  printTable(json, table);
  lineWriter(json)(line);
}
