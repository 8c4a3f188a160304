/**
 * WAL entry: one sealed group, at n/<generation>/wal/<sequence>. Created once, never overwritten;
 * slots are contiguous and each entry carries the hash of its predecessor.
 *
 *   envelope  magic "SHOALWAL", format version 2; number = sequence; previous = hash of the entry
 *             before
 *   head      {t: time in ms, m: [member], r?: [from, to, addition], x?: [sequence]}
 *             r: what the entries just before added to the schema, from version to version, so that
 *             losing one of them loses none of it
 *             x: entries before that are skipped from here on (format/skip.ts)
 *   member    {k: 0, v, a?, u, d, c,   batch: schema version after it, what it adds to the
 *              i?, s?, o?}             schema, upserts, deletes, chunks; idempotency key; what it
 *                                      changes of the settings (settings-codec.ts); counts
 *                                      [0, offset, length, rows] inline in the blocks or
 *                                      [1, part id, length, sha256, rows] attached
 *                                      [id, body, keep ms]; what its writer is told, if not
 *                                      rows: [upserted, patched, deleted, 1 if rows remain]
 *             {k: 1, n?}               tombstone: the generation ends here; n: the one that the
 *                                      name goes on with, which is there already
 *   blocks    the inline chunks (format/batch.ts)
 *
 * An entry without members is a fence: it fills a slot so that nothing written late can ever land
 * there.
 */
import type { SchemaAddition } from "../document/schema.ts";
import type { SettingsChange } from "../document/settings.ts";
import { corrupt } from "../errors.ts";
import type { Digest } from "../ports.ts";
import type { CborValue } from "./cbor.ts";
import {
  blockOffsets,
  type EnvelopeFormat,
  type OpenedEnvelope,
  openEnvelope,
  type SealedObject,
  sealEnvelope,
} from "./envelope.ts";
import { additionFromCbor, additionToCbor } from "./schema-codec.ts";
import { settingsChangeFromCbor, settingsChangeToCbor } from "./settings-codec.ts";

const format: EnvelopeFormat = { magic: "SHOALWAL", version: 2 };

/**
 * Rows of a batch as one encoded chunk (format/batch.ts), inline or stored by the Worker
 * beforehand.
 */
export type ChunkRef =
  | { readonly kind: "inline"; readonly bytes: Uint8Array; readonly rows: number }
  | {
      readonly kind: "part";
      /** Last part of the key n/<generation>/part/<id>. */
      readonly id: string;
      readonly length: number;
      readonly sha256: Uint8Array;
      readonly rows: number;
    };

/** A writer's name for one write: sent again, it is answered again and not applied again. */
export interface WriteKey {
  /** 16 bytes: hash of the key its client chose, or random. */
  readonly id: Uint8Array;
  /** 16 bytes: hash of what was asked; the same key for anything else is a mistake. */
  readonly body: Uint8Array;
  /** For how long after the commit it is remembered at least. */
  readonly keepMs: number;
}

/** What became of the documents a write asked for, as its writer is told. */
export interface WriteCounts {
  readonly upserts: number;
  readonly patches: number;
  readonly deletes: number;
  /** More match than one write may change. */
  readonly remain: boolean;
}

export interface WalBatch {
  readonly kind: "batch";
  /** Version of the schema once the addition is applied. */
  readonly schemaVersion: number;
  readonly addition: SchemaAddition | undefined;
  readonly upserts: number;
  readonly deletes: number;
  readonly chunks: readonly ChunkRef[];
  readonly key?: WriteKey;
  readonly settings?: SettingsChange;
  /** Absent: its rows. */
  readonly counts?: WriteCounts;
}

export type WalMember = WalBatch | Tombstone;

export interface Tombstone {
  readonly kind: "tombstone";
  /** The generation that the name goes on with: one that is there already. */
  readonly successor?: string;
}

/** What took the schema from one version to another. */
export interface SchemaRepeat {
  readonly from: number;
  readonly to: number;
  readonly addition: SchemaAddition;
}

