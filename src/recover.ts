/**
 * Recovery: what a new instance of a namespace's owner finds out before anything else. Works from
 * object storage alone; the object's own record only saves probes. Reads and changes nothing.
 *
 *   1. registry entry  which generation the name has; none = the namespace does not exist
 *   2. manifest        from the larger of `current` and the record, probe forward until the first
 *                      that is absent; without either, the last one listed
 *   3. log             one list from the floor shows the entries, one more for each generation the
 *                      tail is inherited from; each entry is read and verified in order, a few at a
 *                      time. A gap is corruption, never the end. An empty list counts only if
 *                      `current` has not moved meanwhile
 *   4. open slot       may have been written to if the record is gone or says so; it is for the
 *                      owner to settle it before it answers anybody
 *
 * Cost: registry, current and manifests one get each, a list for each 1,000 tail entries, one get
 * for each entry.
 */
import { corrupt, EngineError, isEngineError } from "./errors.ts";
import { stretchesOf } from "./format/homes.ts";
import type { Manifest, WalRange } from "./format/manifest.ts";
import { openManifest } from "./format/manifest-codec.ts";
import { openPointer, openRegistryEntry, type RegistryEntry } from "./format/registry.ts";
import { type OpenedWalEntry, openWalEntry } from "./format/wal.ts";
import { keysOfEntry } from "./format/write-keys.ts";
import { limits } from "./limits.ts";
import { checkStoredManifest } from "./namespace/invariants.ts";
import { KeyMemory } from "./namespace/key-memory.ts";
import { applyEntry, firstManifest, type NamespaceState, stateAtFloor } from "./namespace/state.ts";
import type { Identity, OwnerPorts, OwnerRecord } from "./owner-ports.ts";
import type { Ports } from "./ports.ts";
import {
  currentKey,
  generationRoot,
  manifestKey,
  manifestPrefix,
  registryKey,
  sequenceOfWalKey,
  versionOfManifestKey,
  walKey,
  walPrefix,
} from "./store/keys.ts";

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
    };
  }
  const own = record?.generation === entry.generation ? record : undefined;
  const { manifest, pointer } = await newestManifest(ports, identity.tenant, entry.generation, own);
  const log = await readLog(ports, identity.tenant, manifest, pointer.version);
  if (own !== undefined && own.next > log.state.next) {
    const { next, generation } = log.state;
    throw corrupt(`the log of ${generation} ends at ${next}, before ${own.next}`);
  }
  return {
    state: log.state,
    keys: log.keys,
    registry,
    epoch: Math.max(recordEpoch, manifest.epoch, log.epoch) + 1,
    pointer,
    isSettled: log.state.ended || (own !== undefined && (own.intent ?? -1) < log.state.next),
  };
}

