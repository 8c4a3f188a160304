/**
 * What the owner of a namespace knows, and how log entries change it. Pure: every effect lies in
 * the flows.
 *
 *   sequence   0 ………… floor ………… next
 *              in segments │ tail: in memory as one `TailEntry` each
 *
 * Invariants: the tail is contiguous; tail[i].sequence = floor + i; `hash` is the hash of entry
 * next-1; `schema` is the manifest's schema plus every addition in the tail.
 */
import {
  additionBetween,
  applyAddition,
  emptySchema,
  mayBecome,
  type Schema,
} from "../document/schema.ts";
import { applySettings, initialSettings, type Settings } from "../document/settings.ts";
import { assert, corrupt } from "../errors.ts";
import { homeOfEntry } from "../format/homes.ts";
import type { Manifest, WalRange } from "../format/manifest.ts";
import type { Skip } from "../format/skip.ts";
import {
  type OpenedWalEntry,
  type SchemaRepeat,
  type WalEntry,
  walEntryBytes,
  walEntryRows,
} from "../format/wal.ts";
import { limits } from "../limits.ts";
import { entryFault, stateFault } from "./invariants.ts";

export interface TailEntry {
  readonly sequence: number;
  /** Of the entry and its attachments. */
  readonly bytes: number;
  readonly rows: number;
  /** Of a slot that is skipped: that of the entry before. */
  readonly timeMs: number;
  readonly hash: Uint8Array;
  /** After this entry. */
  readonly schema: Schema;
  readonly settings: Settings;
  readonly lastWriteMs: number;
  readonly updatedMs: number;
  /** An operator went on without it. */
  readonly isSkipped?: true;
}

export interface NamespaceState {
  readonly generation: string;
  /** The registry says that this generation is live. */
  readonly registered: boolean;
  /** The log's last entry is a tombstone. */
  readonly ended: boolean;
  /** The generation that the name goes on with then; undefined: it is deleted. */
  readonly successor?: string;
  /** Sequence of the next free slot. */
  readonly next: number;
  readonly hash: Uint8Array;
  readonly schema: Schema;
  readonly settings: Settings;
  readonly createdMs: number;
  /** Of documents; of documents or schema. */
  readonly lastWriteMs: number;
  readonly updatedMs: number;
  /** Of the newest entry, whatever it holds. */
  readonly lastMs: number;
  readonly manifest: Manifest;
  readonly tail: readonly TailEntry[];
  readonly unindexedBytes: number;
  readonly unindexedRows: number;
  /** Slots that are skipped, but no entry behind them says so yet. */
  readonly unannounced: readonly number[];
}

export const zeroHash: Uint8Array = new Uint8Array(32);

/** The manifest every generation has before its first flush. */
export function firstManifest(generation: string): Manifest {
  return {
    generation,
    seed: generation,
    version: 0,
    epoch: 0,
    nonce: new Uint8Array(16),
    committedMs: 0,
    createdMs: 0,
    lastWriteMs: 0,
    updatedMs: 0,
    lastMs: 0,
    floor: 0,
    floorHash: zeroHash,
    schema: emptySchema,
    settings: initialSettings,
    origin: undefined,
    segments: [],
    inherited: [],
    keys: [],
    applied: [],
    dead: [],
  };
}

/** State at the manifest's floor, before any tail entry is applied. */
export function stateAtFloor(manifest: Manifest, registered: boolean): NamespaceState {
  return {
    generation: manifest.generation,
    registered,
    ended: false,
    next: manifest.floor,
    hash: manifest.floorHash,
    schema: manifest.schema,
    settings: manifest.settings,
    createdMs: manifest.createdMs,
    lastWriteMs: manifest.lastWriteMs,
    updatedMs: manifest.updatedMs,
    lastMs: manifest.lastMs,
    manifest,
    tail: [],
    unindexedBytes: 0,
    unindexedRows: 0,
    unannounced: [],
  };
}

