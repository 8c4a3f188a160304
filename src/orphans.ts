/**
 * Orphans: objects that failed attempts left behind. What is older than a day is one if nothing
 * names it: no manifest from the collection's to the newest that is stored, live or dead; no log
 * entry that still exists; no pin or ref.
 */
import type { Protection } from "./compaction/protection.ts";
import type { Manifest } from "./format/manifest.ts";
import { limits } from "./limits.ts";
import { attachmentsOf } from "./log-read.ts";
import type { Ports } from "./ports.ts";
import { readManifest } from "./recover.ts";
import {
  attachmentPrefix,
  idOfAttachmentKey,
  keysPrefix,
  nameOfKeysKey,
  nameOfStepKey,
  segmentOfKey,
  segmentsPrefix,
  sequenceOfWalKey,
  stepsPrefix,
  walKey,
  walPrefix,
} from "./store/keys.ts";
import { deleteAll, eachObject } from "./store/many-objects.ts";
import type { ObjectInfo } from "./store/object-store.ts";

/** Returns how many there were. */
export async function deleteOrphans(
  ports: Ports,
  root: string,
  manifest: Manifest,
  protection: Protection,
): Promise<number> {
  const oldMs = ports.clock.now() - limits.orphanAgeMs;
  const old: string[] = [];
  let newestMs = 0;
  const gatherBefore =
    (beforeMs: number) =>
    ({ key, uploadedMs }: ObjectInfo): "more" => {
      if (uploadedMs < beforeMs) {
        old.push(key);
        newestMs = Math.max(newestMs, uploadedMs);
      }
      return "more";
    };
  await eachObject(ports.store, segmentsPrefix(root), gatherBefore(oldMs));
  // Entries of the past that is kept name theirs, and need not be read for it.
  const agedMs = oldMs - manifest.settings.retentionMs;
  await eachObject(ports.store, attachmentPrefix(root), gatherBefore(agedMs));
  await eachObject(ports.store, keysPrefix(root), gatherBefore(oldMs));
  await eachObject(ports.store, stepsPrefix(root), gatherBefore(oldMs));
  if (old.length === 0) {
    return 0;
  }
  const named = await namedObjects(ports, root, manifest);
  const hasAttachments = old.some((key) => idOfAttachmentKey(key) !== undefined);
  const attachments = hasAttachments
    ? await namedAttachments(ports, root, manifest, newestMs)
    : undefined;
  const doomed = old.filter((key) => {
    const part = idOfAttachmentKey(key);
    const keys = nameOfKeysKey(key);
    const found = segmentOfKey(key);
    if (part !== undefined) return attachments !== undefined && !attachments.has(part);
    // A job that goes on from it would have begun anew long before.
    if (nameOfStepKey(key) !== undefined) return true;
    if (keys !== undefined) return !named.has(keysName(keys));
    if (found === undefined || protection.holdsKey(key)) return false;
    return !named.has(found.kind === "dead" ? `${found.id}/${found.name}` : found.id);
  });
  return await deleteAll(ports.store, doomed);
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
 * Attachments, stored up to `newestMs`, of every entry that still exists; read only when there is
 * an old one to judge. Undefined if not all are known.
 */
async function namedAttachments(
  ports: Ports,
  root: string,
  { generation, floor, inherited }: Manifest,
  newestMs: number,
): Promise<ReadonlySet<string> | undefined> {
  const named = new Set<string>();
  const from = inherited.at(-1)?.to ?? floor;
  const below: number[] = [];
  // A write is given up long before its attachments are so old.
  const lastMs = newestMs + limits.orphanAgeMs;
  await eachObject(ports.store, walPrefix(root), ({ key, uploadedMs }) => {
    const sequence = sequenceOfWalKey(key) ?? from;
    below.push(...(sequence < from && uploadedMs <= lastMs ? [sequence] : []));
    return sequence < from ? "more" : "enough";
  });
  for (let at = 0; ; at++) {
    const sequence = below[at] ?? from + at - below.length;
    const ids = await attachmentsOf(ports, root, generation, sequence);
    if (ids === "absent" && sequence >= from) {
      const behind = await ports.store.list(walPrefix(root), {
        after: walKey(root, sequence),
        limit: 1,
      });
      return behind.objects.length === 0 ? named : undefined;
    }
    if (ids === "unreadable" && sequence >= from) {
      return undefined;
    }
    for (const id of Array.isArray(ids) ? ids : []) {
      named.add(id);
    }
  }
}
