/**
 * Model of collection: what may be deleted while jobs build, readers read and `current` lags.
 *
 * Mirrors   collect.ts (every step of its own: dead objects, superseded manifests, listing orphans,
 *           deleting them), owner-jobs.ts (claim, renew, commitDelta, finish), the reader's promise
 *           that it needs no object for longer than the grace. Called itself: the job table
 *           (jobs.ts), applyDelta (delta.ts), collectFault and the manifest's predicates
 *           (invariants.ts), the bounds of limits.ts.
 * Time      passes in leaps: past a lease, past the grace, past the age of orphans; the last also
 *           with an attempt renewing its lease all along. Everybody may sleep through any of them.
 * Jobs      merges that rewrite the one segment there is. They store it, and commit it or not.
 * Left out  what instances and lost puts do to manifests (delta-model.ts), branches
 *           (branch-model.ts), the log (wal-model.ts).
 *
 * Invariants
 *   - every segment that the newest manifest names exists
 *   - a reader younger than the grace finds every segment that its snapshot names
 *   - from `current` alone the newest manifest can be found
 */
import { applyDelta } from "../../src/compaction/delta.ts";
import type { Manifest } from "../../src/format/manifest.ts";
import { limits } from "../../src/limits.ts";
import { collectFault, manifestFault, successorFault } from "../../src/namespace/invariants.ts";
import {
  claimJob,
  emptyJobTable,
  findJob,
  finishCollect,
  forgetJob,
  heldJob,
  isLeased,
  type JobRecord,
  type JobTable,
  renewJob,
} from "../../src/namespace/jobs.ts";
import { firstManifest } from "../../src/namespace/state.ts";
import {
  away,
  type Builder,
  type CollectBounds,
  type CollectFlaw,
  type Collector,
  type CollectWorld,
  first,
  generation,
  manifestKey,
  namesOf,
  resting,
  segmentOf,
  sorted,
} from "./collect-world.ts";
import type { Model, Take } from "./explorer.ts";
import { Interner } from "./interner.ts";

export function collectModel(bounds: CollectBounds, flaw?: CollectFlaw): Model<CollectWorld> {
  return new CollectModel(bounds, flaw);
}

class CollectModel implements Model<CollectWorld> {
  readonly #bounds: CollectBounds;
  readonly #flaw: CollectFlaw | undefined;
  readonly #manifests = new Interner<Manifest>(manifestKey);
  readonly #tables = new Interner<JobTable>((table) => JSON.stringify(table));
  readonly #jobs = new Interner<JobRecord>((job) => JSON.stringify(job));

  constructor(bounds: CollectBounds, flaw: CollectFlaw | undefined) {
    this.#bounds = bounds;
    this.#flaw = flaw;
  }

  /** One segment, flushed long ago. */
  initial(): CollectWorld {
    const { builders, builds, collectors, collections, leaps, wipes, reads } = this.#bounds;
    const empty = firstManifest(generation);
    const begun: Manifest = { ...empty, version: 1, segments: [segmentOf(first)] };
    return {
      nowMs: 1,
      segments: [{ id: first, atMs: 1 }],
      manifests: [this.#manifests.number(empty), this.#manifests.number(begun)],
      current: 0,
      table: this.#tables.number(emptyJobTable(generation)),
      builders: Array.from({ length: builders }, () => resting),
      collectors: Array.from({ length: collectors }, () => away),
      reader: undefined,
      jobs: 0,
      builds,
      collections,
      leaps,
      wipes,
      reads,
    };
  }

  mayRest(): boolean {
    return true;
  }

  steps(world: CollectWorld, take: Take<CollectWorld>): void {
    for (const [b, builder] of world.builders.entries()) this.#build(world, b, builder, take);
    for (const [c, collector] of world.collectors.entries()) {
      this.#collect(world, c, collector, take);
    }
    this.#read(world, take);
    this.#time(world, take);
    const { version } = this.#newest(world);
    if (version > world.current) {
      take({ ...world, current: version }, "`current` moves to manifest #", version);
    }
    if (world.wipes > 0) {
      const table = this.#tables.number(emptyJobTable(generation));
      take({ ...world, table, wipes: world.wipes - 1 }, "the job table is lost");
    }
  }

  #newest({ manifests }: CollectWorld): Manifest {
    return this.#manifests.value(manifests.at(-1) as number);
  }