/** Does the namespace exist for its users: something was committed and it was not deleted. */
export function exists(state: NamespaceState): boolean {
  return state.next > 0 && !state.ended;
}

/**
 * The state after the log's next entry. Throws `corrupt` if the entry does not continue the chain.
 */
export function applyEntry(
  state: NamespaceState,
  entry: OpenedWalEntry,
  objectBytes: number,
): NamespaceState {
  const generation = homeOfEntry(state.manifest, entry.sequence);
  const isOwn = generation === state.generation;
  const fault = entryFault({ ...state, generation }, entry);
  if (fault !== undefined) {
    throw corrupt(`WAL entry ${entry.sequence}: ${fault}`);
  }
  let schema = catchUp(state.schema, entry.repeats);
  let { ended, settings, successor } = state;
  let wrote = false;
  let changed = false;
  for (const member of entry.members) {
    if (member.kind === "tombstone") {
      ended = true;
      successor = member.successor;
      continue;
    }
    wrote ||= member.upserts + member.deletes > 0;
    changed ||= member.addition !== undefined;
    schema = applyAddition(schema, member.addition);
    // What was inherited of settings is in the first manifest.
    if (isOwn) settings = applySettings(settings, member.settings);
    if (schema.version !== member.schemaVersion) {
      throw corrupt(`WAL entry ${entry.sequence} was written under another schema`);
    }
  }
  const bytes = walEntryBytes(objectBytes, entry.members);
  const rows = walEntryRows(entry.members);
  const { sequence, timeMs, hash } = entry;
  const lastWriteMs = wrote ? timeMs : state.lastWriteMs;
  const updatedMs = isOwn && (wrote || changed) ? timeMs : state.updatedMs;
  const after = { schema, settings, lastWriteMs, updatedMs };
  return {
    ...state,
    ...after,
    lastMs: timeMs,
    ended,
    ...(successor === undefined ? {} : { successor }),
    next: sequence + 1,
    hash,
    // A branch has its own from the start.
    createdMs: sequence === 0 && state.createdMs === 0 ? timeMs : state.createdMs,
    tail: [...state.tail, { sequence, bytes, rows, timeMs, hash, ...after }],
    unindexedBytes: state.unindexedBytes + bytes,
    unindexedRows: state.unindexedRows + rows,
    unannounced: state.unannounced.filter((slot) => entry.skips?.includes(slot) !== true),
  };
}

/**
 * Times never fall along the log, whatever the clock does; what a life began with is as old as it.
 */
export function nextTimeMs({ lastMs, createdMs }: NamespaceState, nowMs: number): number {
  return Math.max(nowMs, lastMs, createdMs);
}

/** A life that was prepared before it began, in the order of writes that the name has. */
export function begunAt(state: NamespaceState, beganMs: number | undefined): NamespaceState {
  if (beganMs === undefined) {
    return state;
  }
  const createdMs = Math.max(state.createdMs, beganMs);
  return { ...state, createdMs, updatedMs: Math.max(state.updatedMs, createdMs) };
}

/**
 * The state after a slot that is skipped: an entry without members, as old as the one before. When
 * it was skipped says nothing of when it was written.
 */
export function applySkip(state: NamespaceState, skip: Skip): NamespaceState {
  const { sequence, hash, schemaVersion } = skip;
  if (sequence !== state.next || state.ended || schemaVersion < state.schema.version) {
    throw corrupt(`skip record ${sequence} does not continue the log at ${state.next}`);
  }
  const schema = { ...state.schema, version: versionBehind(state.schema.version, schemaVersion) };
  const { settings, lastWriteMs, updatedMs } = state;
  const after = { schema, settings, lastWriteMs, updatedMs };
  return {
    ...state,
    ...after,
    next: sequence + 1,
    hash,
    createdMs: sequence === 0 ? skip.timeMs : state.createdMs,
    tail: [
      ...state.tail,
      {
        sequence,
        bytes: 0,
        rows: 0,
        timeMs: state.lastMs,
        hash,
        ...after,
        isSkipped: true as const,
      },
    ],
    unannounced: [...state.unannounced, sequence],
  };
}

