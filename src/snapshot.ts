/**
 * The isolate's view of a namespace: what the last `head` said, and what the next one need not say
 * again.
 *
 *   strong      one `head` call that begins after the query arrived; queries that arrive together
 *               share it (shared-calls.ts). If the owner cannot be reached, the log itself answers:
 *               slots are contiguous, so reading forward from the last snapshot to the first
 *               missing slot finds everything acknowledged, as long as nothing that snapshot names
 *               can have been collected. Costs a round or more, so it is the fallback.
 *   eventual    the last snapshot while it is young enough; else as strong, but without the
 *               fallback's reads
 *
 * Snapshots are immutable. Losing them costs a larger `head`, nothing else.
 */
import type { Schema } from "./document/schema.ts";
import { applyAddition } from "./document/schema.ts";
import { corrupt, type EngineError, isEngineError, unavailable } from "./errors.ts";
import type { Manifest } from "./format/manifest.ts";
import { type OpenedWalEntry, openWalEntry, walEntryBytes, walEntryRows } from "./format/wal.ts";
import { limits } from "./limits.ts";
import { readSlot } from "./log-read.ts";
import {
  type HeadReply,
  type HeadRequest,
  type NamespaceApi,
  protocolVersion,
  replyValue,
} from "./namespace/protocol.ts";
import { catchUp } from "./namespace/state.ts";
import type { Ports } from "./ports.ts";
import type { Consistency } from "./query/query.ts";
import { generationRoot, walKey } from "./store/keys.ts";
import { SharedCalls } from "./store/shared-calls.ts";
import { WeightedLru } from "./store/weighted-lru.ts";

export interface Snapshot {
  readonly tenant: string;
  readonly generation: string;
  readonly manifest: Manifest;
  /** The tail is WAL entries floor … next-1. */
  readonly floor: number;
  readonly next: number;
  /** Slots of the tail that count as entries without members. */
  readonly skipped: ReadonlySet<number>;
  /** After the newest entry. */
  readonly schema: Schema;
  readonly createdMs: number;
  readonly lastWriteMs: number;
  readonly unindexedRows: number;
  readonly unindexedBytes: number;
  /** Approximate queries scan so many times the usual rows. */
  readonly probes?: number;
  /** Everything acknowledged before this moment is included. */
  readonly asOfMs: number;
  /** What came along with it; used by the query it was taken for. */
  readonly inline: SnapshotInline;
}

export interface SnapshotInline {
  /** WAL entries by sequence. */
  readonly wal: ReadonlyMap<number, Uint8Array>;
  /** Roots by segment. */
  readonly roots: ReadonlyMap<string, Uint8Array>;
  /** Dead bitmaps by "<segment>/<name>". */
  readonly dead: ReadonlyMap<string, Uint8Array>;
}

export interface SnapshotTarget {
  readonly tenant: string;
  readonly name: string;
  readonly owner: Pick<NamespaceApi, "head">;
  /** If given, this is read, and nobody is asked for the newest. */
  readonly snapshot?: Snapshot;
}

/**
 * What the isolate still has of the last snapshot, so that `head` need not send it. A query that
 * gives none has everything sent, by a call of its own.
 */
export type Holdings = (last: Snapshot) => Pick<HeadRequest, "walBelow" | "roots" | "dead">;

export class SnapshotCache {
  readonly calls = new SharedCalls<Snapshot>({
    gatherMs: limits.headGatherMs,
    patienceMs: limits.sharedCallMs,
  });
  readonly #snapshots: WeightedLru<Snapshot>;

  constructor(bytesMax: number = limits.snapshotsBytesMax) {
    this.#snapshots = new WeightedLru(bytesMax);
  }

  recall(tenant: string, name: string): Snapshot | undefined {
    return this.#snapshots.get(`${tenant}/${name}`);
  }

