/**
 * A set of 16-byte id keys (format/segment-ids.ts), to ask of each refined row whether the tail
 * touched its id. Open addressing over indexes into the keys; at most half full. Pure.
 */
import { u32View } from "../bytes/typed-view.ts";

const keyBytes = 16;
const keyWords = keyBytes / 4;

export class KeySet {
  readonly #words: Uint32Array;
  /** Index of a key plus one; 0 = free. */
  readonly #slots: Uint32Array;
  readonly #mask: number;

  /** `keys` back to back; not to be changed afterwards. */
  constructor(keys: Uint8Array) {
    const count = keys.length / keyBytes;
    this.#words = u32View(keys, 0, count * keyWords);
    const room = 2 ** Math.ceil(Math.log2(Math.max(1, count) * 2));
    this.#slots = new Uint32Array(room);
    this.#mask = room - 1;
    for (let i = 0; i < count; i++) {
      const slot = this.#find(this.#words, i);
      this.#slots[slot] = i + 1;
    }
  }

  get isEmpty(): boolean {
    return this.#words.length === 0;
  }

  /** Whether key `row` of `keys` (back to back, aligned to 4) is in the set. */
  has(keys: Uint32Array, row: number): boolean {
    return this.#slots[this.#find(keys, row)] !== 0;
  }

  /** The slot that holds the key, or the free one where it would go. */
  #find(keys: Uint32Array, row: number): number {
    const at = row * keyWords;
    const [a, b, c, d] = [
      keys[at] as number,
      keys[at + 1] as number,
      keys[at + 2] as number,
      keys[at + 3] as number,
    ];
    const mixed = Math.imul(a ^ Math.imul(b, 0x9e37_79b1) ^ c, 0x85eb_ca6b) ^ d;
    for (let slot = (mixed ^ (mixed >>> 15)) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const held = this.#slots[slot] as number;
      const from = (held - 1) * keyWords;
      const words = this.#words;
      const same =
        words[from] === a &&
        words[from + 1] === b &&
        words[from + 2] === c &&
        words[from + 3] === d;
      if (held === 0 || same) {
        return slot;
      }
    }
  }
}
