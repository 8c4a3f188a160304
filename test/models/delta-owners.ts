/**
 * The owners of delta-model.ts: instances that publish what jobs did, and what happens to their
 * puts. Mirrors owner-jobs.ts (commitDelta) and publish.ts.
 */
import { applyDelta } from "../../src/compaction/delta.ts";
import type { Delta, Manifest } from "../../src/format/manifest.ts";
import { epochFault } from "../../src/namespace/invariants.ts";
import { forgetJob, heldJob, isBarred } from "../../src/namespace/jobs.ts";
import { slotOutcome } from "../../src/store/slot.ts";
import {
  type Compactor,
  type DeltaFlaw,
  type DeltaValues,
  type DeltaWorld,
  type Instance,
  idle,
  isNewest,
  nowMs,
  type Put,
  unborn,
} from "./delta-world.ts";
import type { Take } from "./explorer.ts";

export class DeltaOwners {
  readonly #values: DeltaValues;

  constructor(values: DeltaValues) {
    this.#values = values;
  }

  // ---- Instances

  start(world: DeltaWorld, i: number): DeltaWorld {
    if (!isNewest(world, i)) return this.dies(world, i);
    const { record, current, manifests } = world;
    const hinted = Math.max(current, record?.version ?? 0);
    let version = hinted === 0 ? manifests.findLastIndex((one) => one !== 0) : hinted;
    if (this.#values.flaw === "recovery believes a lagging pointer") version = current;
    else while ((manifests[version + 1] ?? 0) !== 0) version += 1;
    const manifest = manifests[version] as number;
    if (manifest === 0) return { ...world, wrong: `manifest ${version} is missing` };
    const epoch = 1 + Math.max(record?.epoch ?? 0, this.#values.manifests.value(manifest).epoch);
    const started = {
      ...(world.instances[i] as Instance),
      phase: "ready",
      epoch,
      manifest,
    } as const;
    const instances = world.instances.with(i, started);
    return { ...world, instances, record: { epoch, version } };
  }

  /** One pass of commitDelta: answers, or begins to publish. */
  commit(
    world: DeltaWorld,
    i: number,
    asker: number,
    attempt: number,
    deltaNumber: number,
  ): DeltaWorld {
    const instance = world.instances[i] as Instance;
    const before = this.#values.manifests.value(instance.manifest);
    const delta = this.#values.deltas.value(deltaNumber);
    const isAgain = before.applied.includes(delta.id);
    if (isAgain && this.#values.flaw !== "the same delta is applied twice") {
      return this.#answer(world, i, asker, deltaNumber, true);
    }
    const table = this.#values.tables.value(world.table);
    const job = heldJob(table, delta.job, attempt, nowMs);
    const skips = this.#values.flaw === "the same delta is applied twice" && isAgain;
    if (!skips && (job === undefined || isBarred(table, job, nowMs))) {
      return this.#answer(world, i, asker, deltaNumber, false);
    }
    const nonce = Uint8Array.of(i, instance.seals);
    const computed = this.#successor(
      before,
      delta,
      { epoch: instance.epoch, nonce, nowMs, logBytes: 0 },
      world.compactors[asker],
    );
    if (computed === undefined) return this.#answer(world, i, asker, deltaNumber, false);
    const next = this.#values.manifests.number(computed);
    const seals = instance.seals + 1;
    const publishing: Instance = { ...instance, next, asker, attempt, delta: deltaNumber, seals };
    return this.send(world, i, publishing);
  }

  /** The manifest after the delta, by applyDelta but for a flaw. */
  #successor(
    before: Manifest,
    delta: Delta,
    commit: Parameters<typeof applyDelta>[2],
    compactor: Compactor | undefined,
  ): Manifest | undefined {
    const read = this.#values.manifests.value(Math.max(1, compactor?.manifest ?? 1));
    const bent = bend(this.#values.flaw, before, delta);
    const base = this.#values.flaw === "a job submits the manifest it computed" ? read : before;
    const applied = applyDelta(base, bent, commit);
    if (applied.kind === "refused") return undefined;
    const version = before.version + 1;
    if (this.#values.flaw === "a job submits its list of segments, united with the present one") {
      const present = new Set(applied.manifest.segments.map(({ id }) => id));
      const others = read.segments.filter(({ id }) => !present.has(id));
      return { ...applied.manifest, segments: [...applied.manifest.segments, ...others], dead: [] };
    }
    return { ...applied.manifest, version };
  }

  /** A storage write and the put leave together, or neither does. */
  send(world: DeltaWorld, i: number, instance: Instance): DeltaWorld {
    const isFenced = this.#values.flaw !== "a replaced instance publishes and answers";
    if (!isNewest(world, i) && isFenced) return this.dies(world, i);
    const flight = sort([
      ...world.flight,
      { manifest: instance.next, from: i, result: "pending" } as const,
    ]);
    const sent: Instance = { ...instance, put: "under way" };
    return { ...world, flight, instances: world.instances.with(i, sent) };
  }

  #resolved(world: DeltaWorld, i: number, occupant: number): DeltaWorld {
    const instance = world.instances[i] as Instance;
    const isOurs =
      occupant === instance.next || this.#values.flaw === "an occupied version counts as ours";
    const known = isOurs ? instance.next : occupant;
    const manifest = this.#values.manifests.value(known);
    if (epochFault(instance.epoch, manifest.epoch) !== undefined) return this.dies(world, i);
    const isFenced = this.#values.flaw !== "a replaced instance publishes and answers";
    if (!isNewest(world, i) && isFenced) return this.dies(world, i);
    const { phase, seals } = instance;
    const after: Instance = { ...unborn, phase, epoch: instance.epoch, manifest: known, seals };
    const { version } = manifest;
    const record = isNewest(world, i) ? { epoch: instance.epoch, version } : world.record;
    const instances = world.instances.with(i, after);
    const recorded = { ...world, instances, record };
    if (isOurs) return this.#answer(recorded, i, instance.asker, instance.delta, true);
    return this.commit(recorded, i, instance.asker, instance.attempt, instance.delta);
  }

