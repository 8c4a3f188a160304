/**
 * Membership filter over 128-bit hashes (Bloom filter with double hashing: Kirsch and Mitzenmacher,
 * "Less hashing, same performance", 2006). It never denies a member; at 10 bits a key and 7 probes
 * it admits about 1 % of the others, which then cost a read that finds nothing.
 *
 *   0  u8    probes, 1 … 16
 *   1  u8 3  zero
 *   4  u32   byte count n
 *   8  n     the bits, bit i % 8 of byte i / 8
 *
 * Probe i is bit floor(h * 8n / 2^32) of h = first + i * (second | 1) modulo 2^32, where `first`
 * and `second` are the first two little-endian words of the hash.
 */
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { murmur3Bytes } from "./murmur3.ts";

const bitsPerKey = 10;
const probesOfEncoder = 7;
const probesMax = 16;

export interface BloomFilter {
  readonly probes: number;
  readonly bits: Uint8Array;
}

/** `hashes` are 16 bytes each, back to back. */
export function encodeBloom(hashes: Uint8Array): Uint8Array {
  const keys = Math.floor(hashes.length / murmur3Bytes);
  const bits = new Uint8Array(Math.ceil((keys * bitsPerKey) / 8));
  for (let key = 0; key < keys; key++) {
    forEachProbe(hashes, key * murmur3Bytes, probesOfEncoder, bits.length * 8, (bit) => {
      bits[bit >>> 3] = (bits[bit >>> 3] as number) | (1 << (bit & 7));
      return true;
    });
  }
  const writer = new ByteWriter(8 + bits.length);
  writer.u8(probesOfEncoder);
  writer.reserve(3);
  writer.u32(bits.length);
  writer.bytes(bits);
  return writer.finish();
}

export function decodeBloom(bytes: Uint8Array): BloomFilter {
  const reader = new ByteReader(bytes, "membership filter");
  const probes = reader.u8();
  if (probes < 1 || probes > probesMax) {
    throw reader.error(`${probes} probes`);
  }
  if (reader.u8() !== 0 || reader.u16() !== 0) {
    throw reader.error("unknown flags");
  }
  const bits = reader.bytes(reader.u32());
  reader.end();
  return { probes, bits };
}

/** False only if the hash at `offset` of `hashes` was not among those encoded. */
export function mayContain(filter: BloomFilter, hashes: Uint8Array, offset: number): boolean {
  const { bits, probes } = filter;
  return forEachProbe(hashes, offset, probes, bits.length * 8, (bit) => {
    return (((bits[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1;
  });
}

/** Visits the bits of one hash while `visit` agrees; whether it agreed to the end. */
function forEachProbe(
  hashes: Uint8Array,
  offset: number,
  probes: number,
  bitCount: number,
  visit: (bit: number) => boolean,
): boolean {
  let h = wordAt(hashes, offset);
  const step = wordAt(hashes, offset + 4) | 1;
  for (let i = 0; i < probes; i++) {
    if (!visit(Math.floor(((h >>> 0) * bitCount) / 2 ** 32))) {
      return false;
    }
    h = (h + step) | 0;
  }
  return true;
}

function wordAt(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  );
}