export async function readRegistry(ports: OwnerPorts, identity: Identity): Promise<RegistryView> {
  const stored = await ports.store.get(registryKey(identity.tenant, identity.name));
  if (stored === undefined) {
    return { entry: undefined, etag: undefined };
  }
  const entry = await openRegistryEntry(stored.bytes, ports.digest);
  if (entry.name !== identity.name) {
    throw corrupt(`registry entry of ${identity.name} names ${entry.name}`);
  }
  return { entry, etag: stored.etag };
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
  generation: string,
  record: OwnerRecord | undefined,
): Promise<{ manifest: Manifest; pointer: PointerView }> {
  const root = generationRoot(tenant, generation);
  for (;;) {
    const pointer = await readPointer(ports, tenant, generation);
    const hinted = Math.max(pointer.version, record?.manifestVersion ?? 0);
    const start = hinted === 0 ? await lastListed(ports, root) : hinted;
    let manifest: Manifest | undefined = start === 0 ? firstManifest(generation) : undefined;
    for (let version = Math.max(1, start); ; version += 1) {
      const next = await readManifest(ports, root, generation, version);
      if (next === undefined) {
        break;
      }
      manifest = next;
    }
    if (manifest !== undefined) {
      return { manifest, pointer };
    }
    // Collected between our two reads: only possible once `current` has moved on.
    if ((await readPointer(ports, tenant, generation)).version <= start) {
      throw corrupt(`manifest ${start} of ${generation} is missing`);
    }
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

export interface Log {
  readonly state: NamespaceState;
  readonly keys: KeyMemory;
  /** Largest epoch in the tail. */
  readonly epoch: number;
}

/** The state after the manifest's tail. `pointerVersion`: what `current` said before. */
export async function readLog(
  ports: OwnerPorts,
  tenant: string,
  manifest: Manifest,
  pointerVersion: number,
): Promise<Log> {
  const range = { from: manifest.floor, to: Number.POSITIVE_INFINITY };
  let state = stateAtFloor(manifest, true);
  const keys = new KeyMemory(manifest.floor);
  let epoch = 0;
  for (const stretch of stretchesOf(manifest, range)) {
    const { generation, from, to } = stretch;
    const sizes = await listLog(ports, generationRoot(tenant, generation), stretch);
    if (to < Number.POSITIVE_INFINITY && sizes.length < to - from) {
      throw corrupt(`WAL entry ${from + sizes.length} of ${generation} is missing`);
    }
    for (let at = 0; at < sizes.length; ) {
      const count = waveLength(sizes.slice(at, at + limits.connectionsMax));
      const sequences = Array.from({ length: count }, (_, i) => from + at + i);
      const read = await Promise.all(
        sequences.map((sequence) => readEntry(ports, tenant, generation, sequence)),
      );
      for (const { entry, bytes } of read) {
        state = applyEntry(state, entry, bytes.length);
        // A key is for writes to one namespace, not to those it was branched from.
        keys.remember(generation === manifest.generation ? keysOfEntry(entry) : []);
        epoch = Math.max(epoch, entry.epoch);
        ports.memory.put(`${generation}/wal/${entry.sequence}`, bytes);
      }
      at += count;
    }
  }
  const isEmpty = state.next === manifest.floor;
  const { generation } = manifest;
  if (isEmpty && (await readPointer(ports, tenant, generation)).version !== pointerVersion) {
    throw new EngineError("fenced", "another instance moved the manifest during recovery");
  }
  return { state, keys, epoch };
}

/** Sizes of the entries from … to-1 that lie below the root. */
async function listLog(
  ports: OwnerPorts,
  root: string,
  { from, to }: WalRange,
): Promise<readonly number[]> {
  const sizes: number[] = [];
  for (;;) {
    const end = from + sizes.length;
    const after = end === 0 ? walPrefix(root) : walKey(root, end - 1);
    const page = await ports.store.list(walPrefix(root), { after });
    for (const { key, size } of page.objects) {
      const expected = from + sizes.length;
      if (expected >= to) {
        return sizes;
      }
      if (sequenceOfWalKey(key) !== expected) {
        throw corrupt(`WAL entry ${expected} is missing below ${key}`);
      }
      sizes.push(size);
    }
    if (!page.more || from + sizes.length >= to) {
      return sizes;
    }
  }
}

/** How many of the objects may be under way and in memory at once; one at least. */
export function waveLength(sizes: readonly number[]): number {
  let bytes = 0;
  const over = sizes.findIndex((size, i) => {
    bytes += size;
    return i === limits.connectionsMax || (i > 0 && bytes > limits.waveBytesMax);
  });
  return over < 0 ? sizes.length : over;
}

async function readEntry(
  ports: OwnerPorts,
  tenant: string,
  generation: string,
  sequence: number,
): Promise<{ entry: OpenedWalEntry; bytes: Uint8Array }> {
  const stored = await ports.store.get(walKey(generationRoot(tenant, generation), sequence));
  if (stored === undefined) {
    throw corrupt(`WAL entry ${sequence} of ${generation} is missing`);
  }
  const entry = await openWalEntry(stored.bytes, { generation, sequence }, ports.digest);
  return { entry, bytes: stored.bytes };
}
