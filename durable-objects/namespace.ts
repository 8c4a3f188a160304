/**
 * The Namespace object: one per tenant and name, for ever. Thin: holds the identity and the fence
 * that the platform gives it (its own storage), and hands everything to src/owner.ts.
 *
 * Its storage holds two small records, both of which may be lost: `owner` (epoch, next slot,
 * intent) and `jobs`. All objects of a class may share one isolate and its 128 MB, so what is kept
 * in memory to save readers a round is one cache for all of them.
 */

import { DurableObject } from "cloudflare:workers";
import { EngineError } from "../src/errors.ts";
import { limits } from "../src/limits.ts";
import type { StepArguments } from "../src/namespace/build-progress.ts";
import type { JobTable } from "../src/namespace/jobs.ts";
import type { PastPoint } from "../src/namespace/pins.ts";
import type {
  AdoptRequest,
  CommitRequest,
  HeadRequest,
  NamespaceApi,
} from "../src/namespace/protocol.ts";
import type { RecallArguments } from "../src/namespace/recall-history.ts";
import type {
  DeltaArguments,
  FinishArguments,
  UsageArguments,
} from "../src/namespace/usage-history.ts";
import { Owner } from "../src/owner.ts";
import type { Identity, OwnerPorts, OwnerRecord, OwnerStorage } from "../src/owner-ports.ts";
import { ByteLru } from "../src/store/byte-lru.ts";
import { MemoryBudget } from "../src/store/memory-budget.ts";
import { systemClock } from "../workers/platform/clock.ts";
import { namespaceClient } from "../workers/platform/namespace-client.ts";
import { enginePorts } from "../workers/platform/ports.ts";
import { sendHint } from "../workers/platform/queue.ts";
import { openMeter, type UsageMeter } from "../workers/platform/usage-meter.ts";

/** Half of the objects' memory; the other half is for writes that are not durable yet. */
const memory = new ByteLru(limits.objectBytesMax / 2);
const pending = new MemoryBudget(systemClock, {
  bytesMax: limits.objectBytesMax / 2,
  leaseMs: limits.pendingLeaseMs,
});

export class Namespace extends DurableObject<Env> implements NamespaceApi {
  readonly #owner: Owner;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const meter = openMeter("object");
    const ports: OwnerPorts = {
      ...enginePorts(env, meter),
      storage: new ObjectStorage(ctx.storage, meter),
      queue: { send: (hint) => sendHint(env, meter, hint) },
      memory,
      pending,
      defer: (work) => ctx.waitUntil(work),
      abort: (reason) => ctx.abort(reason),
      peer: (tenant, name) => namespaceClient(env, tenant, name, meter),
    };
    this.#owner = new Owner(ports);
  }

  describe(tenant: string, name: string) {
    return this.#owner.describe(tenant, name);
  }

  commit(request: CommitRequest) {
    return this.#owner.commit(request);
  }

  head(request: HeadRequest) {
    return this.#owner.head(request);
  }

  remove(tenant: string, name: string) {
    return this.#owner.remove(tenant, name);
  }

  status(tenant: string, name: string) {
    return this.#owner.status(tenant, name);
  }

  skipEntry(tenant: string, name: string, sequence: number, reason: string) {
    return this.#owner.skipEntry(tenant, name, sequence, reason);
  }

  requestFlush(tenant: string, name: string) {
    return this.#owner.requestFlush(tenant, name);
  }

  claim(tenant: string, name: string) {
    return this.#owner.claim(tenant, name);
  }

  renew(tenant: string, name: string, job: string, attempt: number) {
    return this.#owner.renew(tenant, name, job, attempt);
  }

  progress(tenant: string, name: string, ...of: StepArguments) {
    return this.#owner.progress(tenant, name, ...of);
  }

  ticket(tenant: string, name: string, job: string, attempt: number) {
    return this.#owner.ticket(tenant, name, job, attempt);
  }

  commitDelta(tenant: string, name: string, ...of: DeltaArguments) {
    return this.#owner.commitDelta(tenant, name, ...of);
  }

  finish(tenant: string, name: string, ...of: FinishArguments) {
    return this.#owner.finish(tenant, name, ...of);
  }

  fail(tenant: string, name: string, job: string, attempt: number, reason: string) {
    return this.#owner.fail(tenant, name, job, attempt, reason);
  }

  pin(tenant: string, name: string, at?: PastPoint) {
    return this.#owner.pin(tenant, name, at);
  }

  renewPin(tenant: string, name: string, id: string) {
    return this.#owner.renewPin(tenant, name, id);
  }

  releasePin(tenant: string, name: string, id: string) {
    return this.#owner.releasePin(tenant, name, id);
  }

  noteRecall(tenant: string, name: string, ...of: RecallArguments) {
    return this.#owner.noteRecall(tenant, name, ...of);
  }

  noteUsage(tenant: string, name: string, ...of: UsageArguments) {
    return this.#owner.noteUsage(tenant, name, ...of);
  }

  adopt(request: AdoptRequest) {
    return this.#owner.adopt(request);
  }

  override async alarm(): Promise<void> {
    await this.#owner.alarm(identityOf(this.ctx.id.name));
  }
}

/** Objects are named "<tenant>/<name>"; neither part holds a slash. */
function identityOf(objectName: string | undefined): Identity | undefined {
  const [tenant, name] = (objectName ?? "").split("/");
  return tenant === undefined || name === undefined ? undefined : { tenant, name };
}

/**
 * The platform holds replies and puts issued after a write until it is durable, and fails it if we
 * were replaced.
 */
class ObjectStorage implements OwnerStorage {
  readonly #storage: DurableObjectStorage;
  readonly #meter: UsageMeter;

  constructor(storage: DurableObjectStorage, meter: UsageMeter) {
    this.#storage = storage;
    this.#meter = meter;
  }

  readRecord(): Promise<OwnerRecord | undefined> {
    return this.#storage.get<OwnerRecord>("owner");
  }

  writeRecord(record: OwnerRecord): Promise<void> {
    return this.#write("owner", record);
  }

  readJobs(): Promise<JobTable | undefined> {
    return this.#storage.get<JobTable>("jobs");
  }

  writeJobs(jobs: JobTable): Promise<void> {
    return this.#write("jobs", jobs);
  }

  setAlarm(atMs: number): Promise<void> {
    this.#meter.add("objectWrites");
    return fenced(this.#storage.setAlarm(atMs));
  }

  #write(key: string, value: unknown): Promise<void> {
    this.#meter.add("objectWrites");
    return fenced(this.#storage.put(key, value));
  }
}

/** Its failure means that we were replaced. */
async function fenced(write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    throw new EngineError("fenced", `storage refuses this instance: ${String(error)}`);
  }
}
