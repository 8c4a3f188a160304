/**
 * Growable little-endian writer: how bytes of a format come into being.
 *
 *   u8 … f64     fixed width, little-endian
 *   u64Safe      eight bytes that hold a number up to 2^53-1
 *   varint       LEB128: seven bits a byte, lowest first, shortest form; 0 … 2^53-1
 *   prefixed     varint length, then that many bytes
 *   utf8         prefixed, the bytes of the text
 *   alignTo      zero bytes up to a multiple of 8 or 16 counted from the writer's start
 *
 * Values out of range are our own mistakes and fail an assertion: truncating them would store lies.
 */
import { assert } from "../errors.ts";

const encoder = new TextEncoder();

/** Text of at most this many UTF-16 units has a one-byte length prefix whatever it contains. */
const shortTextUnits = 42;

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far: the offset at which the next one will lie. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    assert(isUnsigned(value, 0xff), "u8 out of range");
    const at = this.reserve(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    assert(isUnsigned(value, 0xffff), "u16 out of range");
    const at = this.reserve(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    assert(isUnsigned(value, 0xffff_ffff), "u32 out of range");
    const at = this.reserve(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: bigint): void {
    assert(BigInt.asUintN(64, value) === value, "u64 out of range");
    const at = this.reserve(8);
    this.#view.setBigUint64(at, value, true);
  }

  u64Safe(value: number): void {
    assert(isUnsigned(value, Number.MAX_SAFE_INTEGER), "u64Safe out of range");
    const at = this.reserve(8);
    this.#view.setUint32(at, value % 2 ** 32, true);
    this.#view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }

  i64(value: bigint): void {
    assert(BigInt.asIntN(64, value) === value, "i64 out of range");
    const at = this.reserve(8);
    this.#view.setBigInt64(at, value, true);
  }

  f32(value: number): void {
    const at = this.reserve(4);
    this.#view.setFloat32(at, value, true);
  }

  f64(value: number): void {
    const at = this.reserve(8);
    this.#view.setFloat64(at, value, true);
  }

  varint(value: number): void {
    assert(isUnsigned(value, Number.MAX_SAFE_INTEGER), "varint out of range");
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.u8(rest);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  prefixed(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  utf8(text: string): void {
    assert(text.isWellFormed(), "text has a lone surrogate");
    if (text.length > shortTextUnits) {
      this.prefixed(encoder.encode(text));
      return;
    }
    const at = this.reserve(1 + 3 * text.length);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(at + 1));
    this.#view.setUint8(at, written);
    this.#length = at + 1 + written;
  }

  alignTo(multiple: 8 | 16): void {
    const over = this.#length % multiple;
    if (over > 0) {
      this.reserve(multiple - over);
    }
  }

  /** Adds `count` zero bytes and returns where they start, for a later `patchU32`. */
  reserve(count: number): number {
    // May replace #bytes and #view: callers must call it before they touch either.
    const at = this.#length;
    const end = at + count;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length, 64));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = end;
    return at;
  }

  /** Overwrites four bytes written before, for lengths and checksums known only afterwards. */
  patchU32(at: number, value: number): void {
    assert(isUnsigned(value, 0xffff_ffff) && at + 4 <= this.#length, "patch out of range");
    this.#view.setUint32(at, value, true);
  }

  /** View of what was written from `start` on. Valid until the next write. */
  written(start = 0): Uint8Array {
    return this.#bytes.subarray(start, this.#length);
  }

  /** The result in a buffer of exactly its size, fit to be sent or kept. Ends the writer's use. */
  finish(): Uint8Array<ArrayBuffer> {
    const whole = this.#length === this.#bytes.length;
    return whole ? this.#bytes : this.#bytes.slice(0, this.#length);
  }
}

function isUnsigned(value: number, max: number): boolean {
  return value >= 0 && value <= max && Number.isInteger(value);
}
