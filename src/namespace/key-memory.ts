/**
 * Which idempotency keys the owner knows, and the write that each was committed under. Holds those
 * of durable entries only; a key that still waits is admission.ts's business.
 *
 *   from          keys of entries from here on are known: all of the tail, from its members
 *   objects       keys of flushed entries lie in objects that the manifest names; those that begin
 *                 before `from` are read at the first write that carries a key
 *
 * Bounded: the newest `limits.keysMax` keys. Forgets nothing else: only a flush looks at the clock.
 */
import { encodeHex } from "../bytes/hex.ts";
import type { KeysRef, Manifest } from "../format/manifest.ts";
import type { KeyRecord } from "../format/write-keys.ts";
import { limits } from "../limits.ts";

export class KeyMemory {
  /** By id in hex, oldest first. */
  #records = new Map<string, KeyRecord>();
  #from: number;

  /** Keys of entries below `from` are not known. */
  constructor(from: number) {
    this.#from = from;
  }

  find(id: Uint8Array): KeyRecord | undefined {
    return this.#records.get(encodeHex(id));
  }

  /** Keys of the log's next entry. */
  remember(records: readonly KeyRecord[]): void {
    for (const record of records) {
      const id = encodeHex(record.id);
      this.#records.delete(id);
      this.#records.set(id, record);
    }
    for (const id of this.#records.keys()) {
      if (this.#records.size <= limits.keysMax) {
        return;
      }
      this.#records.delete(id);
    }
  }

  /** Those of the manifest's objects that hold keys not known here. */
  lacking(refs: readonly KeysRef[]): readonly KeysRef[] {
    return refs.filter(({ from }) => from < this.#from);
  }

  /** All objects that were lacking have been read; `records` are their keys, oldest first. */
  complete(records: readonly KeyRecord[]): void {
    const newer = [...this.#records.values()];
    this.#records = new Map();
    this.#from = 0;
    this.remember([...records, ...newer]);
  }
}

/** Objects of idempotency keys lie in order below the floor, each for entries of its own. */
export function keysFault({ keys, floor }: Pick<Manifest, "keys" | "floor">): string | undefined {
  let end = 0;
  for (const { name, from, to } of keys) {
    if (from < end || from >= to || to > floor) {
      return `keys ${name} are of entries ${from} to ${to}, after ${end} and below ${floor}`;
    }
    end = to;
  }
  return new Set(keys.map(({ name }) => name)).size < keys.length
    ? "keys are listed twice"
    : undefined;
}
