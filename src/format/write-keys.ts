/**
 * Idempotency keys of flushed log entries, at n/<generation>/keys/<name>. Created once, never
 * overwritten; a manifest says which objects count.
 *
 *   envelope  magic "SHOALKEY", format version 1; number = the first entry behind its range
 *   head      {f: first entry of the range, n: keys}
 *   blocks    one block: a record for each key, in order of their entries
 *
 *   offset  size  field of a record
 *        0    16  id: hash of the key a client chose, or random
 *       16    16  body: hash of what was asked
 *       32     8  sequence of the entry that holds the write, u64
 *       40     8  time of that entry in ms, u64
 *       48     4  for how long after it the key is remembered at least, in ms, u32
 *       52     4  documents the write upserted, u32
 *       56     4  documents it deleted, u32
 *       60     4  documents it patched, u32; the highest bit: more matched than it could change
 *
 * All integers little-endian. Golden: test/golden/v1/write-keys.hex.
 */
import { corrupt } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Digest } from "../ports.ts";
import { type EnvelopeFormat, openEnvelope, type SealedObject, sealEnvelope } from "./envelope.ts";
import type { WalBatch, WalEntry, WriteCounts, WriteKey } from "./wal.ts";

const format: EnvelopeFormat = { magic: "SHOALKEY", version: 1 };
const recordBytes = 64;
const remainBit = 0x8000_0000;
const zeroDigest = new Uint8Array(32);

/** A key and the write that was committed under it. */
export interface KeyRecord extends WriteKey, WriteCounts {
  readonly sequence: number;
  readonly timeMs: number;
}

/** Keys of the entries from … to-1. */
export interface WriteKeys {
  readonly generation: string;
  readonly from: number;
  readonly to: number;
  /** In order of their entries. */
  readonly records: readonly KeyRecord[];
}

/** The keys an entry's members were written under, in their order. */
export function keysOfEntry({ members, sequence, timeMs }: WalEntry): KeyRecord[] {
  return members.flatMap((member) => {
    if (member.kind === "tombstone" || member.key === undefined) {
      return [];
    }
    return [{ ...member.key, sequence, timeMs, ...countsOf(member) }];
  });
}

/** What the writer of so many rows is told. */
export function countsOf({
  upserts,
  deletes,
  counts,
}: Pick<WalBatch, "upserts" | "deletes" | "counts">): WriteCounts {
  return counts ?? { upserts, patches: 0, deletes, remain: false };
}

/** When the key may be forgotten, if others came since. */
export function forgetMs({ timeMs, keepMs }: KeyRecord): number {
  return timeMs + keepMs;
}

export function sealWriteKeys(
  keys: WriteKeys,
  writer: { readonly epoch: number; readonly nonce: Uint8Array },
  digest: Digest,
): Promise<SealedObject> {
  const block = new Uint8Array(keys.records.length * recordBytes);
  const view = new DataView(block.buffer);
  for (const [i, record] of keys.records.entries()) {
    const at = i * recordBytes;
    block.set(record.id, at);
    block.set(record.body, at + 16);
    view.setBigUint64(at + 32, BigInt(record.sequence), true);
    view.setBigUint64(at + 40, BigInt(record.timeMs), true);
    view.setUint32(at + 48, record.keepMs, true);
    view.setUint32(at + 52, record.upserts, true);
    view.setUint32(at + 56, record.deletes, true);
    view.setUint32(at + 60, record.patches + (record.remain ? remainBit : 0), true);
  }
  return sealEnvelope(
    format,
    {
      generation: keys.generation,
      number: keys.to,
      epoch: writer.epoch,
      nonce: writer.nonce,
      previous: zeroDigest,
      head: { f: keys.from, n: keys.records.length },
      blocks: [block],
    },
    digest,
  );
}

/** The keys, or `corrupt`: checksum, place, counts and order are checked. */
export async function openWriteKeys(
  bytes: Uint8Array,
  expected: Omit<WriteKeys, "records">,
  digest: Digest,
): Promise<WriteKeys> {
  const { generation, from, to } = expected;
  const what = `idempotency keys of entries ${from} to ${to - 1}`;
  const opened = await openEnvelope(format, bytes, what, digest);
  const head = (opened.head ?? {}) as { f?: unknown; n?: unknown };
  if (opened.generation !== generation || opened.number !== to || head.f !== from) {
    throw corrupt(`${what}: the object says that it is of others`);
  }
  const { blocks } = opened;
  if (typeof head.n !== "number" || head.n * recordBytes !== blocks.length) {
    throw corrupt(`${what}: ${blocks.length} bytes do not hold ${String(head.n)} keys`);
  }
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  const records: KeyRecord[] = [];
  let before = from;
  for (let at = 0; at < blocks.length; at += recordBytes) {
    const record: KeyRecord = {
      id: blocks.slice(at, at + 16),
      body: blocks.slice(at + 16, at + 32),
      sequence: Number(view.getBigUint64(at + 32, true)),
      timeMs: Number(view.getBigUint64(at + 40, true)),
      keepMs: view.getUint32(at + 48, true),
      upserts: view.getUint32(at + 52, true),
      deletes: view.getUint32(at + 56, true),
      patches: view.getUint32(at + 60, true) % remainBit,
      remain: view.getUint32(at + 60, true) >= remainBit,
    };
    const isKept = record.keepMs <= limits.keyKeepMs && Number.isSafeInteger(record.timeMs);
    if (record.sequence < before || record.sequence >= to || !isKept) {
      throw corrupt(`${what}: key ${at / recordBytes} is out of order or out of range`);
    }
    before = record.sequence;
    records.push(record);
  }
  return { generation, from, to, records };
}
