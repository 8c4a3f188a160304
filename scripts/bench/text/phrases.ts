/**
 * Phrases as filters, for the ten lowest ids: their cost is that of the rows that have all words,
 * so frequent words are dear. Warm, each filter is new, since rows that pass one are kept.
 */
import type { ApiClient } from "../../api-client.ts";
import {
  measureCold,
  measureFew,
  type Phase,
  type QueryBody,
  summarizeCosts,
  summarizeRuns,
} from "../http-queries.ts";
import type { PhraseLine } from "./lines.ts";

const coldQueries = 3;
const warmQueries = 8;

export async function measurePhrases(
  client: ApiClient,
  pid: number,
  phase: Phase,
  phrases: readonly string[],
): Promise<readonly PhraseLine[]> {
  const lines: PhraseLine[] = [];
  for (const phrase of phrases) {
    const { answers, runs } =
      phase === "cold"
        ? await measureCold(client, pid, Array(coldQueries).fill(bodyOf(phrase, 0)))
        : await measureFew(
            client,
            pid,
            bodyOf(phrase, 0),
            Array.from({ length: warmQueries }, (_, i) => bodyOf(phrase, i + 1)),
          );
    const { bytes_per_query, rounds_max } = summarizeCosts(answers);
    const { cpu_ms_per_query, p50_ms } = summarizeRuns(runs);
    const costs = { p50_ms, cpu_ms_per_query, bytes_per_query, rounds_max };
    lines.push({ bench: "text", phrase, phase, ...costs });
  }
  return lines;
}

/** Another filter for each number, with the same rows. */
function bodyOf(phrase: string, number: number): QueryBody {
  const filter = ["text", "ContainsTokenSequence", phrase];
  const nobody = ["Not", ["id", "Eq", 1e12 + number]];
  return { filters: ["And", [filter, nobody]], rank_by: ["id", "asc"], top_k: 10 };
}
