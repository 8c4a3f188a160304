/**
 * The kill test: clients write, everything is killed at once, and what was acknowledged must be
 * there.
 *
 * Each round:
 * 1. Clients write for a random time, while the server is asked again and again to index.
 * 2. SIGKILL to the whole process group of the server, so that nothing of it can finish or clean
 *    up.
 * 3. Wiped: what the namespaces' objects stored is removed; the bucket stays.
 * 4. A new server on the same state; how long until its first strong answer (recovery.ts).
 * 5. Everything is read back and compared (inspection.ts).
 *
 * After the last round everything is indexed and read back once more.
 *
 * With a tail (`unflushed`) the queue has no consumer, as if the compactor were down: hints go
 * unheard, so every entry stays in the log. It is made of that many writes, each awaited before
 * the next is sent, which makes each an entry of its own. For the last reading the consumer is
 * back.
 *
 * The moments of the kills and the writes come from the seed; what happens between them does not.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createPrng } from "../../src/index/vector/prng.ts";
import type { ApiClient } from "../api-client.ts";
import { flushNow, indexStatus, waitUntilIndexed } from "../index-status.ts";
import { newApiKey } from "../local-key.ts";
import type { Shoal } from "../miniflare.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import { type Inspection, inspect } from "./inspection.ts";
import { Ledger } from "./ledger.ts";
import { startAndMeasure, startServer } from "./recovery.ts";
import { type Writer, writeSingly, writeUntil } from "./writer.ts";

export interface KillTest {
  readonly kills: number;
  readonly clients: number;
  readonly seed: number;
  /** Log entries that must be unindexed at each kill; 0: as it comes. */
  readonly unflushed: number;
  /** Removes what the objects stored at each kill. */
  readonly wipe: boolean;
  readonly onTail: (entries: number) => void;
  readonly onRound: (round: KillRound) => void;
}

export interface KillRound extends Inspection {
  readonly kill: number;
  /** Writing before it, in ms. */
  readonly after_ms: number;
  readonly recovery_ms: number;
  /** All of the round: writing, killing, starting, reading back. */
  readonly round_ms: number;
}

export interface KillResult {
  readonly rounds: readonly KillRound[];
  /** When everything was indexed. */
  readonly end: Inspection;
}

const namespace = "kill";
const writeMsMin = 200;
const writeMsMax = 3_200;
const flushEveryMs = 400;
const tailReportEvery = 100;

export function runKills(test: KillTest): Promise<KillResult> {
  return withTemporaryFolder("kill", (stateDir) => killRepeatedly(test, stateDir));
}

async function killRepeatedly(test: KillTest, stateDir: string): Promise<KillResult> {
  const { clients, unflushed } = test;
  const writers = Array.from({ length: clients }, (_, i) => newWriter(test, i));
  const prng = createPrng({ low: test.seed >>> 0, high: 0 });
  const ledger = new Ledger();
  const options = { stateDir, apiKey: newApiKey(), consumesQueue: unflushed === 0 };
  const rounds: KillRound[] = [];
  let running = await startServer(options);
  try {
    if (unflushed > 0) await growTail(running.api, newWriter(test, clients), ledger, test);
    for (let kill = 1; kill <= test.kills; kill++) {
      const startedMs = performance.now();
      const afterMs = writeMsMin + prng.below(writeMsMax - writeMsMin);
      await writeAndKill(running.server, running.api, writers, ledger, afterMs);
      if (test.wipe) rmSync(join(stateDir, "do"), { recursive: true });
      const recovered = await startAndMeasure(options, namespace);
      running = recovered;
      const found = await inspect(running.api, namespace, ledger, prng);
      const round: KillRound = {
        kill,
        after_ms: afterMs,
        ...found,
        recovery_ms: recovered.recoveryMs,
        round_ms: Math.round(performance.now() - startedMs),
      };
      rounds.push(round);
      test.onRound(round);
    }
    if (unflushed > 0) {
      await running.server.stop();
      running = await startServer({ ...options, consumesQueue: true });
    }
    await waitUntilIndexed(running.api, namespace);
    return { rounds, end: await inspect(running.api, namespace, ledger, prng) };
  } finally {
    await running.server.stop();
  }
}

function newWriter({ seed, unflushed }: KillTest, client: number): Writer {
  const prng = createPrng({ low: seed >>> 0, high: 0 }, client + 1);
  return { client, disableBackpressure: unflushed > 0, version: 0, prng };
}

async function growTail(
  api: ApiClient,
  writer: Writer,
  ledger: Ledger,
  { unflushed, onTail }: KillTest,
): Promise<void> {
  for (let entries = 0; entries < unflushed; ) {
    const count = Math.min(tailReportEvery, unflushed - entries);
    await writeSingly(api, namespace, writer, ledger, count);
    const { head, floor } = await indexStatus(api, namespace);
    entries = head - floor;
    onTail(entries);
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
