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

/** From an offset on. */
export async function* readChunks(
  store: ObjectStore,
  source: ImportSource,
  offset: number,
): AsyncGenerator<Chunk, void> {
  for (let at = offset; at < source.size; ) {
    const length = Math.min(importLimits.readBytes, source.size - at);
    const bytes = await readBytes(store, source, at, length);
    at += length;
    yield { bytes, read: at };
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
