/**
 * CBOR (RFC 8949) for small structured data: heads of envelopes, columns of attributes. One value
 * has one encoding (section 4.2, core deterministic, but keys stay in the order given), and nothing
 * else is accepted back.
 *
 *   major type  0, 1   integers -2^64 … 2^64-1, shortest form; number while safe, else bigint
 *               2      byte string -> Uint8Array, a copy
 *               3      text, UTF-8
 *               4      array
 *               5      map with distinct text keys -> plain object; `__proto__` is an ordinary key
 *               7      false, true, null, and 64-bit floats for numbers that are no safe integers
 *
 * No tags, no undefined, no indefinite lengths. Written by hand because general decoders do more
 * than this and lose something: they drop a leading byte order mark, replace bad UTF-8, or compile
 * readers for records, which is forbidden inside a Worker.
 *
 * Cost: encoding copies what is longer than 4 KiB once or twice more. Decoding allocates at most
 * about eight bytes for each byte of input, whatever lengths the input claims, and nests at most 32
 * deep.
 */
import { utf8Length } from "../document/size.ts";
import { assert, corrupt } from "../errors.ts";
import { findKnownKey, rememberKey } from "./cbor-keys.ts";
import { depthMax, headLength, isPlainInteger, isPlainObject } from "./cbor-length.ts";

export type CborValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue };

const uintMajor = 0;
const negativeMajor = 1;
const bytesMajor = 2;
const textMajor = 3;
const arrayMajor = 4;
const mapMajor = 5;
const falseByte = 0xf4;
const trueByte = 0xf5;
const nullByte = 0xf6;
const floatByte = 0xfb;
/** Texts up to here are read and written by a loop: a call into the platform costs more. */
const shortText = 24;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Exact copy in a buffer of its own. Anything but a `CborValue` inside fails an assertion. */
export function encodeCbor(value: unknown): Uint8Array {
  const writer = new CborWriter();
  writer.write(value, 0);
  return writer.finish();
}

/** Written into first, and copied: most values are small. */
const scratch = new Uint8Array(4_096);

class CborWriter {
  #bytes = scratch;
  #position = 0;

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#position);
  }

  write(value: unknown, depth: number): void {
    if (typeof value === "string") {
      this.#text(value);
    } else if (typeof value === "number") {
      this.#number(value);
    } else if (typeof value === "bigint") {
      this.#bigint(value);
    } else if (typeof value === "boolean") {
      this.#byte(value ? trueByte : falseByte);
    } else {
      this.#compound(value, depth);
    }
  }

  #compound(value: unknown, depth: number): void {
    assert(depth < depthMax, "CBOR nests too deeply");
    if (value === null) {
      this.#byte(nullByte);
    } else if (value instanceof Uint8Array) {
      this.#head(bytesMajor, value.length);
      // Taken first: it may be another array then.
      const at = this.#take(value.length);
      this.#bytes.set(value, at);
    } else if (Array.isArray(value)) {
      this.#head(arrayMajor, value.length);
      for (let i = 0; i < value.length; i++) {
        this.write(value[i], depth + 1);
      }
    } else {
      assert(isPlainObject(value), `CBOR cannot hold this ${typeof value}`);
      const keys = Object.keys(value);
      this.#head(mapMajor, keys.length);
      for (const key of keys) {
        this.#text(key);
        this.write((value as Record<string, unknown>)[key], depth + 1);
      }
    }
  }

  #number(value: number): void {
    if (isPlainInteger(value)) {
      this.#head(value < 0 ? negativeMajor : uintMajor, value < 0 ? -1 - value : value);
      return;
    }
    assert(!Number.isNaN(value), "CBOR cannot hold NaN");
    this.#byte(floatByte);
    const at = this.#take(8);
    viewOf(this.#bytes).setFloat64(at, value);
  }

  #text(text: string): void {
    assert(text.isWellFormed(), "CBOR text has a lone surrogate");
    if (text.length > shortText && this.#ascii(text)) return;
    const length = utf8Length(text);
    this.#head(textMajor, length);
    const start = this.#take(length);
    if (length === text.length && length <= shortText) {
      for (let i = 0; i < length; i++) {
        this.#bytes[start + i] = text.charCodeAt(i);
      }
    } else {
      encoder.encodeInto(text, this.#bytes.subarray(start, this.#position));
    }
  }

  /** Writes a text that turns out to be of ASCII alone, without measuring it first. */
  #ascii(text: string): boolean {
    const before = this.#position;
    this.#head(textMajor, text.length);
    const start = this.#take(text.length);
    const { read } = encoder.encodeInto(text, this.#bytes.subarray(start, this.#position));
    if (read < text.length) this.#position = before;
    return read === text.length;
  }

  #head(major: number, argument: number): void {
    const length = headLength(argument);
    const at = this.#take(length);
    if (length === 1) {
      this.#bytes[at] = (major << 5) | argument;
      return;
    }
    let rest = argument;
    for (let i = length - 1; i > 0; i--) {
      this.#bytes[at + i] = rest % 0x100;
      rest = Math.floor(rest / 0x100);
    }
    this.#bytes[at] = (major << 5) | (0x18 + Math.log2(length - 1));
  }

  #bigint(value: bigint): void {
    const argument = value < 0n ? -1n - value : value;
    assert(argument < 2n ** 64n, "CBOR integer out of range");
    if (argument < 2n ** 32n) {
      this.#number(Number(value));
      return;
    }
    this.#byte(value < 0n ? 0x3b : 0x1b);
    const at = this.#take(8);
    viewOf(this.#bytes).setBigUint64(at, argument);
  }

  #byte(value: number): void {
    const at = this.#take(1);
    this.#bytes[at] = value;
  }

  /** Where the next `count` bytes go. */
  #take(count: number): number {
    const at = this.#position;
    const end = at + count;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    this.#position = end;
    return at;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** The one value that `bytes` encode. Throws `corrupt` for anything else; `what` names it there. */
