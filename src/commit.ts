/**
 * Group commit: the only place where a namespace's log grows.
 *
 *   1. A member (batch or tombstone) joins the open group if it was encoded under the schema as it
 *      will be then; else its writer is told to encode again, once everything ahead of it is
 *      durable.
 *   2. The group is sealed when no put is in flight and the commit interval has passed, or at 8
 *      MiB.
 *   3. A new name is registered first. Crash here: a registered generation without entries,
 *      finished by the next instance.
 *   4. In one turn: storage write {intent: sequence}, then the create-only put of wal/<sequence>.
 *      The store lets the put out only after the storage write, which fails for a replaced
 *      instance. Crash here: the entry exists or may yet appear; the next instance settles the slot
 *      before anything else.
 *   5. Slot ours: apply. Occupied by a newer epoch: we were replaced. Otherwise adopt the occupant,
 *      check every member again as if it had just arrived, seal with a new nonce for the next slot.
 *   6. Storage write {next, hash}; then all members are answered. Crash here: durable but
 *      unanswered, which is allowed.
 *
 * Cost per group: two storage writes and one put, however many members.
 */
import { applyAddition, type Schema } from "./document/schema.ts";
import { EngineError, isEngineError } from "./errors.ts";
import type { SealedObject } from "./format/envelope.ts";
import { openWalEntry, sealWalEntry, type WalMember } from "./format/wal.ts";
import { limits } from "./limits.ts";
import type { CommitReply, CommitRequest, NamespaceDescription } from "./namespace/protocol.ts";
import { applyEntry, exists, type NamespaceState } from "./namespace/state.ts";
import type { Identity, OwnerPorts } from "./owner-ports.ts";
import { generationRoot, walKey } from "./store/keys.ts";
import { putSlot, type SlotOutcome } from "./store/slot.ts";

/** What the committer needs of its owner. */
export interface CommitHost {
  identity(): Identity;
  state(): NamespaceState;
  epoch(): number;
  setState(state: NamespaceState): void;
  /** Storage write of the owner's record with this intent. */
  record(intent: number | undefined): Promise<void>;
  /** Makes the registry say that this generation is live. */
  register(): Promise<void>;
  /** A group became durable. */
  committed(sequence: number, bytes: Uint8Array): void;
}

interface Pending {
  readonly request: CommitRequest | undefined;
  readonly bytes: number;
  readonly deadlineMs: number;
  readonly answer: (reply: CommitReply) => void;
  readonly fail: (error: unknown) => void;
}

export class GroupCommit {
  readonly #ports: OwnerPorts;
  readonly #host: CommitHost;
  #open: Pending[] = [];
  #sealing: Pending[] = [];
  #openBytes = 0;
  /** Schema once every waiting member is committed; undefined while none waits. */
  #expected: Schema | undefined;
  #running = false;
  #sealedMs = 0;
  #busySinceMs = 0;
  #drained: (() => void)[] = [];

  constructor(ports: OwnerPorts, host: CommitHost) {
    this.#ports = ports;
    this.#host = host;
  }

  /** Encoded bytes waiting in memory. */
  get pendingBytes(): number {
    return this.#openBytes + this.#sealing.reduce((sum, member) => sum + member.bytes, 0);
  }

  /** Resolves once the request is durable, or was found stale. `undefined` = the tombstone. */
  async commit(request: CommitRequest | undefined): Promise<CommitReply> {
    if (request !== undefined && !this.#fits(request)) {
      await this.drain();
      return { kind: "stale", now: describe(this.#host.state()) };
    }
    const schema = this.#expected ?? this.#host.state().schema;
    this.#expected = applyAddition(schema, request?.addition);
    return await new Promise<CommitReply>((answer, fail) => {
      const bytes = inlineBytes(request);
      const deadlineMs = this.#ports.clock.now() + limits.commitDeadlineMs;
      this.#open.push({ request, bytes, deadlineMs, answer, fail });
      this.#openBytes += bytes;
      if (!this.#running) {
        this.#running = true;
        this.#ports.defer(this.#run());
      }
    });
  }

  /** Resolves when nothing is waiting or in flight. */
  async drain(): Promise<void> {
    if (this.#running) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
  }

  #fits(request: CommitRequest): boolean {
    const state = this.#host.state();
    const schema = this.#expected ?? state.schema;
    return (
      request.generation === state.generation &&
      !state.ended &&
      !this.#open.some((member) => member.request === undefined) &&
      !this.#sealing.some((member) => member.request === undefined) &&
      request.schemaVersion === schema.version
    );
  }

  async #run(): Promise<void> {
    try {
      this.#busySinceMs = this.#ports.clock.now();
      while (this.#open.length > 0) {
        await this.#interval();
        this.#sealing = this.#takeGroup();
        await this.#seal();
      }
    } catch (error) {
      this.#failAll(error);
    } finally {
      this.#sealing = [];
      this.#expected = undefined;
      this.#running = false;
      for (const resolve of this.#drained.splice(0)) {
        resolve();
      }
    }
  }

  /** Waits until a group may be sealed; a full one does not wait. */
  async #interval(): Promise<void> {
    const now = this.#ports.clock.now();
    const busy = now - this.#busySinceMs >= limits.commitBusyAfterMs;
    const interval = busy ? limits.commitIntervalBusyMs : limits.commitIntervalMs;
    const end = this.#sealedMs + interval;
    for (let at = now; at < end && this.#openBytes < limits.groupBytesMax; ) {
      await this.#ports.clock.sleep(Math.min(end - at, limits.commitIntervalMs));
      at = this.#ports.clock.now();
    }
    this.#sealedMs = this.#ports.clock.now();
  }

