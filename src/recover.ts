/**
 * Recovery: what a new instance of a namespace's owner does before anything else. Works from object
 * storage alone; the object's own record only saves probes.
 *
 *   1. registry entry      which generation the name has; none = the namespace does not exist
 *   2. manifest            from the larger of `current` and the record, probe forward until the
 *                          first that is absent
 *   3. log                 one list from the floor gives the contiguous entries; each is read and
 *                          verified in order (six at a time); a list that is empty counts only if
 *                          `current` has not moved meanwhile
 *   4. open slot           if the record is gone or says that a slot beyond the end was tried, the
 *                          end is settled: a fence entry goes there, or whatever has landed there
 *                          is adopted
 *
 * A crash at any point changes nothing but a fence. Cost: registry, current and manifests one get
 * each, one list, one get per tail entry.
 */
import { corrupt, EngineError } from "./errors.ts";
import type { Manifest } from "./format/manifest.ts";
import { openManifest } from "./format/manifest-codec.ts";
import { openPointer, openRegistryEntry, type RegistryEntry } from "./format/registry.ts";
import { type OpenedWalEntry, openWalEntry, sealWalEntry } from "./format/wal.ts";
import { limits } from "./limits.ts";
import { checkStoredManifest } from "./namespace/invariants.ts";
import { applyEntry, firstManifest, type NamespaceState, stateAtFloor } from "./namespace/state.ts";
import type { Identity, OwnerPorts, OwnerRecord } from "./owner-ports.ts";
import {
  currentKey,
  generationRoot,
  manifestKey,
  registryKey,
  sequenceOfWalKey,
  walKey,
  walPrefix,
} from "./store/keys.ts";
import { putSlot } from "./store/slot.ts";

export interface RegistryView {
  readonly entry: RegistryEntry | undefined;
  readonly etag: string | undefined;
}

export interface Recovered {
  readonly state: NamespaceState;
  readonly registry: RegistryView;
  /** Epoch of this instance: larger than any seen. */
  readonly epoch: number;
  /** Version `current` holds, and its etag. */
  readonly pointer: { readonly version: number; readonly etag: string | undefined };
}

