/**
 * The log's half of recovery (recover.ts): the tail from the floor to its end, or to the first slot
 * that cannot be read.
 */
import { corrupt, EngineError, isEngineError } from "./errors.ts";
import { stretchesOf } from "./format/homes.ts";
import type { InheritedLog, Manifest, WalRange } from "./format/manifest.ts";
import type { Skip } from "./format/skip.ts";
import type { OpenedWalEntry } from "./format/wal.ts";
import { keysOfEntry } from "./format/write-keys.ts";
import { limits } from "./limits.ts";
import { readSkips, readSlot, type Slot } from "./log-read.ts";
import { KeyMemory } from "./namespace/key-memory.ts";
import type { Quarantine } from "./namespace/refusals.ts";
import { applyEntry, applySkip, type NamespaceState, stateAtFloor } from "./namespace/state.ts";
import type { OwnerPorts } from "./owner-ports.ts";
import { generationRoot, sequenceOfWalKey, walKey, walPrefix } from "./store/keys.ts";

export interface Log {
  readonly state: NamespaceState;
  readonly keys: KeyMemory;
  /** Largest epoch in the tail. */
  readonly epoch: number;
  readonly quarantine?: Quarantine;
}

/**
 * Reads the tail as far as it can be read. `hasMoved`: whether `current` names another manifest by
 * now. `skips`: the namespace's own; such slots are not read at all.
 */
export async function readLog(
  ports: OwnerPorts,
  tenant: string,
  manifest: Manifest,
  hasMoved: () => Promise<boolean>,
  skips: readonly Skip[],
): Promise<Log> {
  const range = { from: manifest.floor, to: Number.POSITIVE_INFINITY };
  const skipped = new Map(skips.map((skip) => [skip.sequence, skip]));
  const keys = new KeyMemory(manifest.floor);
  let log: Log = { state: stateAtFloor(manifest, true), keys, epoch: 0 };
  for (const stretch of stretchesOf(manifest, range)) {
    log = await readStretch(ports, tenant, log, stretch, skipped);
    if (log.quarantine !== undefined) {
      return log;
    }
  }
  if (log.state.next === manifest.floor && (await hasMoved())) {
    throw new EngineError("fenced", "another instance moved the manifest during recovery");
  }
  return log;
}

async function readStretch(
  ports: OwnerPorts,
  tenant: string,
  before: Log,
  stretch: InheritedLog,
  ownSkips: ReadonlyMap<number, Skip>,
): Promise<Log> {
  const { generation, from, to } = stretch;
  const isInherited = to < Number.POSITIVE_INFINITY;
  const root = generationRoot(tenant, generation);
  const sizes = await listLog(ports, root, stretch);
  const skipped = isInherited
    ? new Map([...(await inheritedSkips(ports, root, generation)), ...ownSkips])
    : ownSkips;
  // Where an end is known, or a skipped slot has no object, there are more slots than are listed.
  while (from + sizes.length < to && (isInherited || skipped.has(from + sizes.length))) {
    sizes.push(0);
  }
  const { keys } = before;
  let { state, epoch } = before;
  for (let at = 0; at < sizes.length; ) {
    const count = waveLength(sizes.slice(at, at + limits.connectionsMax));
    const sequences = Array.from({ length: count }, (_, i) => from + at + i);
    const slots = await Promise.all(
      sequences.map(async (sequence): Promise<Slot> => {
        const skip = skipped.get(sequence);
        return skip === undefined
          ? await readSlot(ports, root, generation, sequence)
          : { kind: "skipped", skip };
      }),
    );
    for (const slot of slots) {
      const next = applySlot(state, slot);
      if (typeof next === "string") {
        const quarantine = { sequence: state.next, key: walKey(root, state.next), reason: next };
        return await endsBehind(ports, tenant, { state, keys, epoch, quarantine });
      }
      state = next;
      if (slot.kind === "entry") {
        epoch = Math.max(epoch, slot.entry.epoch);
        // A key is for writes to one namespace, not to those it was branched from.
        keys.remember(isInherited ? [] : keysOfEntry(slot.entry));
        ports.memory.put(`${generation}/wal/${slot.entry.sequence}`, slot.bytes);
      }
    }
    at += count;
  }
  return { state, keys, epoch };
}

