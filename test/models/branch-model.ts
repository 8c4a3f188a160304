/**
 * Model of branches: a parent, its branch and the branch of that, each with a collector of its own
 * that knows nothing of the others but pins and refs.
 *
 * Mirrors   branch.ts (pin, refs, pin again, manifest and registry entry; of what is new, refs and
 *           entry in any order), recover-branch.ts, collect.ts and refs.ts
 *           (what is held, dead objects, superseded manifests, refs below ancestors, orphans;
 *           purge). Called itself: pins.ts, the job table (jobs.ts), applyDelta (delta.ts),
 *           ancestorsOf and holdingBelow (homes.ts), Protection (protection.ts), collectFault.
 * Time      passes in leaps: past a pin, past the grace, past the age of orphans. Everybody may
 *           sleep through any of them, collectors between any two of their steps.
 * Jobs      rewrites of the one segment there is: what a branch reads of its ancestors ends so.
 * Left out  leases of those jobs and `current` (collect-model.ts), the inherited log, bitmaps.
 *
 * Invariants
 *   - every segment that the newest manifest of a living generation names exists, wherever it lies
 *   - a reader younger than the grace finds every segment of its snapshot
 *   - what is pinned exists as long as the pin is alive
 *   - a branch that somebody was told of lives
 */
import { applyDelta } from "../../src/compaction/delta.ts";
import { Protection } from "../../src/compaction/protection.ts";
import { ancestorsOf, holdingBelow } from "../../src/format/homes.ts";
import type { DeadRecord, Manifest } from "../../src/format/manifest.ts";
import { limits } from "../../src/limits.ts";
import { collectFault, manifestFault } from "../../src/namespace/invariants.ts";
import {
  claimJob,
  emptyJobTable,
  finishCollect,
  heldJob,
  type JobTable,
} from "../../src/namespace/jobs.ts";
import { alivePins, dropEndedPins, renewPin } from "../../src/namespace/pins.ts";
import { firstManifest } from "../../src/namespace/state.ts";
import { BranchMaking } from "./branch-making.ts";
import {
  type BranchBounds,
  type BranchFlaw,
  BranchValues,
  type BranchWorld,
  type Change,
  change,
  type Generation,
  grown,
  nameOf,
  numberOf,
  type Visit,
} from "./branch-world.ts";
import type { Model, Take } from "./explorer.ts";

export function branchModel(bounds: BranchBounds, flaw?: BranchFlaw): Model<BranchWorld> {
  return new BranchModel(bounds, flaw);
}

class BranchModel implements Model<BranchWorld> {
  readonly #bounds: BranchBounds;
  readonly #flaw: BranchFlaw | undefined;
  readonly #values = new BranchValues();
  readonly #making: BranchMaking;

  constructor(bounds: BranchBounds, flaw: BranchFlaw | undefined) {
    this.#bounds = bounds;
    this.#flaw = flaw;
    this.#making = new BranchMaking(this.#values, flaw);
  }

