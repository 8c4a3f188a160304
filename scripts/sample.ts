/**
 * The sample namespace of `npm start`: the texts of assets/sample with vectors of the small encoder
 * in assets/static-embed.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ApiClient, ApiError, namespacePath } from "./api-client.ts";
import { loadEncoder } from "./embed.ts";
import { encodeFloats } from "./import/json-wire.ts";
import { waitUntilIndexed } from "./index-status.ts";

export const sampleNamespace = "sample";
/** Few words in common with what it should find. */
export const sampleQuestion = "parents that look after their eggs";

const documents = join(import.meta.dirname, "..", "assets", "sample", "documents.jsonl");

export interface SampleDocument {
  readonly id: number;
  readonly title: string;
  readonly text: string;
  readonly topic: string;
  readonly year: number;
  readonly tags: readonly string[];
  readonly depth_m?: number;
}

export interface SampleHit extends SampleDocument {
  readonly $dist: number;
}

export function readSample(): readonly SampleDocument[] {
  const lines = readFileSync(documents, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as SampleDocument);
}

/**
 * Writes and indexes. Returns the number of documents written: 0 if the namespace is there already.
 */
export async function loadSampleOnce(client: ApiClient): Promise<number> {
  if (await exists(client)) return 0;
  const sample = readSample();
  const { embed } = loadEncoder();
  await client.post(namespacePath(sampleNamespace), {
    distance_metric: "cosine_distance",
    upsert_rows: sample.map((document) => ({
      ...document,
      vector: encodeFloats(embed(`${document.title}. ${document.text}`)),
    })),
    schema: {
      title: { type: "string", full_text_search: true, filterable: true },
      // No query compares whole texts.
      text: { type: "string", full_text_search: true, filterable: false },
    },
  });
  // So few rows would wait for company; the first query should see a segment.
  await waitUntilIndexed(client, sampleNamespace);
  return sample.length;
}

async function exists(client: ApiClient): Promise<boolean> {
  try {
    await client.get(`${namespacePath(sampleNamespace, "v1")}/schema`);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

export async function searchSample(
  client: ApiClient,
  question: string,
  topK: number,
): Promise<readonly SampleHit[]> {
  const { rows } = await client.post<{ rows: SampleHit[] }>(
    `${namespacePath(sampleNamespace)}/query`,
    {
      rank_by: ["vector", "ANN", encodeFloats(loadEncoder().embed(question))],
      top_k: topK,
      include_attributes: ["title", "topic", "text"],
    },
  );
  return rows;
}
