/**
 * The queue and its consumers: hints are lost, repeated, late and out of order; consumers claim
 * jobs, run them with the real code, and die in the middle. Besides, the cron that visits graves.
 */
import { collect, isVisitDue, purge } from "../../src/collect.ts";
import { compact } from "../../src/compact.ts";
import { heartbeat } from "../../src/compact-resolve.ts";
import { type Grave, openGrave } from "../../src/format/registry.ts";
import { scalarKernels } from "../../src/kernels/scalar.ts";
import { limits } from "../../src/limits.ts";
import { type Job, type NamespaceApi, replyValue } from "../../src/namespace/protocol.ts";
import type { Identity } from "../../src/owner-ports.ts";
import type { IndexPorts, JobHint } from "../../src/ports.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import { takeSnapshot } from "../../src/snapshot.ts";
import { gravePrefix } from "../../src/store/keys.ts";
import { RetryingStore } from "../../src/store/retrying-store.ts";
import { warm } from "../../src/warm.ts";
import { syncDigest } from "../sync-digest.ts";
import { searchPorts } from "./clients.ts";
import { callOwner } from "./owner-client.ts";
import { Process } from "./process.ts";
import type { World } from "./world.ts";
import { Writer } from "./writers.ts";

const invocationMs = 8 * 60_000;
const hostMs = 15 * 60_000;
/** Longer than a lease, shorter than the grace: what lives longer may write into a purged life. */
const sleepHoursMax = 0.9;

const usageOfJob = {
  reads: 1,
  writes: 1,
  deletes: 0,
  bytesRead: 1,
  bytesWritten: 1,
  objectCalls: 1,
};

export class SimQueue {
  readonly #world: World;
  readonly #consumers: Consumer[];
  /** Hints that came while their consumer was busy. */
  #waiting: JobHint[] = [];

  constructor(world: World, consumers: number) {
    this.#world = world;
    this.#consumers = Array.from({ length: consumers }, (_, i) => new Consumer(world, i));
  }

  get isBusy(): boolean {
    return this.#consumers.some(({ busy }) => busy);
  }

  send(hint: JobHint): void {
    const { faults, random } = this.#world;
    if (faults.strikes("hint-lost")) return;
    const copies = faults.strikes("hint-repeated") ? 3 : 1;
    for (let i = 0; i < copies; i++) {
      const late = faults.strikes("hint-late") ? random.spread(1_000, 3_600_000) : 0;
      this.#deliver(hint, random.spread(5, 500) + late);
    }
  }

  #deliver(hint: JobHint, delayMs: number): void {
    const { scheduler, random } = this.#world;
    scheduler.after(delayMs, "hint", () => {
      const consumer = random.pick(this.#consumers);
      if (consumer.busy) {
        this.#waiting.push(hint);
        return;
      }
      consumer.consume(hint, (again) => {
        if (again) this.#deliver(hint, 1_000);
        // Up to four travel together from then on.
        const [next] = this.#waiting.splice(0, 4);
        if (next !== undefined) this.#deliver(next, 1_000);
      });
    });
  }
}

class Consumer {
  readonly #world: World;
  readonly #index: number;
  #process: Process;
  #lives = 0;
  busy = false;

  constructor(world: World, index: number) {
    this.#world = world;
    this.#index = index;
    this.#process = new Process(world, `consumer ${index}`, sleepHoursMax);
  }

  consume(hint: JobHint, done: (again: boolean) => void): void {
    this.busy = true;
    const process = this.#process;
    const { faults, scheduler, random } = this.#world;
    let ended = false;
    const end = (again: boolean): void => {
      if (ended) return;
      ended = true;
      this.busy = false;
      done(again);
    };
    const replace = (): void => {
      if (ended) return;
      this.#lives += 1;
      const name = `consumer ${this.#index}.${this.#lives}`;
      this.#process = new Process(this.#world, name, sleepHoursMax);
      end(random.chance(0.5));
    };
    // The platform starts another, and an old one that sleeps may wake up beside it.
    scheduler.after(hostMs, "consumer is late", replace);
    if (faults.strikes("consumer-crash")) {
      scheduler.after(random.spread(1, 5_000), "consumer dies", () => {
        if (!ended) process.kill();
        replace();
      });
    }
    this.#runDue(process, hint).then(end, (error: unknown) => {
      this.#world.mustBeEngineError(error, "consumer");
      end(false);
    });
  }

  async #runDue(process: Process, identity: Identity): Promise<boolean> {
    // By an isolate that has nothing yet.
    const ports = { ...searchPorts(process), ...consumerPorts(process) };
    const api = callOwner(process, identity.name);
    const endMs = this.#world.scheduler.nowMs + invocationMs;
    while (this.#world.scheduler.nowMs < endMs) {
      const job = replyValue(await api.claim(identity.tenant, identity.name));
      if (job === undefined) return false;
      await this.#runJob(ports, stalling(process, api, identity, job), identity, job);
      if (this.#world.random.chance(0.05)) await this.#noteRecall(api, identity, job);
    }
    return true;
  }

  /** As if a query had been compared with the truth; the life may be another by now. */
  async #noteRecall(api: NamespaceApi, { tenant, name }: Identity, job: Job): Promise<void> {
    const sample = { recall: this.#world.random.below(11) / 10, probes: 1 };
    const reply = await api.noteRecall(tenant, name, job.generation, sample);
    if (reply.ok) {
      this.#world.faults.saw(reply.value ? "recall: noted" : "recall: of another life");
    }
    // A life that never was: whatever it has found says nothing about this one.
    const foreign = await api.noteRecall(tenant, name, `${job.generation}x`, sample);
    if (foreign.ok && foreign.value) {
      this.#world.violate("recall", `${name}: a sample of another life was noted`);
    }
    await api.noteUsage(tenant, name, job.kind, usageOfJob);
  }

  async #runJob(
    ports: SearchPorts,
    api: NamespaceApi,
    identity: Identity,
    job: Job,
  ): Promise<void> {
    const world = this.#world;
    const { tenant, name } = identity;
    const beat = heartbeat({ ports, api, identity, job });
    try {
      switch (job.kind) {
        case "flush":
        case "merge":
          if (job.progress !== undefined) world.faults.saw("merge: went on from a step");
          else if (job.kind === "merge" && job.attempt > 2) world.faults.saw("merge: began anew");
          if (await compact({ ports, api, identity, job })) {
            world.faults.saw(`job: ${job.kind}`);
          }
          break;
        case "collect": {
          const { version, kept } = await collect(ports, tenant, job, beat);
          world.faults.saw("job: collect");
          if (kept.dead.some(({ kind }) => kind !== "ref")) world.faults.saw("collect: held");
          replyValue(await api.finish(tenant, name, job.id, job.attempt, version, kept));
          break;
        }
        case "purge":
          await purge(ports, tenant, job.grave ?? "", beat);
          world.faults.saw("job: purge");
          replyValue(await api.finish(tenant, name, job.id, job.attempt, 0));
          break;
        case "warm": {
          const cache = ports.memory.snapshots;
          const target = { ...identity, owner: api };
          await warm(ports, await takeSnapshot(ports, cache, target, "strong", undefined));
          world.faults.saw("job: warm");
          replyValue(await api.finish(tenant, name, job.id, job.attempt, 0));
          break;
        }
      }
    } catch (error) {
      world.mustBeEngineError(error, `job ${job.kind}`);
      if (/record hash/.test(String(error))) world.violate("refused record", String(error));
      world.faults.saw("job: failed");
      await api.fail(tenant, name, job.id, job.attempt, String(error));
    }
  }
}

