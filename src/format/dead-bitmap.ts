/**
 * Dead bitmap, at segment/<id>/dead/<name>: the ordinals of a segment that are superseded. Never
 * changed; a later one holds more ordinals under a larger version, and the manifest says which one
 * counts.
 *
 *   offset  size  field
 *        0     8  magic "SHOALDED"
 *        8     2  format version, u16: 1
 *       10     6  zero
 *       16     8  dead version, u64
 *       24     4  rows of the segment, u32
 *       28     4  dead rows, u32
 *       32     r  the set: bytes/roaring.ts
 *       ..     4  CRC-32C of generation, segment id and everything before
 *
 * Golden: test/golden/v1/dead-bitmap.hex.
 */
import type { Bitmap } from "../bytes/bitmap.ts";
import { ByteReader } from "../bytes/byte-reader.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { blockChecksum, crc32c } from "../bytes/crc32c.ts";
import { decodeBitmap, encodeBitmap } from "../bytes/roaring.ts";
import { corrupt } from "../errors.ts";

const magic = "SHOALDED";
const formatVersion = 1;
const checksumBytes = 4;
const encoder = new TextEncoder();

/** What a dead bitmap belongs to. */
export interface DeadBitmapPlace {
  readonly generation: string;
  readonly segment: string;
  /** `DeadState.version`. */
  readonly version: number;
}

export function encodeDeadBitmap(place: DeadBitmapPlace, dead: Bitmap): Uint8Array {
  const writer = new ByteWriter();
  for (let i = 0; i < magic.length; i++) {
    writer.u8(magic.charCodeAt(i));
  }
  writer.u16(formatVersion);
  writer.alignTo(16);
  writer.u64Safe(place.version);
  writer.u32(dead.size);
  writer.u32(dead.count());
  writer.bytes(encodeBitmap(dead));
  writer.u32(blockChecksum(seedOf(place), 0, writer.written()));
  return writer.finish();
}

/** Whether these are bytes that were written for this segment and version. */
export function verifyDeadBitmap(bytes: Uint8Array, place: DeadBitmapPlace): boolean {
  const end = bytes.length - checksumBytes;
  if (end < 0) {
    return false;
  }
  const stored = new ByteReader(bytes.subarray(end)).u32();
  return blockChecksum(seedOf(place), 0, bytes.subarray(0, end)) === stored;
}

/** Throws `corrupt` unless the bytes are the dead rows of a segment of `rows` rows. */
export function decodeDeadBitmap(bytes: Uint8Array, place: DeadBitmapPlace, rows: number): Bitmap {
  const what = `dead bitmap ${place.version} of segment ${place.segment}`;
  if (!verifyDeadBitmap(bytes, place)) {
    throw corrupt(`${what}: checksum does not match`);
  }
  const reader = new ByteReader(bytes.subarray(0, bytes.length - checksumBytes), what);
  for (let i = 0; i < magic.length; i++) {
    if (reader.u8() !== magic.charCodeAt(i)) {
      throw reader.error(`does not begin with ${magic}`);
    }
  }
  if (reader.u16() !== formatVersion) {
    throw reader.error("format version is unknown");
  }
  reader.alignTo(16);
  if (reader.u64Safe() !== place.version || reader.u32() !== rows) {
    throw reader.error("belongs to another version or segment");
  }
  const count = reader.u32();
  const dead = decodeBitmap(reader.bytes(reader.remaining), rows);
  if (dead.count() !== count) {
    throw reader.error(`holds ${dead.count()} rows, not ${count}`);
  }
  return dead;
}

function seedOf({ generation, segment }: DeadBitmapPlace): number {
  return crc32c(encoder.encode(`${generation}/${segment}/dead`));
}