  // ---- Jobs that store a segment

  #build(world: CollectWorld, b: number, builder: Builder, take: Take<CollectWorld>): void {
    const put = (next: Builder): Pick<CollectWorld, "builders"> => ({
      builders: sorted(world.builders.map((one, at) => (at === b ? next : one))),
    });
    const table = this.#tables.value(world.table);
    if (builder.phase === "idle") {
      if (world.builds === 0) return;
      const inputs = this.#newest(world).segments.map(({ id }) => id);
      const lost = table.jobs.find((job) => job.inputs && !isLeased(job, world.nowMs));
      const isBusy = lost === undefined && table.jobs.some((job) => job.inputs !== undefined);
      if (isBusy) return;
      const job = lost ?? ({ id: `m${world.jobs}`, kind: "merge", inputs } as const);
      const claimed = claimJob(table, job, world.nowMs);
      const claim = this.#jobs.number(claimed.job);
      const begun: CollectWorld = {
        ...world,
        ...put({ phase: "claimed", claim }),
        table: this.#saved(claimed.table),
        jobs: world.jobs + (lost === undefined ? 1 : 0),
        builds: world.builds - 1,
      };
      take(begun, "a builder claims job #", job.id);
      return;
    }
    const job = this.#jobs.value(builder.claim);
    const id = `${job.id}-${job.attempt}`;
    if (builder.phase === "claimed") {
      const segments = [...world.segments, { id, atMs: world.nowMs }];
      const stored = { ...world, ...put({ ...builder, phase: "stored" }), segments };
      take(stored, "the builder of # stores its segment", job.id);
    } else {
      const next = this.#committed(world, table, job, id);
      const words =
        next === undefined ? "job # is refused" : "job # is committed, in place of its inputs";
      take({ ...world, ...next, ...put(resting) }, words, job.id);
    }
  }

  #committed(
    world: CollectWorld,
    table: JobTable,
    { id: job, attempt, inputs = [] }: JobRecord,
    output: string,
  ): Pick<CollectWorld, "manifests" | "table"> | undefined {
    const held = this.#held(table, job, attempt, world.nowMs);
    if (held === undefined && this.#flaw !== "a commit does not look at the lease")
      return undefined;
    const before = this.#newest(world);
    const applied = applyDelta(
      before,
      {
        id: job,
        job,
        remove: inputs.map((segment) => ({ segment, deadVersion: 0 })),
        add: [segmentOf(output)],
        dead: [],
      },
      { epoch: 1, nonce: new Uint8Array(16), nowMs: world.nowMs, logBytes: 0 },
    );
    if (applied.kind === "refused") return undefined;
    const { manifest } = applied;
    return {
      manifests: [...world.manifests, this.#manifests.number(manifest)],
      table: this.#saved(forgetJob(table, job)),
    };
  }

  // ---- The collector

  #collect(world: CollectWorld, c: number, one: Collector, take: Take<CollectWorld>): void {
    const put = (next: Collector): Pick<CollectWorld, "collectors"> => ({
      collectors: world.collectors.map((other, at) => (at === c ? next : other)),
    });
    const manifest = one.manifest === 0 ? undefined : this.#manifests.value(one.manifest);
    switch (one.phase) {
      case "idle":
        if (world.collections > 0) this.#claim(world, put, take);
        return;
      case "claimed": {
        const current = this.#reads(world, manifest as Manifest);
        const doomed = this.#dead(one, manifest as Manifest, current);
        const next = { ...one, phase: "deleted the dead", current } as const;
        const segments = world.segments.filter(({ id }) => !doomed.has(id));
        take({ ...world, ...put(next), segments }, "the collector deletes what is dead");
        return;
      }
      case "deleted the dead": {
        const next = { ...one, phase: "deleted manifests" } as const;
        const manifests = this.#withoutSuperseded(world, one);
        take({ ...world, ...put(next), manifests }, "the collector deletes superseded manifests");
        return;
      }
      case "deleted manifests": {
        const oldMs = world.nowMs - limits.orphanAgeMs;
        const isAnyAge = this.#flaw === "what nobody names is deleted at once";
        const old = world.segments.filter(({ atMs }) => atMs < oldMs || isAnyAge);
        const next = { ...one, phase: "listed", old: old.map(({ id }) => id) } as const;
        take({ ...world, ...put(next) }, "the collector lists what is old");
        return;
      }
      case "listed": {
        const named = this.#named(world, manifest as Manifest);
        const segments = world.segments.filter(({ id }) => named.has(id) || !one.old.includes(id));
        const next = { ...one, phase: "done" } as const;
        take({ ...world, ...put(next), segments }, "the collector deletes what nobody names");
        return;
      }
      case "done":
        take(this.#finished({ ...world, ...put(away) }, one), "the collection is finished");
    }
  }

  #claim(
    world: CollectWorld,
    put: (next: Collector) => Pick<CollectWorld, "collectors">,
    take: Take<CollectWorld>,
  ): void {
    const table = this.#tables.value(world.table);
    const { nowMs } = world;
    const lost = table.jobs.find(({ kind }) => kind === "collect");
    if (lost !== undefined && isLeased(lost, nowMs)) return;
    const deadBeforeMs = nowMs - this.#graceMs();
    const job =
      lost ?? ({ id: `c${world.jobs}`, kind: "collect", deadBeforeMs, sweeps: true } as const);
    const claimed = claimJob(table, job, nowMs);
    const begun: CollectWorld = {
      ...world,
      ...put({
        ...away,
        phase: "claimed",
        claim: this.#jobs.number(claimed.job),
        manifest: world.manifests.at(-1) as number,
      }),
      table: this.#saved(claimed.table),
      jobs: world.jobs + (lost === undefined ? 1 : 0),
      collections: world.collections - 1,
    };
    take(begun, "a collector claims its job");
  }

  #graceMs(): number {
    if (this.#flaw === "what is dead is deleted at once") return 0;
    const isRash = this.#flaw === "what is dead is deleted after a lease";
    return isRash ? limits.leaseMs : limits.collectGraceMs;
  }

  /** `current`, read back. */
  #reads(world: CollectWorld, manifest: Manifest): number {
    const believes = this.#flaw === "the newest manifest is taken for what `current` says";
    return believes ? manifest.version : world.current;
  }

  #dead(one: Collector, manifest: Manifest, current: number): ReadonlySet<string> {
    const deadBeforeMs = this.#jobs.value(one.claim).deadBeforeMs ?? 0;
    const view = { version: Math.min(current, manifest.version), deadBeforeMs };
    return new Set(
      manifest.dead
        .filter((record) => collectFault(record, view) === undefined)
        .flatMap(({ object }) => (object.kind === "segment" ? [object.id] : [])),
    );
  }

  #withoutSuperseded({ manifests }: CollectWorld, one: Collector): readonly number[] {
    const deadBeforeMs = this.#jobs.value(one.claim).deadBeforeMs ?? 0;
    const isRash = this.#flaw === "superseded manifests are deleted up to the newest";
    return manifests.map((number, version) => {
      const next = manifests[version + 1] ?? 0;
      // Version 0 is implied.
      if (version === 0 || number === 0 || next === 0) return number;
      const isOver = this.#manifests.value(next).committedMs <= deadBeforeMs;
      return isOver && (version < one.current || isRash) ? 0 : number;
    });
  }

  /** Named, live or dead, by the job's manifest or one that followed. */
  #named(world: CollectWorld, manifest: Manifest): ReadonlySet<string> {
    const isRash =
      this.#flaw === "what is old is deleted if the job's own manifest does not name it";
    const later = isRash ? [] : world.manifests.slice(manifest.version + 1);
    const all = [manifest, ...later.map((number) => this.#manifests.value(number))];
    return new Set(all.flatMap((each) => namesOf(each)));
  }

  /** The records of what is gone are dropped. */
  #finished(world: CollectWorld, one: Collector): CollectWorld {
    const { id, attempt, deadBeforeMs = 0 } = this.#jobs.value(one.claim);
    const table = this.#tables.value(world.table);
    const held = heldJob(table, id, attempt, world.nowMs);
    if (held === undefined) return world;
    const job = this.#manifests.value(one.manifest);
    const view = { version: Math.min(one.current, job.version), deadBeforeMs };
    const before = this.#newest(world);
    const dead = before.dead.filter((record) => collectFault(record, view) !== undefined);
    const done = {
      ...world,
      table: this.#saved(finishCollect(table, held, world.nowMs, 0, undefined)),
    };
    if (dead.length === before.dead.length) return done;
    const version = before.version + 1;
    const after = { ...before, version, committedMs: world.nowMs, dead };
    return { ...done, manifests: [...world.manifests, this.#manifests.number(after)] };
  }

  // ---- Readers and time

  #read(world: CollectWorld, take: Take<CollectWorld>): void {
    // It reads for as long as it likes; a read that is over is one that asks for nothing more.
    if (world.reads === 0) return;
    const reader = { manifest: world.manifests.at(-1) as number, beganMs: world.nowMs };
    const words = "a reader takes manifest # for its snapshot";
    take({ ...world, reader, reads: world.reads - 1 }, words, this.#newest(world).version);
  }

  #time(world: CollectWorld, take: Take<CollectWorld>): void {
    if (world.leaps === 0) return;
    const { nowMs } = world;
    const later = (ms: number): CollectWorld => ({
      ...world,
      nowMs: nowMs + ms,
      leaps: world.leaps - 1,
    });
    take(later(limits.leaseMs + 1), "a lease's time passes");
    take(later(limits.collectGraceMs), "the grace passes");
    take(later(limits.orphanAgeMs + 1), "a day passes");
    const table = this.#tables.value(world.table);
    for (const builder of world.builders) {
      if (builder.phase === "idle") continue;
      const { id, attempt } = this.#jobs.value(builder.claim);
      const renewed = this.#renewAllDay(table, id, attempt, nowMs);
      if (renewed === undefined) continue;
      const after = { ...later(limits.orphanAgeMs + 1), table: this.#saved(renewed) };
      take(after, "a day passes, and job # renews its lease all along", id);
    }
  }

  /** As a heartbeat would, from now to a day later; undefined once it is refused. */
  #renewAllDay(table: JobTable, id: string, attempt: number, nowMs: number): JobTable | undefined {
    const endMs = nowMs + limits.orphanAgeMs + 1;
    let renewed = table;
    for (let atMs = nowMs; ; atMs = Math.min(endMs, atMs + limits.leaseMs / 2)) {
      const held = this.#held(renewed, id, attempt, atMs);
      if (held === undefined) return undefined;
      renewed = renewJob(renewed, held, atMs);
      if (atMs === endMs) return renewed;
    }
  }

  #held(table: JobTable, id: string, attempt: number, nowMs: number): JobRecord | undefined {
    if (this.#flaw !== "a lease is renewed for ever") return heldJob(table, id, attempt, nowMs);
    const job = findJob(table, id);
    return job?.attempt === attempt && isLeased(job, nowMs) ? job : undefined;
  }

  #saved(table: JobTable): number {
    return this.#tables.number({ ...table, sweepDueMs: undefined, sweepLastMs: undefined });
  }

  // ---- Invariants

  fault(world: CollectWorld): string | undefined {
    const { manifests, current, reader, nowMs } = world;
    const exists = new Set(world.segments.map(({ id }) => id));
    const newest = this.#newest(world);
    const missing = newest.segments.find(({ id }) => !exists.has(id));
    if (missing !== undefined) return `segment ${missing.id} was deleted, and is named`;
    if (reader !== undefined && nowMs - reader.beganMs < limits.collectGraceMs) {
      const snapshot = this.#manifests.value(reader.manifest);
      const lost = snapshot.segments.find(({ id }) => !exists.has(id));
      if (lost !== undefined) return `segment ${lost.id} was deleted under a young reader`;
    }
    const start = current === 0 ? manifests.length - 1 : current;
    if (manifests.slice(start).some((number) => number === 0)) {
      return "the newest manifest cannot be found from `current`";
    }
    const before = manifests.at(-2) as number;
    const fault = before === 0 ? undefined : successorFault(this.#manifests.value(before), newest);
    return fault ?? manifestFault(newest);
  }
}
