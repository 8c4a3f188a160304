/**
 * The owner of a namespace: the one place that orders its writes, publishes its manifests and
 * leases its jobs. One instance runs inside each Namespace object; everything it knows is rebuilt
 * from object storage by recover.ts.
 *
 *   write    commit.ts      group commit of batches into the log, and the end of it;
 *            owner-writes.ts what a batch passes before
 *   publish  publish.ts     manifests, `current`, registry
 *   jobs     owner-jobs.ts  what is due, leases, tickets, deltas
 *   fence    owner-store.ts an instance that was replaced changes nothing
 *
 * `head` takes its snapshot in one turn of an instance that has settled its open slot: it holds
 * everything acknowledged before the call began, even if this instance is replaced a moment later.
 */

import { encodeHex } from "./bytes/hex.ts";
import { GroupCommit } from "./commit.ts";
import { assert, EngineError, isEngineError } from "./errors.ts";
import type { Delta } from "./format/manifest.ts";
import { limits } from "./limits.ts";
import { type CommitMemory, emptyMemory } from "./namespace/admission.ts";
import { describe } from "./namespace/group.ts";
import { IdMemory } from "./namespace/id-memory.ts";
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
import { FencedStore } from "./owner-store.ts";
import { OwnerWrites } from "./owner-writes.ts";
import { digGrave, movePointer, writeRegistry } from "./publish.ts";
import { type RegistryView, readPointer, recover } from "./recover.ts";

export class Owner implements NamespaceApi {
  /** Its store fences every put. */
  readonly #ports: OwnerPorts;
  #identity: Identity | undefined;
  #starting: Promise<void> | undefined;
  #started = false;
  #state: NamespaceState = stateAtFloor(firstManifest("0".repeat(32)), false);
  #memory: CommitMemory = emptyMemory();
  #registry: RegistryView = { entry: undefined, etag: undefined };
  #epoch = 0;
  #intent: number | undefined;
  #pointer: { version: number; etag: string | undefined; movedMs: number };
  readonly #commits: GroupCommit;
  readonly #writes: OwnerWrites;
  readonly #jobs: OwnerJobs;

