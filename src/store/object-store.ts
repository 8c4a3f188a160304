/**
 * The engine's whole view of object storage: immutable bytes under keys, with atomic conditional
 * writes.
 *
 * Promises an implementation must keep (test/conformance/object-store.ts checks each):
 *   - A put is atomic: a reader sees all of it or none of it.
 *   - After put resolves, every later get, head and list sees it; likewise for delete.
 *   - Of concurrent puts with the same `create` key or the same `replace` etag, at most one
 *     succeeds.
 *   - A put that throws may still have happened (`unavailable`). Only a fresh read can tell.
 *
 * Etags may repeat for equal bytes (on R2 the etag of a single-part object is its MD5). So an
 * object written with `replace` must never hold the same bytes twice; bodies carry a version and a
 * nonce for that.
 */
export interface ObjectStore {
  /**
   * The object, or the given range of it; undefined if there is none. A range past the end throws
   * `corrupt`.
   */
  get(key: string, range?: ByteRange): Promise<StoredObject | undefined>;
  head(key: string): Promise<ObjectInfo | undefined>;
  put(key: string, bytes: Uint8Array, mode: PutMode, options?: PutOptions): Promise<PutResult>;
  /** Keys with the prefix in bytewise order, strictly after `after`, at most `limit` (<= 1,000). */
  list(prefix: string, options?: ListOptions): Promise<ListPage>;
  /** Missing keys are not errors. At most 1,000 keys. */
  delete(keys: readonly string[]): Promise<void>;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface ObjectInfo {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly uploadedMs: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredObject extends ObjectInfo {
  /** The bytes asked for, at offset 0 of a buffer of their own. */
  readonly bytes: Uint8Array;
}

export type PutMode =
  | { readonly kind: "create" } // fails if the key exists
  | { readonly kind: "replace"; readonly etag: string }; // fails if the object changed

export interface PutOptions {
  /** SHA-256 the store verifies before it accepts the bytes. */
  readonly sha256?: Uint8Array;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A lost race is an answer, not an exception: the caller always has a next step. */
export type PutResult =
  | { readonly kind: "stored"; readonly etag: string }
  | { readonly kind: "precondition" };

export interface ListOptions {
  readonly after?: string;
  readonly limit?: number;
  /** Ask for metadata too; pages may then be shorter. */
  readonly metadata?: boolean;
}

export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  /** Present when more keys follow: pass the last key as `after`. */
  readonly more: boolean;
}
