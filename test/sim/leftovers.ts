/**
 * At the end of a world: everything that is needed is in the store, and whatever else is there is
 * needed by somebody. Needed are
 *
 *   of a name that lives   what its newest manifest names, wherever that lies, and its own log from
 *                          the floor on
 *   refs                   of branches that live and name something there; and what they hold
 *   graves                 of generations below which there is such a ref
 */

import { equalBytes } from "../../src/format/envelope.ts";
import { ancestorsOf, homeOfEntry } from "../../src/format/homes.ts";
import type { Manifest } from "../../src/format/manifest.ts";
import { openRef } from "../../src/format/ref.ts";
import { type OpenedWalEntry, openWalEntry } from "../../src/format/wal.ts";
import {
  attachmentKey,
  childOfRefKey,
  deadKey,
  generationOfGraveKey,
  generationRoot,
  keysKey,
  refKey,
  segmentKey,
  sequenceOfWalKey,
  walKey,
} from "../../src/store/keys.ts";
import { syncDigest } from "../sync-digest.ts";
import type { SimName } from "./sim-name.ts";
import type { World } from "./world.ts";

const hourMs = 3_600_000;

export async function findOrphans(world: World): Promise<void> {
  const page = await world.store.memory.list("", { limit: 1_000 });
  const present = new Set(page.objects.map(({ key }) => key));
  const oldMs = world.scheduler.nowMs - 27 * hourMs;
  const old = page.objects.filter(({ uploadedMs }) => uploadedMs < oldMs).map(({ key }) => key);
  const living = world.everyName.filter(({ exists }) => exists);
  const manifests = new Map<string, Manifest>();
  for (const { history } of living) {
    const { generation } = history.last;
    const manifest = world.landings.manifests.newestOf(generation);
    if (manifest !== undefined) manifests.set(generation, manifest);
  }
  const needed = new Set<string>();
  for (const { history } of living) {
    const { generation, next } = history.last;
    for (const key of namedBy(manifests.get(generation), next)) needed.add(key);
  }
  const missing = [...needed].filter((key) => !present.has(key));
  if (missing.length > 0) world.violate("missing", `${missing.slice(0, 3).join(", ")}`);
  for (const manifest of manifests.values()) await checkBytes(world, manifest);
  const refs = await heldByRefs(world, present, manifests);
  for (const key of refs.held) needed.add(key);
  const orphans = old.filter(
    (key) =>
      !needed.has(key) && !isForgotten(world, key) && !isMutable(key, world.everyName, refs.below),
  );
  if (orphans.length > 0) {
    world.violate("orphans", `${orphans.length} objects: ${orphans.slice(0, 3).join(", ")}`);
  }
  for (const manifest of manifests.values()) findUndead(world, manifest, refs.held);
}

/** With its storage an object forgets a life that it had offered and that never began. */
function isForgotten({ faults, landings }: World, key: string): boolean {
  const [, life] = /\/n\/(\w+)\/part\//.exec(key) ?? [];
  return life !== undefined && faults.isOn("storage-wiped") && !landings.isKnown(life);
}

/** Pointers, manifests and registry entries come and go by other rules; so do graves with refs. */
function isMutable(
  key: string,
  names: readonly SimName[],
  belowRefs: ReadonlySet<string>,
): boolean {
  if (key.includes("/names/")) return true;
  const grave = generationOfGraveKey(key);
  if (grave !== undefined) return belowRefs.has(grave);
  const [, generation = "", kind = ""] = /\/n\/([^/]+)\/([^/]+)/.exec(key) ?? [];
  return names.some(({ object, history, exists }) => {
    // What a name that does not live may yet become.
    if (!exists) return object.record === undefined || object.record.generation === generation;
    const isOwn = history.last.generation === generation;
    return isOwn && /^(current|manifest|skips)$/.test(kind);
  });
}

