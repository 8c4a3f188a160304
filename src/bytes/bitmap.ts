/**
 * Dense set of the ordinals 0 … size-1, one bit each: the working form of every filter. Combining
 * two is a pass over words; 1,000,000 ordinals are 125 KB. The stored form is in roaring.ts.
 *
 * Invariant: the bits of the last word at and beyond `size` are zero.
 */
import { assert } from "../errors.ts";

export class Bitmap {
  readonly size: number;
  /** Bit i % 32 of word i / 32 is ordinal i. */
  readonly words: Uint32Array;

  constructor(size: number) {
    assert(Number.isSafeInteger(size) && size >= 0 && size <= 2 ** 32, "bitmap size out of range");
    this.size = size;
    this.words = new Uint32Array(Math.ceil(size / 32));
  }

  static full(size: number): Bitmap {
    const bitmap = new Bitmap(size);
    bitmap.setRange(0, size);
    return bitmap;
  }

  /** `ordinals` in any order. */
  static of(size: number, ordinals: Iterable<number>): Bitmap {
    const bitmap = new Bitmap(size);
    for (const ordinal of ordinals) {
      bitmap.set(ordinal);
    }
    return bitmap;
  }

  clone(): Bitmap {
    const copy = new Bitmap(this.size);
    copy.words.set(this.words);
    return copy;
  }

  has(ordinal: number): boolean {
    return (((this.words[ordinal >>> 5] ?? 0) >>> (ordinal & 31)) & 1) === 1;
  }

  set(ordinal: number): void {
    assert(ordinal >= 0 && ordinal < this.size, "ordinal out of range");
    const at = ordinal >>> 5;
    this.words[at] = (this.words[at] as number) | (1 << (ordinal & 31));
  }

  clear(ordinal: number): void {
    assert(ordinal >= 0 && ordinal < this.size, "ordinal out of range");
    const at = ordinal >>> 5;
    this.words[at] = (this.words[at] as number) & ~(1 << (ordinal & 31));
  }

  /** Sets `from` … `to`-1. */
  setRange(from: number, to: number): void {
    assert(from >= 0 && to <= this.size, "range out of bounds");
    if (from >= to) {
      return;
    }
    const first = from >>> 5;
    const last = (to - 1) >>> 5;
    const head = maskFrom(from);
    const tail = maskTo(to);
    if (first === last) {
      this.words[first] = (this.words[first] as number) | (head & tail);
      return;
    }
    this.words[first] = (this.words[first] as number) | head;
    this.words.fill(0xffff_ffff, first + 1, last);
    this.words[last] = (this.words[last] as number) | tail;
  }

  count(): number {
    let total = 0;
    for (let i = 0; i < this.words.length; i++) {
      total += bitCount(this.words[i] as number);
    }
    return total;
  }

  /** How many of `from` … `to`-1 are set: the matches in a cluster. */
  countRange(from: number, to: number): number {
    assert(from >= 0 && to <= this.size, "range out of bounds");
    if (from >= to) {
      return 0;
    }
    const first = from >>> 5;
    const last = (to - 1) >>> 5;
    const head = (this.words[first] as number) & maskFrom(from);
    if (first === last) {
      return bitCount(head & maskTo(to));
    }
    let total = bitCount(head) + bitCount((this.words[last] as number) & maskTo(to));
    for (let i = first + 1; i < last; i++) {
      total += bitCount(this.words[i] as number);
    }
    return total;
  }

  isEmpty(): boolean {
    return this.words.every((word) => word === 0);
  }

  and(other: Bitmap): this {
    assert(other.size === this.size, "bitmaps of different size");
    for (let i = 0; i < this.words.length; i++) {
      this.words[i] = (this.words[i] as number) & (other.words[i] as number);
    }
    return this;
  }

  or(other: Bitmap): this {
    assert(other.size === this.size, "bitmaps of different size");
    for (let i = 0; i < this.words.length; i++) {
      this.words[i] = (this.words[i] as number) | (other.words[i] as number);
    }
    return this;
  }

  andNot(other: Bitmap): this {
    assert(other.size === this.size, "bitmaps of different size");
    for (let i = 0; i < this.words.length; i++) {
      this.words[i] = (this.words[i] as number) & ~(other.words[i] as number);
    }
    return this;
  }

  /** Replaces the set by its complement. */
  invert(): this {
    for (let i = 0; i < this.words.length; i++) {
      this.words[i] = ~(this.words[i] as number);
    }
    if (this.size % 32 !== 0) {
      const last = this.words.length - 1;
      this.words[last] = (this.words[last] as number) & maskTo(this.size);
    }
    return this;
  }

  /** The first ordinal of the set at or after `from`, or -1. */
  next(from: number): number {
    let at = from >>> 5;
    if (from >= this.size) {
      return -1;
    }
    let word = (this.words[at] as number) & maskFrom(from);
    while (word === 0) {
      at += 1;
      if (at >= this.words.length) {
        return -1;
      }
      word = this.words[at] as number;
    }
    return at * 32 + lowestBit(word);
  }

  /** Calls `visit` with each ordinal, ascending. */
  forEach(visit: (ordinal: number) => void): void {
    for (let at = 0; at < this.words.length; at++) {
      let word = this.words[at] as number;
      while (word !== 0) {
        visit(at * 32 + lowestBit(word));
        word &= word - 1;
      }
    }
  }

  *[Symbol.iterator](): Generator<number, void> {
    for (let ordinal = this.next(0); ordinal >= 0; ordinal = this.next(ordinal + 1)) {
      yield ordinal;
    }
  }

  /** All ordinals, ascending. */
  ordinals(): Uint32Array {
    const ordinals = new Uint32Array(this.count());
    let i = 0;
    this.forEach((ordinal) => {
      ordinals[i++] = ordinal;
    });
    return ordinals;
  }
}

export function bitCount(word: number): number {
  let n = word - ((word >>> 1) & 0x5555_5555);
  n = (n & 0x3333_3333) + ((n >>> 2) & 0x3333_3333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** Bits of the word that holds ordinal `from`: it and those above. */
function maskFrom(from: number): number {
  return -1 << (from & 31);
}

/** Bits of the word that holds ordinal `to`-1: it and those below. */
function maskTo(to: number): number {
  return -1 >>> (-to & 31);
}
