/**
 * Quarantine: what an owner does while an object that everything depends on cannot be read. It
 * answers who it is and what is wrong, and changes nothing, but for two decisions of an operator:
 *
 *   skip      1. the entry is read again: what can be read is never skipped
 *             2. create-only put of skips/<sequence>. Crash before: nothing happened. After: every
 *                instance from now on, and so every reader, goes on behind the slot
 *             3. the instance ends, and the next one reads the log anew
 *   deletion  1. create-only put of a tombstone behind the last entry that is stored. Crash after:
 *                the next instance finds it and finishes the deletion
 *             2. as any deletion: grave, registry, next life
 *
 * It looks again now and then, and ends itself once the object can be read.
 */
import { corrupt, EngineError, isEngineError } from "./errors.ts";
import { digestBytes, equalBytes } from "./format/envelope.ts";
import { homeOfEntry } from "./format/homes.ts";
import type { Manifest } from "./format/manifest.ts";
import { openSkip, type Skip, sealSkip } from "./format/skip.ts";
import { type ChunkRef, openWalEntry, sealWalEntry } from "./format/wal.ts";
import { limits } from "./limits.ts";
import { readDoubtfully, readSlot, type Slot } from "./log-read.ts";
import type { Quarantine } from "./namespace/refusals.ts";
import { type NamespaceState, nextTimeMs, zeroHash } from "./namespace/state.ts";
import type { OwnerPorts } from "./owner-ports.ts";
import { readManifest } from "./recover.ts";
import { isTombstone, lastListedEntry } from "./recover-log.ts";
import {
  attachmentKey,
  generationRoot,
  skipKey,
  versionOfManifestKey,
  walKey,
} from "./store/keys.ts";
import { putSlot } from "./store/slot.ts";

/** What the owner knows. */
export interface Ward {
  readonly tenant: string;
  readonly state: NamespaceState;
  readonly epoch: number;
  readonly quarantine: Quarantine | undefined;
  /** The log's end as the owner's own storage remembers it. */
  readonly end: { readonly next: number; readonly hash: Uint8Array } | undefined;
}

/** Stores the decision to go on without the entry. Throws `conflict` if there is no need to. */
export async function recordSkip(
  ports: OwnerPorts,
  ward: Ward,
  sequence: number,
  reason: string,
): Promise<Skip> {
  const { tenant, state, epoch, quarantine } = ward;
  const { generation } = state;
  const root = generationRoot(tenant, generation);
  const place = placeOf(ward, sequence);
  const refusal = refuseSkip(ward, sequence);
  if (refusal !== undefined) {
    throw new EngineError("conflict", refusal);
  }
  const slot = await readSlot(ports, place.root, place.generation, sequence);
  const fault = (await faultOf(ports, place.root, slot)) ?? misfit(quarantine);
  if (fault === undefined) {
    // In quarantine that is news: the next instance will do better.
    const kind = quarantine === undefined ? "conflict" : "fenced";
    throw new EngineError(kind, `entry ${sequence} can be read: it is not skipped`);
  }
  const bytes = slot.kind === "skipped" ? undefined : slot.bytes;
  const before = state.tail.find((entry) => entry.sequence === sequence - 1);
  const schema = before?.schema ?? state.manifest.schema;
  const behind = placeOf(ward, sequence + 1);
  const next = await readSlot(ports, behind.root, behind.generation, sequence + 1);
  const end = Math.max((await lastListedEntry(ports, root)) ?? 0, lastInherited(state));
  const isLast = next.kind === "unreadable" && end <= sequence;
  const skip: Skip = {
    generation,
    sequence,
    epoch,
    nonce: ports.random.bytes(16),
    timeMs: ports.clock.now(),
    reason,
    fault,
    found: bytes === undefined ? undefined : await ports.digest(bytes),
    hash: next.kind === "entry" ? next.entry.previous : hashOf(ward, sequence, bytes),
    schemaVersion: schema.version + (isLast ? limits.skippedSchemaVersions : 0),
  };
  const sealed = await sealSkip(skip, ports.digest);
  const outcome = await putSlot(ports, skipKey(root, sequence), sealed);
  ports.log.warn("a log entry is skipped", { tenant, generation, sequence, reason, fault });
  return outcome.kind === "ours"
    ? skip
    : await openSkip(outcome.bytes, { generation, sequence }, ports.digest);
}

/** Where the entry lies: the namespace may have inherited it. */
function placeOf({ tenant, state }: Ward, sequence: number) {
  const generation = homeOfEntry(state.manifest, sequence);
  return { generation, root: generationRoot(tenant, generation) };
}

function lastInherited({ manifest }: NamespaceState): number {
  return (manifest.inherited.at(-1)?.to ?? 0) - 1;
}

function refuseSkip({ state, quarantine }: Ward, sequence: number): string | undefined {
  if (quarantine === undefined) {
    const isTail = sequence >= state.manifest.floor && sequence < state.next;
    return isTail ? undefined : `entry ${sequence} is not one that is still to be indexed`;
  }
  if (quarantine.sequence === undefined) {
    return `it is no log entry that cannot be read, but ${quarantine.key}`;
  }
  return quarantine.sequence === sequence
    ? undefined
    : `it is entry ${quarantine.sequence} that cannot be read`;
}

