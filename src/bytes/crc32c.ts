/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), eight bytes a step (slicing-by-8: Kounavis
 * and Berry, "A systematic approach to building high performance software-based CRC generators",
 * 2005).
 *
 * `blockChecksum` protects a block that can be read on its own. The object's seed and the block's
 * offset enter the sum first, so intact bytes of another place or another object do not pass for
 * the block that was asked for. Two offsets of one object less than 4 GiB apart never share a sum.
 */

const polynomial = 0x82f6_3b78;

/** tables[256 * j + b]: the effect of byte b followed by j zero bytes. */
const tables = buildTables();

/** Checksum of `bytes`; `previous` continues the checksum of what stood before them. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return ~update(~previous, bytes) >>> 0;
}

/** Checksum of a block bound to its place; `objectSeed` is a u32, `offset` a safe integer. */
export function blockChecksum(objectSeed: number, offset: number, bytes: Uint8Array): number {
  let state = updateWord(-1, objectSeed);
  state = updateWord(state, offset % 2 ** 32);
  state = updateWord(state, Math.floor(offset / 2 ** 32));
  return ~update(state, bytes) >>> 0;
}

function update(initial: number, bytes: Uint8Array): number {
  let state = initial;
  let i = 0;
  const aligned = Math.min(bytes.length, (4 - (bytes.byteOffset % 4)) % 4);
  for (; i < aligned; i++) {
    state = updateByte(state, bytes[i] as number);
  }
  // Fewer bytes than the way to alignment have no words, and their end need not be aligned.
  const pairs = (bytes.length - i) >>> 3;
  const start = pairs > 0 ? bytes.byteOffset + i : 0;
  const words = new Int32Array(bytes.buffer, start, 2 * pairs);
  const t = tables;
  for (let w = 0; w < words.length; w += 2) {
    const low = state ^ (words[w] as number);
    const high = words[w + 1] as number;
    state =
      (t[1792 + (low & 0xff)] as number) ^
      (t[1536 + ((low >>> 8) & 0xff)] as number) ^
      (t[1280 + ((low >>> 16) & 0xff)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (high & 0xff)] as number) ^
      (t[512 + ((high >>> 8) & 0xff)] as number) ^
      (t[256 + ((high >>> 16) & 0xff)] as number) ^
      (t[high >>> 24] as number);
  }
  for (i += 8 * pairs; i < bytes.length; i++) {
    state = updateByte(state, bytes[i] as number);
  }
  return state;
}

function updateWord(state: number, word: number): number {
  const mixed = state ^ word;
  return (
    (tables[768 + (mixed & 0xff)] as number) ^
    (tables[512 + ((mixed >>> 8) & 0xff)] as number) ^
    (tables[256 + ((mixed >>> 16) & 0xff)] as number) ^
    (tables[mixed >>> 24] as number)
  );
}

function updateByte(state: number, byte: number): number {
  return (state >>> 8) ^ (tables[(state ^ byte) & 0xff] as number);
}

function buildTables(): Int32Array {
  const built = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let state = byte;
    for (let bit = 0; bit < 8; bit++) {
      state = (state >>> 1) ^ (state & 1 ? polynomial : 0);
    }
    built[byte] = state;
  }
  for (let i = 256; i < built.length; i++) {
    const before = built[i - 256] as number;
    built[i] = (before >>> 8) ^ (built[before & 0xff] as number);
  }
  return built;
}
