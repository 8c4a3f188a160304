/**
 * Repeats what may be repeated blindly: get, head, list and delete, whose second run has the
 * effect of the first. (Deleting again is safe because no key is ever created anew after it was
 * deleted.)
 *
 * A put passes through exactly once, its failure included. After a put of unknown outcome, a
 * repeated `create` that answers `precondition` may have lost to itself, and only the writer can
 * tell: the WAL and manifest writers compare nonces, writers of uniquely named objects use
 * put-unique.ts.
 */
import { limits } from "../limits.ts";
import { type Backoff, type BackoffPorts, withRetries } from "./backoff.ts";
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

/** At most 0.05 + 0.1 + 0.2 s of waiting: a query that needs longer is better told so. */
const readBackoff: Backoff = { attemptsMax: limits.readAttemptsMax, baseMs: 50, capMs: 1_000 };

export class RetryingStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #ports: BackoffPorts;
  readonly #backoff: Backoff;

  constructor(inner: ObjectStore, ports: BackoffPorts, backoff: Backoff = readBackoff) {
    this.#inner = inner;
    this.#ports = ports;
    this.#backoff = backoff;
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    return this.#retry(() => this.#inner.get(key, range));
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#retry(() => this.#inner.head(key));
  }

  put(key: string, bytes: Uint8Array, mode: PutMode, options?: PutOptions): Promise<PutResult> {
    return this.#inner.put(key, bytes, mode, options);
  }

  list(prefix: string, options?: ListOptions): Promise<ListPage> {
    return this.#retry(() => this.#inner.list(prefix, options));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#retry(() => this.#inner.delete(keys));
  }

  #retry<T>(request: () => Promise<T>): Promise<T> {
    return withRetries(this.#ports, this.#backoff, request);
  }
}