  /** The first generation has one segment, flushed long ago; so a branch of it, if there is one. */
  initial(): BranchWorld {
    const { generations, begun, spans: _, ...budgets } = this.#bounds;
    const all = Array.from({ length: generations }, (_, g): Generation => {
      const none = this.#values.manifests.number(firstManifest(nameOf(g)));
      const table = this.#values.tables.number(emptyJobTable(nameOf(g)));
      const segments = [grown(nameOf(0), "s")];
      const first = { ...firstManifest(nameOf(g)), version: 1, segments };
      return {
        status: g < begun ? "live" : "unborn",
        start: undefined,
        overMs: 0,
        manifests: g < begun ? [none, this.#values.manifests.number(first)] : [none],
        table,
        segments: g === 0 ? [{ id: "s", atMs: 1 }] : [],
        refs: g === 0 && begun > 1 ? [{ child: 1, atMs: 1, holds: ["s"] }] : [],
        visit: undefined,
      };
    });
    return {
      nowMs: 1,
      generations: all,
      making: undefined,
      reader: undefined,
      jobs: 0,
      ...budgets,
    };
  }

  mayRest(): boolean {
    return true;
  }

  steps(world: BranchWorld, take: Take<BranchWorld>): void {
    for (const [g, generation] of world.generations.entries()) {
      if (generation.status === "live") this.#live(world, g, generation, take);
      if (generation.visit !== undefined) {
        this.#visit(world, g, generation, generation.visit, take);
      } else if (world.collections > 0 && /live|over|purged/.test(generation.status)) {
        this.#claim(world, g, generation, take);
      }
      this.#making.recover(world, g, generation, take);
    }
    this.#making.steps(world, take);
    this.#time(world, take);
  }

  // ---- A generation that lives

  #live(world: BranchWorld, g: number, generation: Generation, take: Take<BranchWorld>): void {
    const { nowMs } = world;
    if (world.rewrites > 0) {
      const id = `r${world.rewrites}`;
      const before = this.#values.newest(generation);
      const remove = before.segments.map((segment) => ({ segment: segment.id, deadVersion: 0 }));
      const delta = { id, job: id, remove, add: [grown(nameOf(g), id)], dead: [] };
      const applied = applyDelta(before, delta, {
        epoch: 1,
        nonce: new Uint8Array(16),
        logBytes: 0,
        nowMs,
      });
      if (applied.kind === "applied") {
        const manifests = [
          ...generation.manifests,
          this.#values.manifests.number(applied.manifest),
        ];
        const segments = [...generation.segments, { id, atMs: nowMs }];
        const after = change(world, g, { manifests, segments });
        take({ ...after, rewrites: world.rewrites - 1 }, "generation # rewrites its segment", g);
      }
    }
    if (world.deletions > 0) {
      const over = change(world, g, { status: "over", overMs: nowMs });
      take({ ...over, deletions: world.deletions - 1 }, "generation # is deleted", g);
    }
    if (world.reads > 0) {
      const reader = { manifest: generation.manifests.at(-1) as number, beganMs: nowMs };
      const reading = { ...world, reader, reads: world.reads - 1 };
      take(reading, "a reader takes a snapshot of generation #", g);
    }
  }

  // ---- Collections and purges

