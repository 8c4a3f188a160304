/**
 * What crosses between the isolate that answers a query and the readers of shards. Plain data only,
 * as between Workers and the Namespace object (namespace/protocol.ts), and byte arrays are exact
 * copies: a view would ship its whole buffer.
 *
 * A reader keeps nothing that it was told: all it needs to know comes with each request, and all it
 * remembers are blocks that never change. So it may be lost, replaced or asked twice without harm.
 */
import type { DocumentId } from "./document/id.ts";
import type { Reply } from "./namespace/protocol.ts";
import type { Query } from "./query/query.ts";
import type { ResultRow } from "./query/result.ts";
import type { SearchCounters } from "./search-ports.ts";
import type { Snapshot } from "./snapshot.ts";
import type { ReadCounts } from "./store/read-counts.ts";

/** Checked by the reader: old and new code coexist for minutes during a deploy. */
export const readerProtocol = 1;

export interface ReadRequest {
  readonly protocol: number;
  /** Names the segments that this reader reads, and no tail. */
  readonly snapshot: Snapshot;
  /** For the best `limit` rows of those, without an offset, with all columns that are needed. */
  readonly query: Query;
  /** Ids of these shards that the tail knows better. */
  readonly touched: readonly DocumentId[];
  /** Exact distances of rows that compete for the same places; ascending, at most `limit`. */
  readonly distances: readonly number[];
}

export interface ReadReply {
  /** Best first. */
  readonly rows: readonly ResultRow[];
  readonly counters: SearchCounters;
  readonly reads: ReadCounts;
}

/** One of the readers that a generation of a namespace has. */
export interface ReaderName {
  readonly tenant: string;
  readonly generation: string;
  /** 0 … limits.readersMax-1 */
  readonly number: number;
}

export interface Readers {
  /**
   * Throws, answers with an error or never, for whatever reason: then the caller reads itself. Only
   * `notFound` means something: an object that the snapshot names is gone.
   */
  read(reader: ReaderName, request: ReadRequest): Promise<Reply<ReadReply>>;
}

/** What readers have read for a query; rounds count once for all that read side by side. */
export interface RemoteReads {
  /** Answers of readers. */
  readers: number;
  rounds: number;
  storeRequests: number;
  storeBytes: number;
  edgeHits: number;
  edgeBytes: number;
  memoryHits: number;
  blocks: number;
}

export function noRemoteReads(): RemoteReads {
  return {
    readers: 0,
    rounds: 0,
    storeRequests: 0,
    storeBytes: 0,
    edgeHits: 0,
    edgeBytes: 0,
    memoryHits: 0,
    blocks: 0,
  };
}
