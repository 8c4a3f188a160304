/**
 * Numbers the words of texts by their letters, 0, 1, 2, …, without making a string of each: whoever
 * goes through millions of words looks up what it knows of a word by its number.
 *
 * Open addressing. A word that is new where there is no room, longer than most, or whose
 * place is taken so often that somebody may have chosen it so, has no number.
 */
const slotsMin = 256;
const lettersMin = 1_024;
const lettersOfWordMax = 64;
const probesMax = 64;

/** A slot lies in one line of the processor's cache: hash, number + 1 (0: free), letters. */
const slotWords = 4;
const [hashAt, numberAt, startAt, lengthAt] = [0, 1, 2, 3];

export class WordTable {
  readonly #wordsMax: number;
  /** A power of two of them, half of them free. */
  #slots = new Uint32Array(slotWords * slotsMin);
  #letters = new Uint16Array(lettersMin);
  #lettersEnd = 0;
  #size = 0;

  constructor(wordsMax: number) {
    this.#wordsMax = wordsMax;
  }

  /** Words that have a number. */
  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#letters.byteLength;
  }

  /** The number of text[from … to-1]; -1: it has none. */
  numberOf(text: string, from: number, to: number): number {
    const length = to - from;
    if (length > lettersOfWordMax) return -1;
    const slots = this.#slots;
    const mask = slots.length - 1;
    const hash = hashOf(text, from, to);
    let slot = (slotWords * hash) & mask;
    for (let probe = 0; probe < probesMax; probe++) {
      const number = slots[slot + numberAt] as number;
      if (number === 0) return this.#add(text, from, length, hash, slot);
      const isAlike = slots[slot + hashAt] === hash && slots[slot + lengthAt] === length;
      if (isAlike && this.#isWord(slots[slot + startAt] as number, text, from, length)) {
        return number - 1;
      }
      slot = (slot + slotWords) & mask;
    }
    return -1;
  }

  #isWord(start: number, text: string, from: number, length: number): boolean {
    const letters = this.#letters;
    for (let i = 0; i < length; i++) {
      if (letters[start + i] !== text.charCodeAt(from + i)) return false;
    }
    return true;
  }

  #add(text: string, from: number, length: number, hash: number, slot: number): number {
    if (this.#size >= this.#wordsMax) return -1;
    const start = this.#lettersEnd;
    this.#lettersEnd += length;
    if (this.#lettersEnd > this.#letters.length) {
      const grown = new Uint16Array(2 * this.#letters.length);
      grown.set(this.#letters);
      this.#letters = grown;
    }
    for (let i = 0; i < length; i++) this.#letters[start + i] = text.charCodeAt(from + i);
    this.#size += 1;
    this.#slots.set([hash, this.#size, start, length], slot);
    const number = this.#size - 1;
    if (2 * slotWords * this.#size > this.#slots.length) this.#grow();
    return number;
  }

  #grow(): void {
    const before = this.#slots;
    const slots = new Uint32Array(2 * before.length);
    const mask = slots.length - 1;
    for (let from = 0; from < before.length; from += slotWords) {
      if (before[from + numberAt] === 0) continue;
      let slot = (slotWords * (before[from + hashAt] as number)) & mask;
      while (slots[slot + numberAt] !== 0) slot = (slot + slotWords) & mask;
      slots.set(before.subarray(from, from + slotWords), slot);
    }
    this.#slots = slots;
  }
}

/** FNV-1a by code units, mixed as MurmurHash3 ends, since its low bits decide. */
function hashOf(text: string, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
