/**
 * What the engine may do with object storage, held against every call that takes effect:
 *
 *   put      `current` and registry entries are replaced, never blindly; everything else is
 *            created, and no name is ever used for other bytes. The one exception are slots of the
 *            log and of manifests: a put that was under way for hours may land where a collection
 *            has been meanwhile. Nobody reads it there, and the next collection takes it.
 *   list     never by who answers queries
 *   delete   by collections and purges alone, and never a registry entry
 */
import { equalBytes } from "../src/format/envelope.ts";
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

export type Caller =
  | "owner"
  | "writer"
  | "reader"
  | "flush"
  | "merge"
  | "collect"
  | "purge"
  | "warm";

const registry = /\/names\/[^/]+$/;
const mutable = /\/(current|names\/[^/]+)$/;
const slot = /\/(wal|manifest)\/[0-9a-f]{16}$/;

export class StoreRules {
  /** The bytes that each name was ever given. */
  readonly #given = new Map<string, Uint8Array>();
  readonly #deleted = new Set<string>();
  puts = 0;
  replacements = 0;
  deletes = 0;

  /** What is wrong with a put that was stored. `bytes` do not change any more. */
  put(key: string, bytes: Uint8Array, mode: PutMode): string | undefined {
    this.puts += 1;
    if (mutable.test(key)) {
      this.replacements += mode.kind === "replace" ? 1 : 0;
      return undefined;
    }
    const before = this.#given.get(key);
    this.#given.set(key, bytes);
    if (mode.kind !== "create") return `${key} is replaced`;
    const isLate = slot.test(key) && this.#deleted.has(key);
    const isNews = before !== undefined && !equalBytes(before, bytes);
    return isNews && !isLate ? `the name ${key} is used again` : undefined;
  }

  list(who: Caller, prefix: string): string | undefined {
    return who === "reader" ? `${prefix} is listed on the query path` : undefined;
  }

  delete(who: Caller, keys: readonly string[]): string | undefined {
    this.deletes += keys.length;
    for (const key of keys) this.#deleted.add(key);
    const entry = keys.find((key) => registry.test(key));
    if (entry !== undefined) return `registry entry ${entry} is deleted`;
    const may = who === "collect" || who === "purge" || keys.length === 0;
    return may ? undefined : `${keys.join()} is deleted by: ${who}`;
  }
}

/** A store whose every call must obey; tells what does not, and goes on. */
export class WatchedStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #who: Caller;
  readonly #rules: StoreRules;
  readonly #onFault: (fault: string) => void;

  constructor(
    inner: ObjectStore,
    who: Caller,
    rules: StoreRules,
    onFault: (fault: string) => void,
  ) {
    this.#inner = inner;
    this.#who = who;
    this.#rules = rules;
    this.#onFault = onFault;
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
    const given = bytes.slice();
    const result = await this.#inner.put(key, bytes, mode, options);
    if (result.kind === "stored") this.#tell(this.#rules.put(key, given, mode));
    return result;
  }

  list(prefix: string, options?: ListOptions): Promise<ListPage> {
    this.#tell(this.#rules.list(this.#who, prefix));
    return this.#inner.list(prefix, options);
  }

  delete(keys: readonly string[]): Promise<void> {
    this.#tell(this.#rules.delete(this.#who, keys));
    return this.#inner.delete(keys);
  }

  #tell(fault: string | undefined): void {
    if (fault !== undefined) this.#onFault(fault);
  }
}
