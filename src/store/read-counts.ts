/** Counts of what a request reads. */
import type { ObjectStore } from "./object-store.ts";

/** What the reads of a request came to. */
export interface ReadCounts {
  /** Rounds in which the store was asked at least once. */
  readonly rounds: number;
  /** Of each of them, what the store sent. */
  readonly roundBytes: readonly number[];
  readonly storeRequests: number;
  readonly storeBytes: number;
  readonly edgeLookups: number;
  readonly edgeHits: number;
  readonly edgeBytes: number;
  /** Entries of the edge cache that failed their check. */
  readonly edgeRejected: number;
  readonly memoryHits: number;
  /** Blocks and whole objects delivered. */
  readonly blocks: number;
  readonly reservedBytesPeak: number;
}

/** hot: all from memory. warm: nothing from the store. cold: the rest. */
export type Temperature = "hot" | "warm" | "cold";

export function temperatureOf(counts: Pick<ReadCounts, "storeRequests" | "edgeHits">): Temperature {
  if (counts.storeRequests > 0) return "cold";
  return counts.edgeHits > 0 ? "warm" : "hot";
}

/** A set of reads of which none waits for another's bytes. */
export interface RoundOfReads {
  /** To be called for each request. */
  readonly ask: () => ObjectStore;
  readonly took: (bytes: number) => void;
}

/** Counts what is asked of the store, by round; one counts from its first request on. */
export class StoreReads {
  #requests = 0;
  readonly #roundBytes: number[] = [];

  get requests(): number {
    return this.#requests;
  }

  get bytes(): number {
    return this.#roundBytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  round(store: ObjectStore): RoundOfReads {
    let at: number | undefined;
    return {
      ask: () => {
        at ??= this.#roundBytes.push(0) - 1;
        this.#requests += 1;
        return store;
      },
      took: (bytes) => {
        if (at !== undefined) this.#roundBytes[at] = (this.#roundBytes[at] as number) + bytes;
      },
    };
  }

  counts(): Pick<ReadCounts, "rounds" | "roundBytes" | "storeRequests" | "storeBytes"> {
    return {
      rounds: this.#roundBytes.length,
      roundBytes: [...this.#roundBytes],
      storeRequests: this.#requests,
      storeBytes: this.bytes,
    };
  }
}
