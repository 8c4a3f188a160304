/**
 * JSON as the API speaks it, out: values straight to UTF-8, in chunks, so that a large answer never
 * lies in memory as a whole and each chunk is made only when the one before was taken.
 *
 *   number         as JavaScript writes it, -0 with its sign; never NaN or an infinity
 *   bigint         an integer of any size
 *   F64            one number that is a float even where it has no fraction: 0.0
 *   F32            one single-precision number, in the shortest decimal that reads back as it: 0.7
 *   Float32Array   an array of those        Int8Array   an array of integers
 *   object, Map    members in their order, those that are undefined left out
 *   string         lone surrogates escaped, so that the bytes are always valid
 */
import { f32TextBytesMax, f64Text, writeF32Text } from "../../src/bytes/float-text.ts";
import { assert } from "../../src/errors.ts";

/** Marks a number as single precision. */
export class F32 {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Marks a number as a float, which clients of typed languages tell from integers. */
export class F64 {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export type JsonEncodable =
  | null
  | boolean
  | number
  | bigint
  | string
  | F32
  | F64
  | Float32Array
  | Int8Array
  | readonly JsonEncodable[]
  | ReadonlyMap<string, JsonEncodable | undefined>
  | { readonly [key: string]: JsonEncodable | undefined };

/** What is being written: an array (no keys) or the members of an object. */
interface Frame {
  readonly keys: readonly string[] | undefined;
  readonly values: readonly (JsonEncodable | undefined)[];
  next: number;
  isFirst: boolean;
}

const chunkBytesDefault = 64 * 1024;
/** What a chunk begins with, and doubles: most answers are small, and new memory is zeroed. */
const firstBytes = 2 * 1024;
/** Strings up to this length are copied by character; the platform's encoder suits longer ones. */
const shortTextUnits = 64;

const encoder = new TextEncoder();

/** The whole text in one piece. */
export function encodeJson(value: JsonEncodable): Uint8Array {
  const chunks = [...encodeJsonChunks(value)];
  if (chunks.length === 1) {
    return chunks[0] as Uint8Array;
  }
  const whole = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The text in chunks of about `chunkBytes`; only one long string or vector makes a larger one. */
export function* encodeJsonChunks(
  value: JsonEncodable,
  chunkBytes: number = chunkBytesDefault,
): Generator<Uint8Array, void> {
  const out = new ChunkWriter(chunkBytes);
  yield* writeWhole(out, value);
  yield out.takeRest();
}

/** Each value on a line of its own, in chunks of about `chunkBytes`. */
export function* encodeJsonLines(
  values: Iterable<JsonEncodable>,
  chunkBytes: number = chunkBytesDefault,
): Generator<Uint8Array, void> {
  const out = new ChunkWriter(chunkBytes);
  for (const value of values) {
    yield* writeWhole(out, value);
    out.byte(0x0a);
  }
  yield* out.takeFull();
  yield out.takeRest();
}

/** Yields the chunks that it fills. */
function* writeWhole(out: ChunkWriter, value: JsonEncodable): Generator<Uint8Array, void> {
  const stack: Frame[] = [];
  let frame = writeValue(out, value);
  for (;;) {
    if (out.hasFull) {
      yield* out.takeFull();
    }
    if (frame === undefined) {
      break;
    }
    const child = writeNext(out, frame);
    if (child !== undefined) {
      stack.push(frame);
      frame = child;
    } else {
      out.byte(frame.keys === undefined ? 0x5d : 0x7d);
      frame = stack.pop();
    }
  }
}

/** Writes a value, or only its opening bracket if it has parts: they are the frame returned. */
function writeValue(out: ChunkWriter, value: JsonEncodable): Frame | undefined {
  if (typeof value === "string") {
    out.string(value);
  } else if (typeof value === "number") {
    out.number(value);
  } else if (typeof value === "object" && value !== null) {
    return writeObject(out, value);
  } else {
    out.ascii(String(value));
  }
  return undefined;
}

function writeObject(out: ChunkWriter, value: JsonEncodable & object): Frame | undefined {
  if (value instanceof F32) {
    out.f32(value.value);
    return undefined;
  }
  if (value instanceof F64) {
    assert(Number.isFinite(value.value), "not a finite number");
    const text = f64Text(value.value);
    out.ascii(/^-?\d+$/.test(text) ? `${text}.0` : text);
    return undefined;
  }
  if (value instanceof Float32Array) {
    out.f32s(value);
    return undefined;
  }
  if (value instanceof Int8Array) {
    out.ascii(`[${value.join(",")}]`);
    return undefined;
  }
  if (Array.isArray(value)) {
    out.byte(0x5b);
    return { keys: undefined, values: value, next: 0, isFirst: true };
  }
  out.byte(0x7b);
  if (value instanceof Map) {
    return { keys: [...value.keys()], values: [...value.values()], next: 0, isFirst: true };
  }
  return { keys: Object.keys(value), values: Object.values(value), next: 0, isFirst: true };
}

/** Writes the frame's parts up to the next that has parts itself, whose frame is returned. */
function writeNext(out: ChunkWriter, frame: Frame): Frame | undefined {
  while (frame.next < frame.values.length) {
    const i = frame.next++;
    const value = frame.values[i];
    if (value === undefined) {
      assert(frame.keys !== undefined, "undefined in an array");
      continue;
    }
    if (!frame.isFirst) {
      out.byte(0x2c);
    }
    frame.isFirst = false;
    if (frame.keys !== undefined) {
      out.string(frame.keys[i] as string);
      out.byte(0x3a);
    }
    const child = writeValue(out, value);
    if (child !== undefined) {
      return child;
    }
  }
  return undefined;
}

/** Appends bytes to a chunk; a full chunk is put aside and a new one begun. */
class ChunkWriter {
  readonly #chunkBytes: number;
  #chunk: Uint8Array;
  #used = 0;
  #full: Uint8Array[] = [];

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
    this.#chunk = new Uint8Array(Math.min(firstBytes, chunkBytes));
  }

  get hasFull(): boolean {
    return this.#full.length > 0;
  }

  takeFull(): Uint8Array[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  takeRest(): Uint8Array {
    return this.#chunk.subarray(0, this.#used);
  }

  byte(value: number): void {
    this.#makeRoom(1);
    this.#chunk[this.#used++] = value;
  }

  ascii(text: string): void {
    this.#makeRoom(text.length);
    for (let i = 0; i < text.length; i++) {
      this.#chunk[this.#used + i] = text.charCodeAt(i);
    }
    this.#used += text.length;
  }

  string(text: string): void {
    if (text.length > shortTextUnits || !this.#plainString(text)) {
      const escaped = JSON.stringify(text);
      this.#makeRoom(3 * escaped.length);
      const rest = this.#chunk.subarray(this.#used);
      this.#used += encoder.encodeInto(escaped, rest).written;
    }
  }

  number(value: number): void {
    assert(Number.isFinite(value), "not a finite number");
    this.ascii(f64Text(value));
  }

  f32(value: number): void {
    assert(Number.isFinite(value), "not a finite number");
    this.#makeRoom(f32TextBytesMax);
    this.#used = writeF32Text(value, this.#chunk, this.#used);
  }

  f32s(values: Float32Array): void {
    this.#makeRoom(2 + values.length * (1 + f32TextBytesMax));
    const chunk = this.#chunk;
    let at = this.#used;
    chunk[at++] = 0x5b;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      assert(Number.isFinite(value), "not a finite number");
      at = writeF32Text(value, chunk, at);
      chunk[at++] = 0x2c;
    }
    chunk[values.length === 0 ? at++ : at - 1] = 0x5d;
    this.#used = at;
  }

  /** Writes a string of plain ASCII without escapes; false, with nothing written, for others. */
  #plainString(text: string): boolean {
    this.#makeRoom(text.length + 2);
    const chunk = this.#chunk;
    let at = this.#used;
    chunk[at++] = 0x22;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) {
        return false;
      }
      chunk[at++] = code;
    }
    chunk[at++] = 0x22;
    this.#used = at;
    return true;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#used + bytes;
    if (needed <= this.#chunk.length) return;
    if (needed <= this.#chunkBytes) {
      const larger = new Uint8Array(Math.min(this.#chunkBytes, Math.max(2 * needed, firstBytes)));
      larger.set(this.#chunk.subarray(0, this.#used));
      this.#chunk = larger;
      return;
    }
    if (this.#used > 0) {
      this.#full.push(this.#chunk.subarray(0, this.#used));
    }
    this.#chunk = new Uint8Array(Math.max(bytes, this.#chunkBytes));
    this.#used = 0;
  }
}
