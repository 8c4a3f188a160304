/**
 * Compressed objects as streams, in bounded memory: what goes in is read 4 MiB ahead at most, what
 * comes out is passed on in pieces.
 *
 *   gzip   by the platform's decoder, which reads one member. An object of several (files that were
 *          joined, bgzip) fails there; it is read again member by member, behind what it gave
 *   zstd   frame by frame, block by block: no header may ask for a window over the limit
 *
 * Lengths and gzip's checksums are verified; checksums of zstd frames are not.
 */
import { Gunzip } from "fflate";
import { Decompress } from "fzstd";
import { EngineError } from "../../src/errors.ts";
import { importLimits } from "../../src/import-limits.ts";
import { type Chunk, join } from "./object-bytes.ts";

export type Compression = "gzip" | "zstd";
/** From the first byte on, at each call. */
export type RawChunks = () => AsyncGenerator<Chunk, void>;

export function decompress(
  raw: RawChunks,
  name: string,
  how: Compression,
): AsyncGenerator<Chunk, void> {
  const pieces = how === "gzip" ? gunzip(raw) : gatherFrames(raw());
  return refusing(pieces, `${name} is not valid ${how}`);
}

async function* refusing(
  chunks: AsyncGenerator<Chunk, void>,
  message: string,
): AsyncGenerator<Chunk, void> {
  try {
    yield* chunks;
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const reason = error instanceof DamageError ? `${message}: ${error.message}` : message;
    throw new EngineError("invalid", reason, { cause: error });
  }
}

class DamageError extends Error {}

async function* gunzip(raw: RawChunks): AsyncGenerator<Chunk, void> {
  let given = 0;
  try {
    for await (const chunk of gunzipOne(raw())) {
      given += chunk.bytes.length;
      yield chunk;
    }
    return;
  } catch (error) {
    if (error instanceof EngineError) throw error;
  }
  yield* skip(gunzipMembers(raw()), given);
}

/** The decoder gives small pieces. */
const pieceBytes = importLimits.readBytes / 4;

