/**
 * The query flow.
 *
 *   1. Snapshot: one `head` call, which brings what the isolate lacks (snapshot.ts).
 *   2. Bind the query to its schema: from here on only bytes can be wrong.
 *   3. Roots and dead bitmaps that did not come along: one round, usually none.
 *   4. Side by side: the tail, folded newest first and ranked exactly; and the segments as far as
 *      they can be ranked without it. The ids that the tail touched mask every segment before a row
 *      of it can win. Filters are decided first.
 *   5. The best rows of both, by exact distance and id or by id alone.
 *   6. Attributes and vectors of those only, as far as step 4 has not met them.
 *
 * Cost with warm caches: the `head` call. Cold, beside it: at most 3 rounds and 24 reads without a
 * filter, 4 and 41 with one, for ten rows of five segments (query/read-allowance.ts); ordered by
 * id, a round for ids and one for documents.
 *
 * If an object is gone, the snapshot has outlived the collector's grace: the whole query starts
 * over on a new one, once. There is never a partial answer.
 */
import type { DocumentId } from "./document/id.ts";
import { invalid, isEngineError, unavailable } from "./errors.ts";
import { type BoundQuery, type BoundRank, bindQuery } from "./query/bind.ts";
import { splitFilter } from "./query/id-range.ts";
import type { Query } from "./query/query.ts";
import { ReadAllowance } from "./query/read-allowance.ts";
import type { ResultRow, SearchResult } from "./query/result.ts";
import type { AttributeScore } from "./query/score.ts";
import {
  filterRows,
  rankRows,
  scoreRows,
  type TailChunk,
  TailFold,
  type TailPlace,
} from "./query/tail.ts";
import { compareHitIds, compareHits, type Hit, TopK } from "./query/top-k.ts";
import { completeRows, concludeSearch, type Found, type Place } from "./search-answer.ts";
import { diversify } from "./search-diverse.ts";
import { searchNear } from "./search-near.ts";
import { searchInOrder } from "./search-order.ts";
import { both, openContext, type SearchContext, type SearchPorts } from "./search-ports.ts";
import { findRanked } from "./search-ranked.ts";
import {
  askReaders,
  isReadByReaders,
  type KnownTail,
  planReaders,
  type ReadersPlan,
} from "./search-readers.ts";
import type { SegmentRow } from "./search-rows.ts";
import { searchScored } from "./search-scored.ts";
import {
  heldObjects,
  type MatchedSegment,
  matchRows,
  namedObjects,
  type OpenSegment,
  openSegments,
} from "./search-segments.ts";
import { isSmallTail, readTail, walHeldBelow } from "./search-tail.ts";
import { searchVectors } from "./search-vector.ts";
import { type Snapshot, type SnapshotTarget, takeSnapshot } from "./snapshot.ts";
import type { ReadRound } from "./store/block-reader.ts";

/** Throws `notFound`, `invalid`, `malformed`, `overloaded`, `unavailable`, `corrupt`. */
export async function search(
  ports: SearchPorts,
  target: SnapshotTarget,
  query: Query,
): Promise<SearchResult> {
  const startedMs = ports.clock.now();
  return onSnapshot(ports, target, query, async (context) => {
    const bound = bindQuery(query, context.snapshot.schema);
    const isNewest = target.snapshot === undefined;
    const result = await runQuery(context, bound, startedMs, isNewest ? query : undefined);
    context.reader.finish();
    return result;
  });
}

export interface ReadOptions extends Pick<Query, "consistency" | "disableCache"> {
  /** Leaves the block cache as it was. */
  readonly leavesNoTrace?: boolean;
}

/**
 * Runs on the newest snapshot; once more on a newer one if something that it names is gone. On a
 * snapshot that was given it runs once: `notFound` means that nobody kept it.
 */
export async function onSnapshot<T>(
  ports: SearchPorts,
  target: SnapshotTarget,
  { consistency, disableCache, leavesNoTrace }: ReadOptions,
  run: (context: SearchContext) => Promise<T>,
): Promise<T> {
  const { memory, log } = ports;
  if (target.snapshot !== undefined) {
    return await run(openContext(ports, target.snapshot, disableCache, leavesNoTrace));
  }
  for (let isRetry = false; ; isRetry = true) {
    const holdings = disableCache
      ? undefined
      : (last: Snapshot) => ({
          walBelow: walHeldBelow(memory, last),
          ...(ports.readers !== undefined && isReadByReaders(last)
            ? namedObjects(last)
            : heldObjects(memory, last)),
        });
    const snapshot = await takeSnapshot(ports, memory.snapshots, target, consistency, holdings);
    try {
      return await run(openContext(ports, snapshot, disableCache, leavesNoTrace));
    } catch (error) {
      if (!isEngineError(error, "notFound")) throw error;
      memory.snapshots.forget(target.tenant, target.name);
      if (isRetry) throw unavailable("objects of the namespace keep vanishing", error);
      log.warn("query restarted", { name: target.name, reason: error.message });
    }
  }
}

