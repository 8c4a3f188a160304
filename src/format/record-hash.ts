/**
 * Record hash: 64 bits for a whole document, made when it enters a segment and kept beside its id
 * (segment-ids.ts). Flushes and merges show with it that every document went on as it was.
 *
 *   offset  size  field
 *        0    16  key of the id (segment-ids.ts)
 *       16     8  vector: first half of MurmurHash3 of its values as f32, which holds those of
 *                 every width exactly; 0 without a vector
 *       24     8  attributes: first half of MurmurHash3 of the encoded row (segment-documents.ts)
 *
 * The record hash is the first half of MurmurHash3 of these 32 bytes, as u64. Parts are hashed by
 * themselves, so that each plane of a segment is passed once. An encoded row is the only one of its
 * values: attributes in the schema's order, which only grows at its end, without nulls at the end.
 *
 * Record digest: the sum of record hashes modulo 2^64. It does not depend on order, and those of
 * disjoint sets of documents add up. Neither is cryptographic: they find mistakes, not malice.
 */
import { murmur3Bytes, writeMurmur3 } from "../bytes/murmur3.ts";
import { bytesOf } from "../bytes/typed-view.ts";
import type { DocumentId, IdKind } from "../document/id.ts";
import type { AttributeValue } from "../document/value.ts";
import { encodeRow } from "./segment-documents.ts";
import { idKeys } from "./segment-ids.ts";
import { idKeyBytes } from "./segment-refine.ts";

const inputBytes = 32;
/** The input, then room for a hash. */
const scratch = new Uint8Array(inputBytes + murmur3Bytes);
const words = new BigUint64Array(scratch.buffer);
const [vectorWord, attributesWord, hashWord] = [2, 3, 4];

/** Writes the hash of each vector of `dims` values to `out`, from `at` on. */
export function hashVectors(
  vectors: Float32Array,
  dims: number,
  out: BigUint64Array,
  at: number,
): void {
  const bytes = bytesOf(vectors);
  const width = 4 * dims;
  for (let from = 0, row = 0; from < bytes.length; from += width, row++) {
    writeMurmur3(bytes.subarray(from, from + width), scratch, inputBytes);
    out[at + row] = words[hashWord] as bigint;
  }
}

/** Of the id behind key `row` of `keys`, a vector by its hash and attributes as encoded. */
export function recordHash(
  keys: Uint8Array,
  row: number,
  vectorHash: bigint,
  attributes: Uint8Array,
): bigint {
  const key = row * idKeyBytes;
  scratch.set(keys.subarray(key, key + idKeyBytes));
  writeMurmur3(attributes, scratch, inputBytes);
  words[vectorWord] = vectorHash;
  words[attributesWord] = words[hashWord] as bigint;
  writeMurmur3(scratch.subarray(0, inputBytes), scratch, inputBytes);
  return words[hashWord] as bigint;
}

export interface HashedDocument {
  readonly id: DocumentId;
  /** Of the primary column; empty in a namespace without one. */
  readonly vector: Float32Array;
  /** In the order of the schema, without that column; those missing at the end are null. */
  readonly values: readonly AttributeValue[];
}

/** The record hash of a document wherever it was decoded from. */
export function documentHash(kind: IdKind, { id, vector, values }: HashedDocument): bigint {
  const vectorHash = new BigUint64Array(1);
  if (vector.length > 0) {
    hashVectors(vector, vector.length, vectorHash, 0);
  }
  return recordHash(idKeys(kind, [id]), 0, vectorHash[0] as bigint, encodeRow(values));
}

export function sumHashes(hashes: Iterable<bigint>): bigint {
  if (hashes instanceof BigUint64Array) return sumWords(hashes);
  let sum = 0n;
  for (const hash of hashes) {
    sum = BigInt.asUintN(64, sum + hash);
  }
  return sum;
}

/** So many halves of 32 bits add up to less than 2^53. */
const halvesMax = 2 ** 20;

/** By halves, as numbers: a bigint for each would be an object for each. */
function sumWords(hashes: BigUint64Array): bigint {
  const halves = new Uint32Array(hashes.buffer, hashes.byteOffset, 2 * hashes.length);
  let sum = 0n;
  for (let from = 0; from < halves.length; from += 2 * halvesMax) {
    const to = Math.min(halves.length, from + 2 * halvesMax);
    let low = 0;
    let high = 0;
    for (let i = from; i < to; i += 2) {
      low += halves[i] as number;
      high += halves[i + 1] as number;
    }
    sum += BigInt(low) + (BigInt(high) << 32n);
  }
  return BigInt.asUintN(64, sum);
}