export interface WalEntry {
  readonly generation: string;
  readonly sequence: number;
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly previous: Uint8Array;
  readonly timeMs: number;
  readonly members: readonly WalMember[];
  readonly repeats?: SchemaRepeat;
  readonly skips?: readonly number[];
}

export interface OpenedWalEntry extends WalEntry {
  readonly hash: Uint8Array;
}

export function sealWalEntry(entry: WalEntry, digest: Digest): Promise<SealedObject> {
  const blocks: Uint8Array[] = [];
  for (const member of entry.members) {
    for (const chunk of member.kind === "batch" ? member.chunks : []) {
      if (chunk.kind === "inline") {
        blocks.push(chunk.bytes);
      }
    }
  }
  const offsets = blockOffsets(blocks);
  let next = 0;
  const place = (): number => offsets[next++] as number;
  return sealEnvelope(
    format,
    {
      generation: entry.generation,
      number: entry.sequence,
      epoch: entry.epoch,
      nonce: entry.nonce,
      previous: entry.previous,
      head: {
        t: entry.timeMs,
        m: entry.members.map((member) => memberToCbor(member, place)),
        ...(entry.repeats === undefined ? {} : { r: repeatToCbor(entry.repeats) }),
        ...(entry.skips === undefined ? {} : { x: [...entry.skips] }),
      },
      blocks,
    },
    digest,
  );
}

export async function openWalEntry(
  bytes: Uint8Array,
  expected: { readonly generation: string; readonly sequence: number },
  digest: Digest,
): Promise<OpenedWalEntry> {
  const what = `WAL entry ${expected.sequence}`;
  const opened = await openEnvelope(format, bytes, what, digest);
  if (opened.generation !== expected.generation || opened.number !== expected.sequence) {
    throw corrupt(`${what}: says it is entry ${opened.number} of ${opened.generation}`);
  }
  const head = opened.head as { t?: unknown; m?: unknown; r?: unknown; x?: unknown };
  if (typeof head !== "object" || typeof head?.t !== "number" || !Array.isArray(head.m)) {
    throw corrupt(`${what}: malformed head`);
  }
  return {
    generation: opened.generation,
    sequence: opened.number,
    epoch: opened.epoch,
    nonce: opened.nonce,
    previous: opened.previous,
    hash: opened.hash,
    timeMs: head.t,
    members: head.m.map((member: unknown) => memberFromCbor(member, opened, what)),
    ...(head.r === undefined ? {} : { repeats: repeatFromCbor(head.r, what) }),
    ...(head.x === undefined ? {} : { skips: sequencesFromCbor(head.x, what) }),
  };
}

function repeatToCbor({ from, to, addition }: SchemaRepeat): CborValue {
  return [from, to, additionToCbor(addition)];
}

function sequencesFromCbor(value: unknown, what: string): readonly number[] {
  if (!Array.isArray(value) || !value.every(isCount)) {
    throw corrupt(`${what}: malformed list of skipped entries`);
  }
  return value;
}

function repeatFromCbor(value: unknown, what: string): SchemaRepeat {
  const [from, to, addition] = Array.isArray(value) && value.length === 3 ? value : [];
  if (!isCount(from) || !isCount(to) || to <= from) {
    throw corrupt(`${what}: malformed repetition of the schema`);
  }
  return { from, to, addition: additionFromCbor(addition) };
}

function memberToCbor(member: WalMember, place: () => number): Record<string, unknown> {
  if (member.kind === "tombstone") {
    return { k: 1, ...(member.successor === undefined ? {} : { n: member.successor }) };
  }
  return {
    k: 0,
    v: member.schemaVersion,
    ...(member.addition === undefined ? {} : { a: additionToCbor(member.addition) }),
    u: member.upserts,
    d: member.deletes,
    c: member.chunks.map((chunk) =>
      chunk.kind === "inline"
        ? [0, place(), chunk.bytes.length, chunk.rows]
        : [1, chunk.id, chunk.length, chunk.sha256, chunk.rows],
    ),
    ...(member.key === undefined ? {} : { i: [member.key.id, member.key.body, member.key.keepMs] }),
    ...(member.settings === undefined ? {} : { s: settingsChangeToCbor(member.settings) }),
    ...(member.counts === undefined ? {} : { o: countsToCbor(member.counts) }),
  };
}

