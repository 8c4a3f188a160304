/**
 * Full-text search of ours and of peers in one run: the same sampled documents and questions, one
 * engine at a time.
 *
 *   1. Documents go through HTTP into the bundled Worker with empty state, four batches at a time,
 *      and are waited for until they are indexed, and what waits for rest is merged.
 *   2. Questions of 1 to 14 words, any of which may match, for the best 10 and 100: cold and warm,
 *      as http-queries.ts measures them.
 *   3. Phrases as filters, ours alone, likewise (phrases.ts).
 *   4. Peers in a process of their own each (peers/text-run.ts): CPU time of that process.
 *
 * Ours answers HTTP with JSON and looks for newer writes each time; peers are called in memory.
 */
import { type ApiClient, namespacePath } from "../../api-client.ts";
import { waitUntilIndexed } from "../../index-status.ts";
import { mean, round } from "../../quantiles.ts";
import { withTemporaryFolder } from "../../temporary-folder.ts";
import {
  measureCold,
  measureWarm,
  namespace,
  onServer,
  type Phase,
  type QueryAnswer,
  summarizeCosts,
  summarizeRuns,
  waitUntilSettled,
} from "../http-queries.ts";
import { measureCpu, ownCpu } from "../load-cpu.ts";
import { type Collection, sampleCorpus, type TextCorpus } from "./corpus.ts";
import {
  isMeasured,
  type PhraseLine,
  type ReadsBefore,
  type SkippedLine,
  type TextBuild,
  type TextLine,
  type TextSummary,
} from "./lines.ts";
import { benchTextPeer, type TextPeerName, textPeerNames } from "./peers.ts";
import { measurePhrases } from "./phrases.ts";
import { countSectionBytes } from "./section-bytes.ts";

export const textEngineNames = ["shoal", ...textPeerNames] as const;
export type TextEngineName = (typeof textEngineNames)[number];

export interface TextBench {
  readonly collections: readonly Collection[];
  readonly engines: readonly TextEngineName[];
  readonly rows: number;
  readonly queries: number;
  /** Of them, so many are asked cold. */
  readonly coldQueries: number;
  readonly seed: number;
  /** Queries of a warm run of ours at least; fewer make CPU times coarse. */
  readonly runQueriesMin: number;
  /** A run ends early after this time. */
  readonly runSecondsMax: number;
  /** A peer that indexes no faster is measured with the documents that it has by then. */
  readonly buildSecondsMax: number;
  readonly latency: string;
  /** Asked of ours as filters, beside the questions. */
  readonly phrases: readonly string[];
  readonly onLine?: (line: TextLine | SkippedLine | PhraseLine | TextSummary) => void;
  readonly say: (line: string) => void;
}

export const answerSizes = [10, 100] as const;

export async function benchText(bench: TextBench): Promise<readonly (TextLine | SkippedLine)[]> {
  const { collections, rows, queries, seed, engines, say, onLine } = bench;
  const corpus = sampleCorpus({ collections, documents: rows, questions: queries, seed });
  const { shape } = corpus;
  say(
    `${rows} documents, ${Math.round(shape.text_bytes / 1000)} KB, ${shape.vocabulary} words ` +
      `(${shape.vocabulary_tenth} in a tenth), Zipf slope ${shape.zipf_slope}`,
  );
  const lines: (TextLine | SkippedLine)[] = [];
  const add = (line: TextLine | SkippedLine): void => {
    lines.push(line);
    onLine?.(line);
  };
  if (engines.includes("shoal")) await benchShoal(bench, corpus, add);
  const peers = textPeerNames.filter((name): name is TextPeerName => engines.includes(name));
  for (const peer of peers) (await benchTextPeer(peer, bench, corpus)).forEach(add);
  onLine?.(summarize(bench, corpus, lines.filter(isMeasured)));
  return lines;
}

type Add = (line: TextLine) => void;

