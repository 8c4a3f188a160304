/** `npm run bench -- relevance`: how well full-text search ranks, by judged queries. */
import { Command } from "commander";
import {
  benchRelevance,
  type JudgedTexts,
  openJudgedTexts,
  type RelevanceLine,
} from "../bench/relevance.ts";
import { DatasetError } from "../datasets.ts";
import { cannotRun, failed } from "../outcome.ts";
import { formatTable } from "../table.ts";
import { lineWriter, printTable } from "./bench-options.ts";

interface Options {
  readonly data: string;
  readonly json: boolean;
}

export function relevanceCommand(): Command {
  return new Command("relevance")
    .description("nDCG@10 and recall@100 of full-text queries, with and without stemming")
    .requiredOption("--data <folder>", "judged texts: a path, or a name below $SHOAL_DATA")
    .option("--json", "print lines of JSON; the table goes to standard error", false)
    .action(measure);
}

async function measure({ data, json }: Options): Promise<void> {
  let lines: readonly RelevanceLine[];
  const texts = open(data);
  try {
    lines = await benchRelevance(texts, (line) => console.error(line));
  } catch (error) {
    throw failed(`Not every query was answered: ${String(error)}`);
  }
  const table = formatTable(
    ["dataset", "settings", "docs", "queries", "nDCG@10", "exhaustive", "recall@100"],
    lines.map((line) => [
      line.dataset,
      line.settings,
      line.docs,
      line.queries,
      line.ndcg_at_10,
      line.exhaustive_ndcg_at_10,
      line.recall_at_100,
    ]),
  );
  printTable(json, table);
  lines.forEach(lineWriter(json));
}

function open(data: string): JudgedTexts {
  try {
    return openJudgedTexts(data);
  } catch (error) {
    if (error instanceof DatasetError) throw cannotRun(error.message);
    throw error;
  }
}
