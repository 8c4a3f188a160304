/**
 * What must hold of a namespace, whatever crashed or raced: the log, the manifest, each manifest
 * after the one before, the job table, collection. Pure predicates: each says what is wrong, or
 * nothing. The owner asserts them before it stores anything and after it reads, the simulator holds
 * everything that lands against them, the models take their guards from here.
 *
 *   log           entryFault, epochFault
 *   state         stateFault, floorFault
 *   manifest      manifestFault, successorFault
 *   conservation  conservation.ts, together with all else that a new manifest must obey: stepFault
 *   jobs          tableFault
 *   collection    collectFault
 *   documents     liveIdsFault, strayFault
 * */
import type { DocumentId, IdKind } from "../document/id.ts";
import { corrupt } from "../errors.ts";
import { equalBytes } from "../format/envelope.ts";
import { ancestorsOf, inheritedFrom } from "../format/homes.ts";
import type { DeadRecord, Manifest, SegmentInfo, WalRange } from "../format/manifest.ts";
import { shardCount, shardsOf } from "../format/shard.ts";
import type { OpenedWalEntry } from "../format/wal.ts";
import { limits } from "../limits.ts";
import { conservationFault, keptSegments } from "./conservation.ts";
import { keysFault } from "./key-memory.ts";

// ---- Log ----------------------------------------------------------------------------------------

/** Where a log ends. */
export interface LogEnd {
  readonly generation: string;
  /** Sequence of the next free slot. */
  readonly next: number;
  /** Of entry next-1; zeros before the first. */
  readonly hash: Uint8Array;
  /** The last entry is a tombstone. */
  readonly ended: boolean;
}

export type LogEntry = Pick<OpenedWalEntry, "generation" | "sequence" | "previous"> & {
  readonly members: readonly { readonly kind: OpenedWalEntry["members"][number]["kind"] }[];
};

/** What is wrong with the entry as the log's next: no gap, one chain, nothing after a tombstone. */
export function entryFault(log: LogEnd, entry: LogEntry): string | undefined {
  if (entry.generation !== log.generation) {
    return `it is of generation ${entry.generation}, not ${log.generation}`;
  }
  if (entry.sequence !== log.next) {
    return `it does not continue the log at ${log.next}`;
  }
  if (!equalBytes(entry.previous, log.hash)) {
    return "it does not hold the hash of the one before it";
  }
  const end = entry.members.findIndex(({ kind }) => kind === "tombstone");
  if (log.ended || (end >= 0 && end < entry.members.length - 1)) {
    return "it goes on after a tombstone";
  }
  return undefined;
}

/** Why an instance may not go on beside what it found in a slot that it wanted. */
export function epochFault(own: number, found: number): string | undefined {
  return found > own ? `epoch ${found} is newer than its own ${own}` : undefined;
}

// ---- State --------------------------------------------------------------------------------------

export interface TailView {
  readonly next: number;
  readonly manifest: { readonly floor: number };
  readonly tail: readonly { readonly sequence: number }[];
}

/** What is wrong with an owner's view: the tail is all entries from the floor to the log's end. */
export function stateFault({ next, manifest, tail }: TailView): string | undefined {
  const { floor } = manifest;
  const fault = floorFault(floor, next);
  if (fault !== undefined) {
    return fault;
  }
  if (tail.length !== next - floor) {
    return `${tail.length} entries are known from ${floor} to ${next}`;
  }
  const wrong = tail.findIndex(({ sequence }, i) => sequence !== floor + i);
  return wrong < 0 ? undefined : `entry ${floor + wrong} is missing in the tail`;
}

/** A manifest's floor lies within the log. */
export function floorFault(floor: number, next: number): string | undefined {
  return floor > next ? `the floor ${floor} lies beyond the log's end at ${next}` : undefined;
}

// ---- Manifest -----------------------------------------------------------------------------------

/** What is wrong with the manifest by itself. */
export function manifestFault(manifest: Manifest): string | undefined {
  const ids = new Set<string>();
  for (const segment of manifest.segments) {
    if (ids.has(segment.id)) {
      return `segment ${segment.id} is listed twice`;
    }
    ids.add(segment.id);
    const fault = segmentFault(segment, shardCount(manifest.settings));
    if (fault !== undefined) {
      return `segment ${segment.id} ${fault}`;
    }
    if (segment.schemaVersion > manifest.schema.version) {
      return `segment ${segment.id} has a newer schema than the floor`;
    }
  }
  if (new Set(manifest.applied).size !== manifest.applied.length) {
    return "a delta was applied twice";
  }
  return inheritedFault(manifest) ?? keysFault(manifest) ?? deadFault(manifest, ids);
}

