/**
 * The process of one peer: opens it, builds its index, measures each of its settings, and prints
 * what came out as lines of JSON (PeerMessage). A process of its own, so that CPU time and memory
 * are the peer's alone.
 *
 *   node scripts/bench/peers/run.ts <job as JSON>
 *
 * warm   all queries once, then three runs over them
 * cold   each query once, on nothing remembered, while the object store waits
 */
import { openDataset } from "../../datasets.ts";
import { controlObjectStore } from "../object-store/control.ts";
import type { TrafficSummary } from "../object-store/traffic.ts";
import type { Peer, PeerJob, PeerMessage, PeerSetting, Search } from "./peer.ts";

const measuredRuns = 3;

const openers: Readonly<Record<string, () => Promise<Peer>>> = {
  lancedb: async () => (await import("./lancedb.ts")).openPeer("ivfRq"),
  "lancedb-pq": async () => (await import("./lancedb.ts")).openPeer("ivfPq"),
  usearch: async () => (await import("./usearch.ts")).openPeer(),
  "sqlite-vec": async () => (await import("./sqlite-vec.ts")).openPeer(),
};

async function main(job: PeerJob): Promise<void> {
  let peer: Peer;
  try {
    const open = openers[job.peer];
    if (open === undefined) throw new Error("there is no such peer");
    peer = await open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    print({ kind: "unavailable", reason: reason.split("\n")[0] ?? reason });
    return;
  }
  const { metric, base, queries } = openDataset(job.data);
  const { rows, topK, storeUrl, folder } = job;
  const vectors = job.queries.map((query) => queries.slice(query, query + 1));
  const store = controlObjectStore(storeUrl);
  const before = process.cpuUsage();
  const built = await peer.build({ metric, base, rows, topK, storeUrl, folder });
  const cpuSeconds = cpuMsSince(before) / 1000;
  const { secondsLoad, secondsIndexed, settings } = built;
  const { version, place } = peer;
  print({ kind: "built", version, place, secondsLoad, secondsIndexed, cpuSeconds });
  await store.setLatency(job.latency);
  const takeTraffic = () => store.takeTraffic();
  for (const setting of settings) {
    if (setting.cold !== undefined) {
      const some = vectors.slice(0, job.coldQueries);
      await measureCold(job, setting, setting.cold, some, takeTraffic);
    }
    await measureWarm(job, setting, vectors, takeTraffic);
  }
  built.close();
}

type TakeTraffic = () => Promise<TrafficSummary>;

async function measureCold(
  job: PeerJob,
  { label }: PeerSetting,
  cold: Search,
  vectors: readonly Float32Array[],
  takeTraffic: TakeTraffic,
): Promise<void> {
  const traffic: TrafficSummary[] = [];
  await takeTraffic();
  const run = await timeRun(job, vectors, cold, async () => void traffic.push(await takeTraffic()));
  report(label, "cold", [run], traffic);
}

async function measureWarm(
  job: PeerJob,
  { label, warm }: PeerSetting,
  vectors: readonly Float32Array[],
  takeTraffic: TakeTraffic,
): Promise<void> {
  await timeRun(job, vectors, warm);
  const runs: TimedRun[] = [];
  for (let i = 0; i < measuredRuns; i++) runs.push(await timeRun(job, vectors, warm));
  // Once more with counting, which would disturb what is timed.
  const traffic: TrafficSummary[] = [];
  await takeTraffic();
  const some = vectors.slice(0, job.coldQueries);
  await timeRun(job, some, warm, async () => void traffic.push(await takeTraffic()));
  report(label, "warm", runs, traffic);
}

interface TimedRun {
  readonly answers: readonly (readonly number[])[];
  readonly latenciesMs: readonly number[];
  readonly cpuMsPerRequest: number;
}

/** One query at a time, until all are answered or the time is over. */
async function timeRun(
  job: PeerJob,
  vectors: readonly Float32Array[],
  search: Search,
  afterEach?: () => Promise<void>,
): Promise<TimedRun> {
  const answers: (readonly number[])[] = [];
  const latenciesMs: number[] = [];
  const endMs = performance.now() + job.runSecondsMax * 1_000;
  let cpuMs = 0;
  for (const vector of vectors) {
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    answers.push(await search(vector));
    latenciesMs.push(performance.now() - startedMs);
    cpuMs += cpuMsSince(cpu);
    await afterEach?.();
    if (performance.now() > endMs) break;
  }
  return { answers, latenciesMs, cpuMsPerRequest: cpuMs / answers.length };
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function report(
  setting: string,
  phase: "cold" | "warm",
  runs: readonly TimedRun[],
  traffic: readonly TrafficSummary[],
): void {
  print({
    kind: "measured",
    setting,
    phase,
    answers: runs[0]?.answers ?? [],
    runs: runs.map(({ latenciesMs, cpuMsPerRequest }) => ({ latenciesMs, cpuMsPerRequest })),
    traffic,
    memoryPeakMb: process.resourceUsage().maxRSS / 1_000,
  });
}

function print(message: PeerMessage): void {
  console.log(JSON.stringify(message));
}

await main(JSON.parse(process.argv[2] ?? "{}") as PeerJob);
// Native code of a peer may keep threads that would keep the process.
process.exit(0);
