/**
 * Deltas: how a finished job changes the manifest. Pure.
 *
 * A job never submits "the manifest it computed": it says what it did, and that is applied to the
 * manifest as it is now or refused whole. Refused if: it was applied before; an input is gone or
 * has lost rows the job does not know of (its dead version moved); the floor is not where the job
 * began. Every delta removes something, moves a dead version or moves the floor, so none can be
 * applied twice.
 *
 * What was written below an ancestor's generation is not buried here: once nothing of an ancestor
 * is named any more, the ref that protects it there is.
 */
import { assert } from "../errors.ts";
import { ancestorsOf, inheritedFrom, stretchesOf } from "../format/homes.ts";
import type { DeadRecord, Delta, Manifest, SegmentInfo } from "../format/manifest.ts";
import { limits } from "../limits.ts";

export type Applied =
  | { readonly kind: "applied"; readonly manifest: Manifest }
  | { readonly kind: "refused"; readonly reason: string };

export interface Commit {
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly nowMs: number;
  /** Of the log entries that are flushed, if any are. */
  readonly logBytes: number;
}

export function applyDelta(manifest: Manifest, delta: Delta, commit: Commit): Applied {
  const refusal = refuse(manifest, delta);
  if (refusal !== undefined) {
    return { kind: "refused", reason: refusal };
  }
  const version = manifest.version + 1;
  const removed = new Set(delta.remove.map((input) => input.segment));
  const moved = new Map(delta.dead.map((change) => [change.segment, change.to]));
  const dead: DeadRecord[] = [...manifest.dead];
  const bury = (object: DeadRecord["object"], bytes: number): void => {
    dead.push({ object, version, sinceMs: commit.nowMs, bytes });
  };
  const segments: SegmentInfo[] = [];
  for (const segment of manifest.segments) {
    const to = moved.get(segment.id);
    const { generation } = manifest;
    const isSuperseded = (removed.has(segment.id) || to !== undefined) && segment.dead.version > 0;
    if (isSuperseded && segment.dead.home === generation) {
      bury({ kind: "bitmap", segment: segment.id, name: segment.dead.name }, segment.dead.bytes);
    }
    if (!removed.has(segment.id)) {
      segments.push(to === undefined ? segment : { ...segment, dead: to });
    } else if (segment.home === generation) {
      bury({ kind: "segment", id: segment.id, parts: segment.parts.length }, segment.bytes);
    }
  }
  segments.push(...delta.add);
  const keys = manifest.keys.filter(({ name }) => !delta.keys?.remove.includes(name));
  for (const name of delta.keys?.remove ?? []) {
    const bytes = manifest.keys.find((each) => each.name === name)?.bytes ?? 0;
    bury({ kind: "keys", name }, bytes);
  }
  if (delta.floor !== undefined) {
    for (const { generation, from, to } of stretchesOf(manifest, delta.floor)) {
      if (generation === manifest.generation) {
        // Of a range that is partly inherited, all is counted: that is for once.
        bury({ kind: "wal", from, to }, commit.logBytes);
      }
    }
  }
  const floor = delta.floor?.to ?? manifest.floor;
  const after: Manifest = {
    ...manifest,
    version,
    epoch: commit.epoch,
    nonce: commit.nonce,
    committedMs: commit.nowMs,
    lastWriteMs: delta.floor?.lastWriteMs ?? manifest.lastWriteMs,
    updatedMs: delta.floor?.updatedMs ?? manifest.updatedMs,
    lastMs: delta.floor?.lastMs ?? manifest.lastMs,
    settings: delta.floor?.settings ?? manifest.settings,
    floor,
    floorHash: delta.floor?.hash ?? manifest.floorHash,
    schema: delta.floor?.schema ?? manifest.schema,
    segments,
    keys: [...keys, ...(delta.keys?.add ?? [])],
    inherited: inheritedFrom(manifest.inherited, floor),
    applied: [...manifest.applied, delta.id].slice(-limits.appliedDeltasMax),
  };
  const named = ancestorsOf(after);
  for (const generation of ancestorsOf(manifest)) {
    if (!named.has(generation)) {
      bury({ kind: "ref", generation }, 0);
    }
  }
  return { kind: "applied", manifest: { ...after, dead } };
}

function refuse(manifest: Manifest, delta: Delta): string | undefined {
  assert(
    delta.remove.length > 0 || delta.dead.length > 0 || delta.floor !== undefined,
    "a delta changes something that cannot change twice",
  );
  if (manifest.applied.includes(delta.id)) {
    return `delta ${delta.id} was applied before`;
  }
  const segments = new Map(manifest.segments.map((segment) => [segment.id, segment]));
  const named = [
    ...delta.remove.map(({ segment, deadVersion }) => ({ segment, version: deadVersion })),
    ...delta.dead.map(({ segment, from }) => ({ segment, version: from })),
  ];
  if (new Set(named.map(({ segment }) => segment)).size !== named.length) {
    return "a segment is named twice";
  }
  for (const { segment, version } of named) {
    const now = segments.get(segment);
    if (now === undefined) {
      return `segment ${segment} is gone`;
    }
    if (now.dead.version !== version) {
      return `segment ${segment} is at dead version ${now.dead.version}, not ${version}`;
    }
  }
  for (const { segment, from, to } of delta.dead) {
    if (to.version <= from || to.rows > (segments.get(segment)?.rows ?? 0)) {
      return `dead version of segment ${segment} does not advance`;
    }
  }
  for (const added of delta.add) {
    if (segments.has(added.id)) {
      return `segment ${added.id} exists`;
    }
  }
  const keys = new Set(manifest.keys.map(({ name }) => name));
  const gone = delta.keys?.remove.find((name) => !keys.has(name));
  if (gone !== undefined) {
    return `keys ${gone} are gone`;
  }
  if (delta.floor !== undefined) {
    if (delta.floor.from !== manifest.floor || delta.floor.to <= delta.floor.from) {
      return `the floor is ${manifest.floor}, not ${delta.floor.from}`;
    }
  }
  return undefined;
}
