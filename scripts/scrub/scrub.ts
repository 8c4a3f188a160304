/**
 * Everything of one namespace that lies in a bucket, verified from its registry entry on. Reads
 * only; a server may run meanwhile, since nothing that is named is ever changed. What no other
 * object speaks of can be missing unnoticed: the last log entry, and the newest manifest while
 * `current` lags. The namespace's object notices, when it starts.
 *
 *   1. registry entry: which generation the name has
 *   2. `current`, and every manifest that is stored: each by itself and after the one before
 *   3. skip records, and the log from its oldest entry to the end (log.ts)
 *   4. segments of the newest manifest (segments.ts); those of older ones by their objects
 *   5. idempotency keys
 *   6. what lies there that nothing names, by age. It is reported and not deleted
 */
import { type Manifest, type SegmentInfo } from "../../src/format/manifest.ts";
import { openManifest } from "../../src/format/manifest-codec.ts";
import { openPointer, openRegistryEntry, type RegistryEntry } from "../../src/format/registry.ts";
import { shardCount } from "../../src/format/shard.ts";
import { openSkip, type Skip } from "../../src/format/skip.ts";
import { openWriteKeys } from "../../src/format/write-keys.ts";
import { limits } from "../../src/limits.ts";
import { manifestFault, stepFault } from "../../src/namespace/invariants.ts";
import { firstManifest } from "../../src/namespace/state.ts";
import {
  currentKey,
  generationRoot,
  idOfAttachmentKey,
  keysKey,
  manifestKey,
  manifestPrefix,
  nameOfKeysKey,
  nameOfStepKey,
  registryKey,
  segmentOfKey,
  sequenceOfSkipKey,
  skipsPrefix,
  versionOfManifestKey,
} from "../../src/store/keys.ts";
import type { Ledger, Lesson } from "./ledger.ts";
import { type NamedParts, scrubLog } from "./log.ts";
import { checkIdsOnce, checkObjects, type ScrubbedSegment, scrubSegment } from "./segments.ts";

const newestManifest: Lesson = {
  meaning: "at its next start the namespace is in quarantine and answers nothing",
  remedy: "put the object back from a copy, or delete the namespace",
};
const oldManifest: Lesson = {
  meaning: "nothing while what is newer is good: it is superseded, and waits to be collected",
  remedy: "nothing",
};
const broken: Lesson = {
  meaning: "the manifest breaks an invariant, so answers may be wrong",
  remedy: "stop writing, keep the bucket as it is and report this with the object",
};
const keysLesson: Lesson = {
  meaning: "writes that carry an idempotency key are refused",
  remedy: "put the object back from a copy; writes without a key go on",
};

/** False if there is no such namespace. */
export async function scrubNamespace(
  ledger: Ledger,
  tenant: string,
  name: string,
  nowMs: number,
): Promise<boolean> {
  const key = registryKey(tenant, name);
  const bytes = await ledger.readIfAny(key);
  if (bytes === undefined) return false;
  const entry = await ledger.open(key, registryLesson, () =>
    openRegistryEntry(bytes, ledger.digest),
  );
  if (entry === undefined) return true;
  if (entry.name !== name) ledger.fault(key, `is the entry of ${entry.name}`, registryLesson);
  ledger.count("registry entry");
  if (entry.state === "deleted") {
    ledger.notes.push("The namespace is deleted; what is left of it is purged after an hour.");
    return true;
  }
  const { generation } = entry;
  const root = generationRoot(tenant, generation);
  const manifests = await scrubManifests(ledger, root, generation);
  if (manifests === undefined) return true;
  const newest = manifests.at(-1) ?? (await manifestOf(ledger, key, entry));
  if (newest === undefined) return true;
  const skips = await scrubSkips(ledger, root, generation);
  const parts = await scrubLog(ledger, tenant, newest, skips);
  const whole: ScrubbedSegment[] = [];
  for (const info of newest.segments) {
    const segment = await scrubSegment(ledger, tenant, info, shardCount(newest.settings));
    if (segment !== undefined) whole.push(segment);
  }
  await checkIdsOnce(ledger, manifestKey(root, newest.version), whole);
  await scrubOldSegments(ledger, tenant, newest, manifests);
  await scrubKeys(ledger, root, newest, manifests);
  await findOrphans(ledger, root, manifests, parts, nowMs);
  return true;
}