/**
 * Everything after the snapshot. A context may serve several queries, one after the other. `asked`:
 * what was bound, if readers of shards may find its rows.
 */
export async function runQuery(
  context: SearchContext,
  bound: BoundQuery,
  startedMs: number,
  asked?: Query,
): Promise<SearchResult> {
  const pass = async (of: BoundQuery) => {
    const found = await findRows(context, of, asked);
    return { rows: await completeRows(context, of, found), found };
  };
  const { rows, found } =
    bound.per === undefined ? await pass(bound) : await diversify(bound, bound.per, pass);
  return concludeSearch(context, rows, found, context.ports.clock.now() - startedMs);
}

/** What has no flow of its own (search-ranked.ts). */
export type PlainQuery = BoundQuery & {
  readonly rank: Exclude<BoundRank, { readonly kind: "ranked" }>;
};

/** The tail as one query sees it. */
interface TailView {
  readonly fold: TailFold;
  readonly best: TopK<TailPlace>;
  readonly chunks: Map<string, TailChunk>;
  /** Rows that match, where each of them is scored by its value. */
  scored: number;
}

async function findRows(
  context: SearchContext,
  { rank, ...others }: BoundQuery,
  asked: Query | undefined,
): Promise<Found> {
  if (rank.kind === "ranked") {
    return findRanked(context, { rank, ...others }, rank.ranking);
  }
  const bound: PlainQuery = { rank, ...others };
  const tail: TailView = {
    fold: new TailFold(),
    best: new TopK(bound.wanted, orderOf(bound)),
    chunks: new Map(),
    scored: 0,
  };
  const plan = planReaders(context, bound, asked);
  const { segments, rows, read } =
    plan === undefined
      ? await findAlone(context, bound, tail)
      : await findThroughReaders(context, bound, tail, plan);
  const winners = bestRows(bound, tail.best.sorted(), rows, read).slice(bound.offset);
  return { winners, segments, fold: tail.fold, chunks: tail.chunks };
}

async function findAlone(context: SearchContext, bound: PlainQuery, tail: TailView) {
  const opened = await openSegments(context, context.reader.round());
  const round = context.reader.round();
  const tailRead = readTail(context, round, {
    visit: (chunk) => visitChunk(context, bound, tail, chunk),
  });
  const segmentsRead = findInOpened(context, bound, opened, round, async () => {
    await tailRead;
    return knownTail(tail);
  });
  const [, found] = await both(tailRead, segmentsRead);
  return { ...found, read: [] };
}

/** What readers do not find is found here. */
async function findThroughReaders(
  context: SearchContext,
  bound: PlainQuery,
  tail: TailView,
  plan: ReadersPlan,
) {
  await readTail(context, context.reader.round(), {
    visit: (chunk) => visitChunk(context, bound, tail, chunk),
  });
  const known = knownTail(tail);
  const { rows: read, left } = await askReaders(context, plan, known);
  const { snapshot } = context;
  const manifest = { ...snapshot.manifest, segments: left };
  const rest = { ...context, snapshot: { ...snapshot, manifest } };
  const found =
    left.length === 0 ? { segments: [], rows: [] } : await findInSegments(rest, bound, known);
  return { ...found, read };
}

function knownTail({ fold, best, scored }: TailView): KnownTail {
  return {
    touched: fold.touched,
    distances: best.sorted().map(({ distance }) => distance),
    scored,
  };
}

/** The best of the tail, of segments, and of what readers found, in order. */
export function bestRows(
  bound: PlainQuery,
  tail: readonly Hit<TailPlace>[],
  rows: readonly FoundRow[],
  read: readonly ResultRow[],
): readonly Hit<Place>[] {
  const best = new TopK<Place>(bound.wanted, orderOf(bound));
  for (const { distance, id, value } of tail) {
    best.offer({ distance, id, value: { kind: "tail", place: value } });
  }
  for (const row of rows) {
    const { distance, id } = row;
    best.offer({ distance, id: id as DocumentId, value: { kind: "segment", row } });
  }
  for (const row of read) {
    best.offer({ distance: row.distance ?? 0, id: row.id, value: { kind: "read", row } });
  }
  return best.sorted();
}

