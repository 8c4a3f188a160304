/**
 * Has readers of a large namespace with shards find the rows of their segments (reader.ts); what
 * none of them finds is left to the caller.
 *
 *   1. `planReaders` says which reader reads what, or that this isolate reads all of it.
 *   2. Each reader is sent its segments, the ids of its shards that the tail touched, and how near
 *      the best rows of the tail are; it answers with the best of its rows, columns included.
 *   3. Segments of readers that fail, for whatever reason, or do not answer in time are named: the
 *      caller reads them itself, once, and what it meets then counts. Only that an object is gone
 *      is believed: a newer snapshot may do without it.
 *
 * Invariant: every segment of the snapshot is among those whose rows are answered, or among those
 * that are left; never in both.
 *
 * Cost: one call for each reader, side by side. Memory: the rows of all of them, reserved while
 * they come in.
 */

import type { DocumentId } from "./document/id.ts";
import { primaryVector, type Schema } from "./document/schema.ts";
import { isEngineError, unavailable } from "./errors.ts";
import type { SegmentInfo } from "./format/manifest.ts";
import { shardCount, splitIds } from "./format/shard.ts";
import { limits } from "./limits.ts";
import { replyValue } from "./namespace/protocol.ts";
import type { BoundQuery, BoundRank } from "./query/bind.ts";
import type { Query, Rank } from "./query/query.ts";
import type { ResultRow } from "./query/result.ts";
import {
  type Readers,
  type ReadReply,
  type ReadRequest,
  readerProtocol,
} from "./reader-protocol.ts";
import { rowBytes, textsIn, unreservedBytes } from "./search-answer.ts";
import type { SearchContext } from "./search-ports.ts";
import { isSmallTail } from "./search-tail.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the tail means to segments. */
export interface KnownTail {
  readonly touched: ReadonlySet<DocumentId>;
  /** Exact distances of its best documents, at most as many as are wanted. */
  readonly distances: readonly number[];
  /** Documents that match, where each of them is scored by its value. */
  readonly scored: number;
}

export interface ReadersPlan {
  readonly readers: Readers;
  readonly query: Query;
  /** Of each reader that has any. */
  readonly segments: ReadonlyMap<number, readonly SegmentInfo[]>;
  /** What all of their rows may take. */
  readonly bytes: number;
}

/** Answers of readers, and the segments of those that gave none. */
export interface ReadByReaders {
  readonly rows: readonly ResultRow[];
  readonly left: readonly SegmentInfo[];
}

/** Of an answered row, beside its columns. */
const hitBytes = 100;

/** Whether a namespace is large enough, and its segments are sorted by shard. */
export function isReadByReaders({ manifest }: Pick<Snapshot, "manifest">): boolean {
  const { segments, settings } = manifest;
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  return (
    shardCount(settings) > 1 &&
    bytes >= limits.readersBytesMin &&
    segments.length > 0 &&
    segments.every(({ shard }) => shard !== undefined)
  );
}

/** `asked`: what is bound, if it is the only query of its request, and on the newest snapshot. */
export function planReaders(
  { ports: { readers }, snapshot, disableCache }: SearchContext,
  { rank, filter, per, wanted, columns, computed = [] }: BoundQuery,
  asked: Query | undefined,
): ReadersPlan | undefined {
  const { manifest, schema, unindexedRows } = snapshot;
  if (
    readers === undefined ||
    asked === undefined ||
    per !== undefined ||
    textsIn(computed).length > 0 ||
    !isSmallTail(snapshot) ||
    unindexedRows > limits.readersTailRowsMax ||
    !isReadByReaders(snapshot)
  ) {
    return undefined;
  }
  const shipped = shipRank(rank, schema, filter !== undefined);
  const count = Math.min(shardCount(manifest.settings), limits.readersMax);
  const bytes = count * wanted * (hitBytes + rowBytes(snapshot, columns));
  if (shipped === undefined || bytes > limits.readersAnswerBytesMax) {
    return undefined;
  }
  const { attributes, vector } = columns;
  const names = vector === undefined ? attributes : [...attributes, vector];
  const { filters, metric, consistency } = asked;
  const query: Query = {
    rank: shipped,
    limit: wanted,
    offset: 0,
    filters,
    attributes: { kind: "only", names },
    metric,
    consistency,
    disableCache,
  };
  const segments = Map.groupBy(manifest.segments, ({ shard }) => readerOf(shard));
  return { readers, query, segments, bytes };
}

/** Undefined: readers would be no help. Walking ids in order reads little, and as much in each. */
function shipRank(rank: BoundRank, schema: Schema, isFiltered: boolean): Rank | undefined {
  const column = primaryVector(schema)?.name;
  if (rank.kind === "vector" && column !== undefined) {
    const { exhaustive, distance } = rank;
    return { kind: "vector", exhaustive, column, vector: distance.vector.slice() };
  }
  if (rank.kind === "score" && rank.near !== undefined) {
    const { exhaustive, distance } = rank.near;
    const { column: other } = rank.score;
    return { kind: "vector", exhaustive, column: other, vector: distance.vector.slice() };
  }
  return rank.kind === "id" && isFiltered ? rank : undefined;
}

