/**
 * Turns the winners of a query into its answer: reads what the user wants to see of them, and adds
 * up what it all cost.
 */
import type { DocumentId } from "./document/id.ts";
import { elementBytes, primaryVector } from "./document/schema.ts";
import type { AttributeValue } from "./document/value.ts";
import { invalid } from "./errors.ts";
import { widenVectors } from "./format/vector-element.ts";
import { limits } from "./limits.ts";
import type { BoundQuery, BoundRank, WantedColumns } from "./query/bind.ts";
import type { Computation } from "./query/computed.ts";
import { exactDistance } from "./query/distance.ts";
import { leavesOf, prepareScore, type TextLeaf } from "./query/expression.ts";
import { highlightValue } from "./query/highlight.ts";
import {
  billSearch,
  type ComputedValue,
  type ResultRow,
  type RowAttribute,
  type SearchPerformance,
  type SearchResult,
} from "./query/result.ts";
import {
  batchValues,
  sequenceOfChunk,
  type TailChunk,
  type TailFold,
  type TailPlace,
} from "./query/tail.ts";
import type { Hit } from "./query/top-k.ts";
import { leafOfValues } from "./search-leaves.ts";
import type { SearchContext } from "./search-ports.ts";
import { fetchRows, type SegmentRow } from "./search-rows.ts";
import type { MatchedSegment } from "./search-segments.ts";
import { readTail } from "./search-tail.ts";
import { readTextScores, type TextScores } from "./search-text.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Reservation } from "./store/memory-budget.ts";
import { temperatureOf } from "./store/read-counts.ts";

/** Where the document of a winner is. */
export type Place =
  | { readonly kind: "tail"; readonly place: TailPlace }
  | { readonly kind: "segment"; readonly row: SegmentRow }
  /** Complete as it came from a reader. */
  | { readonly kind: "read"; readonly row: ResultRow };

export interface Found {
  readonly winners: readonly Hit<Place>[];
  readonly segments: readonly MatchedSegment[];
  readonly fold: TailFold;
  /** Chunks of the tail that are at hand. */
  readonly chunks: ReadonlyMap<string, TailChunk>;
}

interface Contents {
  readonly attributes: readonly RowAttribute[] | undefined;
  readonly vector: Float32Array | undefined;
}

/** The winners with the columns that the query wants to see. */
export async function completeRows(
  context: SearchContext,
  { columns, rank, shown = columns, computed = [] }: BoundQuery,
  { winners, segments, chunks }: Found,
): Promise<readonly ResultRow[]> {
  const reservation = await reserveRows(context, columns, winners.length);
  try {
    const names = new Set(shown.attributes);
    const isShown = ({ name }: RowAttribute): boolean => names.has(name);
    await fetchMissing(context, columns, segments, winners);
    const tail = await completeTail(context, columns, chunks, winners);
    const texts = await readTextScores(context, textsIn(computed), segments);
    return winners.map(({ id, distance, value }) => {
      const contents = value.kind === "tail" ? tail.get(id) : contentsOfRow(value);
      const { vector } = contents ?? {};
      const element = primaryVector(context.snapshot.schema)?.element ?? "f32";
      const attributes = contents?.attributes ?? [];
      return {
        id,
        distance: showDistance(rank, distance),
        attributes: shown === columns ? attributes : attributes.filter(isShown),
        vector:
          shown.vector === undefined || vector === undefined
            ? undefined
            : { name: shown.vector, element, values: vector },
        ...(computed.length === 0
          ? {}
          : { computed: computeValues(computed, texts, { id, attributes, vector }) }),
      };
    });
  } finally {
    reservation?.release();
  }
}

function contentsOfRow(place: Exclude<Place, { kind: "tail" }>): Contents {
  const { attributes, vector } = place.row;
  return { attributes, vector: vector instanceof Float32Array ? vector : vector?.values };
}

/** Their numbers depend on all segments, not only on the row's. */
export function textsIn(computed: readonly Computation[]): readonly TextLeaf[] {
  const leaves = computed.flatMap((each) =>
    each.kind === "expression" ? leavesOf(each.expression) : [],
  );
  return leaves.filter((leaf) => leaf.kind === "text");
}

