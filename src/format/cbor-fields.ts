/**
 * Reading decoded CBOR field by field: what is not exactly what the format says is corrupt. `what`
 * names the object in errors.
 */
import type { DocumentId } from "../document/id.ts";
import { corrupt } from "../errors.ts";

/** Typed access to the members of a decoded CBOR map. */
export class Fields {
  readonly what: string;
  readonly #map: Readonly<Record<string, unknown>>;

  constructor(value: unknown, what: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw corrupt(`${what}: expected a map`);
    }
    this.what = what;
    this.#map = value as Record<string, unknown>;
  }

  value(key: string): unknown {
    return this.#map[key];
  }

  count(key: string): number {
    return count(this.#map[key], this.what);
  }

  bytes(key: string, length: number): Uint8Array {
    return bytesOf(this.#map[key], length, this.what);
  }

  list(key: string): readonly unknown[] {
    const value = this.#map[key];
    if (!Array.isArray(value)) {
      throw corrupt(`${this.what}: expected a list`);
    }
    return value;
  }
}

export function count(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw corrupt(`${what}: expected a count`);
  }
  return value;
}

export function u64(value: unknown, what: string): bigint {
  const digest = typeof value === "number" ? BigInt(value) : value;
  if (typeof digest !== "bigint" || digest < 0n || digest >= 1n << 64n) {
    throw corrupt(`${what}: expected a 64-bit number`);
  }
  return digest;
}

export function text(value: unknown, what: string): string {
  if (typeof value !== "string") {
    throw corrupt(`${what}: expected text`);
  }
  return value;
}

/** A copy, so that no part of an object keeps its encoded form alive. */
export function bytesOf(value: unknown, length: number, what: string): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length) {
    throw corrupt(`${what}: expected ${length} bytes`);
  }
  return Uint8Array.prototype.slice.call(value);
}

export function pair(value: unknown, length: number, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) {
    throw corrupt(`${what}: expected a list of ${length}`);
  }
  return value;
}

export function documentId(value: unknown, what: string): DocumentId {
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") {
    return value;
  }
  throw corrupt(`${what}: expected a document id`);
}
