/**
 * The edge tier of the block cache on the Cache API of the data centre. Best effort by nature:
 * any call may fail or forget, on some hosts none has an effect, and the block cache takes all of
 * it as a miss.
 *
 * Keys are URLs on a host that cannot be reached, in a cache of our own: nothing outside can ask
 * for them. Entries are whole blocks of immutable objects, so they never need to be purged. Cost:
 * one of the six connections while a call waits; no charge.
 */
import type { EdgeCache } from "../../src/store/block-cache.ts";

const cacheNameDefault = "shoal-blocks";
const origin = "https://blocks.shoal.invalid/";
const yearSeconds = 31_536_000;

export interface EdgeCounts {
  readonly hits: number;
  readonly misses: number;
}

export class CacheApi implements EdgeCache {
  readonly #storage: CacheStorage;
  readonly #name: string;
  #hits = 0;
  #misses = 0;

  /** Another name is another cache: empty, and no way to empty this one is needed. */
  constructor(storage: CacheStorage, name: string = cacheNameDefault) {
    this.#storage = storage;
    this.#name = name;
  }

  counts(): EdgeCounts {
    return { hits: this.#hits, misses: this.#misses };
  }

  async match(key: string): Promise<Uint8Array | undefined> {
    const cache = await this.#storage.open(this.#name);
    const response = await cache.match(urlOf(key));
    if (response === undefined) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    return new Uint8Array(await response.arrayBuffer());
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const cache = await this.#storage.open(this.#name);
    // A body of known length: one of unknown length would block other puts until it ends.
    const response = new Response(bytes, {
      headers: {
        "cache-control": `public, max-age=${yearSeconds}, immutable`,
        "content-length": String(bytes.length),
        "content-type": "application/octet-stream",
      },
    });
    await cache.put(urlOf(key), response);
  }
}

function urlOf(key: string): string {
  return origin + encodeURIComponent(key);
}
