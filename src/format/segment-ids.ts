/**
 * Where ids are: all ids of a segment in order, in blocks of `idBlockRows`, and a membership filter
 * before them. The root holds the first id of each block.
 *
 *   id block, sized content             membership filter, sized content
 *   offset  size   field                 bytes/bloom.ts over the hash of each id's key
 *        0  n × 8  record hashes, u64 (record-hash.ts)
 *       ..  n × 4  ordinals, u32
 *       ..         ids: id-column.ts
 *
 * The *key* of an id has 16 bytes whatever its kind: u64 little-endian and eight zeros, the uuid,
 * or MurmurHash3 of the text. Keys of texts may collide; those of the other kinds are the id
 * itself. The filter hashes keys once more, because consecutive numbers would share its bits.
 *
 * Framed as in segment-block.ts. Golden: test/golden/v2/segment.hex.
 */
import { decodeBloom, encodeBloom, mayContain } from "../bytes/bloom.ts";
import { murmur3Bytes, writeMurmur3 } from "../bytes/murmur3.ts";
import { bytesOf, u32View } from "../bytes/typed-view.ts";
import type { DocumentId, IdKind } from "../document/id.ts";
import { corrupt } from "../errors.ts";
import { encodeIds, type IdColumn, openIds } from "./id-column.ts";
import { readSized } from "./segment-block.ts";
import { idKeyBytes } from "./segment-refine.ts";

const encoder = new TextEncoder();

// ---- Blocks -------------------------------------------------------------------------------------

/** Ids in order, where each document is and what it hashes to. */
export interface IdRows {
  readonly ids: IdColumn;
  readonly ordinals: Uint32Array;
  /** Record hash of the document behind id `row`. */
  readonly hashAt: (row: number) => bigint;
}

/** Content of an id block. */
export function encodeIdRows(
  kind: IdKind,
  ids: readonly DocumentId[],
  ordinals: Uint32Array,
  hashes: BigUint64Array,
): Uint8Array {
  const column = encodeIds(kind, ids);
  const ordinalsAt = hashes.byteLength;
  const idsAt = ordinalsAt + ordinals.byteLength;
  const content = new Uint8Array(idsAt + column.length);
  content.set(bytesOf(hashes), 0);
  content.set(bytesOf(ordinals), ordinalsAt);
  content.set(column, idsAt);
  return content;
}

/** Opens a verified block of a segment of `rows` rows. */
export function readIdRows(block: Uint8Array, kind: IdKind, length: number, rows: number): IdRows {
  const content = readSized(block, "id block");
  const halves = u32View(content, 0, length * 2);
  const ordinals = u32View(content, length * 8, length);
  for (let i = 0; i < length; i++) {
    if ((ordinals[i] as number) >= rows) {
      throw corrupt(`id block: ordinal ${ordinals[i]} of ${rows} rows`);
    }
  }
  const ids = openIds(kind, content.subarray(length * 12), length);
  const hashAt = (row: number): bigint =>
    (BigInt(halves[2 * row + 1] as number) << 32n) | BigInt(halves[2 * row] as number);
  return { ids, ordinals, hashAt };
}

// ---- Keys ---------------------------------------------------------------------------------------

/** 16 bytes an id, back to back. */
export function idKeys(kind: IdKind, ids: readonly DocumentId[]): Uint8Array {
  const keys = new Uint8Array(ids.length * idKeyBytes);
  if (kind === "string") {
    ids.forEach((id, i) => {
      writeMurmur3(encoder.encode(id as string), keys, i * idKeyBytes);
    });
    return keys;
  }
  const column = encodeIds(kind, ids);
  const each = column.length / Math.max(1, ids.length);
  for (let i = 0; i < ids.length; i++) {
    keys.set(column.subarray(i * each, (i + 1) * each), i * idKeyBytes);
  }
  return keys;
}

/** The id behind key `row`, or undefined for texts, whose keys are hashes. */
export function idOfKey(kind: IdKind, keys: Uint8Array, row: number): DocumentId | undefined {
  const start = row * idKeyBytes;
  switch (kind) {
    case "uint":
      return openIds("uint", keys.subarray(start, start + 8), 1).at(0);
    case "uuid":
      return openIds("uuid", keys.subarray(start, start + idKeyBytes), 1).at(0);
    case "string":
      return undefined;
  }
}

// ---- Membership filter --------------------------------------------------------------------------

/** Content of the filter; `hashes` as `hashKeys` makes them. */
export function encodeMembership(hashes: Uint8Array): Uint8Array {
  return encodeBloom(hashes);
}

/** The hash of each key, 16 bytes each. */
export function hashKeys(keys: Uint8Array): Uint8Array {
  const hashes = new Uint8Array(keys.length);
  for (let at = 0; at < keys.length; at += idKeyBytes) {
    writeMurmur3(keys.subarray(at, at + idKeyBytes), hashes, (at / idKeyBytes) * murmur3Bytes);
  }
  return hashes;
}

/** A test that is false only for ids that the segment does not hold; from a verified block. */
export function readMembership(block: Uint8Array): (hashes: Uint8Array, row: number) => boolean {
  const filter = decodeBloom(readSized(block, "membership filter"));
  return (hashes, row) => mayContain(filter, hashes, row * murmur3Bytes);
}
