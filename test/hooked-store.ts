/** A store whose every request passes through a hook that may count it, fail it or hold it back. */
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
} from "../src/store/object-store.ts";
import type { Hook } from "./owner-platform.ts";

export class HookedStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #hook: Hook;

  constructor(inner: ObjectStore, hook: Hook) {
    this.#inner = inner;
    this.#hook = hook;
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    return this.#hook(`store get ${key}`, () => this.#inner.get(key, range));
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#hook(`store head ${key}`, () => this.#inner.head(key));
  }

  put(key: string, bytes: Uint8Array, mode: PutMode, options?: PutOptions): Promise<PutResult> {
    return this.#hook(`store put ${key}`, () => this.#inner.put(key, bytes, mode, options));
  }

  list(prefix: string, options?: ListOptions): Promise<ListPage> {
    return this.#hook(`store list ${prefix}`, () => this.#inner.list(prefix, options));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#hook(`store delete ${keys.join()}`, () => this.#inner.delete(keys));
  }
}