async function inheritedSkips(
  ports: OwnerPorts,
  root: string,
  generation: string,
): Promise<readonly (readonly [number, Skip])[]> {
  return (await readSkips(ports, root, generation)).map((skip) => [skip.sequence, skip] as const);
}

/** The state after the slot, or what is wrong with it. */
function applySlot(state: NamespaceState, slot: Slot): NamespaceState | string {
  try {
    switch (slot.kind) {
      case "entry":
        return applyEntry(state, slot.entry, slot.bytes.length);
      case "skipped":
        return applySkip(state, slot.skip);
      case "unreadable":
        return slot.reason;
    }
  } catch (error) {
    if (!isEngineError(error, "corrupt")) {
      throw error;
    }
    return `does not fit: ${error.message}`;
  }
}

/** A log that ends with a tombstone has ended, wherever it cannot be read before that. */
async function endsBehind(ports: OwnerPorts, tenant: string, log: Log): Promise<Log> {
  const { generation } = log.state;
  const root = generationRoot(tenant, generation);
  const last = await lastListedEntry(ports, root);
  const slot = last === undefined ? undefined : await readSlot(ports, root, generation, last);
  return slot?.kind !== "entry"
    ? log
    : {
        ...log,
        state: {
          ...log.state,
          ended: isTombstone(slot.entry),
          ...successorIn(slot.entry),
          lastMs: slot.entry.timeMs,
        },
        epoch: Math.max(log.epoch, slot.entry.epoch),
      };
}

function successorIn({ members }: OpenedWalEntry): { readonly successor?: string } {
  const end = members.at(-1);
  return end?.kind === "tombstone" && end.successor !== undefined
    ? { successor: end.successor }
    : {};
}

export function isTombstone({ members }: OpenedWalEntry): boolean {
  return members.some(({ kind }) => kind === "tombstone");
}

/** Sizes of the entries from … to-1 below the root; 0 where one is missing before others. */
async function listLog(ports: OwnerPorts, root: string, { from, to }: WalRange): Promise<number[]> {
  const sizes: number[] = [];
  for (;;) {
    const end = from + sizes.length;
    const after = end === 0 ? walPrefix(root) : walKey(root, end - 1);
    const page = await ports.store.list(walPrefix(root), { after });
    for (const { key, size } of page.objects) {
      const sequence = sequenceOfWalKey(key) ?? from;
      if (sequence >= to) {
        return sizes;
      }
      if (sequence - from - sizes.length > limits.tailEntriesMax) {
        throw corrupt(`${key} lies far behind the end of the log at ${from + sizes.length}`);
      }
      while (from + sizes.length < sequence) {
        sizes.push(0);
      }
      sizes.push(size);
    }
    if (!page.more || from + sizes.length >= to) {
      return sizes;
    }
  }
}

/** The last entry of the generation that is stored; undefined if there is none. */
export async function lastListedEntry(
  ports: Pick<OwnerPorts, "store">,
  root: string,
): Promise<number | undefined> {
  let last: number | undefined;
  for (let after = walPrefix(root); ; ) {
    const page = await ports.store.list(walPrefix(root), { after });
    for (const { key } of page.objects) {
      last = sequenceOfWalKey(key) ?? last;
      after = key;
    }
    if (!page.more) {
      return last;
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

/** Nothing of the log is known but whether it has ended. */
export function logWithoutManifest(
  ports: OwnerPorts,
  tenant: string,
  manifest: Manifest,
  quarantine: Quarantine,
): Promise<Log> {
  const keys = new KeyMemory(manifest.floor);
  const state = stateAtFloor(manifest, true);
  return endsBehind(ports, tenant, { state, keys, epoch: 0, quarantine });
}