/** Entries that can be read and yet do not continue the log. */
function misfit(quarantine: Quarantine | undefined): string | undefined {
  return quarantine?.reason.startsWith("does not fit") === true ? quarantine.reason : undefined;
}

/** What is wrong with the entry or its attachments. */
async function faultOf(ports: OwnerPorts, root: string, slot: Slot): Promise<string | undefined> {
  if (slot.kind !== "entry") {
    return slot.kind === "unreadable" ? slot.reason : undefined;
  }
  for (const member of slot.entry.members) {
    for (const chunk of member.kind === "batch" ? member.chunks : []) {
      const fault = chunk.kind === "part" ? await partFault(ports, root, chunk) : undefined;
      if (fault !== undefined) {
        return fault;
      }
    }
  }
  return undefined;
}

async function partFault(
  ports: OwnerPorts,
  root: string,
  { id, sha256 }: Extract<ChunkRef, { kind: "part" }>,
): Promise<string | undefined> {
  const read = await readDoubtfully(ports, attachmentKey(root, id), async (bytes) => {
    if (!equalBytes(await ports.digest(bytes), sha256)) {
      throw corrupt("it is not what its entry says");
    }
  });
  return read.kind === "bad" ? `its attachment ${id} ${read.reason}` : undefined;
}

/** What an entry behind this one would hold, as far as anybody still knows. */
function hashOf({ state, end }: Ward, sequence: number, bytes: Uint8Array | undefined): Uint8Array {
  const known = state.tail.find((entry) => entry.sequence === sequence)?.hash;
  const remembered = end?.next === sequence + 1 ? end.hash : undefined;
  // Where the bytes end they hold their own hash, unless that is what went bad.
  const claimed =
    bytes !== undefined && bytes.length > digestBytes ? bytes.slice(-digestBytes) : undefined;
  return known ?? remembered ?? claimed ?? state.hash;
}

/** Ends the log behind its last entry, so that whoever reads it without its owner knows too. */
export async function closeLog(ports: OwnerPorts, ward: Ward): Promise<void> {
  const { tenant, state, epoch, quarantine, end } = ward;
  const { generation } = state;
  const root = generationRoot(tenant, generation);
  const listed = (await lastListedEntry(ports, root)) ?? -1;
  const known = Math.max((end?.next ?? 0) - 1, quarantine?.sequence ?? -1, state.next - 1);
  let last = Math.max(listed, known, lastInherited(state));
  // No entry is left and nothing remembers one: no snapshot is left either that would look for it.
  while (last >= 0) {
    const home = placeOf(ward, last);
    const slot = await readSlot(ports, home.root, home.generation, last);
    if (slot.kind === "entry" && isTombstone(slot.entry)) {
      return;
    }
    const place = { generation, sequence: last + 1 };
    const sealed = await sealWalEntry(
      {
        ...place,
        epoch,
        nonce: ports.random.bytes(16),
        previous: previousOf(slot, last, ward),
        timeMs: nextTimeMs(state, ports.clock.now()),
        members: [{ kind: "tombstone" }],
      },
      ports.digest,
    );
    const outcome = await putSlot(ports, walKey(root, last + 1), sealed);
    if (outcome.kind === "ours") {
      return;
    }
    const occupant = await openWalEntry(outcome.bytes, place, ports.digest);
    if (occupant.epoch > epoch) {
      throw new EngineError("fenced", "a newer instance writes to this log");
    }
    last += 1;
  }
}

/** The hash of the entry in the slot, as far as anybody still knows. */
function previousOf(slot: Slot, sequence: number, { state, end }: Ward): Uint8Array {
  if (slot.kind === "unreadable" && end?.next === sequence + 1) {
    return end.hash;
  }
  switch (slot.kind) {
    case "entry":
      return slot.entry.hash;
    case "skipped":
      return slot.skip.hash;
    case "unreadable":
      return (slot.bytes?.length ?? 0) > digestBytes
        ? (slot.bytes?.slice(-digestBytes) ?? zeroHash)
        : state.hash;
  }
}

/** One look at what could not be read. */
export async function isReadable(
  ports: OwnerPorts,
  tenant: string,
  manifest: Manifest,
  { sequence, key, reason }: Quarantine,
): Promise<boolean> {
  if (reason.startsWith("does not fit")) {
    return false;
  }
  try {
    if (sequence === undefined) {
      const { generation } = manifest;
      const root = generationRoot(tenant, generation);
      const version = versionOfManifestKey(key) ?? 0;
      return (await readManifest(ports, root, generation, version)) !== undefined;
    }
    const generation = homeOfEntry(manifest, sequence);
    const stored = await ports.store.get(key);
    return (
      stored !== undefined &&
      (await openWalEntry(stored.bytes, { generation, sequence }, ports.digest)) !== undefined
    );
  } catch (error) {
    if (!isEngineError(error, "corrupt")) {
      throw error;
    }
    return false;
  }
}

/** When to look again: the longer it lasts, the more seldom. */
export function lookAgainMs(nowMs: number, sinceMs: number): number {
  const { quarantineLookMsMin, quarantineLookMsMax } = limits;
  return nowMs + Math.min(quarantineLookMsMax, Math.max(quarantineLookMsMin, nowMs - sinceMs));
}
