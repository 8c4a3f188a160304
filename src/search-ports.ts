/**
 * What the parts of the search flow share: the isolate's caches, and the state of one attempt at a
 * query.
 */
import type { Bitmap } from "./bytes/bitmap.ts";
import type { ComparableValue } from "./document/value.ts";
import type { ColumnCodes } from "./index/segment/column-rows.ts";
import type { Segment } from "./index/segment/segment.ts";
import type { Rotation } from "./index/vector/rotation.ts";
import { limits } from "./limits.ts";
import type { IndexPorts } from "./ports.ts";
import type { TailPiece } from "./query/tail.ts";
import { noRemoteReads, type Readers, type RemoteReads } from "./reader-protocol.ts";
import { type Snapshot, SnapshotCache } from "./snapshot.ts";
import { BlockReader, type BlockReaderPorts } from "./store/block-reader.ts";
import { WeightedLru } from "./store/weighted-lru.ts";

export interface SearchPorts extends IndexPorts, Omit<BlockReaderPorts, "clock"> {
  readonly memory: SearchMemory;
  /** Others that read shards of large namespaces; absent: this isolate reads all of them. */
  readonly readers?: Readers;
}

/** What an isolate keeps between queries besides blocks; all of it may be dropped at any time. */
export interface SearchMemory {
  readonly snapshots: SnapshotCache;
  /** Opened segments by key of their root. */
  readonly segments: WeightedLru<Segment>;
  /** Dead rows, and rows that match a filter. */
  readonly bitmaps: WeightedLru<Bitmap>;
  /** Codes of whole columns, by their first block. */
  readonly columns: WeightedLru<ColumnCodes>;
  /** Values of chunks of dictionaries. */
  readonly dictionaries: WeightedLru<readonly ComparableValue[]>;
  /** Rotations of namespaces, by dimensions and seed. */
  readonly rotations: WeightedLru<Rotation>;
  /** Decoded WAL entries and attachments of small tails. */
  readonly tail: WeightedLru<readonly TailPiece[]>;
  /** Vector columns, by generation, that were searched before. */
  readonly searched: WeightedLru<true>;
}

/** One per isolate. */
export function createSearchMemory(): SearchMemory {
  return {
    snapshots: new SnapshotCache(),
    segments: new WeightedLru(limits.decodedRootsBytesMax),
    bitmaps: new WeightedLru(limits.decodedBitmapsBytesMax),
    columns: new WeightedLru(limits.decodedColumnsBytesMax),
    dictionaries: new WeightedLru(limits.decodedDictionariesBytesMax),
    rotations: new WeightedLru(limits.rotationsBytesMax),
    tail: new WeightedLru(limits.decodedTailBytesMax),
    searched: new WeightedLru(limits.searchedNamesMax),
  };
}

/** One attempt at a query on one snapshot. */
export interface SearchContext {
  readonly ports: SearchPorts;
  readonly snapshot: Snapshot;
  readonly reader: BlockReader;
  readonly disableCache: boolean;
  readonly counters: SearchCounters;
  /** What readers did for it. */
  readonly remote: RemoteReads;
}

export interface SearchCounters {
  candidates: number;
  refined: number;
  exact: number;
  masked: number;
  clustersProbed: number;
}

export function openContext(
  ports: SearchPorts,
  snapshot: Snapshot,
  disableCache: boolean,
  leavesNoTrace = false,
): SearchContext {
  return {
    ports,
    snapshot,
    reader: new BlockReader(ports, { disableCache, leavesNoTrace }),
    disableCache,
    counters: { candidates: 0, refined: 0, exact: 0, masked: 0, clustersProbed: 0 },
    remote: noRemoteReads(),
  };
}

/** Waits for both to end, so that nothing is left running, then throws the first failure. */
export async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<readonly [A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  return [first.value, second.value];
}