/**
 * Of the schema behind a skipped slot. Where an entry before it was skipped later, less is known of
 * the schema than when the record was made: then its version is what is known, until the next
 * entry repeats the rest.
 */
function versionBehind(known: number, recorded: number): number {
  return (recorded - known) % limits.skippedSchemaVersions === 0 ? recorded : known;
}

/** Those of the range, or of the whole tail, that count as entries without members. */
export function skippedSlots(
  tail: readonly TailEntry[],
  { from, to }: WalRange = { from: 0, to: Number.POSITIVE_INFINITY },
): readonly number[] {
  return tail.flatMap(({ sequence, isSkipped }) =>
    isSkipped === true && sequence >= from && sequence < to ? [sequence] : [],
  );
}

/**
 * False for a flush that was claimed before somebody decided to go on without an entry of its
 * range: it may hold what that said.
 */
export function leavesOutSkipped(
  tail: readonly TailEntry[],
  flushed: (WalRange & { readonly skipped?: readonly number[] }) | undefined,
): boolean {
  return (
    flushed === undefined || String(skippedSlots(tail, flushed)) === String(flushed.skipped ?? [])
  );
}

/** The schema with what skipped entries had added, as the next one repeats it. */
export function catchUp(schema: Schema, repeats: SchemaRepeat | undefined): Schema {
  if (repeats === undefined || schema.version >= repeats.to) {
    return schema;
  }
  const { from, to, addition } = repeats;
  const fits = [...addition.attributes].every(([name, { type }]) => {
    return mayBecome(schema.attributes.get(name)?.type ?? type, type);
  });
  if (schema.version < from || !fits) {
    throw corrupt(`the schema is lost between versions ${schema.version} and ${from}`);
  }
  return {
    version: to,
    idKind: schema.idKind ?? addition.idKind,
    metric: schema.metric ?? addition.metric,
    attributes: new Map([...schema.attributes, ...addition.attributes]),
  };
}

/**
 * What the next entry says of those before it: what the last ones added to the schema, and which
 * are skipped; usually nothing.
 */
export function lookBack(state: NamespaceState): Pick<WalEntry, "repeats" | "skips"> {
  const { tail, manifest, schema, unannounced: skips } = state;
  const before = tail.at(-limits.schemaRepeatedEntries - 1)?.schema ?? manifest.schema;
  const addition = additionBetween(before, schema);
  // Nothing may have been added, and still a version be passed over: by a skip.
  const isSame = before.version === schema.version;
  return {
    ...(isSame ? {} : { repeats: { from: before.version, to: schema.version, addition } }),
    ...(skips.length === 0 ? {} : { skips }),
  };
}

/** The state under a newer manifest of the same generation. */
export function applyManifest(state: NamespaceState, manifest: Manifest): NamespaceState {
  const tail = state.tail.filter((entry) => entry.sequence >= manifest.floor);
  const fault = stateFault({ next: state.next, manifest, tail });
  assert(fault === undefined, fault ?? "");
  return {
    ...state,
    manifest,
    tail,
    unindexedBytes: tail.reduce((sum, entry) => sum + entry.bytes, 0),
    unindexedRows: tail.reduce((sum, entry) => sum + entry.rows, 0),
  };
}

/** Of the entries below, with their attachments. */
export function bytesBelow(tail: readonly TailEntry[], end: number): number {
  return tail.reduce((sum, { sequence, bytes }) => sum + (sequence < end ? bytes : 0), 0);
}

export function liveSegmentRows(manifest: Manifest): number {
  return manifest.segments.reduce((sum, segment) => sum + segment.rows - segment.dead.rows, 0);
}
