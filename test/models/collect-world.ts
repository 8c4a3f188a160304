/** The world of collect-model.ts. Manifests, tables and jobs are numbers in it (interner.ts). */
import { type Manifest, noneDead, type SegmentInfo } from "../../src/format/manifest.ts";

export interface CollectBounds {
  readonly builders: number;
  readonly builds: number;
  readonly collectors: number;
  readonly collections: number;
  readonly leaps: number;
  readonly wipes: number;
  readonly reads: number;
}

export type CollectFlaw =
  | "what is dead is deleted at once"
  | "what is dead is deleted after a lease"
  | "what nobody names is deleted at once"
  | "what is old is deleted if the job's own manifest does not name it"
  | "a commit does not look at the lease"
  | "a lease is renewed for ever"
  | "superseded manifests are deleted up to the newest"
  | "the newest manifest is taken for what `current` says";

export interface Builder {
  readonly phase: "idle" | "claimed" | "stored";
  readonly claim: number;
}

export interface Collector {
  readonly phase: "idle" | "claimed" | "deleted the dead" | "deleted manifests" | "listed" | "done";
  readonly claim: number;
  readonly manifest: number;
  readonly current: number;
  /** Segments that were old when they were listed. */
  readonly old: readonly string[];
}

export interface Reader {
  readonly manifest: number;
  readonly beganMs: number;
}

export interface StoredSegment {
  readonly id: string;
  readonly atMs: number;
}

export interface CollectWorld {
  readonly nowMs: number;
  readonly segments: readonly StoredSegment[];
  /** By version; 0: not there. */
  readonly manifests: readonly number[];
  readonly current: number;
  readonly table: number;
  readonly builders: readonly Builder[];
  readonly collectors: readonly Collector[];
  readonly reader: Reader | undefined;
  readonly jobs: number;
  readonly builds: number;
  readonly collections: number;
  readonly leaps: number;
  readonly wipes: number;
  readonly reads: number;
}

export const generation = "g";
export const first = "s0-1";
export const resting: Builder = { phase: "idle", claim: 0 };
export const away: Collector = { phase: "idle", claim: 0, manifest: 0, current: 0, old: [] };

export function segmentOf(id: string): SegmentInfo {
  return {
    id,
    home: generation,
    level: 0,
    rows: 1,
    bytes: 1,
    digest: 1n,
    logicalBytes: 1,
    parts: [{ bytes: 1, sha256: new Uint8Array(32) }],
    root: { part: 0, offset: 0, length: 1 },
    dead: noneDead,
    schemaVersion: 0,
    clusters: 0,
    minId: 0,
    maxId: 0,
    createdMs: 0,
  };
}

export function manifestKey({ version, committedMs, segments, dead, applied }: Manifest): string {
  const gone = dead.map(({ object, version: by, sinceMs }) => [
    JSON.stringify(object),
    by,
    sinceMs,
  ]);
  return [version, committedMs, segments.map(({ id }) => id), gone, applied].join("|");
}

export function sorted(builders: readonly Builder[]): readonly Builder[] {
  return builders.toSorted((a, b) => a.claim - b.claim || (a.phase < b.phase ? -1 : 1));
}

/** Segments that the manifest names, live or dead. */
export function namesOf({ segments, dead }: Manifest): readonly string[] {
  const gone = dead.flatMap(({ object }) => (object.kind === "segment" ? [object.id] : []));
  return [...segments.map(({ id }) => id), ...gone];
}
