/**
 * Collection: the only place that deletes objects, and only what is known to be of no more use to
 * anybody.
 *
 *   collect  1. `current` is read back: only what it or an older manifest declared dead counts (a
 *               newer manifest might still be lost with its names, never one that `current` names)
 *            2. what pins and refs hold is found out (refs.ts) and left alone from here on
 *            3. dead for longer than the grace, which is longer than any request or lease:
 *               segments, bitmaps, and the log up to the last such entry, with the attachments its
 *               entries name. Also what landed in the log too late to be read by anybody
 *            4. manifests superseded for longer than the grace and older than `current`
 *            5. refs of this generation below ancestors that no manifest names any more
 *            6. orphans: objects older than a day that no manifest names, live or dead, from the
 *               job's to the newest that is stored, and no log entry
 *   purge    the refs of a deleted generation below its ancestors, then every object of it but its
 *            own refs and what they hold. Its grave goes when a visit a day or more after the
 *            deletion finds nothing: until then somebody who slept may put something there, and
 *            what is held now is found once it is not
 *
 * A log entry that cannot be read does not say which attachments it names. Below the floor it goes,
 * and they are orphans; above it, no attachment counts as an orphan, unless the entry is skipped.
 *
 * A crash anywhere leaves objects that the next run finds again: deleting is repeated, never
 * skipped. The owner drops the records of what is gone only after this returns.
 */
import type { Protection } from "./compaction/protection.ts";
import type { DeadObject, DeadRecord, Manifest } from "./format/manifest.ts";
import { type Grave, openGrave, openPointer } from "./format/registry.ts";
import { limits } from "./limits.ts";
import { attachmentsOf } from "./log-read.ts";
import { collectFault } from "./namespace/invariants.ts";
import type { Pin } from "./namespace/pins.ts";
import type { Job, Kept } from "./namespace/protocol.ts";
import { deleteOrphans } from "./orphans.ts";
import type { Ports } from "./ports.ts";
import { waveLength } from "./recover-log.ts";
import { dropAllRefs, dropRefs, protectPins, readRefs } from "./refs.ts";
import {
  attachmentKey,
  childOfRefKey,
  currentKey,
  deadKey,
  generationRoot,
  graveKey,
  idOfAttachmentKey,
  keysKey,
  manifestPrefix,
  segmentKey,
  sequenceOfSkipKey,
  sequenceOfWalKey,
  versionOfManifestKey,
  walKey,
  walPrefix,
} from "./store/keys.ts";
import { deleteAll, eachObject } from "./store/many-objects.ts";
import type { ObjectInfo } from "./store/object-store.ts";

export interface Collected {
  /** The newest manifest whose dead records were seen to. */
  readonly version: number;
  readonly objects: number;
  readonly kept: Kept;
}

/** Called between steps: keeps a lease alive, or throws when it is lost. */
export type Beat = () => Promise<void>;

const noBeat: Beat = async () => {};

export async function collect(
  ports: Ports,
  tenant: string,
  job: Job,
  beat: Beat = noBeat,
): Promise<Collected> {
  const root = generationRoot(tenant, job.generation);
  const stored = await ports.store.get(currentKey(root));
  const pointer = stored && (await openPointer(stored.bytes, ports.digest));
  const current = pointer?.manifestVersion ?? 0;
  // Records of later manifests are not in the job's.
  const version = Math.min(current, job.manifest.version);
  const before = job.deadBeforeMs ?? 0;
  const isDue = (record: DeadRecord): boolean =>
    collectFault(record, { version, deadBeforeMs: before }) === undefined;
  const pins = job.pins ?? [];
  const refs = await readRefs(ports, tenant, job.generation);
  const { protection } = refs;
  await protectPins(ports, tenant, job.manifest, pins, protection);
  // Whoever was away for longer than the lease must not act on what it saw.
  await beat();
  const due = job.manifest.dead.filter(isDue).map(({ object }) => object);
  const doomed = due.filter((object) => !protection.holds(object));
  let objects = await deleteAll(
    ports.store,
    doomed.flatMap((object) => keysOf(root, object)),
  );
  await beat();
  objects += await deleteLog(ports, root, job, endOfLog(job.manifest, isDue), protection, beat);
  objects += await deleteManifests(ports, root, current, before, protection);
  await beat();
  const ancestors = due.flatMap((object) => (object.kind === "ref" ? [object.generation] : []));
  const named = await dropRefs(ports, tenant, job.generation, ancestors);
  objects += await deleteOrphans(ports, root, job.manifest, protection);
  const dead = due.filter((object) =>
    object.kind === "ref" ? named.has(object.generation) : protection.holds(object),
  );
  return { version, objects, kept: { dead, againMs: againMs(refs.count, dead, pins) } };
}

/** When more may be found to go than now; undefined if that depends on nobody else. */
function againMs(
  refs: number,
  kept: readonly DeadObject[],
  pins: readonly Pin[],
): number | undefined {
  if (kept.length > 0 && pins.length > 0) {
    return limits.pinMs;
  }
  return kept.length > 0 || refs > 0 ? limits.refsEveryMs : undefined;
}

