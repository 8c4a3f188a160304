/**
 * What growing leaves behind: a namespace that grew by small writes, while rows were replaced and
 * deleted, beside one into which the rows that are left were loaded at once. Through HTTP, on the
 * bundled Worker.
 *
 *   grown   the first rows, indexed; then writes one after the other, each of new rows, new vectors
 *           for some of those that live, and deletions of others, until so many live
 *   fresh   the same rows under the same ids
 *
 * Rows and vectors are those of growth-data.ts; which are replaced and deleted comes from the seed.
 */
import { createPrng } from "../../src/index/vector/prng.ts";
import { type ApiClient, namespacePath } from "../api-client.ts";
import type { Dataset } from "../datasets.ts";
import { encodeFloats } from "../import/json-wire.ts";
import { round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import type { GrowthBench, GrowthLine } from "./growth.ts";
import { openGrowthData } from "./growth-data.ts";
import {
  type Loaded,
  loadAndIndex,
  measureCold,
  measureWarm,
  namespace,
  onServer,
  summarizeCosts,
  summarizeRuns,
  waitUntilSettled,
} from "./http-queries.ts";
import { checkAnswers, prepareQuestions, type Question, recallOf, topK } from "./questions.ts";
import { countStoredBytes } from "./stored-bytes.ts";
import { exactNeighbours } from "./truth.ts";

export interface ReplaceBench extends Omit<GrowthBench, "sizes" | "onLine"> {
  readonly firstRows: number;
  /** That live in the end. */
  readonly rows: number;
  readonly rowsPerWrite: number;
  /** Of the rows that live in the end. */
  readonly replacedShare: number;
  readonly deletedShare: number;
  readonly onLine?: (line: ReplaceLine) => void;
}

export interface ReplaceLine
  extends Omit<
    GrowthLine,
    | "seconds_build"
    | "cpu_ms_per_row"
    | "clusters"
    | "log_bytes_written"
    | "segment_bytes_written"
    | "segment_rewrites"
    | "write_amplification_flush"
    | "write_amplification_merge"
    | "memory_peak_mb"
    | "single_plane"
  > {
  readonly build: "grown" | "fresh";
  readonly replaced: number;
  readonly deleted: number;
}

/** By how much the grown one may be worse. */
const tolerance = 0.1;

export async function benchReplace(bench: ReplaceBench): Promise<readonly ReplaceLine[]> {
  const history = makeHistory(bench);
  const all = await openGrowthData(bench.source, history.vectors, bench.queries);
  const final = await finalRows(all, history, bench.queries);
  const questions = await prepareQuestions({ ...bench, dataset: final });
  const places = new Map(history.ids.map((id, place) => [id, place]));
  const lines: ReplaceLine[] = [];
  for (const build of ["grown", "fresh"] as const) {
    const isGrown = build === "grown";
    const load = (client: ApiClient) =>
      isGrown
        ? grow(bench, client, all, history)
        : loadAndIndex(client, final, bench.rows, bench.say);
    const rowOf = (id: number) => (isGrown ? places.get(id) : id) ?? Number.NaN;
    const writtenRows = isGrown ? history.upserted : bench.rows;
    const [replaced, deleted] = isGrown ? [history.replaced, history.deleted] : [0, 0];
    const of = { build, replaced, deleted, dataset: all.name } as const;
    lines.push(...(await measureBuild(bench, of, questions, load, rowOf, writtenRows)));
  }
  return lines;
}

/** What is worse than it may be; empty if nothing is. */
export function findDecay(lines: readonly ReplaceLine[]): readonly string[] {
  return lines.flatMap((grown) => {
    const fresh = lines.find(({ build, phase }) => build === "fresh" && phase === grown.phase);
    if (grown.build === "fresh" || fresh === undefined) return [];
    const worse: string[] = [];
    if (grown.recall_at_10 < (1 - tolerance) * fresh.recall_at_10) worse.push("recall");
    if (grown.bytes_per_query > (1 + tolerance) * fresh.bytes_per_query) worse.push("bytes");
    return worse.map((what) => `${what} of ${grown.phase} queries`);
  });
}

// ---- What happens -------------------------------------------------------------------------------

interface Write {
  readonly ids: readonly number[];
  /** Vector of each id, by its row in the data. */
  readonly vectors: readonly number[];
  readonly deletes: readonly number[];
}

interface History {
  readonly writes: readonly Write[];
  /** That live in the end, ascending, and the vector of each. */
  readonly ids: readonly number[];
  readonly rows: readonly number[];
  /** Vectors ever used: the first so many of the data. */
  readonly vectors: number;
  readonly upserted: number;
  readonly replaced: number;
  readonly deleted: number;
}

function makeHistory(bench: ReplaceBench): History {
  const { firstRows, rows, rowsPerWrite, replacedShare, deletedShare, seed } = bench;
  const prng = createPrng({ low: seed, high: replaceStream });
  const live = Array.from({ length: firstRows }, (_, id) => id);
  const vectorOf = new Map(live.map((id) => [id, id]));
  const count = Math.max(1, Math.ceil((rows - firstRows) / rowsPerWrite));
  let [id, vector, replaced, deleted] = [firstRows, firstRows, 0, 0];
  const writes: Write[] = [];
  for (let write = 1; write <= count; write++) {
    const ids = new Set<number>();
    const deletes: number[] = [];
    for (; deleted < Math.round((deletedShare * rows * write) / count); deleted++) {
      const at = prng.below(live.length);
      const gone = live[at] as number;
      live[at] = live.at(-1) as number;
      live.pop();
      vectorOf.delete(gone);
      deletes.push(gone);
    }
    for (; replaced < Math.round((replacedShare * rows * write) / count); replaced++) {
      const other = live[prng.below(live.length)] as number;
      ids.add(other);
      vectorOf.set(other, vector++);
    }
    const wanted = firstRows + Math.round(((rows - firstRows) * write) / count);
    for (; live.length < wanted; id++) {
      live.push(id);
      ids.add(id);
      vectorOf.set(id, vector++);
    }
    const vectors = [...ids].map((each) => vectorOf.get(each) as number);
    writes.push({ ids: [...ids], vectors, deletes });
  }
  const ids = live.toSorted((a, b) => a - b);
  return {
    writes,
    ids,
    rows: ids.map((each) => vectorOf.get(each) as number),
    vectors: vector,
    upserted: writes.reduce((sum, each) => sum + each.ids.length, firstRows),
    replaced,
    deleted,
  };
}

/** Another stream of the seed than those of the rows. */
const replaceStream = 3;

/** The rows that live in the end, numbered from 0, with the exact neighbours of the queries. */
async function finalRows(all: Dataset, { rows }: History, queries: number): Promise<Dataset> {
  const base = {
    rows: rows.length,
    dimensions: all.base.dimensions,
    slice: (from: number, to: number) => gather(all, rows.slice(from, to)),
  };
  const vectors = Array.from({ length: queries }, (_, i) => all.queries.slice(i, i + 1));
  const request = { metric: all.metric, base, rows: rows.length, queries: vectors, k: topK };
  const truths = await exactNeighbours(request);
  return { ...all, base, k: topK, truth: (query) => truths[query] as Int32Array };
}

function gather({ base }: Dataset, rows: readonly number[]): Float32Array {
  const values = new Float32Array(rows.length * base.dimensions);
  for (const [i, row] of rows.entries()) {
    values.set(base.slice(row, row + 1), i * base.dimensions);
  }
  return values;
}

async function grow(
  { firstRows, say }: ReplaceBench,
  client: ApiClient,
  all: Dataset,
  { writes }: History,
): Promise<Loaded> {
  const first = await loadAndIndex(client, all, firstRows, say);
  const startedMs = performance.now();
  for (const { ids, vectors, deletes } of writes) {
    const vector = vectors.map((row) => encodeFloats(all.base.slice(row, row + 1)));
    await client.post(namespacePath(namespace), { upsert_columns: { id: ids, vector }, deletes });
  }
  const seconds = (performance.now() - startedMs) / 1000;
  say(`${writes.length} writes in ${seconds.toFixed(1)} s`);
  const settled = await waitUntilSettled(client);
  return {
    status: settled.status,
    secondsLoad: round(first.secondsLoad + first.secondsIndexed + seconds, 2),
    secondsIndexed: round(settled.seconds, 2),
  };
}

// ---- What it costs ------------------------------------------------------------------------------

type Build = Pick<ReplaceLine, "build" | "replaced" | "deleted" | "dataset">;

function measureBuild(
  bench: ReplaceBench,
  { dataset, ...of }: Build,
  questions: readonly Question[],
  load: (client: ApiClient) => Promise<Loaded>,
  rowOf: (id: number) => number,
  writtenRows: number,
): Promise<readonly ReplaceLine[]> {
  const { rows, coldQueries, latency, objectLatencyMs, runQueriesMin, source, say } = bench;
  return withTemporaryFolder("bench", async (stateDir) => {
    const loaded = await onServer({ stateDir }, load);
    say(`${of.build}: indexed, ${loaded.status.segments.length} segments`);
    const { log, segments, other } = await countStoredBytes(stateDir);
    const bytes = writtenRows * (source.dimensions * 4 + 8);
    const lines: ReplaceLine[] = [];
    for (const phase of ["cold", "warm"] as const) {
      const asked = phase === "cold" ? questions.slice(0, coldQueries) : questions;
      const bodies = asked.map(({ vector }) => ({
        rank_by: ["vector", "ANN", encodeFloats(vector)],
        top_k: topK,
      }));
      const { answers, runs } = await onServer(
        { stateDir, latency, objectLatencyMs },
        (client, pid) =>
          phase === "cold"
            ? measureCold(client, pid, bodies)
            : measureWarm(client, pid, bodies, runQueriesMin),
      );
      const ids = answers.map((answer) => answer.rows.map(({ id }) => rowOf(id)));
      checkAnswers(ids, rows);
      const costs = summarizeCosts(answers);
      const line: ReplaceLine = {
        bench: "growth",
        engine: "shoal",
        dataset,
        phase,
        rows,
        recall_at_10: round(recallOf(asked, ids, rows), 4),
        ...summarizeRuns(runs),
        ...costs,
        ...of,
        segments: loaded.status.segments.length,
        seconds_load: loaded.secondsLoad,
        seconds_indexed: loaded.secondsIndexed,
        latency,
        object_latency_ms: objectLatencyMs,
        rows_scanned_per_query: Math.round(costs.scored_share * rows),
        write_amplification: round((log + segments + other) / bytes, 2),
      };
      lines.push(line);
      bench.onLine?.(line);
    }
    return lines;
  });
}