async function* gunzipOne(raw: AsyncGenerator<Chunk, void>): AsyncGenerator<Chunk, void> {
  let read = 0;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const next = await raw.next();
        if (next.done === true) {
          controller.close();
          return;
        }
        read = next.value.read;
        controller.enqueue(next.value.bytes as Uint8Array<ArrayBuffer>);
      } catch (error) {
        controller.error(error);
      }
    },
  });
  const reader = stream.pipeThrough(new DecompressionStream("gzip")).getReader();
  const gathered = new Gathering();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (!done) gathered.add(value);
      if (gathered.length > 0 && (done || gathered.length >= pieceBytes)) {
        yield { bytes: gathered.take(), read };
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** So little at once, since it may become a thousand times as much. */
const pushBytes = 16 * 1_024;
const trailerBytes = 8;
const emptyMember = Uint8Array.of(31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0);

async function* gunzipMembers(raw: AsyncGenerator<Chunk, void>): AsyncGenerator<Chunk, void> {
  const gathered = new Gathering();
  const member = new MemberSum();
  const decoder = new Gunzip((bytes) => {
    member.add(bytes);
    gathered.add(bytes);
  });
  // The decoder says where a member begins, so the trailer of the one before lies in front of it.
  let recent: Uint8Array = new Uint8Array();
  let recentFrom = 0;
  const trailerBefore = (end: number) =>
    recent.subarray(Math.max(0, end - trailerBytes - recentFrom), Math.max(0, end - recentFrom));
  let memberFrom = 0;
  decoder.onmember = (offset) => {
    member.finish(trailerBefore(offset));
    memberFrom = offset;
  };
  let at = 0;
  for await (const { bytes, read } of raw) {
    recentFrom = at - Math.min(recent.length, pushBytes);
    const kept = recent.subarray(Math.max(0, recent.length - pushBytes));
    recent = join([kept, bytes], kept.length + bytes.length);
    at += bytes.length;
    for (let from = 0; from < bytes.length; from += pushBytes) {
      decoder.push(bytes.subarray(from, from + pushBytes));
      if (gathered.length >= pieceBytes) yield { bytes: gathered.take(), read };
    }
  }
  // Whether it was whole is seen from where one more member would begin.
  decoder.push(emptyMember);
  if (memberFrom !== at) throw new DamageError("it ends too early");
  if (gathered.length > 0) yield { bytes: gathered.take(), read: at };
}

/** CRC-32 and length of what a member holds, as its trailer has them. */
class MemberSum {
  #crc = -1;
  #length = 0;

  add(bytes: Uint8Array): void {
    let crc = this.#crc;
    for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8);
    this.#crc = crc;
    this.#length += bytes.length;
  }

  finish(trailer: Uint8Array): void {
    if (trailer.length < trailerBytes) throw new DamageError("it ends too early");
    const view = new DataView(trailer.buffer, trailer.byteOffset, trailerBytes);
    const isSame =
      view.getUint32(0, true) === ~this.#crc >>> 0 &&
      view.getUint32(4, true) === this.#length % 2 ** 32;
    if (!isSame) throw new DamageError("a checksum does not hold");
    this.#crc = -1;
    this.#length = 0;
  }
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

async function* gatherFrames(raw: AsyncGenerator<Chunk, void>): AsyncGenerator<Chunk, void> {
  const input = new Input(raw);
  const gathered = new Gathering();
  let isEmpty = true;
  for (;;) {
    const start = await input.takeUpTo(4);
    if (start.length === 0) break;
    isEmpty = false;
    const magic = start.length === 4 ? uint(start) : 0;
    if ((magic & ~15) >>> 0 === skippableMagic) {
      await input.discard(uint(await input.take(4)));
      continue;
    }
    if (magic !== frameMagic) throw new DamageError("there is something else than frames");
    for await (const bytes of frameBlocks(input, start)) {
      gathered.add(bytes);
      if (gathered.length >= pieceBytes) yield { bytes: gathered.take(), read: input.read };
    }
  }
  if (isEmpty) throw new DamageError("it is empty");
  if (gathered.length > 0) yield { bytes: gathered.take(), read: input.read };
}

async function* frameBlocks(input: Input, magic: Uint8Array): AsyncGenerator<Uint8Array, void> {
  const { bytes: header, content, hasChecksum } = await readFrameHeader(input);
  let out: Uint8Array[] = [];
  let length = 0;
  const decoder = new Decompress((bytes) => {
    length += bytes.length;
    if (bytes.length > 0) out.push(bytes);
  });
  decoder.push(join([magic, header], magic.length + header.length));
  for (let isLast = false; !isLast; ) {
    const head = await input.take(3);
    const fields = uint(head);
    isLast = (fields & 1) === 1;
    const isRepeated = ((fields >> 1) & 3) === 1;
    const body = await input.take(isRepeated ? 1 : fields >> 3);
    const end = isLast && hasChecksum ? await input.take(4) : new Uint8Array();
    decoder.push(join([head, body, end], head.length + body.length + end.length), isLast);
    yield* out;
    out = [];
  }
  if (content !== undefined && content !== length) throw new DamageError("its length is wrong");
}

interface FrameHeader {
  /** Behind the magic. */
  readonly bytes: Uint8Array;
  readonly content: number | undefined;
  readonly hasChecksum: boolean;
}

/** RFC 8878, section 3.1.1.1. */
async function readFrameHeader(input: Input): Promise<FrameHeader> {
  const first = await input.take(1);
  const flags = first[0] ?? 0;
  const isSingle = (flags & 32) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeBytes = flags >> 6 === 0 ? Number(isSingle) : 1 << (flags >> 6);
  const windowByte = isSingle ? new Uint8Array() : await input.take(1);
  const dictionary = await input.take(dictionaryBytes);
  const size = await input.take(sizeBytes);
  if (dictionary.some((byte) => byte !== 0)) throw new DamageError("it needs a dictionary");
  const content = sizeBytes === 0 ? undefined : uint(size) + (sizeBytes === 2 ? 256 : 0);
  const [coded = 0] = windowByte;
  const base = 2 ** (10 + (coded >> 3));
  const window = isSingle ? (content ?? 0) : base + (base / 8) * (coded & 7);
  if (window > importLimits.windowBytesMax) {
    const text = `it needs a window of ${window} bytes, and may have ${importLimits.windowBytesMax}`;
    throw new DamageError(`${text}: compress it with a level up to 19, without --long`);
  }
  const parts = [first, windowByte, dictionary, size];
  const bytes = join(
    parts,
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  return { bytes, content, hasChecksum: (flags & 4) !== 0 };
}

/** Little-endian; up to 2^53. */
function uint(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

/** Bytes of chunks, as many as are asked for. */
class Input {
  readonly #raw: AsyncGenerator<Chunk, void>;
  #rest: Uint8Array = new Uint8Array();
  read = 0;

  constructor(raw: AsyncGenerator<Chunk, void>) {
    this.#raw = raw;
  }

  async take(count: number): Promise<Uint8Array> {
    const bytes = await this.takeUpTo(count);
    if (bytes.length < count) throw new DamageError("it ends too early");
    return bytes;
  }

  /** Less at the end. */
  async takeUpTo(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count && (await this.#more()));
    const bytes = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return bytes;
  }

  async discard(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const bytes = await this.take(Math.min(left, pushBytes));
      left -= bytes.length;
    }
  }

  async #more(): Promise<boolean> {
    const next = await this.#raw.next();
    if (next.done === true) return false;
    this.read = next.value.read;
    const { bytes } = next.value;
    this.#rest = join([this.#rest, bytes], this.#rest.length + bytes.length);
    return true;
  }
}

class Gathering {
  #parts: Uint8Array[] = [];
  length = 0;

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  take(): Uint8Array {
    const bytes = join(this.#parts, this.length);
    this.#parts = [];
    this.length = 0;
    return bytes;
  }
}

export async function* skip(
  chunks: AsyncGenerator<Chunk, void>,
  count: number,
): AsyncGenerator<Chunk, void> {
  let left = count;
  for await (const { bytes, read } of chunks) {
    const rest = bytes.subarray(Math.min(left, bytes.length));
    left -= bytes.length - rest.length;
    if (rest.length > 0) yield { bytes: rest, read };
  }
}