  /** Keeps the newer of this and what is held, without what came along. */
  remember(name: string, snapshot: Snapshot): void {
    const key = `${snapshot.tenant}/${name}`;
    const held = this.#snapshots.get(key);
    if (held === undefined || held.asOfMs <= snapshot.asOfMs) {
      this.#snapshots.put(key, { ...snapshot, inline: nothingInline }, weigh(snapshot));
    }
  }

  forget(tenant: string, name: string): void {
    this.#snapshots.delete(`${tenant}/${name}`);
  }
}

const nothingInline: SnapshotInline = { wal: new Map(), roots: new Map(), dead: new Map() };

function weigh({ manifest, schema }: Snapshot): number {
  const items = manifest.segments.length * 4 + manifest.dead.length + manifest.applied.length;
  return 2048 + 256 * (items + schema.attributes.size + manifest.schema.attributes.size);
}

// ---- Taking one
// -------------------------------------------------------------------------------------

export async function takeSnapshot(
  ports: Ports,
  cache: SnapshotCache,
  target: SnapshotTarget,
  consistency: Consistency,
  holdings: Holdings | undefined,
): Promise<Snapshot> {
  const last = cache.recall(target.tenant, target.name);
  const askedMs = ports.clock.now();
  const age = last === undefined ? Infinity : askedMs - last.asOfMs;
  if (consistency === "eventual" && last !== undefined && age <= limits.eventualAgeMsMax) {
    return last;
  }
  const ask = () => askOwner(ports, cache, target, holdings ?? (() => ({})));
  const asked =
    holdings === undefined
      ? ask()
      : cache.calls.call(ports.clock, `${target.tenant}/${target.name}`, ask);
  const snapshot = await asked.catch((error: unknown) => {
    const unreachable = !isEngineError(error) || isReachError(error);
    if (!unreachable) {
      cache.forget(target.tenant, target.name);
      throw error;
    }
    ports.log.warn("head failed", { name: target.name, error: String(error) });
    if (consistency === "eventual" || last === undefined || age > fallbackAgeMsMax) {
      throw isEngineError(error) ? error : unavailable("the namespace cannot be reached", error);
    }
    return readForward(ports, last, askedMs);
  });
  cache.remember(target.name, snapshot);
  return snapshot;
}

/** Half the grace: the other half is for the query that will read what the snapshot names. */
const fallbackAgeMsMax = limits.collectGraceMs / 2;

function isReachError(error: EngineError): boolean {
  return error.kind === "unavailable" || error.kind === "overloaded" || error.kind === "fenced";
}

async function askOwner(
  { clock }: Pick<Ports, "clock">,
  cache: SnapshotCache,
  { tenant, name, owner }: SnapshotTarget,
  holdings: Holdings,
): Promise<Snapshot> {
  const last = cache.recall(tenant, name);
  const asOfMs = clock.now();
  const known = last === undefined ? {} : { ...identify(last), ...holdings(last) };
  const request: HeadRequest = { protocol: protocolVersion, tenant, name, ...known };
  const reply = replyValue(await owner.head(request));
  const manifest = reply.manifest ?? heldManifest(reply, last);
  if (manifest === undefined) {
    throw unavailable("the namespace answered without the manifest that was asked for");
  }
  return {
    tenant,
    generation: reply.generation,
    manifest,
    floor: reply.floor,
    next: reply.next,
    skipped: new Set(reply.skipped),
    schema: heldSchema(reply, last),
    createdMs: reply.createdMs,
    lastWriteMs: reply.lastWriteMs,
    unindexedRows: reply.unindexedRows,
    unindexedBytes: reply.unindexedBytes,
    ...(reply.probes === undefined ? {} : { probes: reply.probes }),
    asOfMs,
    inline: {
      wal: new Map(reply.wal.map(({ sequence, bytes }) => [sequence, bytes])),
      roots: new Map(reply.inline.roots.map(({ segment, bytes }) => [segment, bytes])),
      dead: new Map(reply.inline.dead.map((each) => [`${each.segment}/${each.name}`, each.bytes])),
    },
  };
}

function identify({ generation, manifest }: Snapshot): Partial<HeadRequest> {
  return { generation, manifestVersion: manifest.version };
}

