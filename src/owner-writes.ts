/**
 * What a write passes on its way into a group:
 *
 *   1. If it carries an idempotency key: keys of flushed entries are read, once in the life of an
 *      instance, at most some objects of a hundred KiB.
 *   2. Its bytes are counted; too many and it is refused.
 *   3. Backpressure: slowed or refused while too much is unindexed. Not what is known already: it
 *      adds nothing, and a refusal would say that it was never committed.
 *   4. While a rewrite that was refused twice holds its ids, it waits, two seconds at most.
 *
 * Between 4 and its place in the group there is no await: what was found there holds.
 */
import type { GroupCommit } from "./commit.ts";
import { shardGroups } from "./compaction/policy.ts";
import { corrupt, EngineError, isEngineError } from "./errors.ts";
import type { KeysRef } from "./format/manifest.ts";
import { shardCount } from "./format/shard.ts";
import { type KeyRecord, openWriteKeys } from "./format/write-keys.ts";
import { limits } from "./limits.ts";
import type { CommitMemory } from "./namespace/admission.ts";
import { requestBytes } from "./namespace/group.ts";
import { Holds } from "./namespace/holds.ts";
import type { CommitReply, CommitRequest } from "./namespace/protocol.ts";
import type { NamespaceState } from "./namespace/state.ts";
import type { OwnerJobs } from "./owner-jobs.ts";
import type { Identity, OwnerPorts } from "./owner-ports.ts";
import { generationRoot, keysKey } from "./store/keys.ts";
import type { Reservation } from "./store/memory-budget.ts";

export interface WriteHost {
  identity(): Identity;
  state(): NamespaceState;
  memory(): CommitMemory;
  readonly jobs: Pick<OwnerJobs, "hint" | "expectOrphans">;
}

/** How often a write that is held back looks again. */
const holdStepMs = 50;

export class OwnerWrites {
  readonly #ports: OwnerPorts;
  readonly #host: WriteHost;
  readonly #commits: GroupCommit;
  readonly #holds = new Holds();
  #loading: Promise<void> | undefined;

  constructor(ports: OwnerPorts, host: WriteHost, commits: GroupCommit) {
    this.#ports = ports;
    this.#host = host;
    this.#commits = commits;
  }

  /** Whoever need not wait joins in the turn it came in. */
  async commit(request: CommitRequest): Promise<CommitReply> {
    while (request.key !== undefined && this.#lacking().length > 0) {
      this.#loading ??= this.#load().finally(() => {
        this.#loading = undefined;
      });
      await this.#loading;
    }
    const held = this.#ports.pending.tryReserve(requestBytes(request));
    if (held === undefined) {
      throw overloaded("too many writes are waiting here");
    }
    if (!this.#commits.knows(request)) {
      const waitMs = this.#backpressureMs(request, held);
      if (waitMs > 0) {
        await this.#ports.clock.sleep(waitMs);
      }
      if (this.#holds.bars(request, this.#ports.clock.now())) {
        await this.#waitForHolds(request);
      }
    }
    const reply = await this.#commits.commit(request, held);
    if (request.chunks.some(({ kind }) => kind === "part")) {
      // Those of this attempt if it was refused, else perhaps those of one before.
      await this.#host.jobs.expectOrphans();
    }
    if (reply.kind === "conflict") {
      this.refused(request);
    } else if (request.reads !== undefined) {
      this.#holds.release(request.key);
    }
    return reply;
  }

  /** It will be told so: until it comes back, others may have to wait for it. */
  refused(request: CommitRequest): void {
    this.#holds.refused(request, this.#ports.clock.now());
  }

  /** All is indexed, and nobody still decides from what was read so long ago. */
  forgetIds(): void {
    const { next, lastWriteMs, manifest } = this.#host.state();
    if (manifest.floor === next && this.#ports.clock.now() > lastWriteMs + limits.rememberIdsMs) {
      this.#host.memory().ids.forgetBelow(next);
    }
  }

  /** Slower and slower from a quarter of the tail's bounds on, refused above them. */
  #backpressureMs({ disableBackpressure }: CommitRequest, held: Reservation): number {
    if (disableBackpressure) {
      return 0;
    }
    const { unindexedBytes, tail, manifest } = this.#host.state();
    const share = Math.max(
      unindexedBytes / limits.unindexedHardBytes,
      tail.length / limits.tailEntriesMax,
    );
    const [largest] = shardGroups(manifest.segments, shardCount(manifest.settings));
    if (share > 1 || (largest?.segments.length ?? 0) >= limits.segmentsMax) {
      held.release();
      // Something may be due that makes room.
      this.#host.jobs.hint();
      throw overloaded(`${unindexedBytes} bytes wait to be indexed; writes go on when fewer do`);
    }
    const slowFrom = limits.unindexedSoftBytes / limits.unindexedHardBytes;
    return (1_000 * Math.max(0, share - slowFrom)) / (1 - slowFrom);
  }

  async #waitForHolds(request: CommitRequest): Promise<void> {
    const { clock, log } = this.#ports;
    log.info("write held back", { name: this.#host.identity().name });
    for (let waitedMs = 0; waitedMs < limits.holdMs; waitedMs += holdStepMs) {
      await clock.sleep(holdStepMs);
      if (!this.#holds.bars(request, clock.now())) {
        return;
      }
    }
  }

  #lacking(): readonly KeysRef[] {
    return this.#host.memory().keys.lacking(this.#host.state().manifest.keys);
  }

  /** Makes the keys of all entries known. */
  async #load(): Promise<void> {
    const { keys } = this.#host.memory();
    const { manifest } = this.#host.state();
    const refs = this.#lacking();
    const root = generationRoot(this.#host.identity().tenant, manifest.generation);
    const read = await Promise.all(refs.map((ref) => this.#read(root, manifest.generation, ref)));
    const unread = refs.filter((_, i) => read[i] === undefined);
    if (unread.length > 0 && this.#host.state().manifest !== manifest) {
      // Collected meanwhile: others are named now.
      return;
    }
    // Those that may be forgotten need not be readable.
    const now = this.#ports.clock.now();
    const needed = unread.find(({ untilMs }) => untilMs > now);
    if (needed !== undefined) {
      throw corrupt(`the idempotency keys ${needed.name} cannot be read`);
    }
    keys.complete(read.flatMap((records) => records ?? []));
    this.#ports.log.info("keys read", { objects: refs.length, unread: unread.length });
  }

  /** Undefined if they are missing or damaged. */
  async #read(
    root: string,
    generation: string,
    { name, from, to }: KeysRef,
  ): Promise<readonly KeyRecord[] | undefined> {
    const { store, digest, log } = this.#ports;
    const stored = await store.get(keysKey(root, name));
    try {
      const place = { generation, from, to };
      return stored && (await openWriteKeys(stored.bytes, place, digest)).records;
    } catch (error) {
      if (!isEngineError(error, "corrupt")) {
        throw error;
      }
      log.error("keys cannot be read", { name, error: error.message });
      return undefined;
    }
  }
}

function overloaded(message: string): EngineError {
  return new EngineError("overloaded", message, { retryAfterMs: 1_000 });
}
