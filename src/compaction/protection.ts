/**
 * What a collector must leave although nothing of its own generation needs it: what pins and refs
 * hold. Pure.
 */
import type { Holding } from "../format/homes.ts";
import type { DeadObject, WalRange } from "../format/manifest.ts";
import { segmentOfKey } from "../store/keys.ts";

export class Protection {
  readonly #segments = new Set<string>();
  readonly #bitmaps = new Set<string>();
  readonly #versions = new Set<number>();
  readonly #wal: WalRange[] = [];

  add({ segments, bitmaps, wal }: Holding): void {
    for (const { id } of segments) {
      this.#segments.add(id);
    }
    for (const { segment, name } of bitmaps) {
      this.#bitmaps.add(`${segment}/${name}`);
    }
    this.#wal.push(...wal);
  }

  /** The manifest object itself. */
  addVersion(version: number): void {
    this.#versions.add(version);
  }

  /** Any part of it. */
  holds(object: DeadObject): boolean {
    switch (object.kind) {
      case "segment":
        return this.holdsSegment(object.id);
      case "bitmap":
        return this.holdsBitmap(object.segment, object.name);
      case "wal":
        return this.#wal.some(({ from, to }) => from < object.to && object.from < to);
      case "keys":
      case "ref":
        return false;
    }
  }

  holdsSegment(id: string): boolean {
    return this.#segments.has(id);
  }

  holdsBitmap(segment: string, name: string): boolean {
    return this.#bitmaps.has(`${segment}/${name}`);
  }

  /** Is it part of a segment, or a bitmap, that is held? */
  holdsKey(key: string): boolean {
    const found = segmentOfKey(key);
    if (found === undefined) {
      return false;
    }
    return found.kind === "dead"
      ? this.holdsBitmap(found.id, found.name)
      : this.holdsSegment(found.id);
  }

  holdsEntry(sequence: number): boolean {
    return this.#wal.some(({ from, to }) => from <= sequence && sequence < to);
  }

  holdsVersion(version: number): boolean {
    return this.#versions.has(version);
  }
}

/** Names the object among those of a manifest. */
export function deadName(object: DeadObject): string {
  switch (object.kind) {
    case "segment":
      return `segment ${object.id}`;
    case "bitmap":
      return `bitmap ${object.segment}/${object.name}`;
    case "wal":
      return `wal ${object.from} ${object.to}`;
    case "keys":
      return `keys ${object.name}`;
    case "ref":
      return `ref ${object.generation}`;
  }
}
