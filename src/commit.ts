/**
 * Group commit: the only place where a namespace's log grows.
 *
 *   1. A member joins the open group, if admission.ts lets it: else it waits in its place and is
 *      answered without a write once everything ahead of it is durable. So is the repetition of a
 *      write, what was decided from a state that is no more, what was encoded under an old schema.
 *   2. The group is sealed when no put is in flight and the commit interval has passed, or at 8
 *      MiB. What cannot be read back is refused here, before it is stored.
 *   3. A new name is registered first. Crash here: a registered generation without entries,
 *      finished by the next instance.
 *   4. In one turn: storage write {intent: sequence}, then the create-only put of wal/<sequence>
 *      (owner-store.ts). Crash here: the entry exists or may yet appear; the next instance settles
 *      the slot before anything else.
 *   5. Slot ours: apply. Occupied by a newer epoch: we were replaced. Otherwise adopt the occupant,
 *      check every member again as if it had just arrived, seal with a new nonce for the next slot.
 *   6. Storage write {next, hash}; after a tombstone, whoever wrote it, the deletion is finished;
 *      then all members are answered. Crash here: durable but unanswered, which is allowed.
 *
 * A member that has waited too long is told that its outcome is unknown, and keeps its place. Cost
 * of a group: two storage writes and one put, however many members.
 */
import { EngineError, isEngineError, unavailable } from "./errors.ts";
import type { SealedObject } from "./format/envelope.ts";
import { type OpenedWalEntry, openWalEntry, sealWalEntry } from "./format/wal.ts";
import { keysOfEntry } from "./format/write-keys.ts";
import { limits } from "./limits.ts";
import { openOccupant } from "./log-read.ts";
import { Admission, type CommitMemory } from "./namespace/admission.ts";
import {
  answerWish,
  groupLength,
  mayBeDurable,
  requestBytes,
  type Successor,
  type TurnWork,
  type Wish,
  walMembers,
  writes,
} from "./namespace/group.ts";
import { epochFault } from "./namespace/invariants.ts";
import type { CommitReply, CommitRequest } from "./namespace/protocol.ts";
import { applyEntry, lookBack, type NamespaceState, nextTimeMs } from "./namespace/state.ts";
import type { Identity, OwnerPorts } from "./owner-ports.ts";
import { generationRoot, walKey } from "./store/keys.ts";
import type { Reservation } from "./store/memory-budget.ts";
import { putSlot } from "./store/slot.ts";

/** What the committer needs of its owner. */
export interface CommitHost {
  identity(): Identity;
  state(): NamespaceState;
  /** Of the state's life. */
  memory(): CommitMemory;
  epoch(): number;
  setState(state: NamespaceState): void;
  /** The slot that may be written to, part of every record from now on. */
  setIntent(sequence: number | undefined): void;
  /** Storage write of the owner's record. */
  record(): Promise<void>;
  /** Makes the registry say that this generation is live. */
  register(): Promise<void>;
  /** Finishes the deletion of a log that ended and begins the name's next life. */
  bury(): Promise<void>;
  /** Makes sure that an alarm will look at what is about to be written. */
  arm(): Promise<void>;
  /** What the request was decided from has changed; it is answered so when its turn comes. */
  refused(request: CommitRequest): void;
  /** An entry became durable. */
  committed(sequence: number, bytes: Uint8Array): void;
}

interface Pending {
  readonly wish: Wish;
  readonly bytes: number;
  readonly held: Reservation | undefined;
  readonly deadlineMs: number;
  readonly answer: (reply: CommitReply) => void;
  readonly fail: (error: unknown) => void;
}

/** How often somebody looks whether a member has waited too long. */
const watchMs = 1_000;

export class GroupCommit {
  /** Its store fences every put. */
  readonly #ports: OwnerPorts;
  readonly #host: CommitHost;
  #open: Pending[] = [];
  #sealing: Pending[] = [];
  /** Knows all that wait; undefined while none does. */
  #admission: Admission | undefined;
  #running = false;
  #watching = false;
  #sealedMs = Number.NEGATIVE_INFINITY;
  #busySinceMs = 0;

  constructor(ports: OwnerPorts, host: CommitHost) {
    this.#ports = ports;
    this.#host = host;
  }

  /** Resolves once the batch is durable, or was found stale. Holds `held` as long as the bytes. */
  commit(request: CommitRequest, held: Reservation): Promise<CommitReply> {
    return this.#join({ kind: "batch", request }, held);
  }

