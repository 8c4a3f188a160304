/**
 * The owner of a namespace: the one place that orders its writes, publishes its manifests and
 * leases its jobs. One instance runs inside each Namespace object; everything it knows is rebuilt
 * from object storage by recover.ts.
 *
 *   write    commit.ts    group commit of batches into the log
 *   publish  publish.ts   manifests, `current`, registry
 *   jobs     owner-jobs.ts what is due, leases, tickets, deltas
 *
 * `head` takes its snapshot in one turn of an instance that has settled its open slot: it holds
 * everything acknowledged before the call began, even if this instance is replaced a moment later.
 */

import { encodeHex } from "./bytes/hex.ts";
import { describe, GroupCommit } from "./commit.ts";
import { assert, EngineError, isEngineError } from "./errors.ts";
import type { Delta } from "./format/manifest.ts";
import { limits } from "./limits.ts";
import {
  type CommitReply,
  type CommitRequest,
  type DeltaReply,
  type HeadReply,
  type HeadRequest,
  type IndexStatus,
  type InlineObjects,
  type Job,
  type NamespaceApi,
  type NamespaceDescription,
  protocolVersion,
  type Reply,
  replyError,
  type TicketReply,
} from "./namespace/protocol.ts";
import { exists, firstManifest, type NamespaceState, stateAtFloor } from "./namespace/state.ts";
import { headReply } from "./owner-head.ts";
import { OwnerJobs } from "./owner-jobs.ts";
import type { Identity, OwnerPorts } from "./owner-ports.ts";
import { digGrave, movePointer, writeRegistry } from "./publish.ts";
import { type RegistryView, readPointer, recover } from "./recover.ts";
import { generationRoot } from "./store/keys.ts";

export class Owner implements NamespaceApi {
  readonly #ports: OwnerPorts;
  #identity: Identity | undefined;
  #starting: Promise<void> | undefined;
  #started = false;
  #state: NamespaceState = stateAtFloor(firstManifest("0".repeat(32)), false);
  #registry: RegistryView = { entry: undefined, etag: undefined };
  #epoch = 0;
  #pointer: { version: number; etag: string | undefined; movedMs: number };
  #ending: Promise<void> | undefined;
  readonly #commits: GroupCommit;
  readonly #jobs: OwnerJobs;

