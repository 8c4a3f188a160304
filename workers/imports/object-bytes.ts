/**
 * The bytes of an object that is imported: as it was when the import was asked for, or the import
 * ends.
 */
import { EngineError } from "../../src/errors.ts";
import { importLimits } from "../../src/import-limits.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";

export interface ImportSource {
  /** In the bucket. */
  readonly key: string;
  /** As the user calls it. */
  readonly name: string;
  readonly size: number;
  readonly etag: string;
}

/** A part of it, in a buffer of its own. */
export async function readBytes(
  store: ObjectStore,
  { key, name, etag }: ImportSource,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (length === 0) return new Uint8Array();
  const stored = await store.get(key, { offset, length });
  if (stored?.etag !== etag) {
    throw new EngineError("conflict", `${name} was changed or deleted since the import began`);
  }
  return stored.bytes as Uint8Array<ArrayBuffer>;
}

export interface Chunk {
  readonly bytes: Uint8Array;
  /** Bytes of the object that were read so far. */
  readonly read: number;
}

/** From an offset on, of what it holds: decompressed, if it is compressed. */
export async function* readChunks(
  store: ObjectStore,
  source: ImportSource,
  offset: number,
  isGzip: boolean,
): AsyncGenerator<Chunk, void> {
  if (isGzip) {
    yield* skip(decompress(store, source), offset);
    return;
  }
  for (let at = offset; at < source.size; ) {
    const length = Math.min(importLimits.readBytes, source.size - at);
    const bytes = await readBytes(store, source, at, length);
    at += length;
    yield { bytes, read: at };
  }
}

async function* decompress(store: ObjectStore, source: ImportSource): AsyncGenerator<Chunk, void> {
  let read = 0;
  const raw = readChunks(store, source, 0, false);
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
  try {
    let gathered: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        if (error instanceof EngineError) throw error;
        throw new EngineError("invalid", `${source.name} is not valid gzip`, { cause: error });
      });
      if (!done) {
        gathered.push(value);
        length += value.length;
      }
      // The decoder gives them in small pieces.
      if (length > 0 && (done || length >= importLimits.readBytes / 4)) {
        yield { bytes: join(gathered, length), read };
        gathered = [];
        length = 0;
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

async function* skip(
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

export function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
