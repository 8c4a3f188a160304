/**
 * Measures the peers: each in a process of its own (peers/run.ts, peers/faiss-ivfflat.py), those on
 * object storage against a simulated store, and turns what they print into lines. A peer that
 * cannot be installed, opened or finished gets a line that says why.
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Dataset } from "../datasets.ts";
import { mean, round } from "../quantiles.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import { summarizeRuns } from "./http-queries.ts";
import type { SkippedLine, VectorsLine } from "./lines.ts";
import { spawnObjectStore } from "./object-store/server.ts";
import { installPeers, peersFolder } from "./peer-install.ts";
import type { PeerJob, PeerMessage } from "./peers/peer.ts";
import { costOfMillion } from "./prices.ts";
import { type Question, recallOf, topK } from "./questions.ts";

export const peerNames = ["lancedb", "lancedb-pq", "usearch", "sqlite-vec", "faiss"] as const;
export type PeerName = (typeof peerNames)[number];

export interface PeersBench {
  readonly dataset: Dataset;
  /** Folder of the data set. */
  readonly data: string;
  readonly rows: number;
  readonly questions: readonly Question[];
  readonly coldQueries: number;
  readonly latency: string;
  readonly runSecondsMax: number;
  readonly say: (line: string) => void;
}

type Built = Extract<PeerMessage, { kind: "built" }>;
type MeasuredPeer = Extract<PeerMessage, { kind: "measured" }>;

export async function benchPeer(
  peer: PeerName,
  bench: PeersBench,
): Promise<readonly (VectorsLine | SkippedLine)[]> {
  const skip = (reason: string): SkippedLine => {
    bench.say(`${peer} is skipped: ${reason}`);
    return { bench: "vectors", engine: peer, dataset: bench.dataset.name, skipped: reason };
  };
  const missing = peer === "faiss" ? undefined : installPeers(bench.say);
  if (missing !== undefined) return [skip(missing)];
  bench.say(`${peer}: ${bench.rows} rows, ${bench.questions.length} queries`);
  const { messages, failure } = await runPeer(peer, bench);
  const built = messages.find((message) => message.kind === "built");
  const lines = messages.flatMap((message): (VectorsLine | SkippedLine)[] => {
    if (message.kind === "unavailable") return [skip(message.reason)];
    if (message.kind === "built" || built === undefined) return [];
    return [toLine(peer, bench, built, message)];
  });
  return failure === undefined ? lines : [...lines, skip(failure)];
}

interface PeerOutput<Message = PeerMessage> {
  readonly messages: readonly Message[];
  /** Why the process did not end well. */
  readonly failure: string | undefined;
}

function runPeer(peer: PeerName, bench: PeersBench): Promise<PeerOutput> {
  return withTemporaryFolder("peer", async (temporary) => {
    const store = await spawnObjectStore();
    try {
      const folder = join(temporary, peer);
      mkdirSync(folder);
      const job: PeerJob = {
        peer,
        data: bench.data,
        rows: bench.rows,
        queries: bench.questions.map(({ query }) => query),
        coldQueries: bench.coldQueries,
        topK,
        storeUrl: store.url,
        latency: bench.latency,
        folder,
        runSecondsMax: bench.runSecondsMax,
      };
      return await (peer === "faiss"
        ? collectMessages<PeerMessage>("python3", [
            join(peersFolder, "faiss-ivfflat.py"),
            JSON.stringify(forPython(job, bench)),
          ])
        : collectMessages<PeerMessage>(process.execPath, [
            join(peersFolder, "run.ts"),
            JSON.stringify(job),
          ]));
    } finally {
      await store.stop();
    }
  });
}

/** Python reads plain files of floats rather than our data sets. */
function forPython(job: PeerJob, { dataset, rows, questions }: PeersBench) {
  const base = join(job.folder, "base.f32");
  const vectors = join(job.folder, "vectors.f32");
  writeFileSync(base, new Uint8Array(dataset.base.slice(0, rows).buffer));
  writeFileSync(
    vectors,
    Buffer.concat(questions.map(({ vector }) => new Uint8Array(vector.buffer))),
  );
  return { ...job, base, vectors, metric: dataset.metric, dimensions: dataset.base.dimensions };
}

/** Runs a process and reads the messages that it prints. */
export async function collectMessages<Message>(
  command: string,
  args: readonly string[],
): Promise<PeerOutput<Message>> {
  const env = { ...process.env, LANCE_CPU_THREADS: "16" };
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? undefined : `its process ended with ${signal ?? code}`),
    );
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const failure = await ended;
  const messages = out.split("\n").flatMap((line): Message[] => {
    return line.startsWith("{") ? [JSON.parse(line) as Message] : [];
  });
  const lastWords =
    err
      .trim()
      .split("\n")
      .findLast((line) => /error/i.test(line)) ?? "";
  return {
    messages,
    failure: failure === undefined ? undefined : `${failure} ${lastWords}`.trim(),
  };
}

function toLine(
  peer: PeerName,
  { dataset, rows, questions, latency }: PeersBench,
  built: Built,
  { setting, phase, answers, runs, traffic, memoryPeakMb }: MeasuredPeer,
): VectorsLine {
  const times = summarizeRuns(runs);
  const requests = traffic.map((each) => each.requests);
  const lists = mean(traffic.map(({ list }) => list));
  const rounds = traffic.map((each) => each.rounds);
  const cost = costOfMillion({
    storeReads: mean(requests) - lists,
    storeLists: lists,
    cpuMs: times.cpu_ms_per_query,
    workerRequests: 0,
    objectCalls: 0,
  });
  return {
    bench: "vectors",
    engine: peer,
    dataset: dataset.name,
    phase,
    rows,
    recall_at_10: round(recallOf(questions, answers, rows), 4),
    ...times,
    store_requests_per_query: round(mean(requests), 2),
    rounds_per_query: round(mean(rounds), 2),
    bytes_per_query: Math.round(mean(traffic.map(({ bytesRead }) => bytesRead))),
    queries: answers.length,
    store_requests_max: Math.max(0, ...requests),
    rounds_max: Math.max(0, ...rounds),
    scored_share: null,
    segments: null,
    seconds_load: round(built.secondsLoad, 2),
    seconds_indexed: round(built.secondsIndexed, 2),
    latency: built.place === "object storage" ? latency : "",
    object_latency_ms: null,
    setting,
    plan: null,
    version: built.version,
    place: built.place,
    store_lists_per_query: round(lists, 2),
    cpu_seconds_build: round(built.cpuSeconds, 2),
    rows_per_cpu_second: null,
    memory_peak_mb: Math.round(memoryPeakMb),
    search_cpu_ms_per_query: times.cpu_ms_per_query,
    usd_per_million_queries: round(cost, 2),
  };
}
