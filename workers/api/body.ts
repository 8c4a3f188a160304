/**
 * Request bodies: read whole, decompressed, and never beyond a bound.
 *
 *   1. A declared length over the bound is refused before anything is kept. What is on its way is
 *      let pass for a moment: who still sends when the connection closes may never read why.
 *   2. Bytes are admitted before they are read: all bodies of an isolate share one budget. The
 *      declared length is reserved at once; of a compressed body, or one of unknown length, more is
 *      reserved as it grows.
 *   3. Decompressed bytes are counted as they come; past the bound reading stops.
 *
 * The reservation lasts until `release`: what is parsed from a body lives as long as the request.
 */
import { EngineError } from "../../src/errors.ts";
import type { Budget, Reservation } from "../../src/store/memory-budget.ts";

export interface Body {
  /** The bytes, once: whoever parses them need not keep them. */
  take(): Uint8Array;
  release(): void;
}

/** What is reserved first for a body that does not say how long it will be. */
const firstReserveBytes = 256 * 1_024;
/** A body that says it is no longer is taken whole, without a stream through this code. */
const wholeBytesMax = 64 * 1_024;
const empty = new Uint8Array();
/** How long a body waits for its turn; then 429. */
const waitMs = 10_000;
/** How long a refused body may still come. */
const passMs = 500;

/** Throws `tooLarge`, `overloaded`, `invalid` for what is not gzip, UnsupportedEncoding. */
export async function readBody(budget: Budget, request: Request, bytesMax: number): Promise<Body> {
  const encoding = (request.headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new UnsupportedEncoding(encoding);
  }
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  if (declared > bytesMax) {
    if (declared <= 2 * bytesMax) await letPass(request.body, declared);
    throw tooLarge(bytesMax);
  }
  const isExact = encoding === "identity" && Number.isSafeInteger(declared);
  const grant = new Grant(budget, bytesMax);
  try {
    await grant.reach(isExact ? declared : Math.min(bytesMax, firstReserveBytes));
    let bytes = !isExact
      ? await readStream(request.body, encoding, grant)
      : declared <= wholeBytesMax
        ? await readWhole(request, grant)
        : await readExact(request.body, declared);
    return {
      take: () => {
        const taken = bytes;
        bytes = empty;
        return taken;
      },
      release: () => grant.release(),
    };
  } catch (error) {
    grant.release();
    throw error;
  }
}

/** The body is compressed in a way this server does not know: 415. */
export class UnsupportedEncoding extends Error {
  constructor(encoding: string) {
    super(`content-encoding \`${encoding}\` is not supported, only gzip is`);
  }
}

function decoded(stream: ReadableStream<Uint8Array>, encoding: string) {
  return encoding === "gzip" ? stream.pipeThrough(new DecompressionStream("gzip")) : stream;
}

async function readWhole(request: Request, grant: Grant): Promise<Uint8Array> {
  const bytes = new Uint8Array(await received(request.arrayBuffer()));
  await grant.reach(bytes.length);
  return bytes;
}

/** Into room of the declared size: the runtime's own chunks are of 4 KiB, each a promise. */
async function readExact(
  stream: ReadableStream<Uint8Array> | null,
  declared: number,
): Promise<Uint8Array> {
  if (stream === null) return empty;
  const reader = stream.getReader({ mode: "byob" }) as ExactReader;
  // A byte more shows that it ends there.
  let room = new Uint8Array(declared + 1);
  let length = 0;
  for (;;) {
    const min = Math.max(1, declared - length);
    const { done, value } = await received(reader.read(room.subarray(length), { min }));
    length += value?.length ?? 0;
    if (length > declared) {
      reader.cancel().catch(() => undefined);
      throw new EngineError("invalid", "the request body is longer than its content-length");
    }
    // The room moves along with what is read into it.
    if (value !== undefined) room = new Uint8Array(value.buffer);
    if (done) return room.subarray(0, length);
  }
}

/** `min`: so many bytes, unless the stream ends before. Of the standard, but not of the types. */
interface ExactReader {
  read(
    view: Uint8Array<ArrayBuffer>,
    options: { readonly min: number },
  ): Promise<{ readonly done: boolean; readonly value?: Uint8Array<ArrayBuffer> | undefined }>;
  cancel(): Promise<void>;
}

async function readStream(
  stream: ReadableStream<Uint8Array> | null,
  encoding: string,
  grant: Grant,
): Promise<Uint8Array> {
  if (stream === null) return empty;
  const reader = decoded(stream, encoding).getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await received(reader.read());
      if (done) return concat(chunks, length);
      length += value.length;
      await grant.reach(length);
      chunks.push(value);
    }
  } catch (error) {
    // Nobody waits for the sender to stop.
    reader.cancel(error).catch(() => undefined);
    throw error;
  }
}

/** Reads so many bytes, but for `passMs` at most, and keeps nothing. */
async function letPass(stream: ReadableStream<Uint8Array> | null, bytes: number): Promise<void> {
  if (stream === null) return;
  const reader = stream.getReader();
  const end = scheduler.wait(passMs).then(() => ({ done: true, value: empty }));
  try {
    for (let passed = 0; passed < bytes; ) {
      const { done, value } = await Promise.race([reader.read(), end]);
      if (done) break;
      passed += value.length;
    }
  } catch {
    // Nobody is left to be told.
  }
  reader.cancel().catch(() => undefined);
}

async function received<T>(bytes: Promise<T>): Promise<T> {
  try {
    return await bytes;
  } catch (cause) {
    throw new EngineError("invalid", "the request body ended early or is not valid gzip", {
      cause,
    });
  }
}

function concat(chunks: Uint8Array[], length: number): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const [i, chunk] of chunks.entries()) {
    whole.set(chunk, at);
    at += chunk.length;
    // Large bodies come in many chunks: let go of each as it is copied.
    chunks[i] = empty;
  }
  return whole;
}

/** What one body holds of the budget: grows with the body, at least doubling. */
class Grant {
  readonly #budget: Budget;
  readonly #bytesMax: number;
  readonly #parts: Reservation[] = [];
  #bytes = 0;

  constructor(budget: Budget, bytesMax: number) {
    this.#budget = budget;
    this.#bytesMax = bytesMax;
  }

  async reach(bytes: number): Promise<void> {
    if (bytes > this.#bytesMax) throw tooLarge(this.#bytesMax);
    if (bytes <= this.#bytes) return;
    const wanted = Math.min(this.#bytesMax, Math.max(bytes, 2 * this.#bytes));
    this.#parts.push(await this.#budget.reserve(wanted - this.#bytes, waitMs));
    this.#bytes = wanted;
  }

  release(): void {
    for (const part of this.#parts.splice(0)) part.release();
    this.#bytes = 0;
  }
}

function tooLarge(bytesMax: number): EngineError {
  return new EngineError("tooLarge", `the request body is larger than ${bytesMax} bytes`);
}
