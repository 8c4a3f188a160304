/**
 * The entry that touched each id last, for as long as anybody may decide from what it read before:
 * the object's half of optimistic concurrency. Kept in memory only; forgetting costs repetitions.
 *
 *   rememberedFrom   of entries from here on every id is known; nothing is known of those below
 *   waiting          ids of what waits are recorded at the next free slot, and again when that
 *                    moves: never lower than the entry they will be in
 *
 * A hash table with open addressing: 8 bytes of hash and 4 of sequence a slot, at most
 * three quarters full. When it would hold more than `limits.rememberedIdsMax` ids, the older half
 * goes and `rememberedFrom` rises. Hashes that collide look like one id that was touched twice.
 */
import { hashWords } from "../format/id-hash.ts";
import { limits } from "../limits.ts";

/** Why something that was decided from a state may no longer be true. */
export interface Conflict {
  /** Hashes of the ids that were touched since. Empty: not known. */
  readonly ids: Uint32Array;
}

const slotsMin = 64;

export class IdMemory {
  #rememberedFrom: number;
  /** Sequences are stored less this, plus one; 0 is a free slot. */
  readonly #base: number;
  #hashes = new Uint32Array(hashWords * slotsMin);
  #sequences = new Uint32Array(slotsMin);
  #count = 0;

  constructor(rememberedFrom: number) {
    this.#base = rememberedFrom;
    this.#rememberedFrom = rememberedFrom;
  }

  get rememberedFrom(): number {
    return this.#rememberedFrom;
  }

  /** The entry `sequence` touches these ids, or any if they are not known or too many to keep. */
  record(ids: Uint32Array | undefined, sequence: number): void {
    if (ids === undefined || ids.length > hashWords * limits.rememberedIdsMax) {
      this.forgetBelow(sequence + 1);
      return;
    }
    const stamp = sequence - this.#base + 1;
    for (let i = 0; i < ids.length; i += hashWords) {
      this.#put(ids[i] as number, ids[i + 1] as number, stamp);
    }
  }

  /** Everything that touched an id before entry `sequence` is forgotten. */
  forgetBelow(sequence: number): void {
    // Asked at every alarm of a namespace at rest.
    if (sequence <= this.#rememberedFrom) return;
    this.#rememberedFrom = sequence;
    this.#rebuild(slotsMin);
  }

  /** Which of the ids were touched by entry `next` or a later one; `undefined`: none was. */
  conflict(ids: Uint32Array, next: number): Conflict | undefined {
    if (next < this.#rememberedFrom) {
      return { ids: new Uint32Array(0) };
    }
    const stamp = next - this.#base + 1;
    const touched: number[] = [];
    for (let i = 0; i < ids.length; i += hashWords) {
      const [low, high] = [ids[i] as number, ids[i + 1] as number];
      if ((this.#sequences[this.#slotOf(low, high)] as number) >= stamp) {
        touched.push(low, high);
      }
    }
    return touched.length === 0 ? undefined : { ids: Uint32Array.from(touched) };
  }

  /** The slot of the hash, or the free one where it would be. */
  #slotOf(low: number, high: number): number {
    const mask = this.#sequences.length - 1;
    let slot = mix(low, high) & mask;
    while (
      this.#sequences[slot] !== 0 &&
      (this.#hashes[2 * slot] !== low || this.#hashes[2 * slot + 1] !== high)
    ) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #put(low: number, high: number, stamp: number): void {
    let slot = this.#slotOf(low, high);
    if (this.#sequences[slot] === 0) {
      if (this.#makeRoom()) {
        slot = this.#slotOf(low, high);
      }
      this.#count += 1;
      this.#hashes[2 * slot] = low;
      this.#hashes[2 * slot + 1] = high;
    }
    if ((this.#sequences[slot] as number) < stamp) {
      this.#sequences[slot] = stamp;
    }
  }

  /** For one more; true if everything has moved. */
  #makeRoom(): boolean {
    if (this.#count >= limits.rememberedIdsMax) {
      const stamps = this.#sequences.filter((stamp) => stamp > 0).sort();
      const middle = stamps[stamps.length >> 1] as number;
      this.#rememberedFrom = Math.max(this.#rememberedFrom, middle + this.#base);
      this.#rebuild(this.#sequences.length);
      return true;
    }
    const slots = this.#sequences.length;
    if (4 * (this.#count + 1) <= 3 * slots) {
      return false;
    }
    this.#rebuild(2 * slots);
    return true;
  }

  /** In a table of so many slots, without what is not remembered any more. */
  #rebuild(slots: number): void {
    const [hashes, sequences] = [this.#hashes, this.#sequences];
    const oldest = this.#rememberedFrom - this.#base + 1;
    const kept = sequences.reduce((sum, stamp) => (stamp >= oldest ? sum + 1 : sum), 0);
    let size = slots;
    while (4 * (kept + 1) > 3 * size) {
      size *= 2;
    }
    this.#hashes = new Uint32Array(hashWords * size);
    this.#sequences = new Uint32Array(size);
    this.#count = kept;
    for (let from = 0; from < sequences.length; from++) {
      const stamp = sequences[from] as number;
      if (stamp >= oldest) {
        const slot = this.#slotOf(hashes[2 * from] as number, hashes[2 * from + 1] as number);
        this.#hashes[2 * slot] = hashes[2 * from] as number;
        this.#hashes[2 * slot + 1] = hashes[2 * from + 1] as number;
        this.#sequences[slot] = stamp;
      }
    }
  }
}

/** Neighbouring numbers far apart. The finaliser of MurmurHash3 over both words. */
function mix(low: number, high: number): number {
  let h = low ^ Math.imul(high, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