  constructor(ports: OwnerPorts) {
    this.#ports = ports;
    this.#pointer = { version: 0, etag: undefined, movedMs: 0 };
    const host = {
      identity: (): Identity => this.#known(),
      state: (): NamespaceState => this.#state,
      epoch: (): number => this.#epoch,
      setState: (state: NamespaceState): void => {
        this.#state = state;
      },
      record: (intent: number | undefined): Promise<void> => this.#record(intent),
    };
    this.#jobs = new OwnerJobs(ports, { ...host, movePointer: () => this.#movePointer() });
    this.#commits = new GroupCommit(ports, {
      ...host,
      register: () => this.#register(),
      committed: (sequence, bytes) => {
        ports.memory.put(`${this.#state.generation}/wal/${sequence}`, bytes);
        this.#jobs.hint();
      },
    });
  }

  describe(tenant: string, name: string): Promise<Reply<NamespaceDescription>> {
    return this.#answer({ tenant, name }, async () => describe(this.#state));
  }

  commit(request: CommitRequest): Promise<Reply<CommitReply>> {
    return this.#answer(request, async () => {
      checkProtocol(request.protocol);
      await this.#ending;
      await this.#backpressure(request);
      return await this.#commits.commit(request);
    });
  }

  head(request: HeadRequest): Promise<Reply<HeadReply>> {
    return this.#answer(request, async () => {
      checkProtocol(request.protocol);
      this.#mustExist();
      return await headReply(this.#ports, this.#known().tenant, this.#state, this.#epoch, request);
    });
  }

  remove(tenant: string, name: string): Promise<Reply<true>> {
    return this.#answer({ tenant, name }, async () => {
      await this.#ending;
      this.#mustExist();
      this.#ending ??= this.#end().finally(() => {
        this.#ending = undefined;
      });
      await this.#ending;
      return true as const;
    });
  }

  status(tenant: string, name: string): Promise<Reply<IndexStatus>> {
    return this.#answer({ tenant, name }, async () => {
      this.#mustExist();
      return this.#jobs.status();
    });
  }

  requestFlush(tenant: string, name: string): Promise<Reply<IndexStatus>> {
    return this.#answer({ tenant, name }, async () => {
      this.#mustExist();
      await this.#jobs.requestFlush();
      return this.#jobs.status();
    });
  }

  claim(tenant: string, name: string): Promise<Reply<Job | undefined>> {
    return this.#answer({ tenant, name }, () => this.#jobs.claim());
  }

  renew(tenant: string, name: string, job: string, attempt: number): Promise<Reply<boolean>> {
    return this.#answer({ tenant, name }, () => this.#jobs.renew(job, attempt));
  }

  ticket(tenant: string, name: string, job: string, attempt: number): Promise<Reply<TicketReply>> {
    return this.#answer({ tenant, name }, () => this.#jobs.ticket(job, attempt));
  }

  commitDelta(
    tenant: string,
    name: string,
    job: string,
    attempt: number,
    delta: Delta,
    inline: InlineObjects,
  ): Promise<Reply<DeltaReply>> {
    return this.#answer({ tenant, name }, () => {
      return this.#jobs.commitDelta(job, attempt, delta, inline);
    });
  }

  finish(
    tenant: string,
    name: string,
    job: string,
    attempt: number,
    version: number,
  ): Promise<Reply<true>> {
    return this.#answer({ tenant, name }, () => this.#jobs.finish(job, attempt, version));
  }

  fail(
    tenant: string,
    name: string,
    job: string,
    attempt: number,
    reason: string,
  ): Promise<Reply<true>> {
    return this.#answer({ tenant, name }, () => this.#jobs.fail(job, attempt, reason));
  }

  /**
   * The object's alarm: sends lost hints again and arms itself while there is work. Never throws.
   */
  async alarm(identity: Identity | undefined): Promise<void> {
    const reply = await this.#answer(identity, async () => {
      await this.#movePointer();
      await this.#jobs.alarm();
      return true as const;
    });
    if (!reply.ok) {
      this.#ports.log.warn("alarm failed", { message: reply.message });
      await this.#ports.storage.setAlarm(this.#ports.clock.now() + limits.alarmMs);
    }
  }

  /** Runs `work` on a recovered instance and turns what it throws into a reply. */
  async #answer<T>(identity: Identity | undefined, work: () => Promise<T>): Promise<Reply<T>> {
    try {
      if (!this.#started) {
        this.#identity ??= identity;
        this.#starting ??= this.#start();
        await this.#starting;
      }
      const { tenant, name } = this.#known();
      const mine = identity === undefined || (identity.tenant === tenant && identity.name === name);
      assert(mine, "one object serves one name");
      return { ok: true, value: await work() };
    } catch (error) {
      if (isEngineError(error)) {
        if (error.kind === "fenced") {
          this.#ports.abort(error.message);
        }
        return replyError(error);
      }
      throw error;
    }
  }

  async #start(): Promise<void> {
    try {
      const identity = this.#known();
      const recovered = await recover(this.#ports, identity, () => this.#newGeneration());
      this.#state = recovered.state;
      this.#registry = recovered.registry;
      this.#epoch = recovered.epoch;
      this.#pointer = { ...recovered.pointer, movedMs: 0 };
      await this.#record(undefined);
      if (recovered.state.ended) {
        await this.#bury();
      }
      await this.#jobs.start();
      this.#started = true;
    } catch (error) {
      this.#starting = undefined;
      throw error;
    }
  }

  #known(): Identity {
    if (this.#identity === undefined) {
      throw new EngineError("unavailable", "this object does not know its name yet");
    }
    return this.#identity;
  }

  #mustExist(): void {
    if (!exists(this.#state)) {
      const { name } = this.#known();
      throw new EngineError("notFound", `🤷 namespace '${name}' was not found`);
    }
  }

  #newGeneration(): string {
    return encodeHex(this.#ports.random.bytes(16));
  }

  #record(intent: number | undefined): Promise<void> {
    const { generation, next, hash, manifest } = this.#state;
    return this.#ports.storage.writeRecord({
      generation,
      epoch: this.#epoch,
      next,
      hash,
      intent,
      manifestVersion: manifest.version,
    });
  }

  async #register(): Promise<void> {
    const { generation } = this.#state;
    const change = { generation, state: "live" as const, epoch: this.#epoch };
    this.#registry = await writeRegistry(this.#ports, this.#known(), this.#registry, change);
    this.#state = { ...this.#state, registered: true };
  }

  /** Slower above the soft bound, refused above the hard one. */
  async #backpressure(request: CommitRequest): Promise<void> {
    const { unindexedSoftBytes: soft, unindexedHardBytes: hard } = limits;
    const { unindexedBytes, manifest } = this.#state;
    if (this.#commits.pendingBytes > limits.objectBytesMax / 2) {
      throw overloaded("too many writes are waiting for this namespace");
    }
    if (request.disableBackpressure) {
      return;
    }
    if (unindexedBytes > hard || manifest.segments.length >= limits.segmentsMax) {
      this.#jobs.hint();
      throw overloaded(`${unindexedBytes} bytes wait to be indexed; writes go on when fewer do`);
    }
    if (unindexedBytes > soft) {
      await this.#ports.clock.sleep((1_000 * (unindexedBytes - soft)) / (hard - soft));
    }
  }

  /** Tombstone, grave, registry, in this order; a crash between is finished by the next start. */
  async #end(): Promise<void> {
    const reply = await this.#commits.commit(undefined);
    assert(reply.kind === "committed", "a tombstone is never stale");
    await this.#commits.drain();
    await this.#bury();
    await this.#jobs.start();
  }

  async #bury(): Promise<void> {
    const { generation } = this.#state;
    await digGrave(this.#ports, this.#known(), generation);
    const change = { generation, state: "deleted" as const, epoch: this.#epoch };
    this.#registry = await writeRegistry(this.#ports, this.#known(), this.#registry, change);
    this.#state = stateAtFloor(firstManifest(this.#newGeneration()), false);
    this.#pointer = { version: 0, etag: undefined, movedMs: 0 };
    await this.#record(undefined);
  }

  /**
   * At most once a second, since the store takes one write a second per key. A failure costs
   * nothing but probes of a later recovery, so it is only logged.
   */
  async #movePointer(): Promise<void> {
    const { manifest } = this.#state;
    const now = this.#ports.clock.now();
    if (manifest.version <= this.#pointer.version || now - this.#pointer.movedMs < 1_100) {
      return;
    }
    const { tenant } = this.#known();
    const { etag } = this.#pointer;
    this.#pointer = { ...this.#pointer, movedMs: now };
    try {
      const moved = await movePointer(this.#ports, tenant, manifest, etag);
      // Not ours: an attempt of unknown outcome landed, or another instance was faster.
      const pointer =
        moved === undefined
          ? await readPointer(this.#ports, generationRoot(tenant, manifest.generation))
          : { version: manifest.version, etag: moved };
      this.#pointer = { ...pointer, movedMs: now };
    } catch (error) {
      this.#ports.log.warn("cannot move the pointer to the manifest", { error: String(error) });
    }
  }
}

function checkProtocol(version: number): void {
  if (version !== protocolVersion) {
    throw new EngineError("unavailable", `protocol ${version} is not spoken here`, {
      retryAfterMs: 1_000,
    });
  }
}

function overloaded(message: string): EngineError {
  return new EngineError("overloaded", message, { retryAfterMs: 1_000 });
}
