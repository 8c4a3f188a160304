/**
 * Recovery: what a new instance of a namespace's owner finds out before anything else. Works from
 * object storage alone; the object's own record only saves probes. Changes nothing, but for a
 * branch that is not in its place yet.
 *
 *   1. registry entry  which generation the name has; none = the namespace does not exist
 *   2. manifest        from the larger of `current` and the record, probe forward until the first
 *                      that is absent; without either, the last one listed. A branch of which none
 *                      is listed may be one or not (recover-branch.ts)
 *   3. log             one list from the floor shows the entries, another those skipped, and two
 *                      more for each generation the tail is inherited from; each entry is read and
 *                      verified in order, a few at a time. A gap is an entry that is missing, never
 *                      the end. An empty list counts only if `current` has not moved meanwhile
 *   4. open slot       may have been written to if the record is gone or says so; it is for the
 *                      owner to settle it before it answers anybody
 *
 * What cannot be read does not keep the namespace from starting: the result then names the object
 * (`quarantine`) and knows only what lies before it. A log that ends with a tombstone has ended all
 * the same. An older manifest never stands in for one that is bad: what the newer one flushed may
 * be collected already.
 *
 * Cost: registry, current and manifests one get each, a list for each 1,000 tail entries and one
 * for skip records, one get for each entry.
 */
import { isEngineError } from "./errors.ts";

import { homeOfEntry } from "./format/homes.ts";
import type { Manifest } from "./format/manifest.ts";
import { openManifest } from "./format/manifest-codec.ts";
import { openPointer, type RegistryEntry } from "./format/registry.ts";
import type { Skip } from "./format/skip.ts";

import { readAgain, readSkips } from "./log-read.ts";
import { checkStoredManifest } from "./namespace/invariants.ts";
import { KeyMemory } from "./namespace/key-memory.ts";
import type { Quarantine } from "./namespace/refusals.ts";
import { begunAt, firstManifest, type NamespaceState, stateAtFloor } from "./namespace/state.ts";
import type { Identity, OwnerPorts, OwnerRecord } from "./owner-ports.ts";
import type { Ports } from "./ports.ts";
import { finishBranch, giveUpBranch } from "./recover-branch.ts";
import { logWithoutManifest, readLog } from "./recover-log.ts";
import { type RegistryView, readRegistry } from "./registry.ts";
import {
  currentKey,
  generationRoot,
  manifestKey,
  manifestPrefix,
  versionOfManifestKey,
  walKey,
} from "./store/keys.ts";

export interface Recovered {
  readonly state: NamespaceState;
  /** Idempotency keys of the tail. */
  readonly keys: KeyMemory;
  readonly registry: RegistryView;
  /** Epoch of this instance: larger than any seen. */
  readonly epoch: number;
  readonly pointer: PointerView;
  /** False: an earlier instance's put may still land in the slot after the last entry. */
  readonly isSettled: boolean;
  /** Every slot ever skipped in this generation. */
  readonly skips: readonly Skip[];
  /** What cannot be read; `state` is then only what lies before it. */
  readonly quarantine?: Quarantine;
}

/** The version `current` holds, and the etag to replace it by. */
export interface PointerView {
  readonly version: number;
  readonly etag: string | undefined;
}

export async function recover(
  ports: OwnerPorts,
  identity: Identity,
  record: OwnerRecord | undefined,
  newGeneration: () => string,
): Promise<Recovered> {
  const registry = await readRegistry(ports, identity);
  const { entry } = registry;
  const epochSeen = Math.max(record?.epoch ?? 0, entry?.epoch ?? 0);
  if (entry?.state !== "live") {
    return unregistered(registry, record, epochSeen + 1, newGeneration);
  }
  const own = record?.generation === entry.generation ? record : undefined;
  const root = generationRoot(identity.tenant, entry.generation);
  const [newest, skips] = await Promise.all([
    newestManifest(ports, identity, entry, own),
    readSkips(ports, root, entry.generation),
  ]);
  if (newest === undefined) {
    const epoch = epochSeen + 1;
    const over = await giveUpBranch(ports, identity, registry, epoch);
    return unregistered(over, record, epoch, newGeneration);
  }
  const { manifest, pointer } = newest;
  const hasMoved = async (): Promise<boolean> =>
    (await readPointer(ports, identity.tenant, entry.generation)).version !== pointer.version;
  const log =
    newest.quarantine === undefined
      ? await readLog(ports, identity.tenant, manifest, hasMoved, skips)
      : await logWithoutManifest(ports, identity.tenant, manifest, newest.quarantine);
  const quarantine = log.quarantine ?? missingEnd(identity.tenant, log.state, own);
  return {
    state: begunAt(log.state, entry.beganMs),
    keys: log.keys,
    registry,
    epoch: Math.max(epochSeen, manifest.epoch, log.epoch) + 1,
    pointer,
    // A name that is registered has an entry: without one it could not be branched to.
    isSettled: log.state.ended || (log.state.next > 0 && isSlotSettled(own, log.state.next)),
    skips,
    ...(quarantine === undefined ? {} : { quarantine }),
  };
}

