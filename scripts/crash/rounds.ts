/**
 * The kill test: clients write, everything is killed at once, and what was acknowledged must be
 * there.
 *
 * Each round:
 * 1. Clients write for a random time, while the server is asked again and again to index.
 * 2. SIGKILL to the whole process group of the server, so that nothing of it can finish or clean
 *    up.
 * 3. A new server on the same state. Recovery: from its first moment to its first strong answer.
 * 4. Strong queries in the order of ids read every document; some are also looked up by vector.
 *    The ledger compares.
 *
 * The moments of the kills and the writes come from the seed; what happens between them does not.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createPrng, type Prng } from "../../src/index/vector/prng.ts";
import { ApiClient, namespacePath } from "../api-client.ts";
import { flushNow, indexStatus } from "../index-status.ts";
import { newApiKey } from "../local-key.ts";
import { type Shoal, spawnShoal } from "../miniflare.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import { Ledger, type Operation } from "./ledger.ts";
import { checksumOf, type Document, makeDocument, type Writer, writeUntil } from "./writer.ts";

export interface KillTest {
  readonly kills: number;
  readonly clients: number;
  readonly seed: number;
  readonly onRound: (round: KillRound) => void;
}

export interface KillRound {
  readonly kill: number;
  /** Writing before it, in ms. */
  readonly after_ms: number;
  /** Operations acknowledged so far. */
  readonly acknowledged: number;
  /** Batches without an answer, and those of them that turned out to be applied. */
  readonly in_doubt: number;
  readonly in_doubt_applied: number;
  readonly documents: number;
  readonly segments: number;
  readonly manifest_version: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly torn: number;
  readonly recovery_ms: number;
  readonly complaints: readonly string[];
}

const namespace = "kill";
const writeMsMin = 300;
const writeMsMax = 6_000;
const flushEveryMs = 400;
const pageRows = 1_000;
const lookups = 20;
const recoveryMsMax = 60_000;
/** A read that is told to come back later may do so for this long. */
const readMsMax = 10_000;
const complaintsShown = 10;

export function runKills(test: KillTest): Promise<readonly KillRound[]> {
  return withTemporaryFolder("kill", (stateDir) => killRepeatedly(test, stateDir));
}

async function killRepeatedly(test: KillTest, stateDir: string): Promise<readonly KillRound[]> {
  const apiKey = newApiKey();
  const start = (): Promise<Shoal> => spawnShoal({ stateDir, apiKey });
  const clientOf = ({ directUrl }: Shoal): ApiClient => new ApiClient({ url: directUrl, apiKey });
  const prng = createPrng({ low: test.seed >>> 0, high: 0 });
  const writers = Array.from(
    { length: test.clients },
    (_, client): Writer => ({
      client,
      version: 0,
      prng: createPrng({ low: test.seed >>> 0, high: 0 }, client + 1),
    }),
  );
  const ledger = new Ledger();
  const rounds: KillRound[] = [];
  let server = await start();
  try {
    for (let kill = 1; kill <= test.kills; kill++) {
      const afterMs = writeMsMin + prng.below(writeMsMax - writeMsMin);
      await writeAndKill(server, clientOf(server), writers, ledger, afterMs);
      server = await start();
      const api = clientOf(server);
      const recoveryMs = await firstStrongAnswer(api);
      const round = await inspect(api, ledger, prng);
      rounds.push({ kill, after_ms: afterMs, ...round, recovery_ms: recoveryMs });
      test.onRound(rounds.at(-1) as KillRound);
    }
    return rounds;
  } finally {
    await server.stop();
  }
}

async function writeAndKill(
  server: Shoal,
  api: ApiClient,
  writers: readonly Writer[],
  ledger: Ledger,
  afterMs: number,
): Promise<void> {
  let killed = false;
  const isKilled = (): boolean => killed;
  const work = Promise.all([
    keepIndexing(isKilled, api),
    ...writers.map((writer) => writeUntil(isKilled, api, namespace, writer, ledger)),
  ]);
  try {
    // A client that fails ends the test, but not before the server is gone.
    await Promise.race([work, sleep(afterMs)]);
  } finally {
    killed = true;
    process.kill(-server.pid, "SIGKILL");
  }
  await work;
  await groupGone(server.pid);
}

