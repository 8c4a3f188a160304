/**
 * What a cold query reads from one segment, and from the same rows in many: namespaces with as many
 * shards, each of which is one segment, through HTTP on the bundled Worker.
 *
 *   one plane    the first search of an isolate
 *   two planes   the first after another one: 1-bit codes, int8 codes of the best, vectors
 *
 * Few enough rows for one isolate (limits.readersBytesMin), so that every read is its own.
 */
import { namespacePath } from "../api-client.ts";
import { encodeFloats } from "../import/json-wire.ts";
import { round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import type { GrowthSource } from "./growth-data.ts";
import { openGrowthData } from "./growth-data.ts";
import {
  loadAndIndex,
  namespace,
  onServer,
  type QueryAnswer,
  summarizeCosts,
} from "./http-queries.ts";
import { checkAnswers, prepareQuestions, recallOf, topK } from "./questions.ts";

export interface SegmentsBench {
  readonly source: GrowthSource;
  readonly rows: number;
  readonly segments: readonly number[];
  readonly queries: number;
  readonly seed: number;
  readonly onLine?: (line: SegmentsLine) => void;
  readonly say: (line: string) => void;
}

export interface SegmentsLine {
  readonly bench: "growth";
  readonly engine: "shoal";
  readonly dataset: string;
  readonly rows: number;
  readonly segments: number;
  readonly planes: 1 | 2;
  readonly recall_at_10: number;
  readonly queries: number;
  readonly store_requests_per_query: number;
  readonly store_requests_max: number;
  readonly rounds_per_query: number;
  readonly rounds_max: number;
  readonly bytes_per_query: number;
}

export async function benchSegments(bench: SegmentsBench): Promise<readonly SegmentsLine[]> {
  const { source, rows, queries, seed } = bench;
  const dataset = await openGrowthData(source, rows, queries);
  const questions = await prepareQuestions({ dataset, rows, queries, seed });
  const bodies = questions.map(({ vector }) => ({
    rank_by: ["vector", "ANN", encodeFloats(vector)],
    top_k: topK,
  }));
  const lines: SegmentsLine[] = [];
  for (const shards of bench.segments) {
    const measured = await measureShards(bench, dataset, shards, bodies);
    for (const [planes, answers] of [
      [1, measured.one],
      [2, measured.two],
    ] as const) {
      const ids = answers.map((answer) => answer.rows.map(({ id }) => id));
      checkAnswers(ids, rows);
      const costs = summarizeCosts(answers);
      const line: SegmentsLine = {
        bench: "growth",
        engine: "shoal",
        dataset: dataset.name,
        rows,
        segments: measured.segments,
        planes,
        recall_at_10: round(recallOf(questions, ids, rows), 4),
        queries: costs.queries,
        store_requests_per_query: costs.store_requests_per_query,
        store_requests_max: costs.store_requests_max,
        rounds_per_query: costs.rounds_per_query,
        rounds_max: costs.rounds_max,
        bytes_per_query: costs.bytes_per_query,
      };
      lines.push(line);
      bench.onLine?.(line);
    }
  }
  return lines;
}

function measureShards(
  { rows, say }: SegmentsBench,
  dataset: Awaited<ReturnType<typeof openGrowthData>>,
  shards: number,
  bodies: readonly object[],
) {
  return withTemporaryFolder("bench", (stateDir) =>
    onServer({ stateDir }, async (client) => {
      const path = namespacePath(namespace);
      await client.post(path, {
        distance_metric: dataset.metric,
        upsert_columns: { id: [0], vector: [encodeFloats(dataset.base.slice(0, 1))] },
        schema: { vector: { type: `[${dataset.base.dimensions}]f32`, ann: true } },
        ...(shards > 1 && { sharding: { num_shards: shards } }),
      });
      const { status } = await loadAndIndex(client, dataset, rows, say);
      const purge = `${namespacePath(namespace, "v1")}/_debug/purge_cache`;
      const ask = (body: object | undefined) => client.post<QueryAnswer>(`${path}/query`, body);
      const [one, two]: [QueryAnswer[], QueryAnswer[]] = [[], []];
      for (const [i, body] of bodies.entries()) {
        await client.get(purge);
        one.push(await ask(body));
        await client.get(purge);
        await ask(bodies[(i + 1) % bodies.length]);
        two.push(await ask(body));
      }
      return { segments: status.segments.length, one, two };
    }),
  );
}