/** Where none is stored: a branch that ended right after it was registered, or no flush yet. */
async function manifestOf(
  ledger: Ledger,
  key: string,
  { generation, start }: RegistryEntry,
): Promise<Manifest | undefined> {
  if (start === undefined) return firstManifest(generation);
  const open = () => openManifest(start.manifest, { generation, version: 1 }, ledger.digest);
  return await ledger.open(key, registryLesson, open);
}

const registryLesson: Lesson = {
  meaning: "the namespace cannot be opened at all: nothing else says which generation it has",
  remedy: "put the object back from a copy",
};

/** Those that can be read, oldest first; undefined if the newest cannot. */
async function scrubManifests(
  ledger: Ledger,
  root: string,
  generation: string,
): Promise<readonly Manifest[] | undefined> {
  const versions: number[] = [];
  for await (const { key } of ledger.list(manifestPrefix(root))) {
    const version = versionOfManifestKey(key);
    if (version !== undefined) versions.push(version);
  }
  await scrubPointer(ledger, root, generation, versions);
  const newest = versions.at(-1);
  const manifests: Manifest[] = [];
  for (const version of versions) {
    const key = manifestKey(root, version);
    const lesson = version === newest ? newestManifest : oldManifest;
    const bytes = version === newest ? await ledger.read(key, lesson) : await ledger.readIfAny(key);
    // An old one may have been collected since it was listed.
    if (bytes === undefined) continue;
    const open = () => openManifest(bytes, { generation, version }, ledger.digest);
    const manifest = await ledger.open(key, lesson, open);
    if (manifest === undefined) {
      if (version === newest) return undefined;
      continue;
    }
    const before = manifests.at(-1);
    const follows = before !== undefined && before.version + 1 === version;
    const fault = manifestFault(manifest) ?? (follows ? stepFault(before, manifest) : undefined);
    if (fault !== undefined) ledger.fault(key, fault, broken);
    else ledger.count("manifests");
    manifests.push(manifest);
  }
  return manifests;
}

async function scrubPointer(
  ledger: Ledger,
  root: string,
  generation: string,
  versions: readonly number[],
): Promise<void> {
  const lesson: Lesson = {
    meaning: "nothing: it is a hint, and the newest manifest is found without it",
    remedy: "nothing; the next change of the manifest writes it anew",
  };
  const key = currentKey(root);
  const bytes = await ledger.readIfAny(key);
  const pointer =
    bytes && (await ledger.open(key, lesson, () => openPointer(bytes, ledger.digest)));
  if (pointer === undefined) return;
  if (pointer.generation !== generation) {
    ledger.fault(key, `points into generation ${pointer.generation}`, lesson);
  } else if (!versions.includes(pointer.manifestVersion)) {
    const lost = pointer.manifestVersion > (versions.at(-1) ?? 0);
    const what = `points to manifest ${pointer.manifestVersion}, which is not there`;
    if (lost) ledger.fault(key, what, newestManifest);
  } else {
    ledger.count("pointer to a manifest");
  }
}

async function scrubSkips(
  ledger: Ledger,
  root: string,
  generation: string,
): Promise<ReadonlyMap<number, Skip>> {
  const lesson: Lesson = {
    meaning:
      "nobody knows any more that this log entry was skipped: at its next start the " +
      "namespace is in quarantine if the entry is still to be indexed",
    remedy: "put the object back from a copy",
  };
  const skips = new Map<number, Skip>();
  for await (const { key } of ledger.list(skipsPrefix(root))) {
    const sequence = sequenceOfSkipKey(key);
    const bytes = sequence === undefined ? undefined : await ledger.readIfAny(key);
    if (sequence === undefined || bytes === undefined) continue;
    const open = () => openSkip(bytes, { generation, sequence }, ledger.digest);
    const skip = await ledger.open(key, lesson, open);
    if (skip === undefined) continue;
    skips.set(sequence, skip);
    const when = new Date(skip.timeMs).toISOString();
    ledger.notes.push(`Log entry ${sequence} was skipped ${when}: ${skip.reason} (${skip.fault}).`);
  }
  return skips;
}