/** Asks for flushes, so that jobs are always under way when the server dies. */
async function keepIndexing(stopped: () => boolean, api: ApiClient): Promise<void> {
  while (!stopped()) {
    await sleep(flushEveryMs);
    // The first ask may come before the namespace is there, the last after the server is gone.
    await flushNow(api, namespace, { patienceMs: 0 }).catch(() => undefined);
  }
}

async function groupGone(pid: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < 5_000; waitedMs += 20) {
    try {
      process.kill(-pid, 0);
    } catch {
      return;
    }
    await sleep(20);
  }
}

async function firstStrongAnswer(api: ApiClient): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    try {
      await readPage(api, -1, 1, 0);
      return Math.round(performance.now() - startedMs);
    } catch (error) {
      if (performance.now() - startedMs > recoveryMsMax) throw error;
      await sleep(5);
    }
  }
}

type Stored = Pick<Document, "id" | "client" | "version" | "checksum">;

async function readPage(
  api: ApiClient,
  afterId: number,
  limit: number,
  patienceMs: number,
): Promise<Stored[]> {
  const { rows } = await api.post<{ rows: Stored[] }>(
    `${namespacePath(namespace)}/query`,
    {
      rank_by: ["id", "asc"],
      limit,
      include_attributes: ["client", "version", "checksum"],
      ...(afterId >= 0 && { filters: ["id", "Gt", afterId] }),
    },
    { patienceMs },
  );
  return rows;
}

type Inspection = Omit<KillRound, "kill" | "after_ms" | "recovery_ms">;

async function inspect(api: ApiClient, ledger: Ledger, prng: Prng): Promise<Inspection> {
  const stored: Stored[] = [];
  for (;;) {
    const page = await readPage(api, stored.at(-1)?.id ?? -1, pageRows, readMsMax);
    stored.push(...page);
    if (page.length < pageRows) break;
  }
  const damaged = stored
    .filter((row) => !isIntact(row))
    .map(({ id }) => `document ${id} is damaged`);
  const inDoubt = ledger.batchesInDoubt;
  const found = stored.map(({ id, version }): Operation => ({ id, version }));
  const { lost, duplicated, torn, applied, complaints } = ledger.settle(found);
  const missed = await lookUp(api, stored, prng);
  const { segments, manifest_version } = await indexStatus(api, namespace);
  return {
    acknowledged: ledger.acknowledgedOperations,
    in_doubt: inDoubt,
    in_doubt_applied: applied,
    documents: stored.length,
    segments: segments.length,
    manifest_version,
    lost: lost + missed.length,
    duplicated: duplicated + damaged.length,
    torn,
    complaints: [...complaints, ...damaged, ...missed].slice(0, complaintsShown),
  };
}

function isIntact({ id, client, version, checksum }: Stored): boolean {
  return checksum === checksumOf(client, id, version);
}

/** The nearest document to a document's vector is that document, once. */
async function lookUp(api: ApiClient, stored: readonly Stored[], prng: Prng): Promise<string[]> {
  const missed: string[] = [];
  for (let i = 0; i < Math.min(lookups, stored.length); i++) {
    const { id, client, version } = stored[prng.below(stored.length)] as Stored;
    const { vector } = makeDocument(client, id, version);
    const { rows } = await api.post<{ rows: readonly { readonly id: number }[] }>(
      `${namespacePath(namespace)}/query`,
      { rank_by: ["vector", "ANN", vector], top_k: 10 },
      { patienceMs: readMsMax },
    );
    const ids = rows.map((row) => row.id);
    if (ids[0] !== id || new Set(ids).size !== ids.length) {
      missed.push(`a search for the vector of document ${id} found ${ids.join(", ")}`);
    }
  }
  return missed;
}