/** Those of which there is something to say; scores of what a row lacks are 0. */
function computeValues(
  computed: readonly Computation[],
  texts: TextScores,
  { id, attributes, vector }: Contents & { readonly id: DocumentId },
): readonly ComputedValue[] {
  const values = new Map(attributes?.map(({ name, value }) => [name, value]));
  const valueOf = (name: string): AttributeValue =>
    name === "id" ? id : (values.get(name) ?? null);
  return computed.flatMap((each): readonly ComputedValue[] => {
    const { name } = each;
    switch (each.kind) {
      case "distance":
        return vector === undefined
          ? []
          : [{ name, value: exactDistance(each.distance, vector, 0) }];
      case "score": {
        const value = each.score.distanceOf(valueOf(each.score.column));
        return value === undefined ? [] : [{ name, value }];
      }
      case "expression": {
        const score = prepareScore(
          each.expression,
          leafOfValues(
            (attribute) => () => valueOf(attribute),
            (leaf) => () => texts.ofValue(leaf, valueOf(leaf.clause.attribute)),
          ),
        );
        return [{ name, value: score(0) || 0 }];
      }
      case "highlight": {
        const { highlight } = each;
        return [{ name, value: highlightValue(highlight, valueOf(highlight.attribute)) }];
      }
    }
  });
}

function showDistance(rank: BoundRank, distance: number): number | undefined {
  if (rank.kind === "id") {
    return undefined;
  }
  if (rank.kind === "ranked") {
    return rank.ranking.kind === "order" ? undefined : -distance;
  }
  return rank.kind === "score" ? rank.score.show(distance) : distance;
}

// ---- Segments
// ---------------------------------------------------------------------------------------

async function fetchMissing(
  context: SearchContext,
  { attributes, vector }: WantedColumns,
  segments: readonly MatchedSegment[],
  winners: readonly Hit<Place>[],
): Promise<void> {
  const rows = winners.flatMap(({ value }) => (value.kind === "segment" ? [value.row] : []));
  const lackAttributes = attributes.length > 0 && rows.some((row) => row.attributes === undefined);
  const lackVectors = vector !== undefined && rows.some((row) => row.vector === undefined);
  const dims = primaryVector(context.snapshot.schema)?.dims ?? 0;
  await fetchRows(context.reader.round(), segments, rows, {
    ids: false,
    attributes: lackAttributes ? attributes : undefined,
    onVector: lackVectors
      ? (row, values, start) => {
          row.vector = values.slice(start, start + dims);
        }
      : undefined,
  });
}

// ---- Tail
// -------------------------------------------------------------------------------------------

async function completeTail(
  context: SearchContext,
  columns: WantedColumns,
  held: ReadonlyMap<string, TailChunk>,
  winners: readonly Hit<Place>[],
): Promise<ReadonlyMap<DocumentId, Contents>> {
  const contents = new Map<DocumentId, Contents>();
  const byChunk = new Map<string, number[]>();
  for (const { value } of winners) {
    if (value.kind === "tail") {
      const { chunk, row } = value.place;
      const rows = byChunk.get(chunk) ?? [];
      rows.push(row);
      byChunk.set(chunk, rows);
    }
  }
  const visit = (chunk: TailChunk): void => {
    for (const row of byChunk.get(chunk.key) ?? []) {
      contents.set(chunk.batch.ids[row] as DocumentId, contentsOf(chunk, row, columns));
    }
  };
  if (columns.attributes.length === 0 && columns.vector === undefined) {
    return contents;
  }
  const missing = new Set<string>();
  for (const key of byChunk.keys()) {
    const chunk = held.get(key);
    if (chunk === undefined) missing.add(key);
    else visit(chunk);
  }
  if (missing.size > 0) {
    const sequences = new Set([...missing].map(sequenceOfChunk));
    await readTail(context, context.reader.round(), { sequences, chunks: missing, visit });
  }
  return contents;
}

