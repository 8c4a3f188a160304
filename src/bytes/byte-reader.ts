/**
 * Bounds-checked little-endian reader, the counterpart of `ByteWriter`. Bytes come from storage and
 * are not trusted: whatever they hold, the only error is `corrupt`, and nothing is allocated for a
 * length before that many bytes are known to be there. Byte strings are views into the input, not
 * copies.
 */
import { corrupt, type EngineError } from "../errors.ts";
import { f32View, i8View, u16View, u32View } from "./typed-view.ts";

// A byte order mark is text like any other; without ignoreBOM it would be dropped.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** 8 x 7 bits hold every safe integer. */
const varintBytesMax = 8;

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #position = 0;

  /** `what` names the object in errors, such as "manifest". */
  constructor(bytes: Uint8Array, what = "bytes") {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  u64Safe(): number {
    const low = this.u32();
    const value = this.u32() * 2 ** 32 + low;
    if (value > Number.MAX_SAFE_INTEGER) {
      throw this.error("integer beyond 2^53-1");
    }
    return value;
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** Refuses longer forms of the same number, so that equal values have equal bytes. */
  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (let count = 1; count <= varintBytesMax; count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte < 0x80) {
        if (byte === 0 && count > 1) {
          throw this.error("varint in a longer form than needed");
        }
        if (value > max) {
          throw this.error(`varint ${value} above ${max}`);
        }
        return value;
      }
    }
    throw this.error("varint too long");
  }

  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  prefixed(max?: number): Uint8Array {
    return this.bytes(this.varint(max));
  }

  /** `max` bounds the bytes, not the characters. */
  utf8(max?: number): string {
    const bytes = this.prefixed(max);
    try {
      return decoder.decode(bytes);
    } catch {
      throw this.error("text is not UTF-8");
    }
  }

  f32s(count: number): Float32Array {
    return f32View(this.#bytes, this.#take(4 * count), count);
  }

  u32s(count: number): Uint32Array {
    return u32View(this.#bytes, this.#take(4 * count), count);
  }

  u16s(count: number): Uint16Array {
    return u16View(this.#bytes, this.#take(2 * count), count);
  }

  i8s(count: number): Int8Array {
    return i8View(this.#bytes, this.#take(count), count);
  }

  /** Skips the zero bytes up to a multiple counted from the reader's start. */
  alignTo(multiple: 8 | 16): void {
    while (this.#position % multiple !== 0) {
      if (this.u8() !== 0) {
        throw this.error("padding is not zero");
      }
    }
  }

  /** Nothing may follow what was read. */
  end(): void {
    if (this.remaining !== 0) {
      throw this.error(`${this.remaining} bytes too many`);
    }
  }

  /** A `corrupt` error that says what was being read and where. */
  error(message: string): EngineError {
    return corrupt(`${this.#what}: ${message} (at byte ${this.#position})`);
  }

  #take(count: number): number {
    const at = this.#position;
    // Written so that NaN, fractions and negative counts fail too.
    if (!(count >= 0 && count <= this.#bytes.length - at && Number.isInteger(count))) {
      throw this.error(`${count} bytes wanted, ${this.remaining} left`);
    }
    this.#position = at + count;
    return at;
  }
}
