/**
 * Collection: the only place that deletes objects, and only what is known to be of no more use to
 * anybody.
 *
 *   collect  1. `current` is read back: only what it or an older manifest declared dead counts (a
 *               newer manifest might still be lost with its names, never one that `current` names)
 *            2. dead for longer than the grace, which is longer than any request or lease:
 *               segments, bitmaps, and the log up to the last such entry, with the attachments its
 *               entries name. Also what landed in the log too late to be read by anybody
 *            3. manifests superseded for longer than the grace and older than `current`
 *            4. orphans: objects older than a day that no manifest names, live or dead, from the
 *               job's to the newest that is stored, and no log entry
 *   purge    every object of a deleted generation. Its grave goes when a visit finds nothing, so
 *            that what lands late is found by the next
 *
 * A log entry that cannot be read does not say which attachments it names. Below the floor it goes,
 * and they are orphans; above it, no attachment counts as an orphan, unless the entry is skipped.
 *
 * A crash anywhere leaves objects that the next run finds again: deleting is repeated, never
 * skipped. The owner drops the records of what is gone only after this returns.
 */
import { corrupt } from "./errors.ts";
import type { DeadRecord, Manifest } from "./format/manifest.ts";
import { openPointer } from "./format/registry.ts";
import { limits } from "./limits.ts";
import { readSlot } from "./log-read.ts";
import { collectFault } from "./namespace/invariants.ts";
import type { Job } from "./namespace/protocol.ts";
import type { Ports } from "./ports.ts";
import { readManifest } from "./recover.ts";
import { waveLength } from "./recover-log.ts";
import {
  attachmentKey,
  attachmentPrefix,
  currentKey,
  deadKey,
  generationRoot,
  graveKey,
  idOfAttachmentKey,
  keysKey,
  keysPrefix,
  manifestPrefix,
  nameOfKeysKey,
  segmentKey,
  segmentOfKey,
  segmentsPrefix,
  sequenceOfWalKey,
  versionOfManifestKey,
  walKey,
  walPrefix,
} from "./store/keys.ts";
import type { ObjectInfo } from "./store/object-store.ts";

export interface Collected {
  /** The newest manifest whose dead records were seen to. */
  readonly version: number;
  readonly objects: number;
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
  const doomed = job.manifest.dead.filter(isDue).flatMap(({ object }) => keysOf(root, object));
  let objects = await deleteAll(ports, doomed);
  await beat();
  objects += await deleteLog(ports, root, job.generation, endOfLog(job.manifest, isDue), beat);
  objects += await deleteManifests(ports, root, current, before);
  await beat();
  objects += await deleteOrphans(ports, root, job.manifest);
  return { version, objects };
}

/** Objects deleted; none: the generation is gone for good, and so is its grave. */
export async function purge(
  ports: Ports,
  tenant: string,
  generation: string,
  beat: Beat = noBeat,
): Promise<number> {
  const root = generationRoot(tenant, generation);
  let objects = 0;
  for (;;) {
    const page = await ports.store.list(root);
    if (page.objects.length === 0) {
      break;
    }
    await ports.store.delete(page.objects.map(({ key }) => key));
    objects += page.objects.length;
    await beat();
  }
  if (objects === 0) {
    await ports.store.delete([graveKey(tenant, generation)]);
  }
  return objects;
}