function benchShoal(bench: TextBench, corpus: TextCorpus, add: Add): Promise<void> {
  const { latency, phrases, say, onLine } = bench;
  return withTemporaryFolder("bench", async (stateDir) => {
    const { build, segments } = await buildIndex(bench, corpus, stateDir);
    for (const phase of ["cold", "warm"] as const) {
      await onServer({ stateDir, ...(phase === "cold" && { latency }) }, async (client, pid) => {
        for (const top of answerSizes) {
          say(`shoal, ${phase}, top ${top}`);
          add({
            ...(await measure(bench, corpus, { client, pid, phase, top })),
            ...build,
            segments,
          });
        }
        const lines = await measurePhrases(client, pid, phase, phrases);
        for (const line of lines) {
          const { phrase, cpu_ms_per_query, bytes_per_query, rounds_max } = line;
          say(
            `"${phrase}", ${phase}: ${cpu_ms_per_query} ms of CPU, ` +
              `${Math.round(bytes_per_query / 1000)} KB, ${rounds_max} rounds`,
          );
          onLine?.(line);
        }
      });
    }
  });
}

interface Asked {
  readonly client: ApiClient;
  readonly pid: number;
  readonly phase: Phase;
  readonly top: number;
}

async function measure(
  { coldQueries, runQueriesMin, runSecondsMax }: TextBench,
  { questions }: TextCorpus,
  { client, pid, phase, top }: Asked,
): Promise<Omit<TextLine, keyof TextBuild | "segments">> {
  const asked = phase === "cold" ? questions.slice(0, coldQueries) : questions;
  const bodies = asked.map((text) => ({ rank_by: ["text", "BM25", text], top_k: top }));
  const { answers, runs } =
    phase === "cold"
      ? await measureCold(client, pid, bodies)
      : await measureWarm(client, pid, bodies, runQueriesMin, runSecondsMax);
  const costs = summarizeCosts(answers);
  const { store_requests_per_query, rounds_per_query, bytes_per_query, rounds_max } = costs;
  return {
    bench: "text",
    engine: "shoal",
    phase,
    top_k: top,
    ...summarizeRuns(runs),
    store_requests_per_query,
    rounds_per_query,
    bytes_per_query,
    queries: answers.length,
    rounds_max,
    bytes_max: Math.max(...answers.map(({ performance }) => performance.bytes)),
    before_documents: readsBefore(answers),
  };
}

