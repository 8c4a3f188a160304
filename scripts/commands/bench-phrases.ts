/** `npm run bench -- phrases`: whether every phrase is found exactly where it stands. */
import { Command } from "commander";
import {
  benchPhrases,
  openPhraseTexts,
  type PhrasesLine,
  type PhraseTexts,
} from "../bench/phrases.ts";
import { DatasetError } from "../datasets.ts";
import { cannotRun, failed } from "../outcome.ts";
import { formatTable } from "../table.ts";
import { lineWriter, printTable } from "./bench-options.ts";

interface Options {
  readonly data: string;
  readonly json: boolean;
}

export function phrasesCommand(): Command {
  return new Command("phrases")
    .description("phrases whose documents are known; fails unless each answer is the true set")
    .requiredOption("--data <folder>", "texts and phrases: a path, or a name below $SHOAL_DATA")
    .option("--json", "print lines of JSON; the table goes to standard error", false)
    .action(measure);
}

async function measure({ data, json }: Options): Promise<void> {
  const texts = open(data);
  let line: PhrasesLine;
  try {
    line = await benchPhrases(texts);
  } catch (error) {
    throw failed(`Not every query was answered: ${String(error)}`);
  }
  const table = formatTable(
    ["dataset", "docs", "queries", "exact", "most rounds", "ms p50"],
    [[line.dataset, line.docs, line.queries, line.exact, line.rounds_max, line.latency_ms_p50]],
  );
  printTable(json, table);
  lineWriter(json)(line);
  if (line.wrong.length > 0) throw failed(`Not the true set: ${line.wrong.join(", ")}`);
}

function open(data: string): PhraseTexts {
  try {
    return openPhraseTexts(data);
  } catch (error) {
    if (error instanceof DatasetError) throw cannotRun(error.message);
    throw error;
  }
}
