/**
 * One pass over the bytes of a JSON text before it is parsed, at about a third of JSON.parse's cost
 * for vectors and two thirds for small rows. It does not validate: it enforces bounds that
 * JSON.parse has not, and notices what JSON.parse gets wrong:
 *
 *   - integers of 16 digits and more, which a double may not hold
 *   - exponents of 3 digits and more, which may exceed a double
 *   - \ud800 … \udfff, which may stand alone
 *   - keys that may stand twice in an object: their hashes are equal, or they hold escapes
 *
 * It walks by bytes, over runs of digits and through text four bytes at a time, and over long
 * strings of ASCII bodies with the platform's own search.
 */
import { EngineError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { syntaxError } from "./json-error.ts";

/** "plain": JSON.parse gives the right value or refuses. "exact": it might give a wrong one. */
export type ScanResult = "plain" | "exact";

// Estimated heap of parsed values, in bytes. An object or array is a header and a backing store, a
// string its characters, a number 4 to 8 bytes for at least 2 of text.
const containerHeap = 48;
const stringHeap = 8;
const heapPerNumberByte = 3;
// JavaScript keeps a hidden class for every sequence of keys it meets. Rows of like keys share
// theirs; a body in which all differ would take up to twenty times its size.
const shapeHeap = 128;

/** Keys of an object that are compared one by one; more of them are put into a set. */
const comparedKeys = 24;
/** Keys of an object that the next one beside it is compared with. */
const rememberedKeys = 256;

const exactDigits = 16;
const exactExponentDigits = 3;
/** Strings longer than this are left to the platform's search. */
const shortStringBytes = 24;

const space = 0x20;
const quote = 0x22;
const plus = 0x2b;
const minus = 0x2d;
const dot = 0x2e;
const colon = 0x3a;
const backslash = 0x5c;
const letterU = 0x75;

const other = 0;
const quoteClass = 1;
const open = 2;
const close = 3;
const numeric = 4;
const exponent = 5;
/** Class of each byte; `numeric` is all that stands in and between numbers, white space too. */
const classes = classify();

export function scanJson(bytes: Uint8Array, text: string): ScanResult {
  const scan = new Scan(bytes, text);
  scan.run();
  return scan.exact ? "exact" : "plain";
}

class Scan {
  exact = false;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #text: string;
  /** Offsets of bytes and of text agree. */
  readonly #isAscii: boolean;
  #heap = 0;
  #depth = 0;
  /** By depth, the hash of the keys of the object that is open there, so far. */
  readonly #shapes = new Int32Array(limits.jsonDepthMax + 1);
  /**
   * By depth, hashes of the keys of the object that is open there, or was last: rows are alike, and
   * one that has the keys of the row before it has none twice.
   */
  readonly #keys: (Int32Array | undefined)[] = [];
  readonly #keyCounts = new Int32Array(limits.jsonDepthMax + 1);
  /** By depth, how many of the keys there are those of the object before. */
  readonly #keysBefore = new Int32Array(limits.jsonDepthMax + 1);
  /** By depth, the keys of an object once they are many. */
  readonly #keySets: (Set<number> | undefined)[] = [];
  /** The shapes met anywhere, as bits at the upper bits of their hashes. */
  readonly #shapesSeen: Uint8Array;
  readonly #shapeShift: number;
  /** The first backslash from the place on where it was last looked for; only kept for ASCII. */
  #nextBackslash = -1;

  constructor(bytes: Uint8Array, text: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#text = text;
    this.#isAscii = bytes.length === text.length;
    // A bit for every two bytes or so: no key with its value is shorter than five, so few collide.
    const bitsLog = Math.max(5, 30 - Math.clz32(bytes.length));
    this.#shapesSeen = new Uint8Array(2 ** (bitsLog - 3));
    this.#shapeShift = 32 - bitsLog;
  }

  run(): void {
    const bytes = this.#bytes;
    let i = 0;
    while (i < bytes.length) {
      switch (classes[bytes[i++] as number] as number) {
        case numeric:
          i = this.#skipNumbers(i);
          break;
        case quoteClass:
          i = this.#skipString(i);
          break;
        case exponent:
          i = this.#skipExponent(i);
          break;
        case open:
          this.#depth += 1;
          this.#heap += containerHeap;
          if (this.#depth > limits.jsonDepthMax) {
            throw this.#tooDeep(i - 1);
          }
          this.#shapes[this.#depth] = 0;
          this.#keyCounts[this.#depth] = 0;
          break;
        case close:
          this.#close();
          break;
        default:
          break;
      }
    }
    this.#checkHeap();
  }

  #checkHeap(): void {
    if (this.#heap > limits.jsonHeapBytesMax) {
      throw new EngineError("tooLarge", "the request body takes too much memory once parsed");
    }
  }

  #close(): void {
    // More may be closed than was opened: that is for the parser to say.
    if (this.#depth > 0) {
      const count = this.#keyCounts[this.#depth] as number;
      if (count > 0) this.#keysBefore[this.#depth] = Math.min(count, rememberedKeys);
      if (count > comparedKeys) this.#keySets[this.#depth] = undefined;
    }
    this.#depth -= 1;
  }

  /** From behind a numeric byte over all that follow; sees each 16 digits that are no fraction. */
  #skipNumbers(start: number): number {
    const bytes = this.#bytes;
    const last = bytes.length - 4;
    let i = start;
    let digitWords = 0;
    for (; i <= last; i += 4) {
      const word = this.#view.getInt32(i, true);
      // Letters and brackets have bit 6 set, what is not ASCII bit 7; that leaves the quote.
      if (((word & 0xc0c0c0c0) | zeroByte(word ^ 0x22222222)) !== 0) {
        break;
      }
      // 16 digits in a row, one of them before `start`, fill three whole words.
      digitWords = (word & 0xf0f0f0f0) === 0x30303030 ? digitWords + 1 : 0;
      if (digitWords === 3 && this.#isLongInteger(i)) {
        this.exact = true;
      }
    }
    while (i < bytes.length && classes[bytes[i] as number] === numeric) {
      i += 1;
    }
    this.#heap += heapPerNumberByte * (i - start + 1);
    return i;
  }

  #isLongInteger(at: number): boolean {
    const bytes = this.#bytes;
    let from = at;
    let to = at;
    while (from > 0 && isDigit(bytes[from - 1] as number)) {
      from -= 1;
    }
    while (to < bytes.length && isDigit(bytes[to] as number)) {
      to += 1;
    }
    return to - from >= exactDigits && bytes[from - 1] !== dot;
  }

  /** From behind an "e", which may be a letter of true or false. */
  #skipExponent(start: number): number {
    const bytes = this.#bytes;
    let i = start;
    if (bytes[i] === plus || bytes[i] === minus) {
      i += 1;
    }
    const digits = i;
    while (i < bytes.length && isDigit(bytes[i] as number)) {
      i += 1;
    }
    if (i - digits >= exactExponentDigits) {
      this.exact = true;
    }
    return i;
  }

  /** From behind the opening quote to behind the closing one. */
  #skipString(start: number): number {
    const bytes = this.#bytes;
    const soon = Math.min(start + shortStringBytes, bytes.length);
    let i = start;
    let byte = 0;
    while (i < soon) {
      byte = bytes[i] as number;
      if (byte === quote || byte === backslash) {
        break;
      }
      i += 1;
    }
    if (i === soon && this.#isAscii) {
      i = this.#skipPlainText(i);
    }
    let hasEscape = false;
    while (i < bytes.length && bytes[i] !== quote) {
      hasEscape ||= bytes[i] === backslash;
      i = bytes[i] === backslash ? this.#skipEscape(i) : this.#skipText(i);
    }
    this.#heap += stringHeap + i - start;
    if (this.#isKey(i + 1)) {
      this.#addKey(start, i);
      // "\u0061" is the key "a", whatever its hash.
      this.exact ||= hasEscape;
    }
    return i + 1;
  }

  #isKey(behind: number): boolean {
    const bytes = this.#bytes;
    let i = behind;
    while (i < bytes.length && (bytes[i] as number) <= space) {
      i += 1;
    }
    return bytes[i] === colon;
  }

  /** Counts the shape that the open object has with this key, if it is new. */
  #addKey(start: number, end: number): void {
    const bytes = this.#bytes;
    let key = 0;
    for (let i = start; i < end; i++) {
      key = Math.imul(key ^ (bytes[i] as number), 0x01000193);
    }
    const hash = Math.imul((this.#shapes[this.#depth] as number) ^ key ^ quote, 0x01000193);
    this.#shapes[this.#depth] = hash;
    const bit = Math.imul(hash, 0x9e3779b1) >>> this.#shapeShift;
    const seen = this.#shapesSeen[bit >>> 3] as number;
    if (((seen >>> (bit & 7)) & 1) === 0) {
      this.#shapesSeen[bit >>> 3] = seen | (1 << (bit & 7));
      this.#heap += shapeHeap;
    }
    this.#compareKey(key);
  }

  /** Notices a key that the open object has already, or one with the same hash. */
  #compareKey(key: number): void {
    const depth = this.#depth;
    const keys = (this.#keys[depth] ??= new Int32Array(rememberedKeys));
    const count = this.#keyCounts[depth] as number;
    this.#keyCounts[depth] = count + 1;
    if (count < (this.#keysBefore[depth] as number)) {
      if (keys[count] === key) return;
      this.#keysBefore[depth] = 0;
    }
    if (count < comparedKeys) {
      for (let i = 0; i < count; i++) {
        if (keys[i] === key) this.exact = true;
      }
    } else {
      const set = (this.#keySets[depth] ??= new Set(keys.subarray(0, count)));
      if (set.has(key)) this.exact = true;
      set.add(key);
      this.#checkHeap();
    }
    if (count < rememberedKeys) keys[count] = key;
  }

  /** To the closing quote, or to the first backslash if one stands before it. */
  #skipPlainText(from: number): number {
    const end = this.#indexOf('"', from);
    if (this.#nextBackslash < from) {
      this.#nextBackslash = this.#indexOf("\\", from);
    }
    return Math.min(end, this.#nextBackslash);
  }

  #indexOf(character: string, from: number): number {
    const at = this.#text.indexOf(character, from);
    return at < 0 ? this.#bytes.length : at;
  }

  /** Over text to the next quote or backslash. */
  #skipText(from: number): number {
    const bytes = this.#bytes;
    const last = bytes.length - 4;
    let i = from;
    for (; i <= last; i += 4) {
      const word = this.#view.getInt32(i, true);
      if ((zeroByte(word ^ 0x22222222) | zeroByte(word ^ 0x5c5c5c5c)) !== 0) {
        break;
      }
    }
    while (i < bytes.length && bytes[i] !== quote && bytes[i] !== backslash) {
      i += 1;
    }
    return i;
  }

  #skipEscape(at: number): number {
    const bytes = this.#bytes;
    if (bytes[at + 1] === letterU && ((bytes[at + 2] ?? 0) | 0x20) === 0x64) {
      const third = bytes[at + 3] ?? 0;
      // \ud0 … \ud7 are ordinary characters; the digits above 7 begin surrogates.
      this.exact ||= third > 0x37;
    }
    return at + 2;
  }

  #tooDeep(at: number): EngineError {
    const before = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      this.#bytes.subarray(0, at),
    );
    return syntaxError("recursion limit exceeded", this.#text, before.length);
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Not zero iff one of the word's bytes is. */
function zeroByte(word: number): number {
  return (word - 0x01010101) & ~word & 0x80808080;
}

function classify(): Uint8Array {
  const table = new Uint8Array(256).fill(other);
  const mark = (characters: string, value: number): void => {
    for (const character of characters) {
      table[character.charCodeAt(0)] = value;
    }
  };
  mark('"', quoteClass);
  mark("[{", open);
  mark("]}", close);
  mark("+-.0123456789,: \n\r\t", numeric);
  mark("eE", exponent);
  return table;
}