/** Segments that only older manifests name may be gone; what is there must be what it was. */
async function scrubOldSegments(
  ledger: Ledger,
  tenant: string,
  newest: Manifest,
  manifests: readonly Manifest[],
): Promise<void> {
  const seen = new Set(newest.segments.map(({ id }) => id));
  const old: SegmentInfo[] = [];
  for (const info of manifests.flatMap(({ segments }) => segments)) {
    if (!seen.has(info.id)) old.push(info);
    seen.add(info.id);
  }
  for (const info of old) await checkObjects(ledger, tenant, info, false);
}

/** Those that only older manifests name may be gone, like segments. */
async function scrubKeys(
  ledger: Ledger,
  root: string,
  newest: Manifest,
  manifests: readonly Manifest[],
): Promise<void> {
  const { generation } = newest;
  const needed = new Set(newest.keys.map(({ name }) => name));
  const refs = new Map(manifests.flatMap(({ keys }) => keys.map((ref) => [ref.name, ref])));
  for (const { name, from, to, keys } of refs.values()) {
    const key = keysKey(root, name);
    const isNeeded = needed.has(name);
    const bytes = isNeeded ? await ledger.read(key, keysLesson) : await ledger.readIfAny(key);
    if (bytes === undefined) continue;
    const place = { generation, from, to };
    const lesson = isNeeded ? keysLesson : oldManifest;
    const opened = await ledger.open(key, lesson, () => openWriteKeys(bytes, place, ledger.digest));
    if (opened === undefined) continue;
    if (opened.records.length !== keys) {
      ledger.fault(key, `holds ${opened.records.length} keys instead of ${keys}`, lesson);
    }
    ledger.count("idempotency keys", opened.records.length);
  }
}

/** Objects of segments, bitmaps, attachments, keys and steps that nothing names. */
async function findOrphans(
  ledger: Ledger,
  root: string,
  manifests: readonly Manifest[],
  parts: NamedParts,
  nowMs: number,
): Promise<void> {
  const named = new Set<string>();
  for (const { segments, dead, keys } of manifests) {
    for (const { id, dead: bitmap } of segments) named.add(id).add(`${id}/${bitmap.name}`);
    for (const { name } of keys) named.add(`keys/${name}`);
    for (const { object } of dead) {
      if (object.kind === "segment") named.add(object.id);
      if (object.kind === "bitmap") named.add(`${object.segment}/${object.name}`);
      if (object.kind === "keys") named.add(`keys/${object.name}`);
    }
  }
  const young = { objects: 0, bytes: 0 };
  const old = { objects: 0, bytes: 0 };
  for await (const { key, size, uploadedMs } of ledger.list(root)) {
    const part = idOfAttachmentKey(key);
    const keys = nameOfKeysKey(key);
    const found = segmentOfKey(key);
    const name = found?.kind === "dead" ? `${found.id}/${found.name}` : found?.id;
    const step = nameOfStepKey(key);
    const isNamed =
      part === undefined
        ? named.has(keys === undefined ? (name ?? "") : `keys/${keys}`)
        : parts.has(part);
    if (isNamed || (part ?? keys ?? name ?? step) === undefined) continue;
    const sum = uploadedMs < nowMs - limits.orphanAgeMs ? old : young;
    sum.objects += 1;
    sum.bytes += size;
  }
  if (young.objects > 0) {
    ledger.notes.push(
      `${young.objects} objects (${young.bytes} bytes) of the last day are named by nothing: of ` +
        "work under way, or of attempts that failed. They are collected in time.",
    );
  }
  if (old.objects > 0) {
    ledger.notes.push(
      `${old.objects} objects (${old.bytes} bytes) are older than a day and named by nothing: the ` +
        "next collection deletes them.",
    );
  }
}
