/** What the reads of a request came to. */
export interface ReadCounts {
  /** Rounds in which the store was asked at least once. */
  readonly rounds: number;
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