export async function recover(
  ports: OwnerPorts,
  identity: Identity,
  newGeneration: () => string,
): Promise<Recovered> {
  const record = await ports.storage.readRecord();
  const registry = await readRegistry(ports, identity);
  const live = registry.entry?.state === "live" ? registry.entry : undefined;
  const recordEpoch = Math.max(record?.epoch ?? 0, registry.entry?.epoch ?? 0);
  if (live === undefined) {
    // A generation minted earlier but never registered is used again: attachments may lie there
    // already.
    const reuse = record !== undefined && record.generation !== registry.entry?.generation;
    const generation = reuse ? record.generation : newGeneration();
    return {
      state: stateAtFloor(firstManifest(generation), false),
      registry,
      epoch: recordEpoch + 1,
      pointer: { version: 0, etag: undefined },
    };
  }
  const own = record?.generation === live.generation ? record : undefined;
  const root = generationRoot(identity.tenant, live.generation);
  const { manifest, pointer } = await newestManifest(ports, root, live.generation, own);
  const log = await readLog(ports, root, manifest, pointer.version);
  const epoch = Math.max(recordEpoch, manifest.epoch, log.epoch) + 1;
  const state = await settleEnd(ports, root, log.state, epoch, own);
  return { state, registry, epoch, pointer };
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

/** What `current` says, and the etag to replace it by. */
export async function readPointer(
  ports: OwnerPorts,
  root: string,
): Promise<{ version: number; etag: string | undefined }> {
  const stored = await ports.store.get(currentKey(root));
  if (stored === undefined) {
    return { version: 0, etag: undefined };
  }
  const pointer = await openPointer(stored.bytes, ports.digest);
  return { version: pointer.manifestVersion, etag: stored.etag };
}

async function newestManifest(
  ports: OwnerPorts,
  root: string,
  generation: string,
  record: OwnerRecord | undefined,
): Promise<{ manifest: Manifest; pointer: { version: number; etag: string | undefined } }> {
  for (;;) {
    const pointer = await readPointer(ports, root);
    const start = Math.max(pointer.version, record?.manifestVersion ?? 0);
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
    if ((await readPointer(ports, root)).version <= start) {
      throw corrupt(`manifest ${start} of ${generation} is missing`);
    }
  }
}

export async function readManifest(
  ports: Pick<OwnerPorts, "store" | "digest">,
  root: string,
  generation: string,
  version: number,
): Promise<Manifest | undefined> {
  const stored = await ports.store.get(manifestKey(root, version));
  return stored === undefined
    ? undefined
    : checkStoredManifest(await openManifest(stored.bytes, { generation, version }, ports.digest));
}

interface Log {
  readonly state: NamespaceState;
  /** Largest epoch in the tail. */
  readonly epoch: number;
}

async function readLog(
  ports: OwnerPorts,
  root: string,
  manifest: Manifest,
  pointerVersion: number,
): Promise<Log> {
  const end = await findEnd(ports, root, manifest.floor);
  if (end === manifest.floor && (await readPointer(ports, root)).version !== pointerVersion) {
    throw new EngineError("fenced", "another instance moved the manifest during recovery");
  }
  let state = stateAtFloor(manifest, true);
  let epoch = 0;
  for (let from = manifest.floor; from < end; from += limits.connectionsMax) {
    const sequences: number[] = [];
    for (let s = from; s < Math.min(end, from + limits.connectionsMax); s++) {
      sequences.push(s);
    }
    const read = await Promise.all(
      sequences.map((sequence) => readEntry(ports, root, manifest.generation, sequence)),
    );
    for (const { entry, bytes } of read) {
      state = applyEntry(state, entry, bytes.length);
      epoch = Math.max(epoch, entry.epoch);
    }
  }
  return { state, epoch };
}

/** First free slot at or above the floor. */
async function findEnd(ports: OwnerPorts, root: string, floor: number): Promise<number> {
  let end = floor;
  for (;;) {
    const after = end === 0 ? walPrefix(root) : walKey(root, end - 1);
    const page = await ports.store.list(walPrefix(root), { after });
    for (const { key } of page.objects) {
      if (sequenceOfWalKey(key) !== end) {
        return end;
      }
      end += 1;
    }
    if (!page.more) {
      return end;
    }
  }
}

export async function readEntry(
  ports: Pick<OwnerPorts, "store" | "digest">,
  root: string,
  generation: string,
  sequence: number,
): Promise<{ entry: OpenedWalEntry; bytes: Uint8Array }> {
  const stored = await ports.store.get(walKey(root, sequence));
  if (stored === undefined) {
    throw corrupt(`WAL entry ${sequence} of ${generation} is missing`);
  }
  const entry = await openWalEntry(stored.bytes, { generation, sequence }, ports.digest);
  return { entry, bytes: stored.bytes };
}

async function settleEnd(
  ports: OwnerPorts,
  root: string,
  state: NamespaceState,
  epoch: number,
  record: OwnerRecord | undefined,
): Promise<NamespaceState> {
  if (record !== undefined && record.next > state.next) {
    throw corrupt(`the log of ${state.generation} ends at ${state.next}, before ${record.next}`);
  }
  const settled = record !== undefined && (record.intent ?? -1) < state.next;
  if (settled || state.ended) {
    return state;
  }
  const fence = await sealWalEntry(
    {
      generation: state.generation,
      sequence: state.next,
      epoch,
      nonce: ports.random.bytes(16),
      previous: state.hash,
      timeMs: ports.clock.now(),
      members: [],
    },
    ports.digest,
  );
  // The storage write comes first, so that a replaced instance never gets this far.
  await ports.storage.writeRecord({
    generation: state.generation,
    epoch,
    next: state.next,
    hash: state.hash,
    intent: state.next,
    manifestVersion: state.manifest.version,
  });
  const outcome = await putSlot(ports, walKey(root, state.next), fence);
  const bytes = outcome.kind === "ours" ? fence.bytes : outcome.bytes;
  const expected = { generation: state.generation, sequence: state.next };
  const entry = await openWalEntry(bytes, expected, ports.digest);
  if (entry.epoch > epoch) {
    throw new EngineError("fenced", "a newer instance writes to this log");
  }
  const next = applyEntry(state, entry, bytes.length);
  // An adopted entry proves that a slot was written late; the one after it may be too.
  return outcome.kind === "ours" ? next : await settleEnd(ports, root, next, epoch, undefined);
}