/** Keys of all that the manifest and its tail name; idempotency keys matter to the newest only. */
export function namedBy(manifest: Manifest | undefined, next: number, isNewest = true): string[] {
  if (manifest === undefined) return [];
  const keys = manifest.segments.flatMap(({ id, home, parts, dead }) => [
    ...parts.map((_, part) => segmentKey(generationRoot("default", home), id, parts.length, part)),
    ...(dead.version > 0 ? [deadKey(generationRoot("default", dead.home), id, dead.name)] : []),
  ]);
  const own = generationRoot("default", manifest.generation);
  if (isNewest) keys.push(...manifest.keys.map(({ name }) => keysKey(own, name)));
  for (let sequence = manifest.floor; sequence < next; sequence++) {
    keys.push(walKey(generationRoot("default", homeOfEntry(manifest, sequence)), sequence));
  }
  return keys;
}

/** Every object of its segments is what was written. */
async function checkBytes({ store, violate }: World, manifest: Manifest): Promise<void> {
  for (const { id, home, parts } of manifest.segments) {
    for (const [part, { sha256 }] of parts.entries()) {
      const key = segmentKey(generationRoot("default", home), id, parts.length, part);
      const stored = await store.memory.get(key);
      const isSame = stored !== undefined && equalBytes(await syncDigest(stored.bytes), sha256);
      if (!isSame) violate("digest", `${key} is not what its manifest says`);
    }
  }
}

/** Refs of branches that live, all they hold, and the generations below which they lie. */
async function heldByRefs(
  { store }: World,
  present: ReadonlySet<string>,
  manifests: ReadonlyMap<string, Manifest>,
): Promise<{ held: Set<string>; below: Set<string> }> {
  const held = new Set<string>();
  const below = new Set<string>();
  for (const key of present) {
    const child = childOfRefKey(key);
    const manifest = child === undefined ? undefined : manifests.get(child);
    const generation = /\/n\/([^/]+)\//.exec(key)?.[1] ?? "";
    const stored = await store.memory.get(key);
    if (child === undefined || manifest === undefined || stored === undefined) continue;
    if (!ancestorsOf(manifest).has(generation)) continue;
    const root = generationRoot("default", generation);
    const { holds } = await openRef(stored.bytes, { generation, child }, syncDigest);
    held.add(refKey(root, child));
    below.add(generation);
    for (const { id, parts } of holds.segments) {
      for (let part = 0; part < parts; part++) held.add(segmentKey(root, id, parts, part));
    }
    for (const { segment, name } of holds.bitmaps) held.add(deadKey(root, segment, name));
    for (const { from, to } of holds.wal) {
      for (let sequence = from; sequence < to; sequence++) {
        held.add(walKey(root, sequence));
        const entry = await store.memory.get(walKey(root, sequence));
        const parts = entry === undefined ? [] : await partsOf(walKey(root, sequence), entry.bytes);
        for (const id of parts) held.add(attachmentKey(root, id));
      }
    }
  }
  return { held, below };
}

/** Ids of the attachments of a log entry. */
export async function partsOf(key: string, bytes: Uint8Array): Promise<string[]> {
  const generation = /\/n\/([^/]+)\//.exec(key)?.[1] ?? "";
  const sequence = sequenceOfWalKey(key) ?? 0;
  return namedParts(await openWalEntry(bytes, { generation, sequence }, syncDigest));
}

export function namedParts({ members }: OpenedWalEntry): string[] {
  return members.flatMap((member) =>
    (member.kind === "batch" ? member.chunks : []).flatMap((chunk) =>
      chunk.kind === "part" ? [chunk.id] : [],
    ),
  );
}

/** What is declared dead is gone, or a branch reads it. */
function findUndead(world: World, manifest: Manifest, held: ReadonlySet<string>): void {
  const root = generationRoot("default", manifest.generation);
  const undead = manifest.dead.filter(({ object }) => {
    switch (object.kind) {
      case "segment":
        return !held.has(segmentKey(root, object.id, object.parts, 0));
      case "bitmap":
        return !held.has(deadKey(root, object.segment, object.name));
      case "wal":
        return !Array.from({ length: object.to - object.from }).some((_, i) =>
          held.has(walKey(root, object.from + i)),
        );
      case "keys":
      case "ref":
        return true;
    }
  });
  if (undead.length > 0) {
    const kinds = undead.map(({ object }) => object.kind).join();
    world.violate("undead", `${undead.length} dead objects were never collected: ${kinds}`);
  }
}