function memberFromCbor(value: unknown, entry: OpenedEnvelope, what: string): WalMember {
  const member = value as Record<string, unknown>;
  if (member?.["k"] === 1) {
    const successor = member["n"];
    return successor === undefined
      ? { kind: "tombstone" }
      : { kind: "tombstone", successor: generationOf(successor, what) };
  }
  const { k, v, u, d, c } = member ?? {};
  if (k !== 0 || !isCount(v) || !isCount(u) || !isCount(d) || !Array.isArray(c)) {
    throw corrupt(`${what}: malformed member`);
  }
  return {
    kind: "batch",
    schemaVersion: v,
    addition: member["a"] === undefined ? undefined : additionFromCbor(member["a"]),
    upserts: u,
    deletes: d,
    chunks: c.map((chunk: unknown) => chunkFromCbor(chunk, entry.blocks, what)),
    ...(member["i"] === undefined ? {} : { key: keyFromCbor(member["i"], what) }),
    ...(member["s"] === undefined ? {} : { settings: settingsChangeFromCbor(member["s"]) }),
    ...(member["o"] === undefined ? {} : { counts: countsFromCbor(member["o"], what) }),
  };
}

function countsToCbor({ upserts, patches, deletes, remain }: WriteCounts): CborValue {
  return [upserts, patches, deletes, remain ? 1 : 0];
}

function countsFromCbor(value: unknown, what: string): WriteCounts {
  const counts: readonly unknown[] = Array.isArray(value) && value.length === 4 ? value : [];
  const [upserts, patches, deletes, remain] = counts;
  if (!isCount(upserts) || !isCount(patches) || !isCount(deletes) || !isCount(remain)) {
    throw corrupt(`${what}: malformed counts`);
  }
  return { upserts, patches, deletes, remain: remain === 1 };
}

function keyFromCbor(value: unknown, what: string): WriteKey {
  const [id, body, keepMs] = Array.isArray(value) && value.length === 3 ? value : [];
  if (!isBytes(id, 16) || !isBytes(body, 16) || !isCount(keepMs)) {
    throw corrupt(`${what}: malformed idempotency key`);
  }
  return { id: id.slice(), body: body.slice(), keepMs };
}

function chunkFromCbor(value: unknown, blocks: Uint8Array, what: string): ChunkRef {
  const chunk: readonly unknown[] = Array.isArray(value) ? value : [];
  const rows = chunk.at(-1);
  if (chunk[0] === 0 && chunk.length === 4) {
    const [, offset, length] = chunk;
    if (isCount(offset) && isCount(length) && isCount(rows) && offset + length <= blocks.length) {
      return { kind: "inline", bytes: blocks.subarray(offset, offset + length), rows };
    }
  }
  if (chunk[0] === 1 && chunk.length === 5) {
    const [, id, length, sha256] = chunk;
    if (typeof id === "string" && isCount(length) && isCount(rows) && isBytes(sha256, 32)) {
      return { kind: "part", id, length, sha256, rows };
    }
  }
  throw corrupt(`${what}: malformed chunk`);
}

function generationOf(value: unknown, what: string): string {
  if (typeof value !== "string" || !/^[0-9a-f]{32}$/.test(value)) {
    throw corrupt(`${what}: malformed tombstone`);
  }
  return value;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isBytes(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

/** Bytes an entry keeps out of the index: its own and its attachments'. */
export function walEntryBytes(entryBytes: number, members: readonly WalMember[]): number {
  let bytes = entryBytes;
  for (const member of members) {
    for (const chunk of member.kind === "batch" ? member.chunks : []) {
      bytes += chunk.kind === "part" ? chunk.length : 0;
    }
  }
  return bytes;
}

export function walEntryRows(members: readonly WalMember[]): number {
  return members.reduce(
    (sum, member) => sum + (member.kind === "batch" ? member.upserts + member.deletes : 0),
    0,
  );
}
