/** The world of branch-model.ts. Manifests and job tables are numbers in it (interner.ts). */
import type { Manifest, SegmentInfo } from "../../src/format/manifest.ts";
import type { JobTable } from "../../src/namespace/jobs.ts";
import type { Pin } from "../../src/namespace/pins.ts";
import { segmentOf } from "./collect-world.ts";
import { Interner } from "./interner.ts";

export interface BranchBounds {
  /** 2: parent and child; 3: and grandchild. */
  readonly generations: number;
  /** So many live from the start: 1, or 2 with a branch that reads its parent's segment. */
  readonly begun: number;
  readonly rewrites: number;
  readonly collections: number;
  /** Of collectors. */
  readonly deaths: number;
  readonly deletions: number;
  readonly leaps: number;
  /** How far time may leap at once. */
  readonly spans: readonly ("pin" | "grace" | "day")[];
  readonly reads: number;
}

export type BranchFlaw =
  | "a branch makes no ref below its grandparent"
  | "a branch begins before its refs are made"
  | "a branch is answered before its refs are made"
  | "a branch of an old pin is registered before its refs are made"
  | "recovery takes refs that were stored at any time"
  // Either alone is enough: no pin ends, and nothing dead goes, while a branch may still begin.
  | "a branch takes any time, and does not see that its pin is alive"
  | "a collection does not look at refs"
  | "a collection does not look at pins"
  | "a purge does not look at refs"
  | "a ref is dropped as soon as the newest manifest does not need it"
  | "a ref whose branch is not there yet is dropped at once";

/** Below which the objects of one life of a name lie. Numbered: a branch is of the one before. */
export interface Generation {
  readonly status: "unborn" | "registered" | "live" | "over" | "purged";
  /** Of a branch that is registered, and until it lives. */
  readonly start: Start | undefined;
  readonly overMs: number;
  /** By version; 0: not there. */
  readonly manifests: readonly number[];
  readonly table: number;
  readonly segments: readonly Stored[];
  readonly refs: readonly Ref[];
  readonly visit: Visit | undefined;
}

export interface Start {
  readonly manifest: number;
  readonly refsByMs: number;
  readonly isAnswered: boolean;
}

export interface Stored {
  readonly id: string;
  readonly atMs: number;
}

export interface Ref {
  readonly child: number;
  readonly atMs: number;
  readonly holds: readonly string[];
}

/** A collection or purge under way. */
export interface Visit {
  readonly phase: "claimed" | "knows" | "deleted" | "dropped refs";
  readonly isPurge: boolean;
  readonly job: string;
  readonly attempt: number;
  readonly manifest: number;
  readonly beforeMs: number;
  readonly pins: readonly Pin[];
  /** Segments that refs and pins hold, as it found out. */
  readonly held: readonly string[];
  readonly refs: number;
}

/** A branch in the making, by the generation it will be. */
export interface Making {
  readonly child: number;
  readonly pin: Pin;
  readonly startedMs: number;
  /** Generations below which a ref is still to be made. */
  readonly refs: readonly number[];
  readonly isHeld: boolean;
}

export interface BranchWorld {
  readonly nowMs: number;
  readonly generations: readonly Generation[];
  readonly making: Making | undefined;
  readonly reader: { readonly manifest: number; readonly beganMs: number } | undefined;
  readonly jobs: number;
  readonly rewrites: number;
  readonly collections: number;
  readonly deaths: number;
  readonly deletions: number;
  readonly leaps: number;
  readonly reads: number;
}

/** What the numbers in a world stand for. */
export class BranchValues {
  readonly manifests = new Interner<Manifest>(manifestKey);
  readonly tables = new Interner<JobTable>((table) => JSON.stringify(table));

  newest({ manifests }: Generation): Manifest {
    return this.manifests.value(manifests.at(-1) as number);
  }
}

export type Change = Partial<Generation>;

export function change(world: BranchWorld, g: number, so: Change): BranchWorld {
  const generation: Generation = { ...(world.generations[g] as Generation), ...so };
  return { ...world, generations: world.generations.with(g, generation) };
}

/** A segment below the generation. */
export function grown(generation: string, id: string): SegmentInfo {
  return { ...segmentOf(id), home: generation };
}

export function nameOf(generation: number): string {
  return `g${generation}`;
}

export function numberOf(generation: string): number {
  return Number(generation.slice(1));
}

function manifestKey(manifest: Manifest): string {
  const { generation, version, committedMs, segments, dead, applied } = manifest;
  const gone = dead.map(({ object, version: by, sinceMs }) => [
    JSON.stringify(object),
    by,
    sinceMs,
  ]);
  const named = segments.map(({ id, home }) => `${home}/${id}`);
  return [generation, version, committedMs, named, gone, applied].join("|");
}