  #takeGroup(): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const member of this.#open) {
      if (count > 0 && bytes + member.bytes > limits.groupBytesMax) {
        break;
      }
      bytes += member.bytes;
      count += 1;
      if (member.request === undefined) {
        break;
      }
    }
    this.#openBytes -= bytes;
    return this.#open.splice(0, count);
  }

  async #seal(): Promise<void> {
    const { digest, random, clock } = this.#ports;
    while (this.#sealing.length > 0) {
      const state = this.#host.state();
      if (!state.registered) {
        await this.#host.register();
        continue;
      }
      const timeMs = Math.max(clock.now(), state.lastWriteMs);
      const entry = {
        generation: state.generation,
        sequence: state.next,
        epoch: this.#host.epoch(),
        nonce: random.bytes(16),
        previous: state.hash,
        timeMs,
        members: membersOf(this.#sealing, state.schema),
      };
      const sealed = await sealWalEntry(entry, digest);
      if (await this.#store(state, sealed)) {
        const answered = this.#sealing.splice(0);
        this.#host.committed(entry.sequence, sealed.bytes);
        for (const member of answered) {
          member.answer({ kind: "committed", sequence: entry.sequence, timeMs });
        }
      } else {
        this.#checkAgain();
      }
    }
  }

  /** True when the slot holds our group; false when it held another entry, adopted now. */
  async #store(state: NamespaceState, sealed: SealedObject): Promise<boolean> {
    const key = walKey(generationRoot(this.#host.identity().tenant, state.generation), state.next);
    const [, outcome] = await Promise.all([
      this.#host.record(state.next),
      putSlot(this.#ports, key, sealed, () => this.#tellUnknown()),
    ]);
    const bytes = occupantOr(outcome, sealed);
    const expected = { generation: state.generation, sequence: state.next };
    const entry = await openWalEntry(bytes, expected, this.#ports.digest);
    if (entry.epoch > this.#host.epoch()) {
      throw new EngineError("fenced", "a newer instance writes to this log");
    }
    this.#host.setState(applyEntry(this.#host.state(), entry, bytes.length));
    await this.#host.record(undefined);
    return outcome.kind === "ours";
  }

  /**
   * Members that waited too long learn that their outcome is unknown; the slot is resolved all the
   * same.
   */
  #tellUnknown(): void {
    const now = this.#ports.clock.now();
    for (const member of this.#sealing) {
      if (member.deadlineMs <= now) {
        member.fail(outcomeUnknown());
      }
    }
  }

  /** After adopting a foreign entry: members that no longer fit are told to start again. */
  #checkAgain(): void {
    const state = this.#host.state();
    let schema = state.schema;
    this.#sealing = this.#sealing.filter((member) => {
      const fits =
        !state.ended &&
        (member.request === undefined || member.request.schemaVersion === schema.version);
      if (fits) {
        schema = applyAddition(schema, member.request?.addition);
      } else {
        member.answer({ kind: "stale", now: describe(state) });
      }
      return fits;
    });
    const waiting = this.#open.splice(0);
    this.#openBytes = 0;
    for (const member of waiting) {
      member.answer({ kind: "stale", now: describe(state) });
    }
    this.#expected = schema;
  }

  #failAll(error: unknown): void {
    const waiting = this.#open.splice(0);
    this.#openBytes = 0;
    for (const member of this.#sealing) {
      member.fail(isEngineError(error, "fenced") ? outcomeUnknown() : error);
    }
    for (const member of waiting) {
      member.fail(error);
    }
    this.#ports.log.error("commit failed", { error: String(error) });
    this.#ports.abort(`commit failed: ${String(error)}`);
  }
}

export function describe(state: NamespaceState): NamespaceDescription {
  return { exists: exists(state), generation: state.generation, schema: state.schema };
}

function membersOf(group: readonly Pending[], before: Schema): WalMember[] {
  let schema = before;
  return group.map(({ request }): WalMember => {
    if (request === undefined) {
      return { kind: "tombstone" };
    }
    schema = applyAddition(schema, request.addition);
    const { addition, upserts, deletes, chunks } = request;
    return { kind: "batch", schemaVersion: schema.version, addition, upserts, deletes, chunks };
  });
}

function occupantOr(outcome: SlotOutcome, sealed: SealedObject): Uint8Array {
  return outcome.kind === "ours" ? sealed.bytes : outcome.bytes;
}

function inlineBytes(request: CommitRequest | undefined): number {
  return (request?.chunks ?? []).reduce(
    (sum, chunk) => sum + (chunk.kind === "inline" ? chunk.bytes.length : 0),
    256,
  );
}

function outcomeUnknown(): EngineError {
  return new EngineError("unavailable", "the outcome of this write is not known yet; repeat it", {
    outcomeUnknown: true,
    retryAfterMs: 1_000,
  });
}
