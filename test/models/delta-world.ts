/**
 * The world of delta-model.ts: what it holds, what may happen in it, and what may be wrong with it.
 * Manifests, deltas, job tables and jobs are numbers in it (interner.ts).
 */
import type { Delta, Manifest } from "../../src/format/manifest.ts";
import { emptyJobTable, type JobRecord, type JobTable } from "../../src/namespace/jobs.ts";
import { firstManifest } from "../../src/namespace/state.ts";
import { isVoid } from "../../src/owner-due.ts";
import { Interner } from "./interner.ts";

export interface DeltaBounds {
  readonly entries: number;
  readonly compactors: number;
  readonly instances: number;
  /** Claims, first and repeated. */
  readonly claims: number;
  readonly merges: number;
  /** Answers and puts that are lost. */
  readonly unknowns: number;
  /** Leases and tickets that run out, compactors that die. */
  readonly expiries: number;
  readonly wipes: number;
  readonly pointerMoves: number;
}

export type DeltaFlaw =
  | "a flush need not know that its segments were merged"
  | "a merge need not know what died meanwhile"
  | "a merge forgets what died since it read its inputs"
  | "a flush forgets deletions"
  | "a job submits the manifest it computed"
  | "a job submits its list of segments, united with the present one"
  | "the same delta is applied twice"
  | "flushes are committed out of order"
  | "an unknown put counts as stored"
  | "an occupied version counts as ours"
  | "manifests are overwritten"
  | "a replaced instance publishes and answers"
  | "recovery believes a lagging pointer"
  | "outputs are deleted when the outcome is unknown";

export interface Instance {
  readonly phase: "dead" | "starting" | "ready";
  readonly epoch: number;
  readonly manifest: number;
  /** What it publishes, and for which compactor and delta. */
  readonly next: number;
  readonly put: "none" | "under way" | "again";
  readonly asker: number;
  readonly attempt: number;
  readonly delta: number;
  readonly seals: number;
}

export interface Compactor {
  readonly phase: "idle" | "built" | "resolved" | "asked";
  /** The job as it was claimed. */
  readonly claim: number;
  /** The manifest it read its inputs by. */
  readonly manifest: number;
  readonly delta: number;
  readonly tries: number;
}

export interface Put {
  readonly manifest: number;
  readonly from: number;
  readonly result: "pending" | "stored" | "occupied";
}

export interface DeltaWorld {
  /** By version; 0: absent. */
  readonly manifests: readonly number[];
  readonly current: number;
  readonly record: { readonly epoch: number; readonly version: number } | undefined;
  readonly table: number;
  readonly instances: readonly Instance[];
  readonly compactors: readonly Compactor[];
  readonly flight: readonly Put[];
  /** Jobs told that they are committed. */
  readonly told: readonly string[];
  readonly deleted: readonly string[];
  readonly jobs: number;
  readonly claims: number;
  readonly merges: number;
  readonly unknowns: number;
  readonly expiries: number;
  readonly wipes: number;
  readonly pointerMoves: number;
  readonly wrong: string;
}

/** Time stands still; what runs out is made to. */
export const nowMs = 1_000_000_000_000;
export const generation = "g";

export const idle: Compactor = { phase: "idle", claim: 0, manifest: 0, delta: 0, tries: 0 };
export const unborn: Instance = {
  phase: "starting",
  epoch: 0,
  manifest: 0,
  next: 0,
  put: "none",
  asker: -1,
  attempt: 0,
  delta: 0,
  seals: 0,
};

/** What the numbers in a world stand for, and what may happen. */
export class DeltaValues {
  readonly manifests = new Interner<Manifest>(manifestKey);
  readonly deltas = new Interner<Delta>(deltaKey);
  readonly tables = new Interner<JobTable>((table) => JSON.stringify(table));
  readonly jobs = new Interner<JobRecord>((job) => JSON.stringify(job));
  readonly bounds: DeltaBounds;
  readonly flaw: DeltaFlaw | undefined;

  constructor(bounds: DeltaBounds, flaw: DeltaFlaw | undefined) {
    this.bounds = bounds;
    this.flaw = flaw;
  }

  initial(): DeltaWorld {
    const { compactors, claims, merges, unknowns, expiries, wipes, pointerMoves } = this.bounds;
    return {
      manifests: [this.manifests.number(firstManifest(generation))],
      current: 0,
      record: undefined,
      table: this.tables.number(emptyJobTable(generation)),
      instances: [unborn],
      compactors: Array.from({ length: compactors }, () => idle),
      flight: [],
      told: [],
      deleted: [],
      jobs: 0,
      claims,
      merges,
      unknowns,
      expiries,
      wipes,
      pointerMoves,
      wrong: "",
    };
  }

  /** The table as an owner writes it down: without jobs that have nothing left to do. */
  saved(table: JobTable, manifest: Manifest): number {
    const jobs = table.jobs.filter((job) => !isVoid(job, manifest));
    return this.tables.number({ ...table, jobs, sweepDueMs: undefined, sweepLastMs: undefined });
  }
}

export function isNewest(world: DeltaWorld, i: number): boolean {
  return i === world.instances.length - 1;
}

function manifestKey(manifest: Manifest): string {
  const { version, epoch, nonce, floor, segments, applied, dead } = manifest;
  const names = segments.map(({ id, dead: { name } }) => `${id}/${name}`);
  const gone = dead.map(({ object, version: since }) => `${JSON.stringify(object)}${since}`);
  return [version, epoch, nonce.join("."), floor, names, applied, gone].join("|");
}

function deltaKey({ id, remove, add, dead, floor }: Delta): string {
  const inputs = remove.map(({ segment, deadVersion }) => `${segment}@${deadVersion}`);
  const outputs = add.map((segment) => `${segment.id}/${segment.dead.name}`);
  const moved = dead.map(({ segment, from, to }) => `${segment}@${from}>${to.name}`);
  return [id, inputs, outputs, moved, floor?.from, floor?.to].join("|");
}