  /** A write under the request's key was committed in this life, or waits. */
  knows({ key, generation }: CommitRequest): boolean {
    const isHere = generation === this.#host.state().generation;
    return isHere && key !== undefined && (this.#admission ?? this.#newAdmission()).knows(key);
  }

  /** Resolves once the name is free, or goes on with the successor; stale if that came too late. */
  remove(generation: string, successor?: Successor): Promise<CommitReply> {
    const wish = { kind: "tombstone", generation } as const;
    return this.#join(successor === undefined ? wish : { ...wish, successor }, undefined);
  }

  /** Resolves once the log has an entry behind all that it has now. */
  fence(): Promise<CommitReply> {
    return this.#join({ kind: "fence" }, undefined);
  }

  /** Resolves, with `stale`, once everything that waits now is durable. */
  settled(): Promise<CommitReply> {
    return this.#join({ kind: "question" }, undefined);
  }

  /** Runs alone, once all that waits now is durable; nothing is written until it is done. */
  takeTurn(run: TurnWork): Promise<CommitReply> {
    return this.#join({ kind: "turn", run }, undefined);
  }

  /**
   * Makes sure that nothing an earlier instance sent can land any more: fills the open slot with an
   * entry without members, or adopts what is there and goes on to the next.
   */
  async settle(): Promise<void> {
    const { generation } = this.#host.state();
    for (;;) {
      const state = this.#host.state();
      const { sealed, entry } = await this.#encode(state);
      const isOurs = await this.#store(state, sealed, entry);
      if (isOurs || this.#host.state().generation !== generation) return;
    }
  }

  #join(wish: Wish, held: Reservation | undefined): Promise<CommitReply> {
    return new Promise((answer, fail) => {
      const bytes = wish.kind === "batch" ? requestBytes(wish.request) : 0;
      const deadlineMs = this.#ports.clock.now() + limits.commitDeadlineMs;
      try {
        this.#open.push(this.#admit({ wish, bytes, held, deadlineMs, answer, fail }));
      } catch (error) {
        held?.release();
        throw error;
      }
      if (!this.#running) {
        this.#running = true;
        this.#ports.defer(this.#run());
        this.#ports.defer(this.#watch());
      }
    });
  }

  #newAdmission(): Admission {
    return new Admission(this.#host.memory(), () => this.#host.state());
  }

  /** The member as it will wait. */
  #admit(member: Pending): Pending {
    this.#admission ??= this.#newAdmission();
    const wish = this.#admission.admit(member.wish);
    if (wish.kind === "refusal" && member.wish.kind === "batch") {
      this.#host.refused(member.wish.request);
    }
    if (writes(wish)) {
      return { ...member, wish };
    }
    member.held?.release();
    return { ...member, wish, bytes: 0, held: undefined };
  }