/** Those of a segment or bitmap; the log's are listed. */
function keysOf(root: string, object: DeadRecord["object"]): readonly string[] {
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
  generation: string,
  end: number,
  beat: Beat,
): Promise<number> {
  const entries: { sequence: number; size: number }[] = [];
  await eachObject(ports, walPrefix(root), ({ key, size }) => {
    const sequence = sequenceOfWalKey(key);
    if (sequence === undefined || sequence >= end) {
      return "enough";
    }
    entries.push({ sequence, size });
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
    objects += await deleteAll(ports, keys);
    objects += await deleteAll(
      ports,
      wave.map(({ sequence }) => walKey(root, sequence)),
    );
    await beat();
  }
  return objects;
}

/** Ids of the attachments an entry names, or why that is not known. */
async function attachmentsOf(
  ports: Ports,
  root: string,
  generation: string,
  sequence: number,
): Promise<string[] | "absent" | "unreadable"> {
  const slot = await readSlot(ports, root, generation, sequence);
  if (slot.kind !== "entry") {
    return slot.kind === "skipped" ? [] : slot.bytes === undefined ? "absent" : "unreadable";
  }
  return slot.entry.members.flatMap((member) =>
    (member.kind === "batch" ? member.chunks : []).flatMap((chunk) =>
      chunk.kind === "part" ? [chunk.id] : [],
    ),
  );
}

/** A manifest is superseded when its successor is stored. */
async function deleteManifests(
  ports: Ports,
  root: string,
  currentVersion: number,
  beforeMs: number,
): Promise<number> {
  const doomed: string[] = [];
  let previous: ObjectInfo | undefined;
  await eachObject(ports, manifestPrefix(root), (object) => {
    const version = previous === undefined ? undefined : versionOfManifestKey(previous.key);
    if (previous !== undefined && version !== undefined) {
      if (version < currentVersion && object.uploadedMs <= beforeMs) {
        doomed.push(previous.key);
      }
    }
    previous = object;
    return "more";
  });
  return await deleteAll(ports, doomed);
}

/** What failed attempts left behind. */
async function deleteOrphans(ports: Ports, root: string, manifest: Manifest): Promise<number> {
  const oldMs = ports.clock.now() - limits.orphanAgeMs;
  const old: string[] = [];
  const gather = ({ key, uploadedMs }: ObjectInfo): "more" => {
    if (uploadedMs < oldMs) {
      old.push(key);
    }
    return "more";
  };
  await eachObject(ports, segmentsPrefix(root), gather);
  await eachObject(ports, attachmentPrefix(root), gather);
  await eachObject(ports, keysPrefix(root), gather);
  if (old.length === 0) {
    return 0;
  }
  const named = await namedObjects(ports, root, manifest);
  const hasAttachments = old.some((key) => idOfAttachmentKey(key) !== undefined);
  const attachments = hasAttachments ? await namedAttachments(ports, root, manifest) : undefined;
  const doomed = old.filter((key) => {
    const part = idOfAttachmentKey(key);
    const keys = nameOfKeysKey(key);
    const found = segmentOfKey(key);
    if (part !== undefined) return attachments !== undefined && !attachments.has(part);
    if (keys !== undefined) return !named.has(keysName(keys));
    if (found === undefined) return false;
    return !named.has(found.kind === "dead" ? `${found.id}/${found.name}` : found.id);
  });
  return await deleteAll(ports, doomed);
}

/** Segments, bitmaps and keys, live and dead, of this manifest and of all that followed it. */
async function namedObjects(
  ports: Ports,
  root: string,
  first: Manifest,
): Promise<ReadonlySet<string>> {
  const named = new Set<string>();
  for (let manifest: Manifest | undefined = first; manifest !== undefined; ) {
    for (const { id, dead } of manifest.segments) {
      named.add(id).add(`${id}/${dead.name}`);
    }
    for (const { name } of manifest.keys) {
      named.add(keysName(name));
    }
    for (const { object } of manifest.dead) {
      if (object.kind === "segment") {
        named.add(object.id);
      } else if (object.kind === "bitmap") {
        named.add(`${object.segment}/${object.name}`);
      } else if (object.kind === "keys") {
        named.add(keysName(object.name));
      }
    }
    const { generation, version }: Manifest = manifest;
    manifest = await readManifest(ports, root, generation, version + 1);
  }
  return named;
}

function keysName(name: string): string {
  return `keys/${name}`;
}

/**
 * Attachments of every entry that still exists; read only when there is an old one to judge.
 * Undefined if not all are known.
 */
async function namedAttachments(
  ports: Ports,
  root: string,
  { generation, floor, dead }: Manifest,
): Promise<ReadonlySet<string> | undefined> {
  const named = new Set<string>();
  const wal = dead.flatMap(({ object }) => (object.kind === "wal" ? [object.from] : []));
  for (let sequence = Math.min(floor, ...wal); ; sequence++) {
    const ids = await attachmentsOf(ports, root, generation, sequence);
    if (ids === "absent" && sequence >= floor) {
      const behind = await ports.store.list(walPrefix(root), {
        after: walKey(root, sequence),
        limit: 1,
      });
      return behind.objects.length === 0 ? named : undefined;
    }
    if (ids === "unreadable" && sequence >= floor) {
      return undefined;
    }
    for (const id of Array.isArray(ids) ? ids : []) {
      named.add(id);
    }
  }
}

async function eachObject(
  ports: Ports,
  prefix: string,
  visit: (object: ObjectInfo) => "more" | "enough",
): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const page = await ports.store.list(prefix, after === undefined ? {} : { after });
    if (!page.objects.every((object) => visit(object) === "more") || !page.more) {
      return;
    }
    after = page.objects.at(-1)?.key;
    if (after === undefined) {
      throw corrupt(`listing ${prefix} says that there is more but shows nothing`);
    }
  }
}

async function deleteAll(ports: Ports, keys: readonly string[]): Promise<number> {
  for (let i = 0; i < keys.length; i += 1_000) {
    await ports.store.delete(keys.slice(i, i + 1_000));
  }
  return keys.length;
}
