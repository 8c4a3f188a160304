/**
 * Hybrid search in one request: the nearest chunks by vector and the best by words, on one
 * snapshot, fused by reciprocal rank. Words count in the text, split at the humps of identifiers,
 * and in the path of the file. They count twice: the small encoder ranks code less well.
 */

import type { Filter } from "@turbopuffer/turbopuffer/resources/custom";
import type { Encoder } from "../../embed.ts";
import type { Namespace } from "./stored-tree.ts";
import { asProse, splitIdentifiers } from "./words.ts";

const candidates = 50;
type Row = Record<string, unknown>;
const excerptLines = 4;

export interface Hit {
  /** `src/a.ts:10-42`; several if the same text is in several places. */
  readonly places: readonly string[];
  readonly symbol: string;
  readonly text: string;
  /** The lines of the text that have most of the question's words. */
  readonly excerpt: readonly string[];
}

export async function searchCode(
  namespace: Namespace,
  question: string,
  top: number,
  encoder: Encoder | undefined,
  withTests: boolean,
): Promise<readonly Hit[]> {
  const words = splitIdentifiers(question);
  const shared = {
    filters: filtersOf(withTests),
    include_attributes: ["places", "symbol", "text"],
  };
  const byWords = {
    ...shared,
    rank_by: [
      "Sum",
      [
        ["words", "BM25", words],
        ["places", "BM25", words],
      ],
    ] as ["Sum", ["words" | "places", "BM25", string][]],
  };
  if (encoder === undefined) {
    const { rows = [] } = await namespace.query({ ...byWords, limit: candidates });
    return bestOfFiles(rows)
      .slice(0, top)
      .map((row) => toHit(row, words));
  }
  const vector = Array.from(encoder.embed(asProse(question)));
  const byVector = { ...shared, rank_by: ["vector", "ANN", vector] as ["vector", "ANN", number[]] };
  const { results } = await namespace.multiQuery({
    queries: [
      { ...byVector, limit: candidates },
      { ...byWords, limit: candidates },
    ],
    rerank_by: ["RRF", { rank_constant: 10, weights: [1, 2] }],
  });
  return bestOfFiles(results[0]?.rows ?? [])
    .slice(0, top)
    .map((row) => toHit(row, words));
}

/** The best chunk of each file. Its next ones count, each half of the one before. */
function bestOfFiles(rows: readonly Row[]): readonly Row[] {
  const files = new Map<string, { readonly best: Row; score: number; weight: number }>();
  for (const row of rows) {
    const file = (row["places"] as string[])[0]?.replace(/:[\d-]+$/, "") ?? "";
    const known = files.get(file) ?? { best: row, score: 0, weight: 1 };
    known.score += known.weight * Number(row["$dist"]);
    known.weight /= 2;
    files.set(file, known);
  }
  return [...files.values()].sort((a, b) => b.score - a.score).map(({ best }) => best);
}

function filtersOf(withTests: boolean): Filter {
  const chunks: Filter = ["kind", "Eq", "chunk"];
  return withTests ? chunks : ["And", [chunks, ["test", "Eq", false]]];
}

function toHit(row: Row, words: string): Hit {
  const text = String(row["text"]);
  const places = row["places"] as string[];
  return { places, symbol: String(row["symbol"]), text, excerpt: excerptOf(text, words) };
}

function excerptOf(text: string, question: string): readonly string[] {
  const words = question.toLowerCase().match(/\w{3,}/g) ?? [];
  const lines = text.split("\n");
  const score = (line: string) => words.filter((word) => line.toLowerCase().includes(word)).length;
  const windows = lines.map((_, from) => {
    const shown = lines.slice(from, from + excerptLines);
    return { shown, score: shown.reduce((sum, line) => sum + score(line), 0) };
  });
  const best = windows.reduce((a, b) => (b.score > a.score ? b : a));
  return best.shown.filter((line) => line.trim() !== "");
}
