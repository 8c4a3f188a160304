/**
 * How well full-text search ranks, by judged queries: a folder with docs.jsonl and queries.jsonl
 * ({id, text} a line) and qrels.tsv (query, document, relevance; a line of headings). Over HTTP on
 * the bundled Worker, indexed, and beside it an exhaustive search by the plainest code there is.
 *
 *   words     stop words removed where the language has a list, no stemming
 *   all       no word removed
 *   stems     as `words`, stemmed
 *
 * ndcg_at_10: gain is the relevance, discounted by log2(rank + 1), over the best there could be;
 * recall_at_100: share of the relevant documents among the first hundred; means over all queries
 * with a relevant document.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  defaultText,
  type Language,
  type TextOptions,
  textView,
} from "../../src/document/text-options.ts";
import { bm25, tokensOf } from "../../test/oracle/text.ts";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { DatasetError, placeOf } from "../datasets.ts";
import { waitUntilIndexed } from "../index-status.ts";
import { round } from "../quantiles.ts";
import { onServer } from "./http-queries.ts";

export interface JudgedTexts {
  readonly name: string;
  readonly language: Language;
  readonly docs: readonly { readonly id: string; readonly text: string }[];
  readonly queries: readonly { readonly id: string; readonly text: string }[];
  /** Relevance above 0 by document, of each query. */
  readonly judged: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export interface RelevanceLine {
  readonly bench: "relevance";
  readonly dataset: string;
  readonly settings: string;
  readonly docs: number;
  readonly queries: number;
  readonly ndcg_at_10: number;
  readonly recall_at_100: number;
  readonly exhaustive_ndcg_at_10: number;
}

const languageNames: Readonly<Record<string, Language>> = {
  en: "english",
  de: "german",
  es: "spanish",
};

export function openJudgedTexts(place: string): JudgedTexts {
  const folder = placeOf(place);
  for (const file of ["docs.jsonl", "queries.jsonl", "qrels.tsv"]) {
    if (!existsSync(join(folder, file))) {
      throw new DatasetError(`${folder} has no ${file}: a folder of judged texts is asked for.`);
    }
  }
  const lines = (file: string) => readFileSync(join(folder, file), "utf8").trim().split("\n");
  const texts = (file: string) =>
    lines(file).map((line) => JSON.parse(line) as { readonly id: string; readonly text: string });
  const judged = new Map<string, Map<string, number>>();
  for (const line of lines("qrels.tsv").slice(1)) {
    const [query = "", document = "", relevance = ""] = line.split("\t");
    if (!(Number(relevance) > 0)) continue;
    const known = judged.get(query) ?? new Map<string, number>();
    judged.set(query, known.set(document, Number(relevance)));
  }
  const name = basename(folder);
  return {
    name: languageNames[name] === undefined ? name : `${basename(join(folder, ".."))}-${name}`,
    language: languageNames[name] ?? "english",
    docs: texts("docs.jsonl").map(({ id, text }) => ({ id: String(id), text })),
    queries: texts("queries.jsonl").map(({ id, text }) => ({ id: String(id), text })),
    judged,
  };
}

export async function benchRelevance(
  texts: JudgedTexts,
  say: (line: string) => void,
): Promise<readonly RelevanceLine[]> {
  const { language } = texts;
  const words: TextOptions = { ...defaultText, language, removeStopwords: true };
  const settings = {
    words,
    all: { ...words, removeStopwords: false },
    stems: { ...words, stemming: true },
  };
  return await onServer({}, async (client) => {
    const measured: RelevanceLine[] = [];
    for (const [name, options] of Object.entries(settings)) {
      await load(client, `relevance-${name}`, texts, options);
      measured.push(await measure(client, name, texts, options));
      say(`${texts.name}, ${name}: nDCG@10 ${measured.at(-1)?.ndcg_at_10}`);
    }
    return measured;
  });
}

const batchRows = 200;

async function load(
  client: ApiClient,
  namespace: string,
  { docs }: JudgedTexts,
  options: TextOptions,
): Promise<void> {
  const schema = { text: { type: "string", full_text_search: textView(options) } };
  for (let from = 0; from < docs.length; from += batchRows) {
    const rows = docs.slice(from, from + batchRows).map(({ text }, i) => ({ id: from + i, text }));
    await client.post(namespacePath(namespace), { upsert_rows: rows, schema });
  }
  await client.post(`${namespacePath(namespace, "v1")}/index`, {});
  await waitUntilIndexed(client, namespace);
}

async function measure(
  client: ApiClient,
  settings: string,
  texts: JudgedTexts,
  options: TextOptions,
): Promise<RelevanceLine> {
  const { docs, queries, judged } = texts;
  const path = `${namespacePath(`relevance-${settings}`)}/query`;
  const tokens = docs.map(({ text }) => tokensOf(text, options));
  const living = tokens.map((each, id) => ({ id, tokens: each }));
  let [ndcg, recall, exhaustive, asked] = [0, 0, 0, 0];
  for (const { id, text } of queries) {
    const relevant = judged.get(id);
    if (relevant === undefined) continue;
    const body = { rank_by: ["text", "BM25", text], top_k: 100 };
    const { rows } = await client.post<{ rows: readonly { readonly id: number }[] }>(path, body);
    const nameOf = (row: { readonly id: number }) => docs[row.id]?.id ?? "";
    const found = rows.map(nameOf);
    const all = bm25(tokens, living, tokensOf(text, options), options).map(nameOf);
    asked += 1;
    ndcg += ndcgOf(found, relevant);
    exhaustive += ndcgOf(all, relevant);
    recall += found.filter((each) => relevant.has(each)).length / relevant.size;
  }
  return {
    bench: "relevance",
    dataset: texts.name,
    settings,
    docs: docs.length,
    queries: asked,
    ndcg_at_10: round(ndcg / asked, 4),
    recall_at_100: round(recall / asked, 4),
    exhaustive_ndcg_at_10: round(exhaustive / asked, 4),
  };
}

export function ndcgOf(found: readonly string[], relevant: ReadonlyMap<string, number>): number {
  const gain = (list: readonly number[]): number =>
    list.slice(0, 10).reduce((sum, each, i) => sum + each / Math.log2(i + 2), 0);
  const best = [...relevant.values()].sort((a, b) => b - a);
  return gain(found.map((id) => relevant.get(id) ?? 0)) / gain(best);
}
