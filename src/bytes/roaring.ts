/**
 * Stored form of a set of ordinals: the portable Roaring format (RoaringFormatSpec), so that any
 * Roaring library can read what lies on storage. Little-endian.
 *
 *   u32      cookie: 12346 without run containers, else 12347 | (containers - 1) << 16
 *   u32      containers                                     only with cookie 12346
 *   bytes    one bit a container, 1 = run                   only with cookie 12347
 *   u16 u16  key (upper 16 bits), cardinality - 1           for each container, keys ascending
 *   u32      byte offset of the container from the start    for each; absent with 12347 and < 4
 *   bytes    the containers, back to back
 *
 *   array    u16 values, ascending                          cardinality <= 4,096
 *   bitset   8,192 bytes, bit i of byte b = value 8b + i    cardinality > 4,096
 *   run      u16 runs, then u16 start, u16 length - 1 each
 *
 * The encoder takes the smallest of the three, on a tie run before array and bitset before run,
 * which gives the very bytes of CRoaring after run optimisation. The decoder believes nothing:
 * order, cardinalities, offsets, range and end are checked, and it allocates nothing but the bitmap
 * its caller sized.
 */
import { assert, corrupt } from "../errors.ts";
import { Bitmap, bitCount } from "./bitmap.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { u32View } from "./typed-view.ts";

const cookieWithoutRuns = 12346;
const cookieWithRuns = 12347;
const offsetsFromContainers = 4;
const arrayCardinalityMax = 4096;
const containerValues = 65_536;
const containerWords = containerValues / 32;
const bitsetBytes = containerValues / 8;
const what = "roaring bitmap";

/** The ordinals ordinals[from … to-1], which share their upper 16 bits. */
interface Chunk {
  readonly key: number;
  readonly from: number;
  readonly to: number;
  readonly runs: number;
  readonly kind: "array" | "bitset" | "run";
  readonly byteLength: number;
}

export function encodeBitmap(bitmap: Bitmap): Uint8Array {
  return encodeOrdinals(bitmap.ordinals());
}

/** `ordinals` strictly ascending. */
export function encodeOrdinals(ordinals: Uint32Array): Uint8Array {
  const chunks = splitChunks(ordinals);
  const writer = new ByteWriter(64);
  writeHeader(writer, chunks);
  for (const chunk of chunks) {
    writeContainer(writer, ordinals, chunk);
  }
  return writer.finish();
}

function splitChunks(ordinals: Uint32Array): Chunk[] {
  const chunks: Chunk[] = [];
  let from = 0;
  while (from < ordinals.length) {
    const key = (ordinals[from] as number) >>> 16;
    let runs = 1;
    let to = from + 1;
    for (; to < ordinals.length && (ordinals[to] as number) >>> 16 === key; to++) {
      const step = (ordinals[to] as number) - (ordinals[to - 1] as number);
      assert(step > 0, "ordinals not ascending");
      runs += step > 1 ? 1 : 0;
    }
    assert(
      to === ordinals.length || (ordinals[to] as number) >>> 16 > key,
      "ordinals not ascending",
    );
    const sparse = to - from <= arrayCardinalityMax;
    const plainBytes = sparse ? 2 * (to - from) : bitsetBytes;
    const runBytes = 2 + 4 * runs;
    const asRuns = sparse ? runBytes <= plainBytes : runBytes < plainBytes;
    const kind = asRuns ? "run" : sparse ? "array" : "bitset";
    chunks.push({ key, from, to, runs, kind, byteLength: Math.min(runBytes, plainBytes) });
    from = to;
  }
  return chunks;
}

function writeHeader(writer: ByteWriter, chunks: readonly Chunk[]): void {
  const hasRuns = chunks.some((chunk) => chunk.kind === "run");
  if (hasRuns) {
    writer.u32(cookieWithRuns + (chunks.length - 1) * 2 ** 16);
    const flags = new Uint8Array(Math.ceil(chunks.length / 8));
    for (const [i, chunk] of chunks.entries()) {
      if (chunk.kind === "run") {
        flags[i >>> 3] = (flags[i >>> 3] as number) | (1 << (i & 7));
      }
    }
    writer.bytes(flags);
  } else {
    writer.u32(cookieWithoutRuns);
    writer.u32(chunks.length);
  }
  for (const chunk of chunks) {
    writer.u16(chunk.key);
    writer.u16(chunk.to - chunk.from - 1);
  }
  if (!hasRuns || chunks.length >= offsetsFromContainers) {
    let offset = writer.length + 4 * chunks.length;
    for (const chunk of chunks) {
      writer.u32(offset);
      offset += chunk.byteLength;
    }
  }
}