export function decodeCbor(bytes: Uint8Array, what = "CBOR"): CborValue {
  const reader = new CborReader(bytes, what);
  const value = reader.read(0);
  reader.end();
  return value;
}

class CborReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #position = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  read(depth: number): CborValue {
    const first = this.#bytes[this.#take(1)] as number;
    switch (first) {
      case falseByte:
        return false;
      case trueByte:
        return true;
      case nullByte:
        return null;
      case floatByte:
        return this.#float();
      default:
    }
    const major = first >> 5;
    if (major === uintMajor || major === negativeMajor) {
      return this.#integer(first, major);
    }
    const argument = this.#argument(first);
    switch (major) {
      case bytesMajor: {
        const start = this.#take(argument);
        return this.#bytes.slice(start, start + argument);
      }
      case textMajor:
        return this.#text(argument);
      case arrayMajor:
        return this.#array(argument, depth);
      case mapMajor:
        return this.#map(argument, depth);
      default:
        throw this.#error(`byte 0x${first.toString(16)} begins no value`);
    }
  }

  end(): void {
    if (this.#position !== this.#bytes.length) {
      throw this.#error(`${this.#bytes.length - this.#position} bytes too many`);
    }
  }

  #array(length: number, depth: number): CborValue[] {
    this.#enter(length, 1, depth);
    const array: CborValue[] = [];
    for (let i = 0; i < length; i++) {
      array.push(this.read(depth + 1));
    }
    return array;
  }

  #map(length: number, depth: number): Record<string, CborValue> {
    this.#enter(length, 2, depth);
    const map: Record<string, CborValue> = {};
    for (let i = 0; i < length; i++) {
      const first = this.#bytes[this.#take(1)] as number;
      if (first >> 5 !== textMajor) {
        throw this.#error("map key is not text");
      }
      const key = this.#key(this.#argument(first));
      if (Object.hasOwn(map, key)) {
        throw this.#error("map key occurs twice");
      }
      const value = this.read(depth + 1);
      if (key === "__proto__") {
        // Assignment would set the prototype instead.
        const options = { value, enumerable: true, configurable: true, writable: true };
        Object.defineProperty(map, key, options);
      } else {
        map[key] = value;
      }
    }
    return map;
  }

  /** A claimed length must be possible before anything is built for it. */
  #enter(length: number, bytesEach: number, depth: number): void {
    if (depth >= depthMax) {
      throw this.#error("nested too deeply");
    }
    if (length * bytesEach > this.#bytes.length - this.#position) {
      throw this.#error(`${length} members cannot follow`);
    }
  }

  #key(length: number): string {
    const known = findKnownKey(this.#bytes, this.#position, length);
    if (known !== undefined) {
      this.#position += length;
      return known;
    }
    const start = this.#position;
    const key = this.#text(length);
    rememberKey(this.#bytes, start, key);
    return key;
  }

  #text(length: number): string {
    const start = this.#take(length);
    if (length <= shortText) {
      let text = "";
      let i = start;
      for (; i < this.#position; i++) {
        const unit = this.#bytes[i] as number;
        if (unit >= 0x80) {
          break;
        }
        text += String.fromCharCode(unit);
      }
      if (i === this.#position) {
        return text;
      }
    }
    try {
      return decoder.decode(this.#bytes.subarray(start, this.#position));
    } catch {
      throw this.#error("text is not UTF-8");
    }
  }

  #integer(first: number, major: number): number | bigint {
    if ((first & 0x1f) !== 0x1b) {
      const argument = this.#argument(first);
      return major === negativeMajor ? -1 - argument : argument;
    }
    const argument = this.#view.getBigUint64(this.#take(8));
    if (argument < 2n ** 32n) {
      throw this.#error("integer in a longer form than needed");
    }
    const value = major === negativeMajor ? -1n - argument : argument;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #float(): number {
    const value = this.#view.getFloat64(this.#take(8));
    if (Number.isNaN(value) || isPlainInteger(value)) {
      throw this.#error("float that is NaN or an integer");
    }
    return value;
  }

  /** Argument of a head in 0, 1, 2 or 4 bytes; lengths beyond 4 GiB cannot be true. */
  #argument(first: number): number {
    const short = first & 0x1f;
    if (short < 0x18) {
      return short;
    }
    if (short > 0x1a) {
      throw this.#error(`byte 0x${first.toString(16)} begins no value`);
    }
    const length = 1 << (short - 0x18);
    const start = this.#take(length);
    let value = 0;
    for (let i = start; i < this.#position; i++) {
      value = value * 0x100 + (this.#bytes[i] as number);
    }
    if (headLength(value) <= length) {
      throw this.#error("head in a longer form than needed");
    }
    return value;
  }

  #take(count: number): number {
    const at = this.#position;
    if (count > this.#bytes.length - at) {
      throw this.#error(`${count} bytes wanted, ${this.#bytes.length - at} left`);
    }
    this.#position = at + count;
    return at;
  }

  #error(message: string): Error {
    return corrupt(`${this.#what}: ${message} (at byte ${this.#position})`);
  }
}
