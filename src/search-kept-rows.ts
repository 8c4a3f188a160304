/**
 * Rows of refine planes that queries have looked at, each kept in memory by itself. Candidates lie
 * apart, so of the nine or thirty rows of a page one or two are wanted: what a query needs again
 * takes a tenth of the memory, and all of it is scored in one go.
 *
 * Rows were cut out of verified pages. They are keyed by segment and ordinal, and segments never
 * change.
 */
import type { SearchContext } from "./search-ports.ts";
import type { MatchedSegment } from "./search-segments.ts";
import type { ByteLru } from "./store/byte-lru.ts";

export class KeptRows {
  readonly #memory: ByteLru | undefined;
  readonly #prefixes: readonly string[];

  constructor({ reader, ports }: SearchContext, segments: readonly MatchedSegment[]) {
    this.#memory = reader.fillsMemory ? ports.cache.memory : undefined;
    this.#prefixes = segments.map(({ segment: { home, info } }) => {
      return `${home.tenant}/${home.generation}/${info.id}?row=`;
    });
  }

  get(segment: number, ordinal: number): Uint8Array | undefined {
    return this.#memory?.get(this.#key(segment, ordinal));
  }

  /** For a row that was not there. */
  put(segment: number, ordinal: number, bytes: Uint8Array): void {
    this.#memory?.put(this.#key(segment, ordinal), bytes);
  }

  get isUsed(): boolean {
    return this.#memory !== undefined;
  }

  #key(segment: number, ordinal: number): string {
    return `${this.#prefixes[segment]}${ordinal}`;
  }
}
