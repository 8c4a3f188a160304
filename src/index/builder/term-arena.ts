/**
 * Collects the postings of consecutive rows term by term, in little more memory than they take in
 * the end: a term's bytes lie in slices of one buffer, each longer than the one before and ending
 * in the place of the next.
 *
 *   slice        bytes, u32 place of the next
 *   occurrence   in another row than the last one: varint 2 × (row - row before), varint position
 *                in the same row: varint 2 × (position - position before) + 1
 */
import { assert } from "../../errors.ts";
import type { Postings } from "../../format/posting-block.ts";

/** Grows with what it holds: most runs are small. Room for more than one slice of any size. */
const firstCapacity = 4 * 1024;
/** Bytes for postings in the n-th slice of a term; the last of all further ones. */
const sliceBytes = [8, 16, 32, 64, 128, 256, 512, 1024, 2048];
const linkBytes = 4;
/** A term's entry in the map and in the arrays, beside its letters. */
const termBytes = 128;
/** A longer term may be part of a text, which it would keep. */
const ownLettersMax = 12;
const copiedUnits = 1_024;

/** What is known of a term lies together: it fits a line of the processor's cache. */
const fields = 8;
const field = {
  /** First slice, where the next byte goes, end of that slice, its place in the list of sizes. */
  head: 0,
  tail: 1,
  end: 2,
  slice: 3,
  /** The last row that has the term, and where the last time; all rows, all occurrences. */
  row: 4,
  position: 5,
  rows: 6,
  times: 7,
} as const;

export class TermArena {
  readonly #numbers = new Map<string, number>();
  readonly #first: number;
  #buffer = new Uint8Array(firstCapacity);
  #end = 0;
  #letters = 0;
  /** Of each term, as `field` has it. */
  #terms = new Uint32Array(64 * fields);

  /** `first`: the row from which gaps count. */
  constructor(first: number) {
    this.#first = first;
  }

  /** Of all that is kept, about. */
  get bytes(): number {
    return this.#end + this.#letters + termBytes * this.#numbers.size;
  }

  /** A new number if the term has none. */
  numberOf(term: string): number {
    return this.#numbers.get(term) ?? this.#begin(term);
  }

  /**
   * The term of this number occurs once more, in the same row as the last time, further behind, or
   * in a later one.
   */
  add(number: number, row: number, position: number): void {
    const terms = this.#terms;
    const term = fields * number;
    const before = terms[term + field.row] as number;
    const times = terms[term + field.times] as number;
    if (times > 0 && before === row) {
      this.#varint(term, 2 * (position - (terms[term + field.position] as number)) + 1);
    } else {
      this.#varint(term, 2 * (row - before));
      this.#varint(term, position);
      terms[term + field.row] = row;
      terms[term + field.rows] = (terms[term + field.rows] as number) + 1;
    }
    terms[term + field.position] = position;
    terms[term + field.times] = times + 1;
  }

  /** All terms, ascending. */
  terms(): string[] {
    return [...this.#numbers.keys()].sort();
  }

  /** With all positions, row after row. */
  postings(name: string): Postings & { readonly positions: Uint32Array } {
    const number = this.#numbers.get(name);
    assert(number !== undefined, "the term was added");
    const term = fields * number;
    const df = this.#terms[term + field.rows] as number;
    const times = this.#terms[term + field.times] as number;
    const rows = new Uint32Array(df);
    const counts = new Uint32Array(df);
    const positions = new Uint32Array(times);
    const next = this.#reader(term);
    let row = this.#first;
    let position = 0;
    let at = -1;
    for (let i = 0; i < times; i++) {
      const step = next();
      if (step % 2 === 1) {
        position += (step - 1) / 2;
      } else {
        row += step / 2;
        position = next();
        at += 1;
        rows[at] = row;
      }
      counts[at] = (counts[at] as number) + 1;
      positions[i] = position;
    }
    return { rows, counts, positions };
  }

  #begin(term: string): number {
    const number = this.#numbers.size;
    this.#numbers.set(term.length > ownLettersMax ? copyOf(term) : term, number);
    this.#letters += 2 * term.length;
    const at = fields * number;
    if (at === this.#terms.length) {
      const grown = new Uint32Array(2 * at);
      grown.set(this.#terms);
      this.#terms = grown;
    }
    const head = this.#slice(0);
    this.#terms.set([head, head, head + (sliceBytes[0] as number), 0, this.#first, 0, 0, 0], at);
    return number;
  }

  /** `term`: where its fields begin. */
  #varint(term: number, value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#byte(term, (rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#byte(term, rest);
  }

  #byte(term: number, byte: number): void {
    const terms = this.#terms;
    let at = terms[term + field.tail] as number;
    const end = terms[term + field.end] as number;
    if (at === end) {
      const size = Math.min((terms[term + field.slice] as number) + 1, sliceBytes.length - 1);
      at = this.#slice(size);
      new DataView(this.#buffer.buffer).setUint32(end, at, true);
      terms[term + field.slice] = size;
      terms[term + field.end] = at + (sliceBytes[size] as number);
    }
    this.#buffer[at] = byte;
    terms[term + field.tail] = at + 1;
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
  #reader(term: number): () => number {
    const view = new DataView(this.#buffer.buffer);
    let size = 0;
    let at = this.#terms[term + field.head] as number;
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

/** A string of its own, whatever the term was cut from. */
function copyOf(term: string): string {
  const units = Array.from({ length: term.length }, (_, i) => term.charCodeAt(i));
  let copy = "";
  for (let at = 0; at < units.length; at += copiedUnits) {
    copy += String.fromCharCode(...units.slice(at, at + copiedUnits));
  }
  return copy;
}
