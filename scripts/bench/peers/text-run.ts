/**
 * The process in which a full-text engine is measured: indexes documents until the time is over,
 * answers every question once unmeasured and once measured, and prints messages.
 */
import { readFileSync } from "node:fs";
import type { OpenTextPeer, TextPeer, TextPeerJob, TextPeerMessage } from "./text-peer.ts";

const openers: Readonly<Record<string, () => Promise<OpenTextPeer>>> = {
  minisearch: async () => (await import("./minisearch.ts")).openPeer,
  orama: async () => (await import("./orama.ts")).openPeer,
  "sqlite-fts5": async () => (await import("./sqlite-fts5.ts")).openPeer,
};

const batchRows = 1_000;

interface Corpus {
  readonly documents: readonly string[];
  readonly questions: readonly string[];
}

async function main(job: TextPeerJob): Promise<void> {
  let peer: TextPeer;
  try {
    const open = await openers[job.peer]?.();
    if (open === undefined) throw new Error("there is no such peer");
    peer = await open(job.folder);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    print({ kind: "unavailable", reason: reason.split("\n")[0] ?? reason });
    return;
  }
  const { documents, questions } = JSON.parse(readFileSync(job.corpus, "utf8")) as Corpus;
  await build(peer, documents, job);
  const asked = questions.map((question) => question.toLowerCase().split(" "));
  for (const topK of [10, 100]) {
    await timeRun(peer, asked, topK, job.runSecondsMax);
    const run = await timeRun(peer, asked, topK, job.runSecondsMax);
    print({ kind: "measured", topK, queries: run.latenciesMs.length, run });
  }
}

async function build(
  peer: TextPeer,
  documents: readonly string[],
  { buildSecondsMax }: TextPeerJob,
): Promise<void> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1000;
  let rows = 0;
  while (rows < documents.length && seconds() < buildSecondsMax) {
    const batch = documents.slice(rows, rows + batchRows);
    await peer.add(batch, rows);
    rows += batch.length;
  }
  peer.finish();
  const took = seconds();
  print({
    kind: "built",
    version: peer.version,
    rows,
    textBytes: documents.slice(0, rows).reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    seconds: took,
    cpuSeconds: cpuMsSince(cpu) / 1000,
    indexBytes: peer.size(),
  });
}

/** One question at a time, until all are answered or the time is over. */
async function timeRun(
  peer: TextPeer,
  questions: readonly (readonly string[])[],
  topK: number,
  secondsMax: number,
) {
  const latenciesMs: number[] = [];
  const endMs = performance.now() + secondsMax * 1_000;
  const cpu = process.cpuUsage();
  for (const words of questions) {
    const startedMs = performance.now();
    await peer.search(words, topK);
    latenciesMs.push(performance.now() - startedMs);
    if (performance.now() > endMs) break;
  }
  return { latenciesMs, cpuMsPerRequest: cpuMsSince(cpu) / latenciesMs.length };
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function print(message: TextPeerMessage): void {
  console.log(JSON.stringify(message));
}

await main(JSON.parse(process.argv[2] ?? "{}") as TextPeerJob);