/** Inherited stretches of the tail are contiguous from the floor to where the own log begins. */
function inheritedFault({ generation, floor, inherited }: Manifest): string | undefined {
  let next = floor;
  for (const stretch of inherited) {
    if (stretch.generation === generation) {
      return "a stretch of its own log is inherited";
    }
    if (stretch.from !== next || stretch.to <= stretch.from) {
      return `entries ${stretch.from} to ${stretch.to} are inherited, where ${next} follows`;
    }
    next = stretch.to;
  }
  return undefined;
}

function segmentFault(
  { home, rows, dead, shard }: SegmentInfo,
  shards: number,
): string | undefined {
  if (rows === 0 || dead.rows > rows) {
    return `has ${dead.rows} dead of ${rows} rows`;
  }
  if ((dead.version === 0) !== (dead.name === "")) {
    return `names no bitmap for dead version ${dead.version}`;
  }
  if (dead.rows === 0 && dead.digest !== 0n) {
    return "has a digest of no dead rows";
  }
  if (home === "" || (dead.version === 0) !== (dead.home === "")) {
    return "does not say where it lies";
  }
  if (shard !== undefined && (shards === 1 || shard >= shards)) {
    return `is of shard ${shard}, and there are ${shards}`;
  }
  return undefined;
}

/** What may be deleted is not in use. */
function deadFault(manifest: Manifest, live: ReadonlySet<string>): string | undefined {
  const bitmaps = new Set(manifest.segments.map(({ id, dead }) => `${id}/${dead.name}`));
  const keys = new Set(manifest.keys.map(({ name }) => name));
  const ancestors = ancestorsOf(manifest);
  for (const { object } of manifest.dead) {
    if (object.kind === "segment" && live.has(object.id)) {
      return `segment ${object.id} is both live and dead`;
    }
    if (object.kind === "bitmap" && bitmaps.has(`${object.segment}/${object.name}`)) {
      return `bitmap ${object.name} of segment ${object.segment} is both live and dead`;
    }
    if (object.kind === "keys" && keys.has(object.name)) {
      return `keys ${object.name} are both live and dead`;
    }
    if (object.kind === "ref" && ancestors.has(object.generation)) {
      return `the ref to ${object.generation} is dead, and something there is named`;
    }
    if (object.kind === "wal" && object.to > manifest.floor) {
      return `WAL entries up to ${object.to} are dead above the floor ${manifest.floor}`;
    }
  }
  return undefined;
}

/** What is wrong with `after` as the successor of `before`. */
export function successorFault(before: Manifest, after: Manifest): string | undefined {
  if (after.generation !== before.generation || after.version !== before.version + 1) {
    return `manifest ${after.version} does not follow ${before.version}`;
  }
  if (after.floor < before.floor) {
    return `the floor falls from ${before.floor} to ${after.floor}`;
  }
  if (after.floor === before.floor && !equalBytes(after.floorHash, before.floorHash)) {
    return `the hash below the floor ${after.floor} changes`;
  }
  if (after.epoch < before.epoch) {
    return `the epoch falls from ${before.epoch} to ${after.epoch}`;
  }
  if (after.schema.version < before.schema.version) {
    return `the schema falls from ${before.schema.version} to ${after.schema.version}`;
  }
  const shards = shardCount(before.settings);
  if (before.segments.length > 0 && shardCount(after.settings) !== shards) {
    return `${shards} shards become ${shardCount(after.settings)}`;
  }
  if (after.applied.length > limits.appliedDeltasMax) {
    return `${after.applied.length} applied deltas are remembered`;
  }
  for (const { was, is } of keptSegments(before, after)) {
    if (is.dead.version < was.dead.version) {
      return `dead version of segment ${is.id} falls`;
    }
    if (is.home !== was.home || is.shard !== was.shard) {
      return `segment ${is.id} moves to ${is.home}, or to another shard`;
    }
  }
  return ancestryFault(before, after);
}

