/**
 * The store as an owner writes to it: every put is issued in the same turn as a write to the
 * object's own storage. The platform lets the put out only once that write is durable and refuses
 * the write of an instance that was replaced, so a replaced instance puts nothing: no log entry, no
 * manifest, no registry entry, and no repetition of one it tried before.
 *
 * Cost: a storage write for each put. The log's is no extra: it carries the intent.
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
} from "./store/object-store.ts";

export class FencedStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #fence: () => Promise<unknown>;

  /** `fence` issues a storage write before it returns. */
  constructor(inner: ObjectStore, fence: () => Promise<unknown>) {
    this.#inner = inner;
    this.#fence = fence;
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    return this.#inner.get(key, range);
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#inner.head(key);
  }

  async put(
    key: string,
    bytes: Uint8Array,
    mode: PutMode,
    options?: PutOptions,
  ): Promise<PutResult> {
    const [, result] = await Promise.all([
      this.#fence(),
      this.#inner.put(key, bytes, mode, options),
    ]);
    return result;
  }

  list(prefix: string, options?: ListOptions): Promise<ListPage> {
    return this.#inner.list(prefix, options);
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#inner.delete(keys);
  }
}
