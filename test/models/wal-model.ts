/**
 * Model of the log: who writes which slot, and who may say that a write is durable.
 *
 * Mirrors   commit.ts (seal, put, adopt, answer; settle at the start), recover.ts (log, open slot),
 *           owner-store.ts (every put is issued with a storage write), store/slot.ts. Called
 *           itself: Admission with its memories, walMembers, applyEntry (namespace/), slotOutcome
 *           (slot.ts), isSlotSettled (recover.ts), epochFault (invariants.ts).
 * Batches   see `BatchKind`; a writer that hears nothing asks the next instance.
 * Puts      are lost, answered late or never, applied after whoever sent them ended; faults,
 *           instances, attempts, flushes and wiped storages are bounded (`WalBounds`).
 * Taken as one step: reading the log at a start (slots never change and a gap is refused); a
 *           storage write and what leaves with it (what comes between is the same as an answer
 *           under way); a flush and its manifest (see delta-model.ts).
 *
 * Invariants
 *   - what was acknowledged lies in segments or in the log from the floor, and can be recovered
 *   - the log has no gap, continues its chain and its schema, and holds no attempt twice
 *   - epochs never fall along the log
 *   - a ready instance knows all that was acknowledged before it was replaced (strong `head`)
 *   - once an instance is ready, nothing of an earlier one lands at or after its open slot
 *   - what was answered "failed" is not in the log
 *   - a batch sent under a key is in the log once, however often it was sent
 *   - between what a conditional batch was decided from and the batch, nobody wrote
 */
import { epochFault } from "../../src/namespace/invariants.ts";
import { isSlotSettled } from "../../src/recover.ts";
import { slotOutcome } from "../../src/store/slot.ts";
import type { Model, Take } from "./explorer.ts";
import { walFault } from "./wal-fault.ts";
import { attemptOf, batchOf, type Member, memberOf, WalLog } from "./wal-log.ts";
import {
  acknowledged,
  answer,
  type Batch,
  fill,
  type Instance,
  isNewest,
  type Put,
  sort,
  unborn,
  type WalBounds,
  type WalFlaw,
  type WalWorld,
} from "./wal-world.ts";

export function walModel(bounds: WalBounds, flaw?: WalFlaw): Model<WalWorld> {
  return new WalModel(bounds, flaw);
}

class WalModel implements Model<WalWorld> {
  readonly #bounds: WalBounds;
  readonly #flaw: WalFlaw | undefined;
  readonly #log: WalLog;

  constructor(bounds: WalBounds, flaw: WalFlaw | undefined) {
    this.#bounds = bounds;
    this.#log = new WalLog(bounds.batches);
    this.#flaw = flaw;
  }

  initial(): WalWorld {
    const { batches, unknowns, flushes, wipes } = this.#bounds;
    return {
      batches: batches.map(() => ({ status: "idle", attempts: 0 })),
      wal: [],
      floorTip: 0,
      record: undefined,
      instances: [unborn],
      flight: [],
      unknowns,
      flushes,
      wipes,
      wrong: "",
    };
  }

  mayRest({ batches }: WalWorld): boolean {
    const { attempts } = this.#bounds;
    return batches.every((batch) => batch.status !== "waiting" && batch.attempts <= attempts);
  }

  steps(world: WalWorld, take: Take<WalWorld>): void {
    this.#clients(world, take);
    for (const [i, instance] of world.instances.entries()) {
      if (instance.phase !== "dead") this.#instance(world, i, instance, take);
    }
    for (const [i, put] of world.flight.entries()) this.#network(world, i, put, take);
    this.#replacements(world, take);
    this.#compaction(world, take);
  }

  // ---- Clients

  #clients(world: WalWorld, take: Take<WalWorld>): void {
    const newest = world.instances.length - 1;
    const instance = world.instances[newest] as Instance;
    if (instance.phase !== "ready") return;
    for (const [b, { status, attempts }] of world.batches.entries()) {
      const may = status === "idle" || status === "unknown" || status === "failed";
      if (!may || attempts === this.#bounds.attempts) continue;
      // Encoded under the schema as it is, or as it was when the client looked; so with what it
      // was decided from.
      const versions = this.#log.schemaVersion(instance.tip);
      const reads = this.#bounds.batches[b] === "conditional" ? this.#log.next(instance.tip) : 0;
      for (let version = 0; version <= versions; version++) {
        for (let read = 0; read <= reads; read++) {
          this.#arrive(world, newest, memberOf(b, attempts, version, read), take);
        }
      }
    }
  }