/** Documents are the last that is read, if any row is found. */
export function readsBefore(answers: readonly QueryAnswer[]): ReadsBefore {
  const split = answers.map(({ rows, performance: { round_bytes } }) => {
    const before = rows.length === 0 ? round_bytes : round_bytes.slice(0, -1);
    const bytes = sum(before);
    return { rounds: before.length, bytes, documents: sum(round_bytes) - bytes };
  });
  return {
    rounds_max: Math.max(...split.map(({ rounds }) => rounds)),
    bytes_per_query: Math.round(mean(split.map(({ bytes }) => bytes))),
    bytes_max: Math.max(...split.map(({ bytes }) => bytes)),
    documents_bytes_per_query: Math.round(mean(split.map(({ documents }) => documents))),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

const batchRows = 1_000;
const writersCount = 4;

async function buildIndex(
  { say }: TextBench,
  { documents, shape: { text_bytes } }: TextCorpus,
  stateDir: string,
): Promise<{ readonly build: TextBuild; readonly segments: number }> {
  const loaded = await onServer({ stateDir }, async (client, pid) => {
    const startedMs = performance.now();
    const secondsSince = () => (performance.now() - startedMs) / 1000;
    const { loaded, cpuSeconds } = await measureCpu(pid, async () => {
      await load(client, documents);
      say(`loaded in ${secondsSince().toFixed(1)} s`);
      await waitUntilIndexed(client, namespace);
      const seconds = secondsSince();
      const { status } = await waitUntilSettled(client);
      return { seconds, segments: status.segments.length };
    });
    say(`indexed in ${loaded.seconds.toFixed(1)} s, at rest ${loaded.segments} segments`);
    return { ...loaded, cpuSeconds };
  });
  const cpu = await ownCpu(loaded.cpuSeconds, stateDir);
  const sections = await countSectionBytes(stateDir);
  say([...sections].map(([kind, bytes]) => `${kind} ${Math.round(bytes / 1000)} KB`).join(", "));
  const kinds = ["postings", "terms", "lengths", "root"];
  const indexBytes = kinds.reduce((sum, kind) => sum + (sections.get(kind) ?? 0), 0);
  const build: TextBuild = {
    rows: documents.length,
    seconds_build: round(loaded.seconds, 2),
    cpu_seconds_build: cpu.cpu_seconds_load,
    mb_per_second: round(text_bytes / 1e6 / loaded.seconds, 2),
    cpu_seconds_puts: cpu.cpu_seconds_puts,
    mb_per_cpu_second: round(text_bytes / 1e6 / cpu.cpu_seconds_own, 2),
    index_bytes: indexBytes,
    index_share: round(indexBytes / text_bytes, 4),
    positions_share: round((sections.get("positions") ?? 0) / text_bytes, 4),
    version: "this tree",
  };
  return { build, segments: loaded.segments };
}

async function load(client: ApiClient, documents: readonly string[]): Promise<void> {
  const schema = { text: { type: "string", full_text_search: true } };
  let next = 0;
  const write = async (): Promise<void> => {
    const from = next;
    next += batchRows;
    const texts = documents.slice(from, from + batchRows);
    const rows = texts.map((text, i) => ({ id: from + i, text }));
    await client.post(namespacePath(namespace), { upsert_rows: rows, schema });
  };
  // The first batch creates the namespace.
  await write();
  const writers = Array.from({ length: writersCount }, async () => {
    while (next < documents.length) await write();
  });
  await Promise.all(writers);
}

function summarize(
  { rows, seed }: TextBench,
  { shape }: TextCorpus,
  lines: readonly TextLine[],
): TextSummary {
  const of = (engine: string, phase: Phase, top: number) =>
    lines.find((line) => line.engine === engine && line.phase === phase && line.top_k === top);
  const cold = lines.filter(({ engine, phase }) => engine === "shoal" && phase === "cold");
  const before = cold.flatMap(({ before_documents }) => before_documents ?? []);
  const cpuOf = (top: number) => of("shoal", "warm", top)?.cpu_ms_per_query ?? 0;
  const ratios = (top: number) =>
    Object.fromEntries(
      lines
        .filter(
          ({ engine, phase, top_k }) => engine !== "shoal" && phase === "warm" && top_k === top,
        )
        .map((line) => [line.engine, round(line.cpu_ms_per_query / cpuOf(top), 2)]),
    );
  return {
    bench: "text",
    summary: true,
    rows,
    seed,
    ...shape,
    cpu_ms_top_10: cpuOf(10),
    cpu_ms_top_100: cpuOf(100),
    mb_per_second: cold[0]?.mb_per_second ?? 0,
    mb_per_cpu_second: cold[0]?.mb_per_cpu_second ?? 0,
    index_share: cold[0]?.index_share ?? 0,
    positions_share: cold[0]?.positions_share ?? 0,
    cold_rounds_max: Math.max(0, ...cold.map(({ rounds_max }) => rounds_max)),
    cold_bytes_max: Math.max(0, ...cold.map(({ bytes_max }) => bytes_max)),
    cold_rounds_before_documents_max: Math.max(0, ...before.map(({ rounds_max }) => rounds_max)),
    cold_bytes_before_documents_max: Math.max(0, ...before.map(({ bytes_max }) => bytes_max)),
    cpu_ratios_top_10: ratios(10),
    cpu_ratios_top_100: ratios(100),
  };
}
