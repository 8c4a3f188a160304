/** Holds every get until the test lets it go on: for tests of what happens in between. */
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
} from "../../src/store/object-store.ts";

interface PausedGet {
  readonly key: string;
  readonly offset: number;
  resume(): void;
}

export class PausedStore implements ObjectStore {
  readonly #inner: ObjectStore;
  /** Those that wait, in the order in which they were sent. */
  readonly gets: PausedGet[] = [];
  /** All that were ever sent. */
  sent = 0;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    this.sent += 1;
    await new Promise<void>((resume) => {
      this.gets.push({ key, offset: range?.offset ?? 0, resume });
    });
    return this.#inner.get(key, range);
  }

  /** Lets the get at this offset go on, and everything happen that follows from it. */
  async resume(offset: number): Promise<void> {
    const at = this.gets.findIndex((get) => get.offset === offset);
    const [get] = this.gets.splice(at, 1);
    if (at < 0 || get === undefined) throw new Error(`no get waits at ${offset}`);
    get.resume();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async resumeAll(): Promise<void> {
    while (this.gets.length > 0) await this.resume(this.gets[0]?.offset ?? 0);
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#inner.head(key);
  }

  put(key: string, bytes: Uint8Array, mode: PutMode, options?: PutOptions): Promise<PutResult> {
    return this.#inner.put(key, bytes, mode, options);
  }

  list(prefix: string, options?: ListOptions): Promise<ListPage> {
    return this.#inner.list(prefix, options);
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#inner.delete(keys);
  }
}