function writeContainer(writer: ByteWriter, ordinals: Uint32Array, chunk: Chunk): void {
  const { from, to } = chunk;
  switch (chunk.kind) {
    case "array":
      for (let i = from; i < to; i++) {
        writer.u16((ordinals[i] as number) & 0xffff);
      }
      return;
    case "bitset": {
      const bits = new Uint8Array(bitsetBytes);
      for (let i = from; i < to; i++) {
        const value = (ordinals[i] as number) & 0xffff;
        bits[value >>> 3] = (bits[value >>> 3] as number) | (1 << (value & 7));
      }
      writer.bytes(bits);
      return;
    }
    case "run": {
      writer.u16(chunk.runs);
      let start = from;
      for (let i = from + 1; i <= to; i++) {
        if (i === to || ordinals[i] !== (ordinals[i - 1] as number) + 1) {
          writer.u16((ordinals[start] as number) & 0xffff);
          writer.u16(i - start - 1);
          start = i;
        }
      }
      return;
    }
  }
}

/** The set, whose ordinals must all be below `size`. */
export function decodeBitmap(bytes: Uint8Array, size: number): Bitmap {
  const bitmap = new Bitmap(size);
  decodeBitmapInto(bytes, bitmap);
  return bitmap;
}

/**
 * Adds the stored set to `target` and returns its size; on an error `target` holds part of it.
 */
export function decodeBitmapInto(bytes: Uint8Array, target: Bitmap): number {
  const reader = new ByteReader(bytes, what);
  const cookie = reader.u32();
  const hasRuns = (cookie & 0xffff) === cookieWithRuns;
  if (!hasRuns && cookie !== cookieWithoutRuns) {
    throw reader.error(`unknown cookie ${cookie}`);
  }
  const containers = hasRuns ? (cookie >>> 16) + 1 : reader.u32();
  const runFlags = hasRuns ? reader.bytes(Math.ceil(containers / 8)) : new Uint8Array(0);
  if (containers % 8 !== 0 && (runFlags.at(-1) ?? 0) >>> (containers % 8) !== 0) {
    throw reader.error("flags of containers that do not exist");
  }
  const descriptors = reader.u16s(2 * containers);
  const hasOffsets = !hasRuns || containers >= offsetsFromContainers;
  const offsets = hasOffsets ? reader.u32s(containers) : undefined;
  let keyBefore = -1;
  let total = 0;
  for (let i = 0; i < containers; i++) {
    const key = descriptors[2 * i] as number;
    const cardinality = (descriptors[2 * i + 1] as number) + 1;
    if (key <= keyBefore || key * containerValues >= target.size) {
      throw reader.error(`container key ${key} out of order or range`);
    }
    if (offsets !== undefined && offsets[i] !== reader.position) {
      throw reader.error(`container ${i} is not at its offset`);
    }
    keyBefore = key;
    total += cardinality;
    if ((((runFlags[i >>> 3] ?? 0) >>> (i & 7)) & 1) === 1) {
      addRuns(reader, key, cardinality, target);
    } else if (cardinality <= arrayCardinalityMax) {
      addArray(reader.u16s(cardinality), key, target);
    } else {
      addBitset(reader.bytes(bitsetBytes), key, cardinality, target);
    }
  }
  reader.end();
  return total;
}

function addArray(values: Uint16Array, key: number, target: Bitmap): void {
  const base = key * containerValues;
  let before = -1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value <= before || base + value >= target.size) {
      throw corrupt(`${what}: value ${base + value} out of order or range`);
    }
    before = value;
    target.set(base + value);
  }
}

function addRuns(reader: ByteReader, key: number, cardinality: number, target: Bitmap): void {
  const base = key * containerValues;
  const limit = Math.min(containerValues, target.size - base);
  const pairs = reader.u16s(2 * reader.u16());
  let end = 0;
  let total = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    const start = pairs[i] as number;
    const length = (pairs[i + 1] as number) + 1;
    if (start < end || start + length > limit) {
      throw reader.error(`run at ${base + start} out of order or range`);
    }
    end = start + length;
    total += length;
    target.setRange(base + start, base + end);
  }
  if (total !== cardinality) {
    throw reader.error(`container holds ${total} values, not ${cardinality}`);
  }
}

function addBitset(bytes: Uint8Array, key: number, cardinality: number, target: Bitmap): void {
  const words = u32View(bytes, 0, containerWords);
  const base = key * containerWords;
  let total = 0;
  for (let i = 0; i < containerWords; i++) {
    const word = words[i] as number;
    total += bitCount(word);
    if (word !== 0 && !fits(word, (base + i) * 32, target.size)) {
      throw corrupt(`${what}: value beyond ${target.size}`);
    }
    if (word !== 0) {
      target.words[base + i] = (target.words[base + i] as number) | word;
    }
  }
  if (total !== cardinality) {
    throw corrupt(`${what}: container holds ${total} values, not ${cardinality}`);
  }
}

/** Whether the highest bit of the word that starts at ordinal `start` is below `size`. */
function fits(word: number, start: number, size: number): boolean {
  return start + 31 - Math.clz32(word) < size;
}
