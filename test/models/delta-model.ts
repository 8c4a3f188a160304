/**
 * Model of manifests: jobs that flush and merge beside one another, and the one place that
 * publishes what they did.
 *
 * Mirrors   compact.ts and compact-resolve.ts (build, ticket, resolve, commit; see delta-rows.ts),
 *           owner-jobs.ts (claim, ticket, commitDelta), publish.ts, recover.ts (newest manifest).
 *           Called itself: applyDelta (delta.ts), the job table (jobs.ts), isVoid and neglectedFrom
 *           (owner-due.ts), slotOutcome (slot.ts), the predicates of invariants.ts.
 * Log       all its entries are durable before anything begins: see wal-model.ts.
 * Jobs      flushes of any stretch nobody owns, merges of any two or more segments and of any one
 *           that has dead rows; a lease or ticket may run out at any time.
 * Taken as one step: claiming and building; granting the ticket and resolving (what moves between
 *           is a delta that is refused or committed later); moving `current`.
 *
 * Invariants
 *   - what lives in the newest manifest's segments is what the log below its floor says: no id
 *     twice, none that was deleted, none lost
 *   - the floor, epochs and dead versions never fall; no delta is applied twice or forgotten
 *   - rows and record digests are conserved from manifest to manifest
 *   - a job that was told "committed" is in every later manifest, and in the newest instance's
 *   - nothing that a manifest names was deleted
 */
import type { Manifest } from "../../src/format/manifest.ts";
import { stepFault, tableFault } from "../../src/namespace/invariants.ts";
import {
  busySegments,
  claimJob,
  emptyJobTable,
  findJob,
  heldJob,
  isLeased,
  type JobTable,
  takeTicket,
  type UnclaimedJob,
  unownedStretch,
} from "../../src/namespace/jobs.ts";
import { isVoid, neglectedFrom } from "../../src/owner-due.ts";
import { DeltaOwners } from "./delta-owners.ts";
import { build, liveRows, resolve, rowsBelow } from "./delta-rows.ts";
import {
  type Compactor,
  type DeltaBounds,
  type DeltaFlaw,
  DeltaValues,
  type DeltaWorld,
  generation,
  type Instance,
  idle,
  nowMs,
  unborn,
} from "./delta-world.ts";
import type { Model, Take } from "./explorer.ts";

const phases: readonly Compactor["phase"][] = ["idle", "built", "resolved", "asked"];

export function deltaModel(bounds: DeltaBounds, flaw?: DeltaFlaw): Model<DeltaWorld> {
  return new DeltaModel(bounds, flaw);
}

class DeltaModel implements Model<DeltaWorld> {
  readonly #values: DeltaValues;
  readonly #owners: DeltaOwners;
  readonly #faults = new Map<number, string | undefined>();
  readonly #steps = new Map<number, string | undefined>();

  constructor(bounds: DeltaBounds, flaw: DeltaFlaw | undefined) {
    this.#values = new DeltaValues(bounds, flaw);
    this.#owners = new DeltaOwners(this.#values);
  }

  initial(): DeltaWorld {
    return this.#values.initial();
  }

  mayRest({ compactors, expiries }: DeltaWorld): boolean {
    // Otherwise they wait for what would run out in time.
    return compactors.every(({ phase }) => phase === "idle") || expiries === 0;
  }

