/**
 * Eight bytes for each id, by which a commit says what it touches and what it was decided from.
 * Different ids may share them, which costs a needless repetition and nothing else.
 *
 *   uint     the number itself
 *   uuid     both halves, exclusive or
 *   string   the first half of its MurmurHash3
 *
 * They are not stored, but which shard an id belongs to is made of them (shard.ts): they never
 * change.
 */
import { murmur3Bytes, writeMurmur3 } from "../bytes/murmur3.ts";
import type { DocumentId, IdKind } from "../document/id.ts";
import { encodeIds } from "./id-column.ts";

/** Words of one hash. */
export const hashWords = 2;

const encoder = new TextEncoder();

/** Two words an id, in the order of the ids. In a buffer of its own. */
export function hashIds(kind: IdKind, ids: readonly DocumentId[]): Uint32Array {
  switch (kind) {
    case "uint":
      return hashNumbers(ids);
    case "uuid": {
      const column = encodeIds(kind, ids);
      const words = new Uint32Array(column.buffer, column.byteOffset, column.length / 4);
      return fold(words, ids.length);
    }
    case "string":
      return hashTexts(ids);
  }
}

function hashNumbers(ids: readonly DocumentId[]): Uint32Array {
  const hashes = new Uint32Array(hashWords * ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number | bigint;
    const isSmall = typeof id === "number";
    hashes[hashWords * i] = isSmall ? id : Number(id & 0xffff_ffffn);
    hashes[hashWords * i + 1] = isSmall ? id / 2 ** 32 : Number(id >> 32n);
  }
  return hashes;
}

function fold(words: Uint32Array, count: number): Uint32Array {
  const hashes = new Uint32Array(hashWords * count);
  for (let i = 0; i < count; i++) {
    hashes[2 * i] = (words[4 * i] as number) ^ (words[4 * i + 2] as number);
    hashes[2 * i + 1] = (words[4 * i + 1] as number) ^ (words[4 * i + 3] as number);
  }
  return hashes;
}

function hashTexts(ids: readonly DocumentId[]): Uint32Array {
  const hashes = new Uint32Array(hashWords * ids.length);
  const hash = new Uint8Array(murmur3Bytes);
  const view = new DataView(hash.buffer);
  for (let i = 0; i < ids.length; i++) {
    writeMurmur3(encoder.encode(ids[i] as string), hash, 0);
    hashes[2 * i] = view.getUint32(0, true);
    hashes[2 * i + 1] = view.getUint32(4, true);
  }
  return hashes;
}