  #arrive(world: WalWorld, i: number, member: Member, take: Take<WalWorld>): void {
    const instance = world.instances[i] as Instance;
    const ahead = [...instance.sealing, ...instance.waiting];
    const b = batchOf(member);
    const kind = this.#admit(instance, instance.tip, ahead, member);
    const attempts = attemptOf(member) + 1;
    const batch = (status: Batch["status"]): Pick<WalWorld, "batches"> => ({
      batches: world.batches.with(b, { status, attempts }),
    });
    if (kind === "batch") {
      const joined = { ...instance, waiting: [...instance.waiting, member] };
      const instances = world.instances.with(i, joined);
      take(
        { ...world, ...batch("waiting"), instances },
        "batch # joins the group of instance #",
        b,
        i,
      );
    } else if (kind === "repeat") {
      const after = { ...world, ...batch("acknowledged") };
      take(after, "batch # repeats its key, and instance # has it in the log", b, i);
    }
    // Otherwise its writer hears how things are, and nothing has changed.
  }

  #admit(
    instance: Instance,
    tip: number,
    ahead: readonly Member[],
    member: Member,
  ): ReturnType<WalLog["admit"]> {
    const touched = instance.remembers;
    const keys = this.#flaw === "keys are forgotten at a start" ? touched : 0;
    const isRash = this.#flaw === "what was touched before a start counts as untouched";
    const ids = isRash ? 0 : touched;
    return this.#log.admit(tip, { keys, touched, ids }, ahead, member);
  }

  // ---- Instances

  #instance(world: WalWorld, i: number, instance: Instance, take: Take<WalWorld>): void {
    if (instance.phase === "starting") {
      take(this.#start(world, i), "instance # reads the log and records itself", i);
      return;
    }
    if (instance.put === "none") {
      if (instance.phase === "settling") {
        take(this.#seal(world, i, []), "instance # puts a fence into the open slot", i);
      } else if (instance.waiting.length > 0) {
        take(this.#seal(world, i, instance.waiting), "instance # seals its group and puts it", i);
      }
    } else if (instance.put === "again") {
      take(this.#send(world, i, instance), "instance # puts the same bytes again", i);
    }
    if (this.#flaw === "answered before the slot is resolved" && instance.put === "under way") {
      const { sealing } = instance;
      take(answer(world, sealing, "acknowledged"), "instance # answers before it knows", i);
    }
  }

  #start(world: WalWorld, i: number): WalWorld {
    const { record } = world;
    if (!isNewest(world, i)) return this.#dies(world, i);
    const log = this.#log.read(world.floorTip, world.wal);
    if (log.fault !== undefined) return { ...world, wrong: `no instance can start: ${log.fault}` };
    const { tip } = log;
    const next = this.#log.next(tip);
    if (record !== undefined && record.next > next) {
      return { ...world, wrong: `no instance can start: the log ends before ${record.next}` };
    }
    const epoch = 1 + Math.max(record?.epoch ?? 0, this.#log.epoch(tip));
    const isSettled =
      isSlotSettled(record, next) ||
      this.#flaw === "the open slot is not settled at a start" ||
      this.#flaw === "no settling, and no second look at who waits behind an adopted entry";
    const started: Instance = {
      ...(world.instances[i] as Instance),
      phase: isSettled ? "ready" : "settling",
      epoch,
      tip,
      readyAt: isSettled ? next : 0,
      remembers: next,
    };
    return this.#records({ ...world, instances: world.instances.with(i, started) }, i, !isSettled);
  }

  /** A new entry of these members for the open slot. */
  #seal(world: WalWorld, i: number, members: readonly Member[]): WalWorld {
    const instance = world.instances[i] as Instance;
    const { tip, epoch, seals } = instance;
    const entry = this.#log.seal({ previous: tip, epoch, nonce: i * 16 + seals, members });
    const sealed = { ...instance, waiting: [], sealing: members, entry, seals: seals + 1 };
    return this.#send({ ...world, instances: world.instances.with(i, sealed) }, i, sealed);
  }

  /** A storage write and the put leave together, or neither does. */
  #send(world: WalWorld, i: number, instance: Instance): WalWorld {
    if (!isNewest(world, i) && this.#flaw !== "puts are not fenced") return this.#dies(world, i);
    const sent = { ...instance, put: "under way" } as const;
    const flight = sort([...world.flight, { entry: instance.entry, from: i, result: "pending" }]);
    const after = { ...world, flight, instances: world.instances.with(i, sent) };
    return isNewest(world, i) ? this.#records(after, i, true) : after;
  }

  /** The storage write of the instance's record. It is the newest. */
  #records(world: WalWorld, i: number, hasIntent: boolean): WalWorld {
    const { epoch, tip } = world.instances[i] as Instance;
    const next = this.#log.next(tip);
    const keepsIntent = hasIntent && this.#flaw !== "the intent is not recorded";
    return { ...world, record: { epoch, next, intent: keepsIntent ? next : undefined } };
  }

  /** The outcome is known: go on from `tip`, record it, and answer or try the next slot. */
  #resolved(world: WalWorld, i: number, stored: number): WalWorld {
    const instance = world.instances[i] as Instance;
    const isOurs = stored === instance.entry || this.#flaw === "an occupied slot counts as ours";
    const known = isOurs ? instance.entry : stored;
    if (epochFault(instance.epoch, this.#log.epoch(known)) !== undefined)
      return this.#dies(world, i);
    const fault = this.#log.continues(instance.tip, known);
    if (fault !== undefined) return { ...world, wrong: fault };
    if (!isNewest(world, i) && this.#flaw !== "answers are not fenced") return this.#dies(world, i);
    const isReady = instance.phase === "settling" && isOurs;
    const after: Instance = {
      ...instance,
      tip: known,
      entry: 0,
      put: "none",
      sealing: [],
      ...(isReady ? { phase: "ready", readyAt: this.#log.next(known) } : {}),
      // Which ids another's members touched only their writers know.
      remembers: isOurs ? instance.remembers : this.#log.next(known),
    };
    const members = [...instance.sealing, ...instance.waiting];
    const again = isOurs ? instance.waiting : this.#checkedAgain(after, members);
    const told = isOurs ? [] : members.filter((member) => !again.includes(member));
    const settled = { ...world, instances: world.instances.with(i, { ...after, waiting: again }) };
    const recorded = isNewest(world, i)
      ? this.#records(settled, i, settled.instances[i]?.phase === "settling")
      : settled;
    // Told that they are stale: written nowhere, so that they may be encoded again.
    const informed = answer(recorded, told, "idle");
    return isOurs ? answer(informed, instance.sealing, "acknowledged") : informed;
  }

  #checkedAgain(instance: Instance, members: readonly Member[]): readonly Member[] {
    if (this.#flaw === "no settling, and no second look at who waits behind an adopted entry") {
      return members;
    }
    const fitting: Member[] = [];
    for (const member of members) {
      const kind = this.#admit(instance, instance.tip, fitting, member);
      if (kind === "batch") fitting.push(member);
    }
    return fitting;
  }

  #unknown(world: WalWorld, i: number): WalWorld {
    const instance = world.instances[i] as Instance;
    if (this.#flaw === "an unknown put counts as stored") {
      return this.#resolved(world, i, instance.entry);
    }
    if (this.#flaw === "an unknown put counts as failed") {
      const idle: Instance = { ...instance, sealing: [], entry: 0, put: "none" };
      const gaveUp = { ...world, instances: world.instances.with(i, idle) };
      return answer(gaveUp, instance.sealing, "failed");
    }
    return { ...world, instances: world.instances.with(i, { ...instance, put: "again" }) };
  }

  /** It ended: nobody hears of its members any more; what it sent is still under way. */
  #dies(world: WalWorld, i: number): WalWorld {
    const { waiting, sealing } = world.instances[i] as Instance;
    const dead = { ...unborn, phase: "dead" } as const;
    const flight = world.flight
      .filter(({ from, result }) => from !== i || result === "pending")
      .map((one) => (one.from === i ? { ...one, from: -1 } : one));
    const ended = { ...world, flight: sort(flight), instances: world.instances.with(i, dead) };
    return answer(ended, [...sealing, ...waiting], "unknown");
  }

  // ---- What happens to a put

  #network(world: WalWorld, at: number, one: Put, take: Take<WalWorld>): void {
    const slot = this.#log.sequence(one.entry);
    const rest = world.flight.filter((_, other) => other !== at);
    const gone = { ...world, flight: rest };
    if (one.result === "pending") {
      const isFree = (world.wal[slot] ?? 0) === 0;
      const wal = isFree ? fill(world.wal, slot, one.entry) : world.wal;
      const result = isFree ? "stored" : "occupied";
      const flight = one.from < 0 ? rest : sort([...rest, { ...one, result }]);
      take({ ...world, wal, flight }, `a put to slot # arrives: ${result}`, slot);
    } else {
      const after = this.#answered(gone, one, world.wal[slot] ?? 0);
      take(after, `instance # hears: ${one.result}`, one.from);
    }
    if (one.from < 0 || world.unknowns === 0) return;
    const faulty = { ...gone, unknowns: world.unknowns - 1 };
    take(this.#unknown(faulty, one.from), "a put or its answer to instance # is lost", one.from);
    if (one.result === "pending") {
      const late = { ...faulty, flight: sort([...rest, { ...one, from: -1 }]) };
      take(
        this.#unknown(late, one.from),
        "a put of instance # fails and is still under way",
        one.from,
      );
    }
  }

  #answered(world: WalWorld, { entry, from, result }: Put, occupant: number): WalWorld {
    if (result === "stored") return this.#resolved(world, from, entry);
    if (this.#flaw === "no nonce: one's own entry is taken for another's" && occupant !== 0) {
      return this.#resolvedAsOthers(world, from, occupant);
    }
    const bytes = occupant === 0 ? undefined : this.#log.bytes(occupant);
    const outcome = slotOutcome({ kind: "occupied", bytes }, this.#log.bytes(entry));
    if (outcome === undefined) return this.#unknown(world, from);
    return this.#resolved(world, from, outcome.kind === "ours" ? entry : occupant);
  }

  #resolvedAsOthers(world: WalWorld, i: number, occupant: number): WalWorld {
    const instance = world.instances[i] as Instance;
    const instances = world.instances.with(i, { ...instance, entry: -1 });
    return this.#resolved({ ...world, instances }, i, occupant);
  }

  // ---- The platform, and what becomes of the log

  #replacements(world: WalWorld, take: Take<WalWorld>): void {
    const old = world.instances.length - 1;
    if (world.instances.length === this.#bounds.instances) return;
    const owed = acknowledged(world);
    const instance = { ...(world.instances[old] as Instance), owed };
    const replaced = { ...world, instances: world.instances.with(old, instance) };
    const begin = (before: WalWorld): WalWorld => ({
      ...before,
      instances: [...before.instances, unborn],
    });
    const dead = this.#dies(replaced, old);
    take(begin(dead), "instance # dies and another begins", old);
    if (world.wipes > 0) {
      const wiped = { ...dead, record: undefined, wipes: world.wipes - 1 };
      take(begin(wiped), "instance # dies, its storage is wiped, and another begins", old);
    }
    if (instance.phase === "dead") return;
    take(begin(replaced), "another instance begins, and instance # does not know", old);
    if (world.wipes > 0) {
      const wiped = { ...replaced, record: undefined, wipes: world.wipes - 1 };
      take(begin(wiped), "storage is wiped, and another begins beside instance #", old);
    }
  }

  #compaction(world: WalWorld, take: Take<WalWorld>): void {
    const { instances, wal, floorTip } = world;
    const floor = this.#log.next(floorTip);
    const newest = instances[instances.length - 1] as Instance;
    const isEarly = this.#flaw === "the floor passes an entry whose slot is not resolved";
    if ((newest.phase === "ready" || isEarly) && world.flushes > 0) {
      const isAhead = isEarly && newest.entry > 0;
      for (let to = isAhead ? newest.entry : newest.tip; this.#log.next(to) > floor; ) {
        take(
          { ...world, floorTip: to, flushes: world.flushes - 1 },
          "entries below # are flushed",
          this.#log.next(to),
        );
        to = this.#log.previous(to);
      }
    }
    const end = floor + (this.#flaw === "the collector deletes one entry too many" ? 1 : 0);
    if (floor > 0 && wal.slice(0, end).some((entry) => entry !== 0)) {
      const kept = wal.map((entry, sequence) => (sequence < end ? 0 : entry));
      take({ ...world, wal: kept }, "the log below # is collected", end);
    }
  }

  fault(world: WalWorld): string | undefined {
    return walFault(world, this.#log, this.#bounds.batches, this.#flaw);
  }
}