  /** Tells whoever asked; a job that is committed is forgotten. */
  #answer(
    world: DeltaWorld,
    i: number,
    asker: number,
    delta: number,
    isCommitted: boolean,
  ): DeltaWorld {
    const { job } = this.#values.deltas.value(delta);
    const manifest = this.#values.manifests.value((world.instances[i] as Instance).manifest);
    const table = isCommitted
      ? this.#values.saved(forgetJob(this.#values.tables.value(world.table), job), manifest)
      : world.table;
    const compactor = world.compactors[asker];
    const listens = compactor?.phase === "asked" && compactor.delta === delta;
    const next = isCommitted ? idle : ({ ...compactor, phase: "built", delta: 0 } as Compactor);
    return {
      ...world,
      table,
      compactors: listens ? world.compactors.with(asker, next) : world.compactors,
      told:
        isCommitted && listens && !world.told.includes(job)
          ? [...world.told, job].toSorted()
          : world.told,
    };
  }

  #unknown(world: DeltaWorld, i: number): DeltaWorld {
    const instance = world.instances[i] as Instance;
    if (this.#values.flaw === "an unknown put counts as stored") {
      return this.#resolved(world, i, instance.next);
    }
    return { ...world, instances: world.instances.with(i, { ...instance, put: "again" }) };
  }

  dies(world: DeltaWorld, i: number): DeltaWorld {
    const { asker } = world.instances[i] as Instance;
    const flight = world.flight
      .filter(({ from, result }) => from !== i || result === "pending")
      .map((one) => (one.from === i ? { ...one, from: -1 } : one));
    const dead: Instance = { ...unborn, phase: "dead" };
    const instances = world.instances.with(i, dead);
    return this.unanswered({ ...world, flight: sort(flight), instances }, asker);
  }

  /** The compactor hears nothing: it submits the same delta again, or dies. */
  unanswered(world: DeltaWorld, asker: number): DeltaWorld {
    const compactor = world.compactors[asker];
    if (compactor?.phase !== "asked") return world;
    const waits: Compactor = { ...compactor, phase: "resolved" };
    const compactors = world.compactors.with(asker, waits);
    const deletes = this.#values.flaw === "outputs are deleted when the outcome is unknown";
    const outputs = this.#values.deltas.value(compactor.delta).add.map(({ id }) => id);
    return { ...world, compactors, deleted: deletes ? outputs : world.deleted };
  }

  // ---- Puts

  network(world: DeltaWorld, at: number, one: Put, take: Take<DeltaWorld>): void {
    const { version } = this.#values.manifests.value(one.manifest);
    const rest = world.flight.filter((_, other) => other !== at);
    const gone = { ...world, flight: rest };
    if (one.result === "pending") {
      const isFree =
        (world.manifests[version] ?? 0) === 0 || this.#values.flaw === "manifests are overwritten";
      const manifests = isFree ? stored(world.manifests, version, one.manifest) : world.manifests;
      const result = isFree ? "stored" : "occupied";
      const flight = one.from < 0 ? rest : sort([...rest, { ...one, result }]);
      take({ ...world, manifests, flight }, `a put of manifest # arrives: ${result}`, version);
    } else {
      const answer =
        one.result === "stored"
          ? ({ kind: "stored" } as const)
          : ({ kind: "occupied", bytes: bytes(world.manifests[version] as number) } as const);
      const outcome = slotOutcome(answer, bytes(one.manifest));
      const occupant =
        outcome?.kind === "ours" ? one.manifest : (world.manifests[version] as number);
      take(this.#resolved(gone, one.from, occupant), `instance # hears: ${one.result}`, one.from);
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
}

/** The delta as a flaw lets it through. */
function bend(flaw: DeltaFlaw | undefined, manifest: Manifest, delta: Delta): Delta {
  const now = new Map(manifest.segments.map((segment) => [segment.id, segment]));
  if (flaw === "a merge need not know what died meanwhile") {
    const remove = delta.remove.map(({ segment, deadVersion }) => ({
      segment,
      deadVersion: now.get(segment)?.dead.version ?? deadVersion,
    }));
    return { ...delta, remove };
  }
  if (flaw === "a flush need not know that its segments were merged" && delta.floor !== undefined) {
    const remove = delta.remove.filter(({ segment }) => now.has(segment));
    const dead = delta.dead.filter(({ segment }) => now.has(segment));
    return { ...delta, remove, dead };
  }
  if (flaw === "flushes are committed out of order" && delta.floor !== undefined) {
    const from = Math.min(delta.floor.from, manifest.floor);
    return { ...delta, floor: { ...delta.floor, from } };
  }
  if (flaw === "the same delta is applied twice" && manifest.applied.includes(delta.id)) {
    return again(manifest, delta);
  }
  return delta;
}

/** The delta as another one that does the same. */
function again({ floor }: Manifest, delta: Delta): Delta {
  return {
    ...delta,
    id: `${delta.id}'`,
    add: delta.add.map((segment) => ({ ...segment, id: `again-${segment.id}` })),
    remove: [],
    dead: [],
    ...(delta.floor && { floor: { ...delta.floor, from: floor, to: floor + 1 } }),
  };
}

/** No two manifests are equal, so the number will do. */
function bytes(manifest: number): Uint8Array {
  return Uint8Array.of(manifest >>> 24, manifest >>> 16, manifest >>> 8, manifest);
}

function stored(
  manifests: readonly number[],
  version: number,
  manifest: number,
): readonly number[] {
  const after = manifests.slice();
  after[version] = manifest;
  return after;
}

function sort(flight: readonly Put[]): readonly Put[] {
  return flight.toSorted(
    (a, b) => a.manifest - b.manifest || a.from - b.from || (a.result < b.result ? -1 : 1),
  );
}
