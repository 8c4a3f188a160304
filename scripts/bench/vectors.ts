/**
 * Ours and peers in one run: the same rows, the same queries, the same judge of recall, the same
 * waiting for object storage. One engine at a time, so that none competes with another.
 *
 * What differs, and cannot be helped: ours answers HTTP with JSON inside a simulated platform and
 * always looks for newer writes; peers are called in their own process. Their CPU time is the
 * process's, ours the runtime's less an empty request's.
 */
import type { Dataset } from "../datasets.ts";
import type { SkippedLine, VectorsLine } from "./lines.ts";
import { benchPeer, type PeerName, peerNames } from "./peer-engines.ts";
import { prepareQuestions } from "./questions.ts";
import { benchShoal } from "./shoal-engine.ts";

export const engineNames = ["shoal", ...peerNames] as const;
export type EngineName = (typeof engineNames)[number];
/** Without product quantisation, whose index takes minutes to build at 784 dimensions. */
export const enginesDefault: readonly EngineName[] = engineNames.filter(
  (name) => name !== "lancedb-pq",
);

export interface VectorsBench {
  readonly dataset: Dataset;
  /** Folder of the data set. */
  readonly data: string;
  readonly engines: readonly EngineName[];
  /** The first rows of the data set. */
  readonly rows: number;
  readonly queries: number;
  /** Of them, so many are asked cold. */
  readonly coldQueries: number;
  /** Orders the queries. */
  readonly seed: number;
  /** Waiting added to requests to object storage, as src/store/latency-store.ts reads it. */
  readonly latency: string;
  /** Waiting added to each call of our object: the distance from a Worker to it. */
  readonly objectLatencyMs: number;
  /** Queries of a warm run of ours at least; fewer make CPU times coarse. */
  readonly runQueriesMin: number;
  /** A run ends early after this time: slow engines need no thousand queries to be measured. */
  readonly runSecondsMax: number;
  /** Called for each line once it is known: a long run that is cut off has told what it knew. */
  readonly onLine?: (line: VectorsLine | SkippedLine) => void;
  readonly say: (line: string) => void;
}

export async function benchVectors(
  bench: VectorsBench,
): Promise<readonly (VectorsLine | SkippedLine)[]> {
  const lines: (VectorsLine | SkippedLine)[] = [];
  const add = (line: VectorsLine | SkippedLine): void => {
    lines.push(line);
    bench.onLine?.(line);
  };
  if (bench.engines.includes("shoal")) await benchShoal(bench, add);
  const peers = peerNames.filter((name): name is PeerName => bench.engines.includes(name));
  if (peers.length === 0) return lines;
  const questions = await prepareQuestions(bench);
  for (const peer of peers) (await benchPeer(peer, { ...bench, questions })).forEach(add);
  return lines;
}
