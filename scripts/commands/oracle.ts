/** `npm run oracle -- query | text`: random queries on random data, compared with brute force. */
import { Command } from "commander";
import { type QueryMismatch, runQueries } from "../../test/oracle/query/run.ts";
import { runTextQueries, type TextMismatch } from "../../test/oracle/text-run.ts";
import { positiveInteger } from "../options.ts";
import { failed } from "../outcome.ts";

interface Options {
  readonly count: number;
  readonly seed: number;
  readonly json: boolean;
}

export function oracleCommand(): Command {
  const query = new Command("query")
    .description("ask random queries in random worlds")
    .option("--count <n>", "how many", positiveInteger, 5_000)
    .option("--seed <n>", "of the first world", positiveInteger, 1)
    .option("--json", "print lines of JSON, the summary last", false)
    .action(ask);
  const text = new Command("text")
    .description("ask for random texts in random worlds")
    .option("--count <n>", "how many", positiveInteger, 5_000)
    .option("--seed <n>", "of the first world", positiveInteger, 1)
    .option("--json", "print lines of JSON, the summary last", false)
    .action(askTexts);
  return new Command("oracle")
    .description("compare answers of the engine with answers by definition")
    .addCommand(query)
    .addCommand(text);
}

async function ask({ count, seed, json }: Options): Promise<void> {
  const startedMs = performance.now();
  const onMismatch = (mismatch: QueryMismatch): void => {
    if (json) console.log(JSON.stringify({ oracle: "mismatch", ...mismatch }));
    else console.error(`seed ${mismatch.seed}: ${mismatch.detail}\n  ${mismatch.body}`);
  };
  const totals = await runQueries({ count, seed, onMismatch });
  conclude({ oracle: "query", ...totals }, { seed, json, startedMs });
}

async function askTexts({ count, seed, json }: Options): Promise<void> {
  const startedMs = performance.now();
  const onMismatch = (mismatch: TextMismatch): void => {
    if (json) console.log(JSON.stringify({ oracle: "mismatch", ...mismatch }));
    else console.error(`seed ${mismatch.seed}, ${mismatch.question}: ${mismatch.detail}`);
  };
  const totals = await runTextQueries({ count, seed, onMismatch });
  conclude({ oracle: "text", ...totals }, { seed, json, startedMs });
}

interface Totals {
  readonly oracle: string;
  readonly queries: number;
  readonly worlds: number;
  readonly mismatches: number;
}

function conclude(
  { oracle, queries, worlds, mismatches }: Totals,
  { seed, json, startedMs }: { seed: number; json: boolean; startedMs: number },
): void {
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  const summary = { oracle, queries, mismatches, worlds, seed, seconds };
  console.log(
    json
      ? JSON.stringify(summary)
      : `${queries} queries in ${worlds} worlds, ${mismatches} mismatches, ${seconds} s.`,
  );
  if (mismatches > 0) throw failed("Not every answer is that of brute force.");
}