  #claim(world: BranchWorld, g: number, generation: Generation, take: Take<BranchWorld>): void {
    const isPurge = generation.status === "over";
    const dueMs = generation.overMs + limits.collectGraceMs;
    if (generation.status === "purged" || (isPurge && world.nowMs < dueMs)) return;
    const beforeMs = world.nowMs - limits.collectGraceMs;
    const job = {
      id: `c${world.jobs}`,
      kind: "collect",
      deadBeforeMs: beforeMs,
      sweeps: true,
    } as const;
    const table = dropEndedPins(this.#values.tables.value(generation.table), world.nowMs);
    const claimed = claimJob(table, job, world.nowMs);
    const visit: Visit = {
      phase: "claimed",
      isPurge,
      job: job.id,
      attempt: claimed.job.attempt,
      manifest: generation.manifests.at(-1) as number,
      beforeMs,
      pins: claimed.table.pins,
      held: [],
      refs: 0,
    };
    const begun = change(world, g, { visit, table: this.#saved(claimed.table) });
    const after = { ...begun, jobs: world.jobs + 1, collections: world.collections - 1 };
    take(after, `a ${isPurge ? "purge" : "collection"} of generation # begins`, g);
  }

  #visit(
    world: BranchWorld,
    g: number,
    generation: Generation,
    visit: Visit,
    take: Take<BranchWorld>,
  ): void {
    const next = (phase: Visit["phase"], so: Change): BranchWorld =>
      change(world, g, { visit: { ...visit, phase }, ...so });
    // Who dies does nothing more: only that another may begin makes a difference.
    if (world.collections > 0 && world.deaths > 0) {
      const dead = change(world, g, { visit: undefined });
      take({ ...dead, deaths: world.deaths - 1 }, "the collector of # dies", g);
    }
    switch (visit.phase) {
      case "claimed":
        take(this.#learn(world, g, generation, visit), "the collector of # reads pins and refs", g);
        return;
      case "knows": {
        if (visit.isPurge) {
          take(this.#purged(world, g, generation, visit), "generation # is purged", g);
          return;
        }
        const dead = this.#dead(visit);
        const segments = generation.segments.filter(({ id }) => !dead.has(id));
        const manifests = this.#withoutSuperseded(generation, visit);
        const after = next("deleted", { segments, manifests });
        take(after, "the collector of # deletes what is dead", g);
        return;
      }
      case "deleted": {
        const after = this.#dropRefs(next("dropped refs", {}), g, generation, visit);
        take(after, "the collector of # drops refs below ancestors", g);
        return;
      }
      case "dropped refs":
        take(this.#finished(world, g, generation, visit), "the collector of # is done", g);
    }
  }

  #learn(world: BranchWorld, g: number, generation: Generation, visit: Visit): BranchWorld {
    const { flaw, oldMs } = { flaw: this.#flaw, oldMs: world.nowMs - limits.orphanAgeMs };
    const isRash = flaw === "a ref whose branch is not there yet is dropped at once";
    const { isPurge } = visit;
    const refs = generation.refs.filter(({ child, atMs }) => {
      const { status } = world.generations[child] as Generation;
      const isUnborn = status === "unborn" || status === "purged";
      return !(isUnborn && (atMs < oldMs || isRash));
    });
    const protection = new Protection();
    const looks =
      flaw !== (isPurge ? "a purge does not look at refs" : "a collection does not look at refs");
    for (const { holds } of looks ? refs : []) {
      protection.add({ segments: holds.map((id) => ({ id, parts: 1 })), bitmaps: [], wal: [] });
    }
    const pins = isPurge || flaw === "a collection does not look at pins" ? [] : visit.pins;
    for (const { version } of pins) {
      const pinned = this.#values.manifests.value(generation.manifests[version] as number);
      protection.add(holdingBelow(nameOf(g), pinned.segments, []));
    }
    const held = generation.segments
      .map(({ id }) => id)
      .filter((id) => protection.holdsSegment(id));
    const knows: Visit = { ...visit, phase: "knows", held, refs: refs.length };
    return change(world, g, { refs, visit: knows });
  }

  #isDue({ beforeMs, manifest }: Visit): (record: DeadRecord) => boolean {
    const view = {
      version: this.#values.manifests.value(manifest).version,
      deadBeforeMs: beforeMs,
    };
    return (record) => collectFault(record, view) === undefined;
  }

  #dead(visit: Visit): ReadonlySet<string> {
    const { dead } = this.#values.manifests.value(visit.manifest);
    const due = dead.filter(this.#isDue(visit));
    const ids = due.flatMap(({ object }) => (object.kind === "segment" ? [object.id] : []));
    return new Set(ids.filter((id) => !visit.held.includes(id)));
  }

  #withoutSuperseded({ manifests }: Generation, { beforeMs, pins }: Visit): readonly number[] {
    return manifests.map((number, version) => {
      const next = manifests[version + 1] ?? 0;
      if (version === 0 || next === 0 || pins.some((pin) => pin.version === version)) return number;
      return this.#values.manifests.value(next).committedMs <= beforeMs ? 0 : number;
    });
  }

  /** Unless a manifest that is still there names something below the ancestor. */
  #dropRefs(world: BranchWorld, g: number, generation: Generation, visit: Visit): BranchWorld {
    const isRash =
      this.#flaw === "a ref is dropped as soon as the newest manifest does not need it";
    const { dead } = this.#values.manifests.value(visit.manifest);
    const due = dead.filter(isRash ? () => true : this.#isDue(visit));
    const stored = isRash ? generation.manifests.slice(-1) : generation.manifests;
    const named = new Set(
      stored.flatMap((one) =>
        one === 0 ? [] : [...ancestorsOf(this.#values.manifests.value(one))],
      ),
    );
    return due.reduce((after, { object }) => {
      if (object.kind !== "ref" || named.has(object.generation)) return after;
      return this.#withoutRef(after, numberOf(object.generation), g);
    }, world);
  }

  #withoutRef(world: BranchWorld, below: number, child: number): BranchWorld {
    const { refs } = world.generations[below] as Generation;
    return change(world, below, { refs: refs.filter((ref) => ref.child !== child) });
  }

  #finished(world: BranchWorld, g: number, generation: Generation, visit: Visit): BranchWorld {
    const { job, attempt, held } = visit;
    const table = this.#values.tables.value(generation.table);
    const lease = heldJob(table, job, attempt, world.nowMs);
    const over = change(world, g, { visit: undefined });
    if (lease === undefined || generation.status !== "live") return over;
    const isDue = this.#isDue(visit);
    const before = this.#values.newest(generation);
    const dead = before.dead.filter((record) => {
      const { object } = record;
      const isHeld = object.kind === "segment" && held.includes(object.id);
      return !isDue(record) || isHeld;
    });
    const done = this.#saved(finishCollect(table, lease, world.nowMs, 0, undefined));
    const finished = change(over, g, { table: done });
    if (dead.length === before.dead.length) return finished;
    const after = { ...before, version: before.version + 1, committedMs: world.nowMs, dead };
    const manifests = [...generation.manifests, this.#values.manifests.number(after)];
    return change(finished, g, { manifests });
  }

  #purged(world: BranchWorld, g: number, generation: Generation, visit: Visit): BranchWorld {
    const ancestors = [...ancestorsOf(this.#values.newest(generation))].map(numberOf);
    const all = new Set([...ancestors, ...(g > 0 ? [g - 1] : [])]);
    const free = [...all].reduce((after, below) => this.#withoutRef(after, below, g), world);
    const segments = generation.segments.filter(({ id }) => visit.held.includes(id));
    const isEmpty = segments.length === 0 && visit.refs === 0;
    const status = isEmpty ? "purged" : "over";
    return change(free, g, { segments, status, visit: undefined });
  }

  #saved(table: JobTable): number {
    return this.#values.tables.number({ ...table, sweepDueMs: undefined, sweepLastMs: undefined });
  }

  #time(world: BranchWorld, take: Take<BranchWorld>): void {
    if (world.leaps === 0) return;
    const later = (ms: number): BranchWorld => ({
      ...world,
      nowMs: world.nowMs + ms,
      leaps: world.leaps - 1,
    });
    const { spans } = this.#bounds;
    if (spans.includes("pin")) take(later(limits.pinMs), "a pin's time passes");
    if (spans.includes("grace")) take(later(limits.collectGraceMs), "the grace passes");
    if (spans.includes("day")) take(later(limits.orphanAgeMs + 1), "a day passes");
    const { making } = world;
    if (making === undefined) return;
    // As a long reader would: the branch itself may not take so long.
    const parent = world.generations[making.child - 1] as Generation;
    const table = this.#values.tables.value(parent.table);
    if (renewPin(table, making.pin.id, world.nowMs) === undefined) return;
    const untilMs = world.nowMs + limits.collectGraceMs + limits.pinMs;
    const pins = table.pins.map((pin) => ({ ...pin, untilMs }));
    const after = change(later(limits.collectGraceMs), making.child - 1, {
      table: this.#values.tables.number({ ...table, pins }),
    });
    take(after, "the grace passes, and the pin is renewed all along");
  }

  // ---- Invariants

  fault(world: BranchWorld): string | undefined {
    const { reader, nowMs } = world;
    for (const [g, generation] of world.generations.entries()) {
      const { status, start } = generation;
      if (status === "over" && start?.isAnswered === true) return `branch ${g} was promised`;
      if (status !== "live") continue;
      const newest = this.#values.newest(generation);
      const lost = this.#missing(world, newest);
      if (lost !== undefined) return `${lost} was deleted, and generation ${g} names it`;
      const fault = manifestFault(newest);
      if (fault !== undefined) return fault;
      for (const { version } of alivePins(this.#values.tables.value(generation.table), nowMs)) {
        const number = generation.manifests[version] ?? 0;
        const gone = number === 0 || this.#missing(world, this.#values.manifests.value(number));
        if (gone) return `what is pinned of generation ${g} was deleted`;
      }
    }
    if (reader !== undefined && nowMs - reader.beganMs < limits.collectGraceMs) {
      const lost = this.#missing(world, this.#values.manifests.value(reader.manifest));
      if (lost !== undefined) return `${lost} was deleted under a young reader`;
    }
    return undefined;
  }

  #missing(world: BranchWorld, { segments }: Manifest): string | undefined {
    const lost = segments.find(({ id, home }) => {
      const { segments: stored } = world.generations[numberOf(home)] as Generation;
      return !stored.some((object) => object.id === id);
    });
    return lost && `segment ${lost.id} below generation ${lost.home}`;
  }
}