  async #run(): Promise<void> {
    try {
      this.#busySinceMs = this.#ports.clock.now();
      while (this.#open.length > 0) {
        if (this.#open.some(({ wish }) => writes(wish))) {
          await this.#interval();
        }
        this.#sealing = this.#open.splice(0, groupLength(this.#open));
        const turn = this.#sealing.find(({ wish }) => wish.kind === "turn");
        if (turn === undefined) this.#answerAll(await this.#seal());
        else await this.#takeTurn(turn);
      }
    } catch (error) {
      this.#failAll(error);
    } finally {
      this.#admission = undefined;
      this.#running = false;
    }
  }

  /** Waits until a group may be sealed; a full one does not wait. */
  async #interval(): Promise<void> {
    const now = this.#ports.clock.now();
    const busy = now - this.#busySinceMs >= limits.commitBusyAfterMs;
    const interval = busy ? limits.commitIntervalBusyMs : limits.commitIntervalMs;
    // Not longer than the interval, wherever the clock has jumped to.
    let waitMs = Math.min(interval, this.#sealedMs + interval - now);
    while (waitMs > 0 && sumBytes(this.#open) < limits.groupBytesMax) {
      const stepMs = Math.min(waitMs, limits.commitIntervalMs);
      await this.#ports.clock.sleep(stepMs);
      waitMs -= stepMs;
    }
    this.#sealedMs = this.#ports.clock.now();
  }

  async #takeTurn({ wish, fail }: Pending): Promise<void> {
    try {
      const after = wish.kind === "turn" ? await wish.run() : undefined;
      this.#answerAll(undefined);
      await after?.();
    } catch (error) {
      // Answered already, unless the work itself failed. Nobody else may be left to end an instance
      // that must end: who waited too long was told so.
      fail(error);
      if (this.#sealing.splice(0).length === 0 || isEngineError(error, "fenced")) throw error;
    }
    this.#checkAgain(true);
  }

  /** The entry that made the group durable; undefined if it had nothing to write. */
  async #seal(): Promise<OpenedWalEntry | undefined> {
    while (this.#sealing.some(({ wish }) => writes(wish))) {
      const state = this.#host.state();
      const encoded = await this.#encode(state).catch((error: unknown) => this.#refuse(error));
      if (encoded === undefined) {
        return undefined;
      }
      if (!state.registered) {
        await this.#host.register();
      }
      if (await this.#store(state, encoded.sealed, encoded.entry)) {
        return encoded.entry;
      }
    }
    return undefined;
  }

  /** Reads the entry back too: what decodes badly here would do so in every later instance. */
  async #encode(state: NamespaceState): Promise<{ sealed: SealedObject; entry: OpenedWalEntry }> {
    const { clock, random, digest } = this.#ports;
    const { generation, next: sequence } = state;
    const sealed = await sealWalEntry(
      {
        generation,
        sequence,
        epoch: this.#host.epoch(),
        nonce: random.bytes(16),
        previous: state.hash,
        timeMs: nextTimeMs(state, clock.now()),
        members: walMembers(
          this.#sealing.map(({ wish }) => wish),
          state.schema,
        ),
        ...lookBack(state),
      },
      digest,
    );
    const entry = await openWalEntry(sealed.bytes, { generation, sequence }, digest);
    applyEntry(state, entry, sealed.bytes.length);
    return { sealed, entry };
  }

  /** True when the slot holds our group; false when it held another entry, adopted now. */
  async #store(
    state: NamespaceState,
    sealed: SealedObject,
    entry: OpenedWalEntry,
  ): Promise<boolean> {
    const { generation, next: sequence } = state;
    const key = walKey(generationRoot(this.#host.identity().tenant, generation), sequence);
    this.#host.setIntent(sequence);
    const [, outcome] = await Promise.all([this.#host.arm(), putSlot(this.#ports, key, sealed)]);
    const isOurs = outcome.kind === "ours";
    const bytes = isOurs ? sealed.bytes : outcome.bytes;
    const expected = { generation, sequence };
    const stored = isOurs ? entry : await openOccupant(bytes, expected, this.#ports.digest);
    const replaced = epochFault(this.#host.epoch(), stored.epoch);
    if (replaced !== undefined) {
      throw new EngineError("fenced", `a newer instance writes to this log: ${replaced}`);
    }
    this.#host.setState(applyEntry(this.#host.state(), stored, bytes.length));
    this.#remember(stored, isOurs);
    this.#host.setIntent(undefined);
    await this.#host.record();
    this.#host.committed(sequence, bytes);
    const hasEnded = this.#host.state().ended;
    if (hasEnded) {
      await this.#host.bury();
    }
    if (hasEnded || !isOurs) {
      this.#checkAgain(isOurs);
    }
    return isOurs;
  }

  /** In the turn in which the entry becomes part of the state. */
  #remember(entry: OpenedWalEntry, isOurs: boolean): void {
    const { keys, ids } = this.#host.memory();
    keys.remember(keysOfEntry(entry));
    if (isOurs) {
      this.#admission?.stored(
        entry,
        this.#open.map(({ wish }) => wish),
      );
    } else {
      // Which ids another instance's members touched only their writers know.
      ids.record(undefined, entry.sequence);
    }
  }

  /** The log went on otherwise than was looked for: who no longer fits is told how things are. */
  #checkAgain(isCommitted: boolean): void {
    this.#admission = this.#newAdmission();
    if (!isCommitted) {
      this.#sealing = this.#sealing.map((member) => this.#admit(member));
    }
    this.#open = this.#open.map((member) => this.#admit(member));
  }

  #answerAll(entry: OpenedWalEntry | undefined): void {
    const state = this.#host.state();
    const { keys } = this.#host.memory();
    for (const { wish, held, answer, fail } of this.#sealing.splice(0)) {
      held?.release();
      const reply = answerWish(wish, entry, state, (id) => keys.find(id));
      if (reply instanceof EngineError) {
        fail(reply);
      } else {
        answer(reply);
      }
    }
  }

  /** A group that cannot be encoded: nothing was stored, and everything else goes on. */
  #refuse(error: unknown): undefined {
    this.#ports.log.error("a group cannot be encoded", { error: String(error) });
    const refused = this.#sealing.filter(({ wish }) => writes(wish));
    this.#sealing = this.#sealing.filter(({ wish }) => !writes(wish));
    for (const member of refused) {
      member.held?.release();
      member.fail(error);
    }
    this.#checkAgain(false);
  }

  /** Tells members that waited too long; runs beside the puts, since one may never answer. */
  async #watch(): Promise<void> {
    if (this.#watching) {
      return;
    }
    this.#watching = true;
    while (this.#running) {
      await this.#ports.clock.sleep(watchMs);
      const now = this.#ports.clock.now();
      for (const member of [...this.#sealing, ...this.#open]) {
        if (member.deadlineMs <= now) {
          const isKnown = !mayBeDurable(member.wish);
          member.fail(isKnown ? unavailable("the log stands still") : outcomeUnknown());
        }
      }
    }
    this.#watching = false;
  }

  #failAll(error: unknown): void {
    const sealed = new Set(this.#sealing);
    for (const member of [...this.#sealing.splice(0), ...this.#open.splice(0)]) {
      member.held?.release();
      const isRepeat = !writes(member.wish) && mayBeDurable(member.wish);
      const isSent = isRepeat || (sealed.has(member) && writes(member.wish));
      member.fail(isSent ? outcomeUnknown() : error);
    }
    this.#ports.log.error("commit failed", { error: String(error) });
    this.#ports.abort(`commit failed: ${String(error)}`);
  }
}

function sumBytes(members: readonly Pending[]): number {
  return members.reduce((sum, { bytes }) => sum + bytes, 0);
}

function outcomeUnknown(): EngineError {
  return new EngineError("unavailable", "the outcome of this write is not known yet; repeat it", {
    outcomeUnknown: true,
    retryAfterMs: 1_000,
  });
}