function orderOf({ rank }: PlainQuery): typeof compareHits {
  if (rank.kind !== "id") {
    return compareHits;
  }
  return rank.descending ? (a, b) => compareHitIds(b, a) : compareHitIds;
}

function visitChunk(
  context: SearchContext,
  { rank, filter }: PlainQuery,
  tail: TailView,
  chunk: TailChunk,
): void {
  const { batch, key } = chunk;
  const rows = filterRows(batch, tail.fold.add(batch), filter);
  if (isSmallTail(context.snapshot)) {
    tail.chunks.set(key, chunk);
  }
  if (rank.kind === "vector") {
    rankRows(rank.distance, chunk, rows, context.ports.kernels, tail.best);
    return;
  }
  tail.scored += rows.length;
  const scoreOf = rank.kind === "score" ? scoreRows(rank.score, batch) : () => 0;
  for (const row of rows) {
    const distance = scoreOf(row);
    if (distance !== undefined) {
      tail.best.offer({ distance, id: batch.ids[row] as DocumentId, value: { chunk: key, row } });
    }
  }
}

/** What costs so much a row that only few may be looked at. */
function requireFew(
  { column, rowsMax = Infinity }: AttributeScore,
  segments: readonly MatchedSegment[],
  scored: number,
): void {
  const rows = segments.reduce((sum, { count }) => sum + count, scored);
  if (rows > rowsMax) {
    const text = `💔 ranking by "${column}" looks at up to ${rowsMax} documents, not at ${rows}`;
    throw invalid(`${text}; add a filter`, "rank_by");
  }
}

/** A row of a segment that may win; ordered by id, all distances are 0. */
type FoundRow = SegmentRow & { readonly distance: number };

interface FoundInSegments {
  readonly segments: readonly MatchedSegment[];
  readonly rows: readonly FoundRow[];
}

/** Rows of all segments of the snapshot that may win beside a tail that is known already. */
export async function findInSegments(
  context: SearchContext,
  bound: PlainQuery,
  tail: KnownTail,
): Promise<FoundInSegments> {
  const { reader } = context;
  const opened = await openSegments(context, reader.round());
  return findInOpened(context, bound, opened, reader.round(), async () => tail);
}

async function findInOpened(
  context: SearchContext,
  bound: PlainQuery,
  opened: readonly OpenSegment[],
  round: ReadRound,
  tailRead: () => Promise<KnownTail>,
): Promise<FoundInSegments> {
  const { rank, filter, wanted, columns } = bound;
  const attributes = columns.attributes.length > 0 ? columns.attributes : undefined;
  const nextRound = (decided: unknown) => (decided === undefined ? round : context.reader.round());
  if (rank.kind === "id") {
    // Bounds on the id are where to begin and to end, so only the rest needs columns.
    const { range, rest } = splitFilter(filter);
    const segments = await matchRows(context, round, opened, rest);
    const { touched } = await tailRead();
    const { descending } = rank;
    const order = { context, segments, range, descending, wanted, attributes, touched };
    const rows = await searchInOrder(order, nextRound(rest));
    return { segments, rows: rows.map((row) => Object.assign(row, { distance: 0 })) };
  }
  const isFiltered = filter !== undefined;
  const allowance = new ReadAllowance(isFiltered, opened.length, () => context.reader.made);
  const segments = await matchRows(context, round, opened, filter);
  if (rank.kind === "score") {
    const { touched, scored } = await tailRead();
    requireFew(rank.score, segments, scored);
    const search = { context, segments, score: rank.score, wanted, touched };
    const { near } = rank;
    const rows =
      near === undefined
        ? await searchScored(search, nextRound(filter))
        : await searchNear({ ...search, near, isFiltered, allowance, tail: await tailRead() });
    return { segments, rows };
  }
  const rows = await searchVectors(
    {
      context,
      segments,
      distance: rank.distance,
      wanted,
      exhaustive: rank.exhaustive,
      isFiltered,
      allowance,
      attributes,
      keepVectors: columns.vector !== undefined,
      tail: tailRead,
    },
    nextRound(filter),
  );
  return { segments, rows };
}