function readerOf(shard = 0): number {
  return shard % limits.readersMax;
}

// ---- Asking them
// ------------------------------------------------------------------------------------

export async function askReaders(
  context: SearchContext,
  plan: ReadersPlan,
  tail: KnownTail,
): Promise<ReadByReaders> {
  const { bytes, segments } = plan;
  const { budget } = context.ports;
  const reservation = bytes <= unreservedBytes ? undefined : await budget.reserve(bytes);
  try {
    const touched = touchedByReader(context.snapshot, tail.touched);
    const settled = await Promise.allSettled(
      [...segments].map(async ([number, own]) => {
        const ids = touched.get(number) ?? [];
        const request: ReadRequest = {
          protocol: readerProtocol,
          snapshot: snapshotOf(context.snapshot, own, ids.length),
          query: plan.query,
          touched: ids,
          distances: tail.distances,
        };
        return { own, answer: await askReader(context, plan.readers, number, request) };
      }),
    );
    const left: SegmentInfo[] = [];
    const answers: ReadReply[] = [];
    for (const outcome of settled) {
      if (outcome.status === "rejected") throw outcome.reason;
      const { own, answer } = outcome.value;
      if (answer === undefined) left.push(...own);
      else answers.push(answer);
    }
    addUp(context, answers);
    return { rows: answers.flatMap(({ rows }) => rows), left };
  } finally {
    reservation?.release();
  }
}

/** Undefined: it did not, and the reason does not matter. */
async function askReader(
  { ports: { clock, log }, snapshot: { tenant, generation } }: SearchContext,
  readers: Readers,
  number: number,
  request: ReadRequest,
): Promise<ReadReply | undefined> {
  try {
    const late = clock.sleep(limits.readerPatienceMs).then(() => undefined);
    const reply = await Promise.race([readers.read({ tenant, generation, number }, request), late]);
    if (reply === undefined) throw unavailable("no answer in time");
    return replyValue(reply);
  } catch (error) {
    if (isEngineError(error, "notFound")) throw error;
    log.warn("a reader failed", { generation, reader: number, error: String(error) });
    return undefined;
  }
}

/** Ids of the tail by who reads their shards. */
function touchedByReader(
  { schema, manifest }: Snapshot,
  touched: ReadonlySet<DocumentId>,
): ReadonlyMap<number, readonly DocumentId[]> {
  const byReader = new Map<number, DocumentId[]>();
  for (const [shard, ids] of splitIds(schema.idKind, [...touched], shardCount(manifest.settings))) {
    const number = readerOf(shard);
    const others = byReader.get(number) ?? [];
    byReader.set(number, [...others, ...ids]);
  }
  return byReader;
}

const none = new Uint8Array(0);

/** The snapshot as a reader of these segments needs it. `touched`: ids of theirs in the tail. */
function snapshotOf(
  snapshot: Snapshot,
  segments: readonly SegmentInfo[],
  touched: number,
): Snapshot {
  const { manifest, inline } = snapshot;
  const copies = (held: ReadonlyMap<string, Uint8Array>, keys: readonly string[]) =>
    new Map(
      keys.flatMap((key) => {
        const bytes = held.get(key);
        return bytes === undefined ? [] : [[key, bytes.slice()] as const];
      }),
    );
  return {
    ...snapshot,
    manifest: {
      ...manifest,
      nonce: none,
      floorHash: none,
      segments: segments.map((segment) => ({
        ...segment,
        parts: segment.parts.map(({ bytes, sha256 }) => ({ bytes, sha256: sha256.slice() })),
      })),
      inherited: [],
      keys: [],
      applied: [],
      dead: [],
    },
    floor: snapshot.next,
    skipped: new Set(),
    unindexedRows: touched,
    unindexedBytes: 0,
    inline: {
      wal: new Map(),
      roots: copies(
        inline.roots,
        segments.map(({ id }) => id),
      ),
      dead: copies(
        inline.dead,
        segments.map(({ id, dead }) => `${id}/${dead.name}`),
      ),
    },
  };
}

/** What they did counts as if this isolate had done it. */
function addUp({ counters, remote }: SearchContext, answers: readonly ReadReply[]): void {
  remote.readers += answers.length;
  remote.rounds += answers.reduce((most, { reads }) => Math.max(most, reads.rounds), 0);
  for (const { reads, counters: counted } of answers) {
    remote.storeRequests += reads.storeRequests;
    remote.storeBytes += reads.storeBytes;
    remote.edgeHits += reads.edgeHits;
    remote.edgeBytes += reads.edgeBytes;
    remote.memoryHits += reads.memoryHits;
    remote.blocks += reads.blocks;
    counters.candidates += counted.candidates;
    counters.refined += counted.refined;
    counters.exact += counted.exact;
    counters.masked += counted.masked;
    counters.clustersProbed += counted.clustersProbed;
  }
}
