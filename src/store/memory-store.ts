/**
 * The object store contract in memory: for tests, the simulation and benches. Not a mock: it
 * passes the same conformance suite as R2 and copies its awkward sides on purpose.
 *
 *   - Equal bytes have equal etags, so a caller that relies on etags alone meets ABA here too.
 *   - A page of a list carries metadata only when asked.
 *   - Bytes are copied on the way in and out: no caller can change a stored object.
 *
 * Invariant: `#keys` holds exactly the keys of `#objects`, in bytewise order. Everything between
 * the digest and the end of a put is one synchronous turn; that makes the put atomic.
 */
import { encodeHex } from "../bytes/hex.ts";
import { corrupt } from "../errors.ts";
import type { Clock, Digest } from "../ports.ts";
import { checkDeleteKeys, checkListLimit, checkRange } from "./argument-checks.ts";
import type {
  ByteRange,
  ListOptions,
  ListPage,
  ObjectInfo,
  ObjectStore,
  PutMode,
  PutOptions,
  PutResult,
  StoredObject,
} from "./object-store.ts";

export interface MemoryStorePorts {
  readonly clock: Pick<Clock, "now">;
  readonly digest: Digest;
}

interface Entry {
  readonly info: ObjectInfo;
  readonly bytes: Uint8Array;
}

/** Half a SHA-256: as long as the MD5 that R2 uses. */
const etagBytes = 16;

export class MemoryStore implements ObjectStore {
  readonly #ports: MemoryStorePorts;
  readonly #objects = new Map<string, Entry>();
  readonly #keys: string[] = [];

  constructor(ports: MemoryStorePorts) {
    this.#ports = ports;
  }

  /** Number of objects: what a test of collection counts. */
  get size(): number {
    return this.#objects.size;
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    if (range !== undefined) checkRange(range);
    const entry = this.#objects.get(key);
    if (entry === undefined) return undefined;
    const start = range?.offset ?? 0;
    const end = range === undefined ? entry.bytes.length : start + range.length;
    if (end > entry.bytes.length) {
      throw corrupt(
        `${key} ends at ${entry.bytes.length}, bytes ${start} to ${end} were asked for`,
      );
    }
    const { size, etag, uploadedMs, metadata } = entry.info;
    return { key, size, etag, uploadedMs, metadata, bytes: entry.bytes.slice(start, end) };
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return this.#objects.get(key)?.info;
  }

  async put(
    key: string,
    bytes: Uint8Array,
    mode: PutMode,
    options: PutOptions = {},
  ): Promise<PutResult> {
    const copy = bytes.slice();
    const sha256 = await this.#ports.digest(copy);
    if (options.sha256 !== undefined && !sameBytes(options.sha256, sha256)) {
      throw corrupt(`put of ${key} refused: the bytes do not have the SHA-256 given`);
    }
    const current = this.#objects.get(key);
    const allowed =
      mode.kind === "create" ? current === undefined : current?.info.etag === mode.etag;
    if (!allowed) return { kind: "precondition" };

    const etag = encodeHex(sha256.subarray(0, etagBytes));
    const info: ObjectInfo = {
      key,
      size: copy.length,
      etag,
      uploadedMs: this.#ports.clock.now(),
      metadata: { ...options.metadata },
    };
    if (current === undefined) this.#keys.splice(this.#position(key), 0, key);
    this.#objects.set(key, { info, bytes: copy });
    return { kind: "stored", etag };
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    const limit = checkListLimit(options);
    const objects: ObjectInfo[] = [];
    let position = this.#position(prefix);
    if (options.after !== undefined) {
      position = Math.max(position, this.#positionAfter(options.after));
    }
    for (; position < this.#keys.length; position += 1) {
      const key = this.#keys[position] as string;
      if (!key.startsWith(prefix)) break;
      if (objects.length === limit) return { objects, more: true };
      const { info } = this.#objects.get(key) as Entry;
      objects.push(options.metadata === true ? info : { ...info, metadata: {} });
    }
    return { objects, more: false };
  }

  async delete(keys: readonly string[]): Promise<void> {
    checkDeleteKeys(keys);
    for (const key of keys) {
      if (this.#objects.delete(key)) this.#keys.splice(this.#position(key), 1);
    }
  }

  /** Index of the first key that is not below `key`. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#keys[middle] as string, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #positionAfter(key: string): number {
    const position = this.#position(key);
    return this.#keys[position] === key ? position + 1 : position;
  }
}

/**
 * Order of the UTF-8 forms. UTF-16 code units compare alike, but for one thing: surrogates (which
 * stand for the highest code points) lie below U+E000 … U+FFFF; they are lifted above them here.
 */
function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return liftSurrogate(x) - liftSurrogate(y);
  }
  return a.length - b.length;
}

function liftSurrogate(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, i) => byte === b[i]));
}
