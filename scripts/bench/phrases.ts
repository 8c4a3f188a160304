/**
 * Whether phrases are found exactly where they stand: a folder with docs.jsonl or docs.jsonl.gz
 * ({id, text} a line) and phrase_queries.jsonl ({phrase, ids} a line: all documents whose text has
 * it). Over HTTP on the bundled Worker; three quarters of the documents are indexed, the rest are
 * still in the log.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { DatasetError, placeOf } from "../datasets.ts";
import { waitUntilIndexed } from "../index-status.ts";
import { median, round } from "../quantiles.ts";
import { onServer } from "./http-queries.ts";

export interface PhraseTexts {
  readonly name: string;
  readonly docs: readonly { readonly id: number; readonly text: string }[];
  readonly phrases: readonly { readonly phrase: string; readonly ids: readonly number[] }[];
}

export interface PhrasesLine {
  readonly bench: "phrases";
  readonly dataset: string;
  readonly docs: number;
  readonly queries: number;
  /** Queries whose answer is the true set, no more and no less. */
  readonly exact: number;
  readonly wrong: readonly string[];
  readonly rounds_max: number;
  readonly latency_ms_p50: number;
}

export function openPhraseTexts(place: string): PhraseTexts {
  const folder = placeOf(place);
  const plain = join(folder, "docs.jsonl");
  const packed = `${plain}.gz`;
  const queries = join(folder, "phrase_queries.jsonl");
  if (!existsSync(queries) || !(existsSync(plain) || existsSync(packed))) {
    const asked = "a folder with docs.jsonl(.gz) and phrase_queries.jsonl is asked for";
    throw new DatasetError(`${folder} has no phrases: ${asked}.`);
  }
  const docs = existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(packed));
  const lines = (text: string) => text.trim().split("\n");
  return {
    name: basename(folder),
    docs: lines(docs.toString("utf8")).map((line) => {
      const { id, text } = JSON.parse(line) as PhraseTexts["docs"][number];
      return { id, text };
    }),
    phrases: lines(readFileSync(queries, "utf8")).map(
      (line) => JSON.parse(line) as PhraseTexts["phrases"][number],
    ),
  };
}

const namespace = "phrases";
const batchRows = 500;

export async function benchPhrases(texts: PhraseTexts): Promise<PhrasesLine> {
  return await onServer({}, async (client) => {
    const indexed = Math.ceil((texts.docs.length * 3) / 4);
    await write(client, texts.docs.slice(0, indexed));
    await client.post(`${namespacePath(namespace, "v1")}/index`, {});
    await waitUntilIndexed(client, namespace);
    await write(client, texts.docs.slice(indexed));
    return await measure(client, texts);
  });
}

async function write(client: ApiClient, docs: PhraseTexts["docs"]): Promise<void> {
  const schema = { text: { type: "string", full_text_search: true } };
  for (let from = 0; from < docs.length; from += batchRows) {
    const rows = docs.slice(from, from + batchRows);
    await client.post(namespacePath(namespace), { upsert_rows: rows, schema });
  }
}

interface Answer {
  readonly rows: readonly { readonly id: number }[];
  readonly performance: { readonly rounds: number; readonly server_total_ms: number };
}

async function measure(
  client: ApiClient,
  { name, docs, phrases }: PhraseTexts,
): Promise<PhrasesLine> {
  const wrong: string[] = [];
  const latenciesMs: number[] = [];
  let roundsMax = 0;
  for (const { phrase, ids } of phrases) {
    const { rows, performance } = await client.post<Answer>(`${namespacePath(namespace)}/query`, {
      filters: ["text", "ContainsTokenSequence", phrase],
      rank_by: ["id", "asc"],
      limit: 10_000,
    });
    const found = rows.map(({ id }) => id).join();
    if (found !== [...ids].sort((a, b) => a - b).join()) wrong.push(phrase);
    latenciesMs.push(performance.server_total_ms);
    roundsMax = Math.max(roundsMax, performance.rounds);
  }
  return {
    bench: "phrases",
    dataset: name,
    docs: docs.length,
    queries: phrases.length,
    exact: phrases.length - wrong.length,
    wrong,
    rounds_max: roundsMax,
    latency_ms_p50: round(median(latenciesMs), 1),
  };
}