  steps(world: DeltaWorld, take: Take<DeltaWorld>): void {
    for (const [i, instance] of world.instances.entries()) {
      if (instance.phase === "starting") {
        take(this.#owners.start(world, i), "instance # looks for the newest manifest", i);
      } else if (instance.put === "again") {
        take(this.#owners.send(world, i, instance), "instance # puts the same manifest again", i);
      }
    }
    for (const [c, compactor] of world.compactors.entries()) {
      this.#compactor(world, c, compactor, take);
    }
    for (const [at, put] of world.flight.entries()) this.#owners.network(world, at, put, take);
    this.#platform(world, take);
  }

  /** Compactors differ in names alone. */
  canonical(world: DeltaWorld): DeltaWorld {
    const order = world.compactors
      .map((_, c) => c)
      .toSorted((a, b) => rank(world.compactors[a]) - rank(world.compactors[b]) || a - b);
    if (order.every((from, c) => from === c)) return world;
    const compactors = order.map((from) => world.compactors[from] as Compactor);
    const instances = world.instances.map((instance) =>
      instance.asker < 0 ? instance : { ...instance, asker: order.indexOf(instance.asker) },
    );
    return { ...world, compactors, instances };
  }

  // ---- Compactors

  #compactor(world: DeltaWorld, c: number, one: Compactor, take: Take<DeltaWorld>): void {
    const i = world.instances.length - 1;
    const instance = world.instances[i] as Instance;
    if (one.phase !== "idle" && world.expiries > 0) {
      const compactors = world.compactors.with(c, idle);
      const dead = { ...world, compactors, expiries: world.expiries - 1 };
      take(dead, "compactor # dies", c);
    }
    if (instance.phase !== "ready") return;
    switch (one.phase) {
      case "idle":
        if (world.claims > 0) this.#claim(world, c, instance, take);
        return;
      case "built":
        this.#resolve(world, c, one, instance, take);
        return;
      case "resolved":
        if (instance.put !== "none") return;
        take(this.#ask(world, c, one, i), "compactor # submits its delta to instance #", c, i);
        return;
      case "asked":
    }
  }

  #claim(world: DeltaWorld, c: number, instance: Instance, take: Take<DeltaWorld>): void {
    const table = this.#values.tables.value(world.table);
    const manifest = this.#values.manifests.value(instance.manifest);
    const again = table.jobs.filter((job) => !isLeased(job, nowMs) && !isVoid(job, manifest));
    const news = [
      ...this.#flushes(world, table, manifest),
      ...this.#merges(world, table, manifest),
    ];
    for (const job of [...again, ...news]) {
      const claimed = claimJob(table, job, nowMs);
      const isNew = findJob(table, job.id) === undefined;
      const after: DeltaWorld = {
        ...world,
        table: this.#values.saved(claimed.table, manifest),
        jobs: world.jobs + (isNew ? 1 : 0),
        claims: world.claims - 1,
        merges: world.merges - (isNew && job.wal === undefined ? 1 : 0),
        compactors: world.compactors.with(c, {
          ...idle,
          phase: "built",
          claim: this.#values.jobs.number({ ...claimed.job, leaseUntilMs: 0 }),
          manifest: instance.manifest,
        }),
      };
      const what =
        job.wal === undefined
          ? `merges ${job.inputs?.join(" ")}`
          : `flushes ${job.wal.from} to ${job.wal.to}`;
      take(after, "compactor # claims and builds: #", c, what);
    }
  }

  #flushes(world: DeltaWorld, table: JobTable, manifest: Manifest): UnclaimedJob[] {
    const { from, to } = unownedStretch(table, manifest.floor);
    const end = Math.min(to, this.#values.bounds.entries);
    return Array.from({ length: Math.max(0, end - from) }, (_, i) => ({
      id: `f${world.jobs}`,
      kind: "flush",
      wal: { from, to: from + i + 1 },
    }));
  }

  #merges(world: DeltaWorld, table: JobTable, manifest: Manifest): UnclaimedJob[] {
    if (world.merges === 0) return [];
    const busy = busySegments(table);
    const free = manifest.segments.filter(({ id }) => !busy.has(id));
    const choices = free.length > 1 ? [free] : [];
    choices.push(...free.filter(({ dead }) => dead.rows > 0).map((one) => [one]));
    return choices.map((inputs) => ({
      id: `m${world.jobs}`,
      kind: "merge",
      inputs: inputs.map(({ id }) => id),
    }));
  }

