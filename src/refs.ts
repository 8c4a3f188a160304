/**
 * Pins and refs as collectors see them: what must stay below a generation although nothing of its
 * own needs it, refs of branches that never came to be, and the refs that this generation has
 * below its ancestors.
 *
 * Why one listing of the refs is enough, however long the collection takes: a ref made later holds
 * only what a pin or an older ref held until then. A branch pins its parent, makes its refs and
 * then sees that the pin is still alive; so any collection that missed a ref had the pin in its
 * job or began after the pin; and below a grandparent, the parent's own ref was there.
 */
import { Protection } from "./compaction/protection.ts";
import { corrupt, isEngineError } from "./errors.ts";
import { ancestorsOf, holdingBelow, stretchesOf } from "./format/homes.ts";
import type { Manifest } from "./format/manifest.ts";
import { openRef, type Ref } from "./format/ref.ts";
import { openRegistryEntry } from "./format/registry.ts";
import { limits } from "./limits.ts";
import { readDoubtfully, readSlot } from "./log-read.ts";
import type { Pin } from "./namespace/pins.ts";
import { firstManifest } from "./namespace/state.ts";
import type { Ports } from "./ports.ts";
import { readManifest } from "./recover.ts";
import { lastListedEntry } from "./recover-log.ts";
import {
  childOfRefKey,
  generationRoot,
  graveKey,
  manifestPrefix,
  refKey,
  refsPrefix,
  registryKey,
  versionOfManifestKey,
} from "./store/keys.ts";
import { deleteAll, eachObject } from "./store/many-objects.ts";
import type { ObjectInfo } from "./store/object-store.ts";

/** What refs hold below a generation. */
export interface RefsView {
  readonly protection: Protection;
  /** Refs that count; others were dropped. */
  readonly count: number;
}

/** Reads all refs of the generation, and drops those whose branch never came to be. */
export async function readRefs(
  ports: Ports,
  tenant: string,
  generation: string,
): Promise<RefsView> {
  const found: ObjectInfo[] = [];
  await eachObject(ports.store, refsPrefix(generationRoot(tenant, generation)), (object) => {
    found.push(object);
    return "more";
  });
  const protection = new Protection();
  let count = 0;
  while (found.length > 0) {
    const wave = found.splice(0, limits.connectionsMax);
    const refs = await Promise.all(wave.map((info) => readRef(ports, tenant, generation, info)));
    for (const ref of refs) {
      if (ref !== undefined) {
        protection.add(ref.holds);
        count += 1;
      }
    }
  }
  return { protection, count };
}

async function readRef(
  ports: Ports,
  tenant: string,
  generation: string,
  { key, uploadedMs }: ObjectInfo,
): Promise<Ref | undefined> {
  const child = childOfRefKey(key);
  if (child === undefined) {
    throw corrupt(`${key} is not a ref`);
  }
  const read = await readDoubtfully(ports, key, (bytes) =>
    openRef(bytes, { generation, child }, ports.digest),
  );
  if (read.kind === "bad") {
    if (read.bytes === undefined) {
      return undefined;
    }
    // Nothing below the generation is deleted as long as this is not known.
    throw corrupt(`${key} ${read.reason}`);
  }
  const ref = read.value;
  const isOld = uploadedMs < ports.clock.now() - limits.orphanAgeMs;
  if (!isOld || !(await isUnborn(ports, tenant, ref))) {
    return ref;
  }
  // What was made of it goes first: only the ref says that it is there.
  await deletePrefix(ports, generationRoot(tenant, child));
  await ports.store.delete([key]);
  return undefined;
}

/**
 * Not registered, and not buried: it was given up before it was born, or is purged altogether. The
 * grave is looked for last: it was there before the registry named anything else.
 */
async function isUnborn(ports: Ports, tenant: string, { child, name }: Ref): Promise<boolean> {
  const stored = await ports.store.get(registryKey(tenant, name));
  const entry = stored && (await openRegistryEntry(stored.bytes, ports.digest));
  // The entry of a name that was deleted names its last life for good.
  if (entry?.state === "live" && entry.generation === child) {
    return false;
  }
  if (entry?.state === "live" && (await goesOnWith(ports, tenant, entry.generation, child))) {
    return false;
  }
  return (await ports.store.head(graveKey(tenant, child))) === undefined;
}