/** What the columns say of a row of the tail. */
export function contentsOf({ batch }: TailChunk, row: number, columns: WantedColumns): Contents {
  const valuesOf = batchValues(batch);
  const { dims, vectors } = batch;
  return {
    attributes: columns.attributes.flatMap((name) => {
      const value = valuesOf(name)(row);
      return value === null ? [] : [{ name, value }];
    }),
    vector:
      columns.vector === undefined || dims === 0
        ? undefined
        : widenVectors(vectors.slice(row * dims, (row + 1) * dims)),
  };
}

// ---- Bounds and counts
// ------------------------------------------------------------------------------

/** Answers below this size are not worth a reservation. */
export const unreservedBytes = 1024 * 1024;
/** The other half of the budget is for reading what the answer is made of. */
const answerBytesMax = limits.reservedBytesMax / 2;

/** Room for the answer, by the average size of a document. */
async function reserveRows(
  { ports, snapshot }: SearchContext,
  columns: WantedColumns,
  count: number,
): Promise<Reservation | undefined> {
  const bytes = Math.ceil(count * rowBytes(snapshot, columns));
  if (bytes > answerBytesMax) {
    const text = `💔 these ${count} rows take about ${bytes} bytes; ask for fewer or for less of each`;
    throw invalid(text, "limit");
  }
  return bytes <= unreservedBytes ? undefined : ports.budget.reserve(bytes);
}

/** What the columns of an average document take. */
export function rowBytes(snapshot: Snapshot, { attributes, vector }: WantedColumns): number {
  const { segments } = snapshot.manifest;
  const rows = segments.reduce((sum, segment) => sum + segment.rows, snapshot.unindexedRows);
  const stored = segments.reduce((sum, each) => sum + each.logicalBytes, snapshot.unindexedBytes);
  const { dims, element } = primaryVector(snapshot.schema) ?? { dims: 0, element: "f32" };
  const vectorBytes = dims * elementBytes(element);
  const others = Math.max(0, stored / Math.max(1, rows) - vectorBytes);
  return (attributes.length > 0 ? others : 0) + (vector === undefined ? 0 : vectorBytes);
}

export function concludeSearch(
  context: SearchContext,
  rows: readonly ResultRow[],
  { fold }: Pick<Found, "fold">,
  executionMs: number,
): SearchResult {
  const { snapshot } = context;
  const logicalBytes = snapshot.manifest.segments.reduce(
    (sum, segment) => sum + segment.logicalBytes,
    snapshot.unindexedBytes,
  );
  return {
    rows,
    schema: snapshot.schema,
    billing: billSearch(rows, snapshot.schema.idKind, logicalBytes),
    performance: countPerformance(context, fold, executionMs),
  };
}

function countPerformance(
  { snapshot, reader, counters, remote }: SearchContext,
  fold: TailFold,
  executionMs: number,
): SearchPerformance {
  const counts = reader.counts();
  const { segments } = snapshot.manifest;
  const live = segments.reduce((sum, { rows, dead }) => sum + rows - dead.rows, 0);
  const blocks = counts.blocks + remote.blocks;
  const edgeHits = counts.edgeHits + remote.edgeHits;
  const hits = counts.memoryHits + remote.memoryHits + edgeHits;
  const storeRequests = counts.storeRequests + remote.storeRequests;
  const storeBytes = counts.storeBytes + remote.storeBytes;
  return {
    cacheHitRatio: blocks === 0 ? 1 : hits / blocks,
    temperature: temperatureOf({ storeRequests, edgeHits }),
    executionMs,
    unindexedRows: fold.documents,
    approximateRows: live + fold.documents,
    lastWriteMs: snapshot.lastWriteMs,
    rounds: counts.rounds + remote.rounds,
    roundBytes: counts.roundBytes,
    storeRequests,
    storeBytes,
    bytes: storeBytes + counts.edgeBytes + remote.edgeBytes,
    readers: remote.readers,
    ...counters,
    indexedRows: segments.reduce((sum, segment) => sum + segment.rows, 0),
  };
}
