/**
 * A store that fails when told to: the next requests of a kind are lost before they arrive, or
 * applied with their answer lost, or answered with changed bytes. What is not told passes
 * unchanged.
 */
import { EngineError } from "../src/errors.ts";
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

type Kind = "get" | "head" | "put" | "list" | "delete";
/** `lost`: never arrives. `unanswered`: takes effect. Both throw `unavailable`. */
export type Fault = "lost" | "unanswered" | "overloaded" | "flipped";

export class FaultyStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #faults: { readonly kind: Kind; readonly fault: Fault }[] = [];

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  /** The next `times` requests of this kind fail so. Orders are carried out in sequence. */
  failNext(kind: Kind, fault: Fault, times = 1): void {
    for (let i = 0; i < times; i += 1) this.#faults.push({ kind, fault });
  }

  /** Takes back every order not yet carried out. */
  clear(): void {
    this.#faults.splice(0);
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    const fault = this.#take("get");
    const object = await this.#request(fault, "get", () => this.#inner.get(key, range));
    if (fault === "flipped" && object !== undefined) object.bytes[0] = (object.bytes[0] ?? 0) ^ 1;
    return object;
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#request(this.#take("head"), "head", () => this.#inner.head(key));
  }

  put(key: string, bytes: Uint8Array, mode: PutMode, options?: PutOptions): Promise<PutResult> {
    return this.#request(this.#take("put"), "put", () =>
      this.#inner.put(key, bytes, mode, options),
    );
  }

  list(prefix: string, options?: ListOptions): Promise<ListPage> {
    return this.#request(this.#take("list"), "list", () => this.#inner.list(prefix, options));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#request(this.#take("delete"), "delete", () => this.#inner.delete(keys));
  }

  #take(kind: Kind): Fault | undefined {
    const next = this.#faults.findIndex((order) => order.kind === kind);
    return next < 0 ? undefined : this.#faults.splice(next, 1)[0]?.fault;
  }

  async #request<T>(fault: Fault | undefined, kind: Kind, request: () => Promise<T>): Promise<T> {
    const unknown = kind === "put" ? { outcomeUnknown: true } : {};
    if (fault === "lost") throw new EngineError("unavailable", `${kind}: lost`, unknown);
    if (fault === "overloaded") {
      throw new EngineError("overloaded", `${kind}: too many`, { ...unknown, retryAfterMs: 1_000 });
    }
    const answer = await request();
    if (fault === "unanswered") {
      throw new EngineError("unavailable", `${kind}: no answer`, unknown);
    }
    return answer;
  }
}