/**
 * Just when it has a ticket, or has built what it is about to ask one for, its host gives it no
 * turn, so long that another's turn may come. Where jobs are what the world is about, that is a
 * merge, and meanwhile there is something to flush: what it must not miss.
 */
function stalling(
  process: Process,
  api: NamespaceApi,
  { name }: Identity,
  { kind }: Job,
): NamespaceApi {
  const { faults, random, emphasis } = process.world;
  const isAboutMerges = emphasis === "jobs" || emphasis === "shards";
  if (isAboutMerges && kind !== "merge") return api;
  const stallMsMax = isAboutMerges ? 20_000 : limits.leaseMs;
  return {
    ...api,
    ticket: async (...args) => {
      if (faults.strikes("consumer-stalls")) {
        const isDisturbed = emphasis === "shards";
        if (isDisturbed) void disturb(process.world, name);
        // What is flushed meanwhile is to be in its segment before the merge goes on.
        await process.pause(random.spread(isDisturbed ? 3_000 : 100, stallMsMax / 2), "stall");
      }
      const reply = await api.ticket(...args);
      const isGranted = reply.ok && reply.value.kind === "granted";
      if (isGranted && faults.strikes("consumer-stalls")) {
        if (emphasis === "jobs") void disturb(process.world, name);
        await process.pause(random.spread(1_000, stallMsMax), "stall");
      }
      return reply;
    },
  };
}

/** Writes, and asks for a flush. */
async function disturb(world: World, name: string): Promise<void> {
  const process = new Process(world, "beside a merge");
  const { tenant, queue } = world;
  try {
    for (let writes = 0; writes < 3; writes += 1) {
      world.again();
      await new Writer(process, searchPorts(process), world.named(name), new Map()).write();
    }
    replyValue(await callOwner(process, name).requestFlush(tenant, name));
    queue.send({ tenant, name });
  } catch (error) {
    world.mustBeEngineError(error, "beside a merge");
  }
}

function consumerPorts(process: Process): IndexPorts {
  const { world, clock } = process;
  const ports = { clock, random: world.random, digest: syncDigest, log: world.log };
  const store = new RetryingStore(world.store.view(process), ports);
  return { ...ports, store, kernels: scalarKernels };
}

/** Once an hour: purges generations deleted longer ago than the grace. */
export function startCron(world: World): void {
  const process = new Process(world, "cron");
  const ports = consumerPorts(process);
  const { tenant } = world;
  // What is in one never changes.
  const graves = new Map<string, Grave>();
  const sweep = async (): Promise<void> => {
    const page = await ports.store.list(gravePrefix(tenant));
    for (const { key } of page.objects) {
      const stored = graves.has(key) ? undefined : await ports.store.get(key);
      if (stored !== undefined) graves.set(key, await openGrave(stored.bytes, syncDigest));
      const grave = graves.get(key);
      if (!grave || !isVisitDue(grave, ports.clock.now())) continue;
      const owner = callOwner(process, grave.name);
      const present = replyValue(await owner.describe(tenant, grave.name));
      if (present.generation !== grave.generation) await purge(ports, tenant, grave.generation);
    }
  };
  const tick = (): void => {
    sweep().catch((error: unknown) => world.mustBeEngineError(error, "cron"));
    world.scheduler.after(3_600_000, "cron", tick);
  };
  world.scheduler.after(3_600_000, "cron", tick);
}