/** The state of a name that does not live. */
function unregistered(
  registry: RegistryView,
  record: OwnerRecord | undefined,
  epoch: number,
  newGeneration: () => string,
): Recovered {
  const { entry } = registry;
  // A generation minted under this very entry but never registered is used again: attachments may
  // lie there already. Any other may have been lived and deleted.
  const isUnused =
    record !== undefined &&
    record.registryVersion === (entry?.version ?? 0) &&
    record.generation !== entry?.generation;
  const generation = isUnused ? record.generation : newGeneration();
  return {
    state: stateAtFloor(firstManifest(generation), false),
    keys: new KeyMemory(0),
    registry,
    epoch,
    pointer: { version: 0, etag: undefined },
    isSettled: true,
    skips: [],
  };
}

/** Can nothing land any more in the slot after the log's end, as far as the record tells? */
export function isSlotSettled(
  record: Pick<OwnerRecord, "intent"> | undefined,
  next: number,
): boolean {
  return record !== undefined && (record.intent ?? -1) < next;
}

/** The record knows of entries that are not there. */
function missingEnd(
  tenant: string,
  { next, ended, manifest }: NamespaceState,
  own: OwnerRecord | undefined,
): Quarantine | undefined {
  if (own === undefined || own.next <= next || ended) {
    return undefined;
  }
  const key = walKey(generationRoot(tenant, homeOfEntry(manifest, next)), next);
  return { sequence: next, key, reason: `is missing; ${own.next} were written` };
}

export async function readPointer(
  ports: Pick<OwnerPorts, "store" | "digest">,
  tenant: string,
  generation: string,
): Promise<PointerView> {
  const stored = await ports.store.get(currentKey(generationRoot(tenant, generation)));
  if (stored === undefined) {
    return { version: 0, etag: undefined };
  }
  const { etag } = stored;
  try {
    const pointer = await openPointer(stored.bytes, ports.digest);
    const isOurs = pointer.generation === generation;
    return { version: isOurs ? pointer.manifestVersion : 0, etag };
  } catch (error) {
    if (!isEngineError(error, "corrupt")) {
      throw error;
    }
    // Only a hint: what it should say is found otherwise, and the next write replaces it.
    return { version: 0, etag };
  }
}

/** Undefined: there is none, and the branch that was to begin with it does not live. */
async function newestManifest(
  ports: OwnerPorts,
  identity: Identity,
  { generation, start: branch }: RegistryEntry,
  record: OwnerRecord | undefined,
): Promise<{ manifest: Manifest; pointer: PointerView; quarantine?: Quarantine } | undefined> {
  const { tenant } = identity;
  const root = generationRoot(tenant, generation);
  for (;;) {
    const pointer = await readPointer(ports, tenant, generation);
    const hinted = Math.max(pointer.version, record?.manifestVersion ?? 0);
    const start = hinted === 0 ? await lastListed(ports, root) : hinted;
    if (start === 0 && branch !== undefined) {
      if (!(await finishBranch(ports, identity, generation, branch))) return undefined;
      continue;
    }
    let manifest: Manifest | undefined = start === 0 ? firstManifest(generation) : undefined;
    let quarantine: Quarantine | undefined;
    for (let version = Math.max(1, start); ; version += 1) {
      const next = await readDoubtfulManifest(ports, root, generation, version);
      if (next === undefined) {
        break;
      }
      // One that is bad matters only while it is the newest.
      const isBad = typeof next === "string";
      quarantine = isBad ? { key: manifestKey(root, version), reason: next } : undefined;
      manifest = isBad ? firstManifest(generation) : next;
    }
    if (quarantine !== undefined) {
      return { manifest: firstManifest(generation), pointer, quarantine };
    }
    if (manifest !== undefined) {
      return { manifest, pointer };
    }
    // Collected between our two reads: only possible once `current` has moved on.
    if ((await readPointer(ports, tenant, generation)).version <= start) {
      const quarantine = { key: manifestKey(root, start), reason: "is missing" };
      return { manifest: firstManifest(generation), pointer, quarantine };
    }
  }
}

/** What is wrong with it if it stays bad. */
async function readDoubtfulManifest(
  ports: OwnerPorts,
  root: string,
  generation: string,
  version: number,
): Promise<Manifest | string | undefined> {
  try {
    return await readAgain(() => readManifest(ports, root, generation, version));
  } catch (error) {
    if (!isEngineError(error, "corrupt")) {
      throw error;
    }
    return `cannot be read: ${error.message}`;
  }
}

/** Nothing says where to begin: there is no manifest yet, or what pointed to it is lost. */
async function lastListed(ports: OwnerPorts, root: string): Promise<number> {
  let last = 0;
  for (let after = manifestPrefix(root); ; ) {
    const page = await ports.store.list(manifestPrefix(root), { after });
    for (const { key } of page.objects) {
      last = versionOfManifestKey(key) ?? last;
      after = key;
    }
    if (!page.more) {
      return last;
    }
  }
}

export async function readManifest(
  ports: Pick<Ports, "store" | "digest">,
  root: string,
  generation: string,
  version: number,
): Promise<Manifest | undefined> {
  const stored = await ports.store.get(manifestKey(root, version));
  return stored === undefined
    ? undefined
    : checkStoredManifest(await openManifest(stored.bytes, { generation, version }, ports.digest));
}