/** A manifest loses ancestors, one by one, and never finds one. */
function ancestryFault(before: Manifest, after: Manifest): string | undefined {
  if (after.seed !== before.seed) {
    return `the seed changes from ${before.seed} to ${after.seed}`;
  }
  const left = inheritedFrom(before.inherited, after.floor);
  const isSame =
    left.length === after.inherited.length &&
    left.every(({ generation, from, to }, i) => {
      const now = after.inherited[i];
      return now?.generation === generation && now.from === from && now.to === to;
    });
  if (!isSame) {
    return "other entries are inherited than before";
  }
  const known = ancestorsOf(before);
  const found = [...ancestorsOf(after)].find((generation) => !known.has(generation));
  return found === undefined ? undefined : `something of ${found} is named, and was not before`;
}

// ---- Jobs ---------------------------------------------------------------------------------------

export interface TableView {
  readonly jobs: readonly {
    readonly id: string;
    readonly wal?: WalRange;
    readonly inputs?: readonly string[];
  }[];
}

/** Ranges of flushes do not overlap; a segment is the input of one merge. */
export function tableFault({ jobs }: TableView): string | undefined {
  if (new Set(jobs.map(({ id }) => id)).size !== jobs.length) {
    return "a job is listed twice";
  }
  const ranges = jobs
    .flatMap(({ wal }) => wal ?? [])
    .toSorted((a, b) => a.from - b.from || a.to - b.to);
  for (const [i, { from, to }] of ranges.entries()) {
    if (from >= to || from < (ranges[i - 1]?.to ?? 0)) {
      return `the range from ${from} to ${to} is empty or taken`;
    }
  }
  const inputs = jobs.flatMap((job) => job.inputs ?? []);
  const twice = inputs.find((input, i) => inputs.indexOf(input) !== i);
  return twice === undefined ? undefined : `segment ${twice} is an input twice`;
}

// ---- Collection ---------------------------------------------------------------------------------

/** What a collection may rely on. */
export interface CollectView {
  /** The version that `current` was seen to name, or the job's manifest if that is older. */
  readonly version: number;
  /** Now, less the grace. */
  readonly deadBeforeMs: number;
}

/** Why the object of the record must not be deleted yet. */
export function collectFault(
  record: Pick<DeadRecord, "version" | "sinceMs">,
  { version, deadBeforeMs }: CollectView,
): string | undefined {
  if (record.version > version) {
    return `manifest ${record.version}, which gave it up, might still be lost with its name`;
  }
  return record.sinceMs > deadBeforeMs ? "somebody may still be reading it" : undefined;
}

// ---- Documents ----------------------------------------------------------------------------------

/** The ids that live in each segment: each in one only. */
export function liveIdsFault(
  segments: Iterable<readonly [segment: string, ids: Iterable<DocumentId>]>,
): string | undefined {
  const found = new Map<DocumentId, string>();
  for (const [segment, ids] of segments) {
    for (const id of ids) {
      const other = found.get(id);
      if (other !== undefined) {
        return `id ${id} lives in ${other} and in ${segment}`;
      }
      found.set(id, segment);
    }
  }
  return undefined;
}

/** An id that a segment holds, and its shard does not. */
export function strayFault(
  { id: segment, shard }: Pick<SegmentInfo, "id" | "shard">,
  kind: IdKind,
  ids: readonly DocumentId[],
  shards: number,
): string | undefined {
  const stray =
    shard === undefined ? -1 : shardsOf(kind, ids, shards).findIndex((of) => of !== shard);
  return stray < 0 ? undefined : `id ${ids[stray]} lies in ${segment}, a segment of shard ${shard}`;
}

// ---- Together -----------------------------------------------------------------------------------

/** Why `after` must not be stored as the successor of `before`. */
export function stepFault(
  before: Manifest,
  after: Manifest,
  operations?: number,
): string | undefined {
  return (
    successorFault(before, after) ??
    manifestFault(after) ??
    conservationFault(before, after, operations)
  );
}

export function checkStoredManifest(manifest: Manifest): Manifest {
  const fault = manifestFault(manifest);
  if (fault !== undefined) {
    throw corrupt(`manifest ${manifest.version}: ${fault}`);
  }
  return manifest;
}