  constructor(ports: OwnerPorts) {
    this.#ports = { ...ports, store: new FencedStore(ports.store, () => this.#record()) };
    this.#pointer = { version: 0, etag: undefined, movedMs: 0 };
    const host = {
      identity: (): Identity => this.#known(),
      state: (): NamespaceState => this.#state,
      memory: (): CommitMemory => this.#memory,
      epoch: (): number => this.#epoch,
      setState: (state: NamespaceState): void => {
        this.#state = state;
      },
      record: (): Promise<void> => this.#record(),
    };
    this.#jobs = new OwnerJobs(this.#ports, { ...host, movePointer: () => this.#movePointer() });
    this.#commits = new GroupCommit(this.#ports, {
      ...host,
      setIntent: (sequence) => {
        this.#intent = sequence;
      },
      register: () => this.#register(),
      bury: () => this.#bury(),
      arm: () => this.#jobs.armForWrite(),
      refused: (request) => this.#writes.refused(request),
      committed: (sequence, bytes) => {
        ports.memory.put(`${this.#state.generation}/wal/${sequence}`, bytes);
        this.#jobs.hint();
      },
    });
    const writeHost = { ...host, hint: (): void => this.#jobs.hint() };
    this.#writes = new OwnerWrites(this.#ports, writeHost, this.#commits);
  }

  describe(tenant: string, name: string): Promise<Reply<NamespaceDescription>> {
    return this.#answer({ tenant, name }, async () => {
      // A deletion under way is about to give the name a new generation.
      const reply = this.#state.ended ? await this.#commits.settled() : undefined;
      return reply?.kind === "stale" ? reply.now : describe(this.#state);
    });
  }

  commit(request: CommitRequest): Promise<Reply<CommitReply>> {
    return this.#answer(request, async () => {
      checkProtocol(request.protocol);
      return await this.#writes.commit(request);
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
      this.#mustExist();
      // Stale: another deletion was faster. Either way this life is over.
      await this.#commits.remove(this.#state.generation);
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

  /** The object's alarm: sends lost hints again, and arms itself while there is work. */
  async alarm(identity: Identity | undefined): Promise<void> {
    try {
      const reply = await this.#answer(identity, async () => {
        this.#forgetIds();
        await this.#jobs.alarm();
        await this.#movePointer();
        return true as const;
      });
      if (reply.ok) {
        return;
      }
      this.#ports.log.warn("alarm failed", { message: reply.message });
    } catch (error) {
      this.#ports.log.error("alarm failed", { error: String(error) });
    }
    // Not left to the platform, which gives up after a few attempts.
    await this.#ports.storage.setAlarm(this.#ports.clock.now() + limits.alarmMs);
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
      const record = await this.#ports.storage.readRecord();
      this.#identity ??= record?.identity;
      const newGeneration = (): string => this.#newGeneration();
      const recovered = await recover(this.#ports, this.#known(), record, newGeneration);
      this.#state = recovered.state;
      // Before, some ids may have been touched by writes that only earlier instances knew of.
      this.#memory = { keys: recovered.keys, ids: new IdMemory(recovered.state.next) };
      this.#registry = recovered.registry;
      this.#epoch = recovered.epoch;
      this.#pointer = { ...recovered.pointer, movedMs: 0 };
      this.#intent = recovered.isSettled ? undefined : recovered.state.next;
      await this.#record();
      await this.#jobs.start();
      if (recovered.state.ended) {
        await this.#bury();
      } else if (!recovered.isSettled) {
        await this.#commits.settle();
      }
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

  /** All is indexed, and nobody still decides from what was read so long ago. */
  #forgetIds(): void {
    const { next, lastWriteMs, manifest } = this.#state;
    if (manifest.floor === next && this.#ports.clock.now() > lastWriteMs + limits.rememberIdsMs) {
      this.#memory.ids.forgetBelow(next);
    }
  }

  #newGeneration(): string {
    return encodeHex(this.#ports.random.bytes(16));
  }

  #record(): Promise<void> {
    const { generation, next, hash, manifest } = this.#state;
    return this.#ports.storage.writeRecord({
      identity: this.#known(),
      generation,
      registryVersion: this.#registry.entry?.version ?? 0,
      epoch: this.#epoch,
      next,
      hash,
      intent: this.#intent,
      manifestVersion: manifest.version,
    });
  }

  async #register(): Promise<void> {
    const { generation } = this.#state;
    const change = { generation, state: "live" as const, epoch: this.#epoch };
    this.#registry = await writeRegistry(this.#ports, this.#known(), this.#registry, change);
    this.#state = { ...this.#state, registered: true };
  }

  /**
   * After a tombstone: grave, registry, then state and jobs of the next life in one turn. A crash
   * between is finished by the next start.
   */
  async #bury(): Promise<void> {
    await this.#jobs.idle();
    const { generation } = this.#state;
    await digGrave(this.#ports, this.#known(), generation);
    const change = { generation, state: "deleted" as const, epoch: this.#epoch };
    this.#registry = await writeRegistry(this.#ports, this.#known(), this.#registry, change);
    this.#state = stateAtFloor(firstManifest(this.#newGeneration()), false);
    this.#memory = emptyMemory();
    this.#pointer = { version: 0, etag: undefined, movedMs: 0 };
    await Promise.all([this.#record(), this.#jobs.beginLife()]);
  }

  /**
   * At most once a second, since the store takes one write a second per key. A failure costs
   * nothing but probes of a later recovery, so it is only logged.
   */
  async #movePointer(): Promise<void> {
    const { manifest } = this.#state;
    const now = this.#ports.clock.now();
    const sinceMs = Math.abs(now - this.#pointer.movedMs);
    if (manifest.version <= this.#pointer.version || sinceMs < limits.pointerIntervalMs) {
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
          ? await readPointer(this.#ports, tenant, manifest.generation)
          : { version: manifest.version, etag: moved };
      if (this.#state.generation === manifest.generation) {
        this.#pointer = { ...pointer, movedMs: now };
      }
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
