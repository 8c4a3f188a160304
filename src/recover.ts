/**
 * Recovery: what a new instance of a namespace's owner finds out before anything else. Works from
 * object storage alone; the object's own record only saves probes. Changes nothing, but for a
 * branch's first manifest.
 *
 *   1. registry entry  which generation the name has; none = the namespace does not exist
 *   2. manifest        from the larger of `current` and the record, probe forward until the first
 *                      that is absent; without either, the last one listed. A branch of which none
 *                      is listed ended right after it was registered: the manifest that came with
 *                      its entry is put into its place
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
import { corrupt, isEngineError } from "./errors.ts";
import { digestBytes } from "./format/envelope.ts";
import { homeOfEntry } from "./format/homes.ts";
import type { Manifest } from "./format/manifest.ts";
import { openManifest } from "./format/manifest-codec.ts";
import { openPointer, openRegistryEntry, type RegistryEntry } from "./format/registry.ts";
import type { Skip } from "./format/skip.ts";
import { limits } from "./limits.ts";
import { readSkips } from "./log-read.ts";
import { checkStoredManifest } from "./namespace/invariants.ts";
import { KeyMemory } from "./namespace/key-memory.ts";
import type { Quarantine } from "./namespace/refusals.ts";
import { firstManifest, type NamespaceState, stateAtFloor } from "./namespace/state.ts";
import type { Identity, OwnerPorts, OwnerRecord } from "./owner-ports.ts";
import type { Ports } from "./ports.ts";
import { logWithoutManifest, readLog } from "./recover-log.ts";
import {
  currentKey,
  generationRoot,
  manifestKey,
  manifestPrefix,
  registryKey,
  versionOfManifestKey,
  walKey,
} from "./store/keys.ts";
import { putSlot } from "./store/slot.ts";

export interface RegistryView {
  readonly entry: RegistryEntry | undefined;
  readonly etag: string | undefined;
}

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
  const recordEpoch = Math.max(record?.epoch ?? 0, entry?.epoch ?? 0);
  if (entry?.state !== "live") {
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
      epoch: recordEpoch + 1,
      pointer: { version: 0, etag: undefined },
      isSettled: true,
      skips: [],
    };
  }
  const own = record?.generation === entry.generation ? record : undefined;
  const root = generationRoot(identity.tenant, entry.generation);
  const [newest, skips] = await Promise.all([
    newestManifest(ports, identity.tenant, entry, own),
    readSkips(ports, root, entry.generation),
  ]);
  const { manifest, pointer } = newest;
  const hasMoved = async (): Promise<boolean> =>
    (await readPointer(ports, identity.tenant, entry.generation)).version !== pointer.version;
  const log =
    newest.quarantine === undefined
      ? await readLog(ports, identity.tenant, manifest, hasMoved, skips)
      : await logWithoutManifest(ports, identity.tenant, manifest, newest.quarantine);
  const quarantine = log.quarantine ?? missingEnd(identity.tenant, log.state, own);
  return {
    state: log.state,
    keys: log.keys,
    registry,
    epoch: Math.max(recordEpoch, manifest.epoch, log.epoch) + 1,
    pointer,
    // A name that is registered has an entry: without one it could not be branched to.
    isSettled: log.state.ended || (log.state.next > 0 && isSlotSettled(own, log.state.next)),
    skips,
    ...(quarantine === undefined ? {} : { quarantine }),
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

export async function readRegistry(ports: Ports, identity: Identity): Promise<RegistryView> {
  return await readAgain(async () => {
    const stored = await ports.store.get(registryKey(identity.tenant, identity.name));
    if (stored === undefined) {
      return { entry: undefined, etag: undefined };
    }
    const entry = await openRegistryEntry(stored.bytes, ports.digest);
    if (entry.name !== identity.name) {
      throw corrupt(`registry entry of ${identity.name} names ${entry.name}`);
    }
    return { entry, etag: stored.etag };
  });
}

/** A bad read is not a bad object. */
async function readAgain<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      if (!isEngineError(error, "corrupt") || attempt >= limits.doubtReadsMax) {
        throw error;
      }
    }
  }
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

async function newestManifest(
  ports: OwnerPorts,
  tenant: string,
  { generation, first }: RegistryEntry,
  record: OwnerRecord | undefined,
): Promise<{ manifest: Manifest; pointer: PointerView; quarantine?: Quarantine }> {
  const root = generationRoot(tenant, generation);
  for (;;) {
    const pointer = await readPointer(ports, tenant, generation);
    const hinted = Math.max(pointer.version, record?.manifestVersion ?? 0);
    const start = hinted === 0 ? await lastListed(ports, root) : hinted;
    if (start === 0 && first !== undefined) {
      await placeManifest(ports, root, first);
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

/** Whatever is there by then counts. */
async function placeManifest(ports: OwnerPorts, root: string, bytes: Uint8Array): Promise<void> {
  const sha256 = await ports.digest(bytes);
  const hash = bytes.slice(-digestBytes);
  await putSlot(ports, manifestKey(root, 1), { bytes, hash, sha256 });
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
