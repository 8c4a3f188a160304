/** What a scrub has looked at, and what it found to be wrong, in words. */
import { isEngineError } from "../../src/errors.ts";
import type { Digest } from "../../src/ports.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";

export interface Fault {
  /** The object at fault. */
  readonly key: string;
  readonly what: string;
  /** For whoever uses the namespace. */
  readonly meaning: string;
  readonly remedy: string;
}

/** Something worth knowing that is not wrong. */
export type Note = string;

export interface Lesson {
  readonly meaning: string;
  readonly remedy: string;
}

const inHandMax = 4;

export class Ledger {
  readonly store: ObjectStore;
  readonly digest: Digest;
  readonly faults: Fault[] = [];
  readonly notes: Note[] = [];
  objects = 0;
  bytes = 0;
  entries = 0;
  segments = 0;
  rows = 0;
  readonly #onProgress: (what: string) => void;
  readonly #inHand = new Map<string, Uint8Array>();
  /** What was verified, in words: how many. */
  readonly verified = new Map<string, number>();

  constructor(store: ObjectStore, digest: Digest, onProgress: (what: string) => void = () => {}) {
    this.store = store;
    this.digest = digest;
    this.#onProgress = onProgress;
  }

  progress(what: string): void {
    this.#onProgress(what);
  }

  /** One more of these is as it should be. */
  count(what: string, number = 1): void {
    this.verified.set(what, (this.verified.get(what) ?? 0) + number);
  }

  fault(key: string, what: string, { meaning, remedy }: Lesson): void {
    this.faults.push({ key, what, meaning, remedy });
  }

  /** The object's bytes; a fault, and undefined, if it is missing. */
  async read(key: string, lesson: Lesson): Promise<Uint8Array | undefined> {
    const stored = await this.readIfAny(key);
    if (stored === undefined) this.fault(key, "is missing", lesson);
    return stored;
  }

  async readIfAny(key: string): Promise<Uint8Array | undefined> {
    const stored = await this.store.get(key);
    if (stored === undefined) return undefined;
    this.objects += 1;
    this.bytes += stored.bytes.length;
    return stored.bytes;
  }

  /** The object's bytes if it was one of the last few that were kept. */
  atHand(key: string): Uint8Array | undefined {
    return this.#inHand.get(key);
  }

  keep(key: string, bytes: Uint8Array): void {
    this.#inHand.delete(key);
    this.#inHand.set(key, bytes);
    const [oldest] = this.#inHand.keys();
    if (this.#inHand.size > inHandMax && oldest !== undefined) this.#inHand.delete(oldest);
  }

  /** Not counted: it was read before. */
  async takeInHand(key: string): Promise<Uint8Array | undefined> {
    const stored = await this.store.get(key);
    if (stored !== undefined) this.keep(key, stored.bytes);
    return stored?.bytes;
  }

  /** What `open` makes of it; a fault, and undefined, if it finds it corrupt. */
  async open<T>(key: string, lesson: Lesson, open: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await open();
    } catch (error) {
      if (!isEngineError(error, "corrupt")) throw error;
      this.fault(key, error.message, lesson);
      return undefined;
    }
  }

  /** Every key below the prefix, in order. */
  async *list(prefix: string): AsyncGenerator<{ key: string; size: number; uploadedMs: number }> {
    for (let after: string | undefined; ; ) {
      const page = await this.store.list(prefix, after === undefined ? {} : { after });
      yield* page.objects;
      after = page.objects.at(-1)?.key;
      if (!page.more || after === undefined) return;
    }
  }
}
