/**
 * How much of the truth approximate queries find, measured on the namespace as it is.
 *
 *   1. One snapshot for everything.
 *   2. Queries: the vector given, or stored vectors drawn at random, those of the tail included.
 *   3. For each, the approximate answer and the exhaustive one.
 *
 * A row counts as found if it is as near as the farthest of the exhaustive answer: of rows at equal
 * distance one is as good as another. Cost: an exhaustive query reads the refine plane. None of it
 * is kept: memory holds what people ask for.
 */
import { primaryVector, type Schema } from "./document/schema.ts";
import { invalid } from "./errors.ts";
import { widenVectors } from "./format/vector-element.ts";
import { bindQuery } from "./query/bind.ts";
import { noAttributes, type Query, type Rank } from "./query/query.ts";
import type { ResultRow } from "./query/result.ts";
import { type TailChunk, TailFold } from "./query/tail.ts";
import { onSnapshot, runQuery } from "./search.ts";
import type { SearchContext, SearchPorts } from "./search-ports.ts";
import { fetchRows, newRow } from "./search-rows.ts";
import { type OpenSegment, openSegments } from "./search-segments.ts";
import { readTail } from "./search-tail.ts";
import type { SnapshotTarget } from "./snapshot.ts";

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
  /** Of the snapshot, which says too how many times the usual rows were scanned. */
  readonly generation: string;
  readonly probes: number;
}

export interface RecallTruth {
  readonly vector: Float32Array;
  /** Of the exhaustive answer. */
  readonly rows: readonly ResultRow[];
}

/** Rounds of drawing; each meets dead and superseded rows now and then. */
const drawsMax = 16;

/** Throws what `search` throws; `invalid` if the namespace has no vectors. */
export async function measureRecall(
  ports: SearchPorts,
  target: SnapshotTarget,
  request: RecallRequest,
): Promise<RecallReport> {
  const options = { consistency: "strong", disableCache: false, leavesNoTrace: true } as const;
  return onSnapshot(ports, target, options, async (context) => {
    const { schema } = context.snapshot;
    const column = request.vector?.column ?? primaryVector(schema)?.name;
    if (column === undefined) {
      throw invalid(`💔 namespace '${target.name}' has no vectors to search for`);
    }
    const vectors =
      request.vector === undefined
        ? await drawVectors(context, request.count)
        : [request.vector.values];
    const truths: RecallTruth[] = [];
    let recall = 0;
    let annCount = 0;
    for (const vector of vectors) {
      const ask = async (exhaustive: boolean): Promise<readonly ResultRow[]> => {
        const rank = { kind: "vector", exhaustive, column, vector } as const;
        const bound = bindQuery(queryOf(request, rank), schema);
        return (await runQuery(context, bound, ports.clock.now())).rows;
      };
      const exact = await ask(true);
      const found = await ask(false);
      truths.push({ vector, rows: exact });
      recall += shareFound(exact, found);
      annCount += found.length;
    }
    const count = Math.max(1, vectors.length);
    return {
      recall: vectors.length === 0 ? 1 : recall / count,
      exhaustiveCount: truths.reduce((sum, { rows }) => sum + rows.length, 0) / count,
      annCount: annCount / count,
      truths,
      schema,
      generation: context.snapshot.generation,
      probes: context.snapshot.probes ?? 1,
    };
  });
}

function queryOf({ topK, filters }: RecallRequest, rank: Rank): Query {
  return {
    rank,
    limit: topK,
    offset: 0,
    filters,
    attributes: noAttributes,
    metric: undefined,
    consistency: "strong",
    disableCache: false,
  };
}

function shareFound(exact: readonly ResultRow[], found: readonly ResultRow[]): number {
  const farthest = exact.at(-1)?.distance;
  if (farthest === undefined) {
    return 1;
  }
  const hits = found.filter(({ distance }) => distance !== undefined && distance <= farthest);
  return hits.length / exact.length;
}

// ---- Drawing
// ----------------------------------------------------------------------------------------

/** Up to `count` vectors of live documents, each document as likely as any other. */
async function drawVectors(context: SearchContext, count: number): Promise<Float32Array[]> {
  const { reader } = context;
  const opened = await openSegments(context, reader.round());
  const { fold, tail } = await readTailVectors(context, count);
  const indexed = opened.reduce((sum, { segment }) => sum + segment.root.rows, 0);
  const all = indexed + fold.documents;
  const drawn: Float32Array[] = [];
  for (let draw = 0; drawn.length < Math.min(count, all) && draw < drawsMax; draw++) {
    const places = Array.from({ length: Math.min(count, all) - drawn.length }, () =>
      drawBelow(context, all),
    );
    const fromTail = places.filter((place) => place >= indexed);
    drawn.push(...fromTail.flatMap(() => tail.splice(drawBelow(context, tail.length), 1)));
    const rows = places.flatMap((place) => (place < indexed ? rowAt(opened, place) : []));
    await fetchRows(reader.round(), opened, rows, {
      ids: true,
      attributes: undefined,
      onVector: (row, values, start) => {
        row.vector = values.slice(start, start + dimsOf(opened));
      },
      // They lie far apart: reading them together would read all that is between.
      readsMax: 2 * Math.max(1, rows.length),
    });
    for (const { id, vector } of rows) {
      if (id !== undefined && vector !== undefined && !fold.touched.has(id)) drawn.push(vector);
    }
  }
  return drawn;
}

/** Up to `count` vectors of the tail, without preference: a reservoir. */
async function readTailVectors(context: SearchContext, count: number) {
  const fold = new TailFold();
  const tail: Float32Array[] = [];
  let seen = 0;
  await readTail(context, context.reader.round(), {
    visit: ({ batch }: TailChunk) => {
      for (const row of fold.add(batch)) {
        seen += 1;
        const slot = tail.length < count ? tail.length : drawBelow(context, seen);
        if (slot < count)
          tail[slot] = widenVectors(batch.vectors.slice(row * batch.dims, (row + 1) * batch.dims));
      }
    },
  });
  return { fold, tail };
}

function rowAt(opened: readonly OpenSegment[], at: number) {
  let first = 0;
  for (const [index, { segment, dead }] of opened.entries()) {
    const ordinal = at - first;
    if (ordinal < segment.root.rows) {
      return dead?.has(ordinal) === true ? [] : [newRow(index, ordinal)];
    }
    first += segment.root.rows;
  }
  return [];
}

function dimsOf(opened: readonly OpenSegment[]): number {
  return opened[0]?.segment.root.vector?.dims ?? 0;
}

/** Uniform enough: the bias is below 2^-16 for any namespace. */
function drawBelow({ ports }: SearchContext, bound: number): number {
  const bytes = ports.random.bytes(6);
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return value % Math.max(1, bound);
}
