/** Typed access to the members of a root's CBOR head; what has another type is corrupt. */
import type { DocumentId } from "../document/id.ts";
import { corrupt } from "../errors.ts";

export class RootFields {
  readonly #map: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw malformed("map");
    }
    this.#map = value as Record<string, unknown>;
  }

  value(key: string): unknown {
    return Object.hasOwn(this.#map, key) ? this.#map[key] : undefined;
  }

  count(key: string): number {
    return RootFields.count(this.value(key));
  }

  counts(key: string, length: number): readonly number[] {
    return RootFields.counts(this.value(key), length);
  }

  text(key: string): string {
    return RootFields.text(this.value(key));
  }

  flag(key: string): boolean {
    const value = this.value(key);
    if (typeof value !== "boolean") {
      throw malformed("flag");
    }
    return value;
  }

  id(key: string): DocumentId {
    const value = this.value(key);
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") {
      throw malformed("document id");
    }
    return value;
  }

  list(key: string, length?: number): readonly unknown[] {
    return RootFields.list(this.value(key), length);
  }

  map(key: string): RootFields {
    return new RootFields(this.value(key));
  }

  oneOf<T extends string>(key: string, values: readonly T[]): T {
    const value = values.find((candidate) => candidate === this.value(key));
    if (value === undefined) {
      throw malformed("word");
    }
    return value;
  }

  /** A number that fits 32 bits: all counts, offsets and sizes of a segment do. */
  static count(value: unknown): number {
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value >= 2 ** 32) {
      throw malformed("count");
    }
    return value;
  }

  static counts(value: unknown, length: number): readonly number[] {
    return RootFields.list(value, length).map((each) => RootFields.count(each));
  }

  static text(value: unknown): string {
    if (typeof value !== "string") {
      throw malformed("text");
    }
    return value;
  }

  static list(value: unknown, length?: number): readonly unknown[] {
    if (!Array.isArray(value) || (length !== undefined && value.length !== length)) {
      throw malformed("list");
    }
    return value;
  }
}

function malformed(what: string): Error {
  return corrupt(`segment root: expected a ${what}`);
}
