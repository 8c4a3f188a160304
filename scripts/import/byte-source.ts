/**
 * The bytes of a file or of standard input, decompressed. gzip and zstd are known by their first
 * bytes, whatever the name says.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { SourceError } from "./row-source.ts";

export interface ByteSource {
  readonly name: string;
  /** Of a file: its path, size and time of change. */
  readonly identity: string | undefined;
  /** Of a file that is not compressed, for formats that are read in no order. */
  readonly path: string | undefined;
  /** Share of the bytes that were read so far; undefined for standard input. */
  readonly share: (() => number) | undefined;
  /** From the beginning. Standard input can be read once. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

export function openBytes(place: string): ByteSource {
  return place === "-" ? openStandardInput() : openFile(place);
}

function openStandardInput(): ByteSource {
  return {
    name: "standard input",
    identity: undefined,
    path: undefined,
    share: undefined,
    chunks: () => decompress(process.stdin, () => {}),
  };
}

function openFile(place: string): ByteSource {
  const path = resolve(place);
  if (!existsSync(path)) throw new SourceError(`There is no file ${path}.`);
  const stat = statSync(path);
  if (!stat.isFile()) throw new SourceError(`${path} is no file.`);
  let seen = 0;
  return {
    name: basename(path),
    identity: [path, stat.size, stat.mtimeMs].join("\n"),
    path: isCompressedName(path) ? undefined : path,
    share: () => (stat.size === 0 ? 1 : seen / stat.size),
    chunks: () => {
      seen = 0;
      return decompress(createReadStream(path, { highWaterMark: 1 << 18 }), (bytes) => {
        seen += bytes;
      });
    },
  };
}

/** Without the ending of a compression. */
export function plainName(name: string): string {
  return name.replace(/\.(gz|zst|zstd)$/i, "");
}

function isCompressedName(name: string): boolean {
  return plainName(name) !== name;
}

async function* decompress(
  source: Readable,
  onBytes: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  const raw = counted(source, onBytes);
  // At least four bytes, if there are as many: the first chunk of a pipe may be shorter.
  let head = Buffer.alloc(0);
  while (head.length < 4) {
    const next = await raw.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const stream = decoderOf(head);
  if (stream === undefined) {
    if (head.length > 0) yield head;
    yield* raw;
    return;
  }
  const { Readable: NodeReadable } = await import("node:stream");
  const whole = NodeReadable.from(joined(head, raw), { objectMode: false });
  whole.once("error", (error) => stream.destroy(error));
  try {
    yield* whole.pipe(stream) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new SourceError(`it cannot be decompressed: ${(error as Error).message}`);
  }
}

function decoderOf(head: Buffer) {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip();
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return createZstdDecompress();
  return undefined;
}

async function* counted(
  source: Readable,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer, void> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    onBytes(chunk.length);
    yield chunk;
  }
}

async function* joined(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

/** All of it, for formats that are read in no order. */
export async function readWhole(source: ByteSource): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.chunks()) chunks.push(chunk);
  return Uint8Array.from(Buffer.concat(chunks));
}

/** Takes exact numbers of bytes from a stream of chunks. */
export class ByteTaker {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Fewer only at the end. At an offset of its own, so any numbers can be laid over it. */
  async take(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const parts = [this.#rest];
    let size = this.#rest.length;
    while (size < count) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      parts.push(next.value);
      size += next.value.length;
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts);
    this.#rest = all.subarray(Math.min(count, size));
    return Uint8Array.from(all.subarray(0, count));
  }
}