/** First visits find what there is; those after a day, what landed or was held until then. */
export function isVisitDue({ deletedMs }: Pick<Grave, "deletedMs">, nowMs: number): boolean {
  const ageMs = nowMs - deletedMs;
  const isFresh = ageMs >= limits.collectGraceMs && ageMs < limits.collectGraceMs * 3;
  return isFresh || ageMs >= limits.graveAgeMs;
}

/** Objects deleted. None, no refs, and a day old: gone for good, and so is its grave. */
export async function purge(
  ports: Ports,
  tenant: string,
  generation: string,
  beat: Beat = noBeat,
): Promise<number> {
  const root = generationRoot(tenant, generation);
  const { protection, count } = await readRefs(ports, tenant, generation);
  await dropAllRefs(ports, tenant, generation);
  const parts = new Set<string>();
  const doomed: string[] = [];
  await eachObject(ports.store, root, ({ key }) => {
    if (childOfRefKey(key) === undefined) {
      doomed.push(key);
    }
    return "more";
  });
  for (const sequence of doomed.flatMap((key) => sequenceOfWalKey(key) ?? [])) {
    if (protection.holdsEntry(sequence)) {
      const ids = await attachmentsOf(ports, root, generation, sequence);
      // What a branch reads and cannot be read may name any of them.
      const all = (): string[] => doomed.flatMap((key) => idOfAttachmentKey(key) ?? []);
      for (const id of Array.isArray(ids) ? ids : all()) {
        parts.add(id);
      }
    }
  }
  const gone = doomed.filter((key) => !isHeld(key, protection, parts));
  for (let i = 0; i < gone.length; i += 1_000) {
    await beat();
    await ports.store.delete(gone.slice(i, i + 1_000));
  }
  if (gone.length === 0 && count === 0) {
    await closeGrave(ports, graveKey(tenant, generation));
  }
  return gone.length;
}

async function closeGrave({ store, digest, clock }: Ports, key: string): Promise<void> {
  const stored = await store.get(key);
  const grave = stored && (await openGrave(stored.bytes, digest));
  if (grave !== undefined && grave.deletedMs + limits.graveAgeMs <= clock.now()) {
    await store.delete([key]);
  }
}

/** Is the object of a deleted generation one that a branch reads? */
function isHeld(key: string, protection: Protection, parts: ReadonlySet<string>): boolean {
  const sequence = sequenceOfWalKey(key) ?? sequenceOfSkipKey(key);
  if (sequence !== undefined) {
    return protection.holdsEntry(sequence);
  }
  const part = idOfAttachmentKey(key);
  return part === undefined ? protection.holdsKey(key) : parts.has(part);
}

/** Those of a segment or bitmap; the log's are listed. */
function keysOf(root: string, object: DeadObject): readonly string[] {
  switch (object.kind) {
    case "segment":
      return Array.from({ length: object.parts }, (_, part) =>
        segmentKey(root, object.id, object.parts, part),
      );
    case "bitmap":
      return [deadKey(root, object.segment, object.name)];
    case "keys":
      return [keysKey(root, object.name)];
    case "wal":
    case "ref":
      return [];
  }
}

/** The log below may go. Its ranges are in order, but a clock set back may make one due early. */
function endOfLog(manifest: Manifest, isDue: (record: DeadRecord) => boolean): number {
  let end = 0;
  for (const record of manifest.dead) {
    if (record.object.kind === "wal") {
      if (!isDue(record)) {
        break;
      }
      end = record.object.to;
    }
  }
  return end;
}

/** An entry goes after its attachments, since it alone says which there are. */
async function deleteLog(
  ports: Ports,
  root: string,
  { generation }: Job,
  end: number,
  protection: Protection,
  beat: Beat,
): Promise<number> {
  const entries: { sequence: number; size: number }[] = [];
  await eachObject(ports.store, walPrefix(root), ({ key, size }) => {
    const sequence = sequenceOfWalKey(key);
    if (sequence === undefined || sequence >= end) {
      return "enough";
    }
    if (!protection.holdsEntry(sequence)) {
      entries.push({ sequence, size });
    }
    return "more";
  });
  let objects = 0;
  while (entries.length > 0) {
    const wave = entries.splice(0, waveLength(entries.map(({ size }) => size)));
    const parts = await Promise.all(
      wave.map(({ sequence }) => attachmentsOf(ports, root, generation, sequence)),
    );
    const ids = parts.flatMap((named) => (Array.isArray(named) ? named : []));
    const keys = ids.map((id) => attachmentKey(root, id));
    objects += await deleteAll(ports.store, keys);
    objects += await deleteAll(
      ports.store,
      wave.map(({ sequence }) => walKey(root, sequence)),
    );
    await beat();
  }
  return objects;
}

/** A manifest is superseded when its successor is stored. */
async function deleteManifests(
  ports: Ports,
  root: string,
  currentVersion: number,
  beforeMs: number,
  protection: Protection,
): Promise<number> {
  const doomed: string[] = [];
  let previous: ObjectInfo | undefined;
  await eachObject(ports.store, manifestPrefix(root), (object) => {
    const version = previous === undefined ? undefined : versionOfManifestKey(previous.key);
    if (previous !== undefined && version !== undefined) {
      const isOver = version < currentVersion && object.uploadedMs <= beforeMs;
      if (isOver && !protection.holdsVersion(version)) {
        doomed.push(previous.key);
      }
    }
    previous = object;
    return "more";
  });
  return await deleteAll(ports.store, doomed);
}
