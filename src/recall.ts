/**
 * Measures what approximate search misses: the same vectors are searched for approximately and
 * exhaustively, and recall is the share of the exhaustive answer that the approximate one has.
 *
 *   1. Vectors to search for: those given, else ones of documents drawn at random. Documents of
 *      segments are preferred: what is not indexed yet is searched exactly anyway.
 *   2. Each vector both ways, one after the other.
 *
 * Cost: one exhaustive query a vector, which reads the refine planes of all segments.
 */
import { primaryVector, type Schema } from "./document/schema.ts";
import { invalid } from "./errors.ts";
import { vectorPlanes } from "./index/segment/segment.ts";
import { bindQuery } from "./query/bind.ts";
import { noAttributes, type Query } from "./query/query.ts";
import type { ResultRow } from "./query/result.ts";
import { search } from "./search.ts";
import { openContext, type SearchContext, type SearchPorts } from "./search-ports.ts";
import { fetchRows, newRow, type SegmentRow } from "./search-rows.ts";
import { type MatchedSegment, matchRows, openSegments } from "./search-segments.ts";
import { type SnapshotTarget, takeSnapshot } from "./snapshot.ts";

export interface RecallRequest {
  /** Vectors to draw; ignored if `vector` is given. */
  readonly count: number;
  readonly topK: number;
  /** As in a query. */
  readonly filters: unknown;
  readonly vector: { readonly column: string; readonly values: Float32Array } | undefined;
}

export interface RecallReport {
  /** Averages over the vectors; recall of no vectors at all is 1. */
  readonly recall: number;
  readonly exhaustiveCount: number;
  readonly annCount: number;
  readonly truths: readonly RecallTruth[];
  readonly schema: Schema;
}

export interface RecallTruth {
  readonly vector: Float32Array;
  /** Of the exhaustive answer. */
  readonly rows: readonly ResultRow[];
}

export async function measureRecall(
  ports: SearchPorts,
  target: SnapshotTarget,
  request: RecallRequest,
): Promise<RecallReport> {
  const snapshot = await takeSnapshot(ports, ports.memory.snapshots, target, "strong", () => ({}));
  const column = request.vector?.column ?? primaryVector(snapshot.schema)?.name;
  if (column === undefined) {
    throw invalid(`💔 namespace '${target.name}' has no vectors to search for`);
  }
  const ask = (vector: Float32Array, exhaustive: boolean) =>
    search(ports, target, {
      ...queryOf(request, request.topK),
      rank: { kind: "vector", exhaustive, column, vector },
    });
  const vectors =
    request.vector === undefined
      ? await drawVectors(openContext(ports, snapshot, false), target, request, column)
      : [request.vector.values];
  const truths: RecallTruth[] = [];
  let recall = 0;
  let annCount = 0;
  for (const vector of vectors) {
    const exact = await ask(vector, true);
    const near = await ask(vector, false);
    truths.push({ vector, rows: exact.rows });
    recall += shareFound(exact.rows, near.rows);
    annCount += near.rows.length;
  }
  const count = Math.max(1, vectors.length);
  return {
    recall: vectors.length === 0 ? 1 : recall / count,
    exhaustiveCount: truths.reduce((sum, { rows }) => sum + rows.length, 0) / count,
    annCount: annCount / count,
    truths,
    schema: snapshot.schema,
  };
}

function queryOf({ filters }: RecallRequest, limit: number): Query {
  return {
    rank: { kind: "id", descending: false },
    limit,
    offset: 0,
    filters,
    attributes: noAttributes,
    metric: undefined,
    consistency: "strong",
    disableCache: false,
  };
}

function shareFound(exact: readonly ResultRow[], near: readonly ResultRow[]): number {
  const found = new Set(near.map(({ id }) => id));
  const hits = exact.filter(({ id }) => found.has(id)).length;
  return exact.length === 0 ? 1 : hits / exact.length;
}

async function drawVectors(
  context: SearchContext,
  target: SnapshotTarget,
  request: RecallRequest,
  column: string,
): Promise<readonly Float32Array[]> {
  const { ports, reader, snapshot } = context;
  const opened = await openSegments(context, reader.round());
  const { filter } = bindQuery(queryOf(request, 1), snapshot.schema);
  const segments = await matchRows(context, reader.round(), opened, filter);
  const vectors: Float32Array[] = [];
  for (const row of drawRows(ports.random, segments, request.count)) {
    // Drawn rows lie far apart: reading them together would read what is between.
    await fetchRows(reader.round(), segments, [row], {
      ids: false,
      attributes: undefined,
      onVector: (_, values, start) => {
        const { segment } = segments[row.segment] as MatchedSegment;
        vectors.push(values.slice(start, start + vectorPlanes(segment).dims));
      },
    });
  }
  return vectors.length > 0 ? vectors : await vectorsOfTail(context, target, request, column);
}

/** Distinct rows, each as likely as the others; all of them if there are no more than `count`. */
function drawRows(
  random: SearchPorts["random"],
  segments: readonly MatchedSegment[],
  count: number,
): readonly SegmentRow[] {
  const total = segments.reduce((sum, segment) => sum + segment.count, 0);
  const chosen = new Set<number>();
  while (chosen.size < Math.min(count, total)) {
    const view = new DataView(random.bytes(4).buffer);
    chosen.add(view.getUint32(0) % total);
  }
  return [...chosen].flatMap((place) => {
    let left = place;
    for (const [index, segment] of segments.entries()) {
      if (left < segment.count) {
        return [newRow(index, segment.rows?.ordinals()[left] ?? left)];
      }
      left -= segment.count;
    }
    return [];
  });
}

/** The first documents by id: with no segment there are few. */
async function vectorsOfTail(
  { ports }: SearchContext,
  target: SnapshotTarget,
  request: RecallRequest,
  column: string,
): Promise<readonly Float32Array[]> {
  const { rows } = await search(ports, target, {
    ...queryOf(request, request.count),
    attributes: { kind: "only", names: [column] },
  });
  return rows.flatMap(({ vector }) => (vector === undefined ? [] : [vector.values]));
}