function heldManifest(reply: HeadReply, last: Snapshot | undefined): Manifest | undefined {
  return last?.generation === reply.generation && last.manifest.version === reply.manifestVersion
    ? last.manifest
    : undefined;
}

/**
 * What is kept for a schema is kept for the object, so the one that is held stays while no entry
 * came. (A version alone names no schema: one that came with an entry that was skipped since does
 * not count.)
 */
function heldSchema(reply: HeadReply, last: Snapshot | undefined): Schema {
  const { generation, next, schema } = reply;
  const isSame =
    last?.generation === generation && last.next === next && last.schema.version === schema.version;
  return isSame ? last.schema : schema;
}

// ---- Without the owner
// ------------------------------------------------------------------------------

/** Slots asked for at once, and the most entries that are worth reading instead of waiting. */
const probesAtOnce = limits.connectionsMax;
const probedEntriesMax = 96;

async function readForward(ports: Ports, last: Snapshot, asOfMs: number): Promise<Snapshot> {
  const root = generationRoot(last.tenant, last.generation);
  let snapshot: Snapshot = { ...last, asOfMs };
  while (snapshot.next - last.next < probedEntriesMax) {
    const slots = Array.from({ length: probesAtOnce }, (_, i) => snapshot.next + i);
    const found = await Promise.all(slots.map((slot) => ports.store.get(walKey(root, slot))));
    // A slot that was read too late may be missing because it was collected.
    if (ports.clock.now() - last.asOfMs > fallbackAgeMsMax) {
      break;
    }
    const end = found.indexOf(undefined);
    const isEnd = end >= 0 && end < probesAtOnce - 1 && !found.slice(end).some(isDefined);
    for (const object of end < 0 ? found : found.slice(0, end)) {
      snapshot = await afterSlot(ports, root, snapshot, object?.bytes);
    }
    if (isEnd) {
      return snapshot;
    }
    if (end >= 0 && found.slice(end).some(isDefined)) {
      // It landed meanwhile, since others did behind it; or it is lost.
      snapshot = await afterSlot(ports, root, snapshot, undefined);
    }
  }
  throw unavailable("the namespace cannot be reached, and it was long ago that it could");
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}

/** Goes on by one slot that holds an entry; `bytes`: what was found there. */
async function afterSlot(
  ports: Ports,
  root: string,
  before: Snapshot,
  bytes: Uint8Array | undefined,
): Promise<Snapshot> {
  const { generation, next: sequence } = before;
  if (bytes !== undefined) {
    const entry = await openWalEntry(bytes, { generation, sequence }, ports.digest);
    return afterEntry(before, entry, bytes);
  }
  const slot = await readSlot(ports, root, generation, sequence);
  if (slot.kind !== "entry") {
    throw corrupt(`WAL entry ${sequence} of ${generation} is missing, and others follow`);
  }
  return afterEntry(before, slot.entry, slot.bytes);
}

function afterEntry(before: Snapshot, entry: OpenedWalEntry, bytes: Uint8Array): Snapshot {
  if (entry.skips !== undefined) {
    throw unavailable("log entries are skipped from now on, and only their owner knows all");
  }
  let schema = catchUp(before.schema, entry.repeats);
  for (const member of entry.members) {
    if (member.kind === "tombstone") {
      // The name may have begun another life since, and only its owner knows.
      throw unavailable("the namespace was deleted, and its owner cannot be reached");
    }
    schema = applyAddition(schema, member.addition);
  }
  const rows = walEntryRows(entry.members);
  return {
    ...before,
    next: entry.sequence + 1,
    schema,
    lastWriteMs: rows > 0 ? entry.timeMs : before.lastWriteMs,
    unindexedRows: before.unindexedRows + rows,
    unindexedBytes: before.unindexedBytes + walEntryBytes(bytes.length, entry.members),
    inline: { ...before.inline, wal: new Map(before.inline.wal).set(entry.sequence, bytes) },
  };
}