/** Its log has ended, and names the child as what comes next: only the registry lags. */
async function goesOnWith(
  ports: Ports,
  tenant: string,
  generation: string,
  child: string,
): Promise<boolean> {
  const root = generationRoot(tenant, generation);
  const last = await lastListedEntry(ports, root);
  const slot = last === undefined ? undefined : await readSlot(ports, root, generation, last);
  const end = slot?.kind === "entry" ? slot.entry.members.at(-1) : undefined;
  return end?.kind === "tombstone" && end.successor === child;
}

/** Adds the pinned manifests of a job with all they name, and their tails. */
export async function protectPins(
  ports: Ports,
  tenant: string,
  manifest: Manifest,
  pins: readonly Pin[],
  protection: Protection,
): Promise<void> {
  const { generation } = manifest;
  for (const { version, next } of pins) {
    const isJobs = version === manifest.version;
    const pinned = isJobs ? manifest : await readPinned(ports, tenant, { generation, version });
    if (pinned === undefined) {
      throw corrupt(`the pinned manifest ${version} of ${generation} is missing`);
    }
    const log = stretchesOf(pinned, { from: pinned.floor, to: next });
    protection.add(holdingBelow(generation, pinned.segments, log));
    protection.addVersion(version);
  }
}

/** The manifest that a pin names; undefined if it is gone, and so the pin must be. */
export async function readPinned(
  ports: Pick<Ports, "store" | "digest">,
  tenant: string,
  { generation, version }: Pick<Pin, "generation" | "version">,
): Promise<Manifest | undefined> {
  return version === 0
    ? firstManifest(generation)
    : await readManifest(ports, generationRoot(tenant, generation), generation, version);
}

/**
 * Deletes the generation's refs below these ancestors, unless a manifest that is still stored names
 * something there. Returns the ancestors whose ref stays.
 */
export async function dropRefs(
  ports: Ports,
  tenant: string,
  generation: string,
  ancestors: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ancestors.length === 0) {
    return new Set();
  }
  const named = new Set<string>();
  const root = generationRoot(tenant, generation);
  for (const version of await storedVersions(ports, root)) {
    const manifest = await readManifest(ports, root, generation, version);
    for (const ancestor of manifest === undefined ? [] : ancestorsOf(manifest)) {
      named.add(ancestor);
    }
  }
  await deleteRefs(
    ports,
    tenant,
    generation,
    ancestors.filter((each) => !named.has(each)),
  );
  return named;
}

/**
 * Deletes all refs of a generation that is over, below every ancestor that still has one. If no
 * manifest of it can be read any more, its ancestors find them once its grave is gone.
 */
export async function dropAllRefs(ports: Ports, tenant: string, generation: string): Promise<void> {
  const root = generationRoot(tenant, generation);
  // Older ones name no fewer.
  for (const version of (await storedVersions(ports, root)).toReversed()) {
    const manifest = await readManifest(ports, root, generation, version).catch(unreadable);
    if (manifest === undefined) {
      continue;
    }
    const dead = manifest.dead.flatMap(({ object }) =>
      object.kind === "ref" ? [object.generation] : [],
    );
    await deleteRefs(ports, tenant, generation, [...new Set([...ancestorsOf(manifest), ...dead])]);
    return;
  }
}

function unreadable(error: unknown): undefined {
  if (!isEngineError(error, "corrupt")) {
    throw error;
  }
}

async function deleteRefs(
  ports: Ports,
  tenant: string,
  child: string,
  ancestors: readonly string[],
): Promise<void> {
  if (ancestors.length > 0) {
    const keys = ancestors.map((ancestor) => refKey(generationRoot(tenant, ancestor), child));
    await ports.store.delete(keys);
  }
}

/** Ascending. */
async function storedVersions(ports: Ports, root: string): Promise<readonly number[]> {
  const versions: number[] = [];
  await eachObject(ports.store, manifestPrefix(root), ({ key }) => {
    versions.push(versionOfManifestKey(key) ?? 0);
    return "more";
  });
  return versions;
}

async function deletePrefix(ports: Ports, prefix: string): Promise<void> {
  const keys: string[] = [];
  await eachObject(ports.store, prefix, ({ key }) => {
    keys.push(key);
    return "more";
  });
  await deleteAll(ports.store, keys);
}
