/**
 * Collection: the only place that deletes objects, and only what is known to be of no more use to
 * anybody.
 *
 *   collect  1. `current` is read back: only what it or an older manifest declared dead counts (a
 *               newer manifest might still be lost with its names, never one `current` points to)
 *            2. dead for longer than the grace, which is longer than any request or lease: WAL
 *               entries with the attachments they name, segments, bitmaps; attachments before the
 *               entry that names them
 *            3. manifests superseded for longer than the grace and older than `current`
 *            4. orphans: objects older than a day that no manifest names, live or dead, and no WAL
 *               entry mentions
 *   purge    every object of a deleted generation, then its grave
 *
 * A crash anywhere leaves objects that the next run finds again: deleting is repeated, never
 * skipped. The owner drops the records of what is gone only after this returns.
 */
import { corrupt } from "./errors.ts";
import type { DeadRecord, Manifest } from "./format/manifest.ts";
import { openPointer } from "./format/registry.ts";
import { openWalEntry } from "./format/wal.ts";
import { limits } from "./limits.ts";
import type { Job } from "./namespace/protocol.ts";
import type { Ports } from "./ports.ts";
import {
  attachmentKey,
  attachmentPrefix,
  currentKey,
  deadKey,
  generationRoot,
  graveKey,
  idOfAttachmentKey,
  manifestPrefix,
  segmentKey,
  segmentOfKey,
  segmentsPrefix,
  versionOfManifestKey,
  walKey,
} from "./store/keys.ts";
import type { ObjectInfo } from "./store/object-store.ts";

export interface Collected {
  /** Manifest version that `current` named. */
  readonly version: number;
  readonly objects: number;
}

export async function collect(ports: Ports, tenant: string, job: Job): Promise<Collected> {
  const root = generationRoot(tenant, job.generation);
  const stored = await ports.store.get(currentKey(root));
  if (stored === undefined) {
    return { version: 0, objects: 0 };
  }
  const version = (await openPointer(stored.bytes, ports.digest)).manifestVersion;
  const before = job.deadBeforeMs ?? 0;
  let objects = 0;
  for (const record of job.manifest.dead) {
    if (record.version <= version && record.sinceMs <= before) {
      objects += await deleteDead(ports, root, job.generation, record);
    }
  }
  objects += await deleteManifests(ports, root, version, before);
  objects += await deleteOrphans(ports, root, job.generation, job.manifest);
  return { version, objects };
}

export async function purge(ports: Ports, tenant: string, generation: string): Promise<number> {
  const root = generationRoot(tenant, generation);
  let objects = 0;
  for (;;) {
    const page = await ports.store.list(root);
    if (page.objects.length === 0) {
      break;
    }
    await ports.store.delete(page.objects.map(({ key }) => key));
    objects += page.objects.length;
  }
  await ports.store.delete([graveKey(tenant, generation)]);
  return objects;
}

async function deleteDead(
  ports: Ports,
  root: string,
  generation: string,
  { object }: DeadRecord,
): Promise<number> {
  switch (object.kind) {
    case "segment": {
      const keys = Array.from({ length: object.parts }, (_, part) =>
        segmentKey(root, object.id, object.parts, part),
      );
      await ports.store.delete(keys);
      return keys.length;
    }
    case "bitmap":
      await ports.store.delete([deadKey(root, object.segment, object.name)]);
      return 1;
    case "wal": {
      let objects = 0;
      for (let sequence = object.from; sequence < object.to; sequence++) {
        objects += await deleteEntry(ports, root, generation, sequence);
      }
      return objects;
    }
  }
}

/** The entry goes last, since it alone says which attachments there are. */
async function deleteEntry(
  ports: Ports,
  root: string,
  generation: string,
  sequence: number,
): Promise<number> {
  const key = walKey(root, sequence);
  const stored = await ports.store.get(key);
  if (stored === undefined) {
    return 0;
  }
  const parts = await attachmentsOf(ports, generation, sequence, stored.bytes);
  if (parts.length > 0) {
    await ports.store.delete(parts.map((id) => attachmentKey(root, id)));
  }
  await ports.store.delete([key]);
  return parts.length + 1;
}

async function attachmentsOf(
  ports: Ports,
  generation: string,
  sequence: number,
  bytes: Uint8Array,
): Promise<readonly string[]> {
  const entry = await openWalEntry(bytes, { generation, sequence }, ports.digest);
  return entry.members.flatMap((member) =>
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
  });
  return await deleteAll(ports, doomed);
}

/** What failed attempts left behind. */
async function deleteOrphans(
  ports: Ports,
  root: string,
  generation: string,
  manifest: Manifest,
): Promise<number> {
  const oldMs = ports.clock.now() - limits.orphanAgeMs;
  const segments = new Set(manifest.segments.map(({ id }) => id));
  const bitmaps = new Set(manifest.segments.map(({ id, dead }) => `${id}/${dead.name}`));
  for (const { object } of manifest.dead) {
    if (object.kind === "segment") {
      segments.add(object.id);
    } else if (object.kind === "bitmap") {
      bitmaps.add(`${object.segment}/${object.name}`);
    }
  }
  const doomed: string[] = [];
  await eachObject(ports, segmentsPrefix(root), ({ key, uploadedMs }) => {
    const found = segmentOfKey(key);
    const named =
      found === undefined ||
      (found.kind === "dead" ? bitmaps.has(`${found.id}/${found.name}`) : segments.has(found.id));
    if (!named && uploadedMs < oldMs) {
      doomed.push(key);
    }
  });
  const parts: string[] = [];
  await eachObject(ports, attachmentPrefix(root), ({ key, uploadedMs }) => {
    if (uploadedMs < oldMs) {
      parts.push(key);
    }
  });
  if (parts.length > 0) {
    const named = await namedAttachments(ports, root, generation, manifest);
    doomed.push(...parts.filter((key) => !named.has(idOfAttachmentKey(key) ?? "")));
  }
  return await deleteAll(ports, doomed);
}

/**
 * Attachments of every entry that still exists; read only when there is an old attachment to judge.
 */
async function namedAttachments(
  ports: Ports,
  root: string,
  generation: string,
  manifest: Manifest,
): Promise<ReadonlySet<string>> {
  const named = new Set<string>();
  const wal = manifest.dead.flatMap(({ object }) => (object.kind === "wal" ? [object.from] : []));
  for (let sequence = Math.min(manifest.floor, ...wal); ; sequence++) {
    const stored = await ports.store.get(walKey(root, sequence));
    if (stored === undefined && sequence >= manifest.floor) {
      return named;
    }
    for (const id of stored === undefined
      ? []
      : await attachmentsOf(ports, generation, sequence, stored.bytes)) {
      named.add(id);
    }
  }
}

async function eachObject(
  ports: Ports,
  prefix: string,
  visit: (object: ObjectInfo) => void,
): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const page = await ports.store.list(prefix, after === undefined ? {} : { after });
    page.objects.forEach(visit);
    after = page.objects.at(-1)?.key;
    if (!page.more) {
      return;
    }
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
