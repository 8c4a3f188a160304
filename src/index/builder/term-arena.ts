/**
 * Collects the postings of consecutive rows term by term, in little more memory than they take in
 * the end: a term's bytes lie in slices of one buffer, each longer than the one before and ending
 * in the place of the next.
 *
 *   posting   varint row - row before, varint count     slice   bytes, u32 place of the next
 */
import { assert } from "../../errors.ts";
import type { Postings } from "../../format/posting-block.ts";

/** Bytes for postings in the n-th slice of a term; the last of all further ones. */
const sliceBytes = [8, 16, 32, 64, 128, 256, 512, 1024, 2048];
const linkBytes = 4;
/** A term's entry in the map and in the arrays, beside its letters. */
const termBytes = 120;

export class TermArena {
  readonly #numbers = new Map<string, number>();
  readonly #first: number;
  #buffer = new Uint8Array(256 * 1024);
  #end = 0;
  #letters = 0;
  /** By term: first slice, where the next byte goes, end of that slice, its place in the list. */
  readonly #heads: number[] = [];
  readonly #tails: number[] = [];
  readonly #ends: number[] = [];
  readonly #slices: number[] = [];
  readonly #rows: number[] = [];
  readonly #counts: number[] = [];

  /** `first`: the row from which gaps count. */
  constructor(first: number) {
    this.#first = first;
  }

  /** Of all that is kept, about. */
  get bytes(): number {
    return this.#end + this.#letters + termBytes * this.#numbers.size;
  }

  /** Rows of a term ascend. */
  add(term: string, row: number, count: number): void {
    const known = this.#numbers.get(term);
    const number = known ?? this.#begin(term);
    this.#varint(number, row - (this.#rows[number] as number));
    this.#varint(number, count);
    this.#rows[number] = row;
    this.#counts[number] = (this.#counts[number] as number) + 1;
  }

  /** All terms, ascending. */
  terms(): string[] {
    return [...this.#numbers.keys()].sort();
  }

  postings(term: string): Postings {
    const number = this.#numbers.get(term);
    assert(number !== undefined, "the term was added");
    const df = this.#counts[number] as number;
    const rows = new Uint32Array(df);
    const counts = new Uint32Array(df);
    const next = this.#reader(number);
    let row = this.#first;
    for (let i = 0; i < df; i++) {
      row += next();
      rows[i] = row;
      counts[i] = next();
    }
    return { rows, counts };
  }

  #begin(term: string): number {
    const number = this.#numbers.size;
    this.#numbers.set(term, number);
    this.#letters += 2 * term.length;
    const head = this.#slice(0);
    this.#heads.push(head);
    this.#tails.push(head);
    this.#ends.push(head + (sliceBytes[0] as number));
    this.#slices.push(0);
    this.#rows.push(this.#first);
    this.#counts.push(0);
    return number;
  }

  #varint(number: number, value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#byte(number, (rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#byte(number, rest);
  }

  #byte(number: number, byte: number): void {
    let at = this.#tails[number] as number;
    const end = this.#ends[number] as number;
    if (at === end) {
      const size = Math.min((this.#slices[number] as number) + 1, sliceBytes.length - 1);
      at = this.#slice(size);
      new DataView(this.#buffer.buffer).setUint32(end, at, true);
      this.#slices[number] = size;
      this.#ends[number] = at + (sliceBytes[size] as number);
    }
    this.#buffer[at] = byte;
    this.#tails[number] = at + 1;
  }

  #slice(size: number): number {
    const at = this.#end;
    this.#end += (sliceBytes[size] as number) + linkBytes;
    if (this.#end > this.#buffer.length) {
      const grown = new Uint8Array(2 * this.#buffer.length);
      grown.set(this.#buffer);
      this.#buffer = grown;
    }
    return at;
  }

  /** Numbers of a term, one after the other. */
  #reader(number: number): () => number {
    const view = new DataView(this.#buffer.buffer);
    let size = 0;
    let at = this.#heads[number] as number;
    let end = at + (sliceBytes[0] as number);
    return () => {
      let value = 0;
      for (let scale = 1; ; scale *= 0x80) {
        if (at === end) {
          at = view.getUint32(end, true);
          size = Math.min(size + 1, sliceBytes.length - 1);
          end = at + (sliceBytes[size] as number);
        }
        const byte = this.#buffer[at++] as number;
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
      }
    };
  }
}
