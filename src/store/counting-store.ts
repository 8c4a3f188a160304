/**
 * Counts what passes: requests by kind, bytes both ways, and how many were under way at once.
 * Requests are what the platform bills and what a cold query waits for, so tests assert them.
 *
 * One wrapper for the process and one more around it for each request give totals and a request's
 * own share: `new CountingStore(total)` counts in both.
 */
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

export interface StoreCounts {
  readonly get: number;
  readonly head: number;
  readonly put: number;
  readonly list: number;
  readonly delete: number;
  /** Requests that threw; they are counted under their kind too. */
  readonly failed: number;
  /** Puts that lost: the key existed, or had changed. */
  readonly preconditions: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Most requests under way at the same time. */
  readonly inFlightPeak: number;
}

type Kind = "get" | "head" | "put" | "list" | "delete";

const noCounts: StoreCounts = {
  get: 0,
  head: 0,
  put: 0,
  list: 0,
  delete: 0,
  failed: 0,
  preconditions: 0,
  bytesRead: 0,
  bytesWritten: 0,
  inFlightPeak: 0,
};

export class CountingStore implements ObjectStore {
  readonly #inner: ObjectStore;
  #counts: { -readonly [K in keyof StoreCounts]: StoreCounts[K] } = { ...noCounts };
  #inFlight = 0;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  /** A copy: later requests do not change it. */
  counts(): StoreCounts {
    return { ...this.#counts };
  }

  /** Every request so far, whatever its kind. */
  get requests(): number {
    const { get, head, put, list } = this.#counts;
    return get + head + put + list + this.#counts.delete;
  }

  /** Starts from zero again. Requests under way stay counted as under way. */
  reset(): void {
    this.#counts = { ...noCounts, inFlightPeak: this.#inFlight };
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    const object = await this.#count("get", () => this.#inner.get(key, range));
    this.#counts.bytesRead += object?.bytes.length ?? 0;
    return object;
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#count("head", () => this.#inner.head(key));
  }

  async put(
    key: string,
    bytes: Uint8Array,
    mode: PutMode,
    options?: PutOptions,
  ): Promise<PutResult> {
    this.#counts.bytesWritten += bytes.length;
    const result = await this.#count("put", () => this.#inner.put(key, bytes, mode, options));
    if (result.kind === "precondition") this.#counts.preconditions += 1;
    return result;
  }

  list(prefix: string, options?: ListOptions): Promise<ListPage> {
    return this.#count("list", () => this.#inner.list(prefix, options));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#count("delete", () => this.#inner.delete(keys));
  }

  async #count<T>(kind: Kind, request: () => Promise<T>): Promise<T> {
    this.#counts[kind] += 1;
    this.#inFlight += 1;
    this.#counts.inFlightPeak = Math.max(this.#counts.inFlightPeak, this.#inFlight);
    try {
      return await request();
    } catch (error) {
      this.#counts.failed += 1;
      throw error;
    } finally {
      this.#inFlight -= 1;
    }
  }
}