  /** The ticket, and under it what the job comes to. */
  #resolve(
    world: DeltaWorld,
    c: number,
    one: Compactor,
    instance: Instance,
    take: Take<DeltaWorld>,
  ): void {
    const claimed = this.#values.jobs.value(one.claim);
    const table = this.#values.tables.value(world.table);
    const manifest = this.#values.manifests.value(instance.manifest);
    const job = heldJob(table, claimed.id, claimed.attempt, nowMs);
    const givesUp = (): DeltaWorld => ({
      ...world,
      compactors: world.compactors.with(c, idle),
    });
    if (job === undefined) {
      take(givesUp(), "compactor # hears that its lease is gone", c);
      return;
    }
    const isEarly = job.wal !== undefined && job.wal.from > manifest.floor;
    if (isEarly && this.#values.flaw !== "flushes are committed out of order") {
      if (neglectedFrom(table, manifest, nowMs) <= (job.wal?.from ?? 0)) {
        take(givesUp(), "compactor # gives its range back: an earlier one has nobody", c);
      }
      return;
    }
    const taken = takeTicket(table, job, nowMs);
    if (taken === undefined) return;
    const read = this.#values.manifests.value(one.manifest);
    const delta = resolve(claimed, one.tries, build(claimed, read), manifest, {
      forgetsDied: this.#values.flaw === "a merge forgets what died since it read its inputs",
      forgetsDeletions: this.#values.flaw === "a flush forgets deletions",
    });
    if (delta === undefined) {
      take(givesUp(), "compactor # finds its inputs gone", c);
      return;
    }
    const resolved: Compactor = {
      ...one,
      phase: "resolved",
      delta: this.#values.deltas.number(delta),
      tries: one.tries + 1,
    };
    const compactors = world.compactors.with(c, resolved);
    const after = { ...world, table: this.#values.saved(taken.table, manifest), compactors };
    take(after, "compactor # takes the ticket and resolves", c);
  }

  #ask(world: DeltaWorld, c: number, one: Compactor, i: number): DeltaWorld {
    const asked = { ...one, phase: "asked" } as const;
    const asking = { ...world, compactors: world.compactors.with(c, asked) };
    return this.#owners.commit(asking, i, c, this.#values.jobs.value(one.claim).attempt, one.delta);
  }

  // ---- The platform

  #platform(world: DeltaWorld, take: Take<DeltaWorld>): void {
    const newest = world.instances.length - 1;
    const instance = world.instances[newest] as Instance;
    if (instance.asker >= 0 && world.unknowns > 0) {
      const unanswered = this.#owners.unanswered(world, instance.asker);
      const lost = { ...unanswered, unknowns: world.unknowns - 1 };
      take(lost, "compactor # is not answered", instance.asker);
    }
    if (world.instances.length < this.#values.bounds.instances) this.#replace(world, newest, take);
    if (world.expiries > 0) this.#expire(world, take);
    if (instance.phase !== "ready" || world.pointerMoves === 0) return;
    const { version } = this.#values.manifests.value(instance.manifest);
    if (version > world.current) {
      const moved = { current: version, pointerMoves: world.pointerMoves - 1 };
      take({ ...world, ...moved }, "`current` moves to manifest #", version);
    }
  }

  #expire(world: DeltaWorld, take: Take<DeltaWorld>): void {
    const table = this.#values.tables.value(world.table);
    const expiries = world.expiries - 1;
    const left = (changed: JobTable): DeltaWorld => ({
      ...world,
      table: this.#values.tables.number(changed),
      expiries,
    });
    for (const job of table.jobs.filter((one) => isLeased(one, nowMs))) {
      const jobs = table.jobs.map((one) => (one === job ? { ...one, leaseUntilMs: 0 } : one));
      take(left({ ...table, jobs }), "the lease of job # runs out", job.id);
    }
    if (table.ticket !== undefined) {
      take(left({ ...table, ticket: undefined }), "a ticket runs out");
    }
  }

  #replace(world: DeltaWorld, old: number, take: Take<DeltaWorld>): void {
    const begin = (before: DeltaWorld): DeltaWorld => ({
      ...before,
      instances: [...before.instances, unborn],
    });
    const table = this.#values.tables.number(emptyJobTable(generation));
    const wiped = { record: undefined, table, wipes: world.wipes - 1 };
    const dead = this.#owners.dies(world, old);
    take(begin(dead), "instance # dies and another begins", old);
    take(begin(world), "another instance begins, and instance # does not know", old);
    if (world.wipes === 0) return;
    take(begin({ ...dead, ...wiped }), "instance # dies, and its storage is wiped", old);
    take(begin({ ...world, ...wiped }), "storage is wiped, and another begins beside #", old);
  }

  // ---- Invariants

  fault(world: DeltaWorld): string | undefined {
    if (world.wrong !== "") return world.wrong;
    const { manifests, told } = world;
    for (let version = 1; version < manifests.length; version++) {
      const fault = this.#stepFault(manifests[version - 1] as number, manifests[version] as number);
      if (fault !== undefined) return `manifest ${version}: ${fault}`;
    }
    const newest = this.#values.manifests.value(manifests.at(-1) as number);
    const lost = told.find((job) => !newest.applied.includes(job));
    if (lost !== undefined) return `job ${lost} was told that it is committed, and is not`;
    const gone = newest.segments.find(({ id }) => world.deleted.includes(id));
    if (gone !== undefined) return `segment ${gone.id} is named and was deleted`;
    const instance = world.instances.at(-1) as Instance;
    if (instance.phase === "ready") {
      const { applied } = this.#values.manifests.value(instance.manifest);
      const missing = told.find((job) => !applied.includes(job));
      if (missing !== undefined) return `the newest instance does not know of job ${missing}`;
    }
    return tableFault(this.#values.tables.value(world.table));
  }

  /** Of a manifest and the one before it, once for each pair. */
  #stepFault(beforeNumber: number, number: number): string | undefined {
    if (number === 0 || beforeNumber === 0) return undefined;
    const key = beforeNumber * 0x10_0000 + number;
    if (this.#steps.has(key)) return this.#steps.get(key);
    const before = this.#values.manifests.value(beforeNumber);
    const after = this.#values.manifests.value(number);
    const forgotten = before.applied.find((id) => !after.applied.includes(id));
    const fault =
      forgotten === undefined
        ? (stepFault(before, after) ?? this.#contentFault(number))
        : `delta ${forgotten} is forgotten`;
    this.#steps.set(key, fault);
    return fault;
  }

  #contentFault(number: number): string | undefined {
    if (!this.#faults.has(number)) {
      const manifest = this.#values.manifests.value(number);
      const found = liveRows(manifest);
      const wanted = rowsBelow(manifest.floor);
      const isRight = found.join() === wanted.join();
      const content = `${found.join(" ")} live, and the log says ${wanted.join(" ")}`;
      this.#faults.set(number, isRight ? undefined : content);
    }
    return this.#faults.get(number);
  }
}

function rank(compactor: Compactor | undefined): number {
  const { phase, claim, manifest, delta } = compactor ?? idle;
  return ((phases.indexOf(phase) * 1_000 + claim) * 1_000 + manifest) * 1_000 + delta;
}
