/**
 * Walks all documents of a snapshot in the order in which they are stored: the tail, newest first,
 * then segment after segment. The order means nothing to users, but it is the cheapest, the same
 * whenever the same snapshot is walked, and so a place in it can be gone on from.
 *
 *   1. Chunks of the tail are folded one after the other; what counts of each is given out.
 *   2. By then all ids that the tail touched are known: they mask the segments.
 *   3. Segments: stretches of document blocks of bounded bytes, with the vectors beside them.
 *
 * Memory: one stretch, or one window of the tail, and the ids that the tail touched. Nothing is
 * read before it is asked for. Cost: two reads for each stretch; going on from a place in a
 * segment folds the tail once more.
 */
import type { DocumentId } from "./document/id.ts";
import { elementBytes, primaryVector } from "./document/schema.ts";
import { documentBlockRange } from "./index/segment/document-rows.ts";
import { limits } from "./limits.ts";
import { chooseColumns, type WantedColumns } from "./query/bind.ts";
import type { ResultRow, RowAttribute } from "./query/result.ts";
import { sequenceOfChunk, type TailChunk, TailFold } from "./query/tail.ts";
import { contentsOf } from "./search-answer.ts";
import type { SearchContext } from "./search-ports.ts";
import { fetchRows, newRow, type SegmentRow } from "./search-rows.ts";
import { type OpenSegment, openSegments } from "./search-segments.ts";
import { tailChunks } from "./search-tail.ts";
import { BlockReader } from "./store/block-reader.ts";

/** Where a walk goes on. */
export type WalkPlace =
  /** In the log entry, behind so many documents of it. */
  | { readonly part: "tail"; readonly at: number; readonly done: number }
  /** In the segment, counted in the manifest, from this ordinal on. */
  | { readonly part: "segment"; readonly at: number; readonly done: number };

export interface WalkedRow {
  readonly row: ResultRow;
  /** Where a walk that has had this row goes on. */
  readonly after: WalkPlace;
}

/** Yields rows with all of their attributes and vectors, some at a time. */
export async function* walkRows(
  context: SearchContext,
  from?: WalkPlace,
): AsyncGenerator<readonly WalkedRow[], void> {
  const { schema } = context.snapshot;
  const walk: Walk = {
    context,
    columns: chooseColumns({ kind: "all" }, schema),
    element: primaryVector(schema)?.element ?? "f32",
    fold: new TailFold(),
  };
  yield* walkTail(walk, from);
  const start = from?.part === "segment" ? from : { at: 0, done: 0 };
  const opened = await openSegments(context, context.reader.round());
  for (let at = start.at; at < opened.length; at++) {
    yield* walkSegment(walk, opened, at, at === start.at ? start.done : 0);
  }
}

interface Walk {
  readonly context: SearchContext;
  readonly columns: WantedColumns;
  readonly element: NonNullable<ResultRow["vector"]>["element"];
  readonly fold: TailFold;
}

async function* walkTail(
  walk: Walk,
  from: WalkPlace | undefined,
): AsyncGenerator<readonly WalkedRow[], void> {
  let entry = -1;
  let done = 0;
  for await (const chunk of tailChunks(walk.context)) {
    const at = sequenceOfChunk(chunk.key);
    done = at === entry ? done : 0;
    entry = at;
    const rows: WalkedRow[] = [];
    for (const row of walk.fold.add(chunk.batch)) {
      done += 1;
      const after: WalkPlace = { part: "tail", at, done };
      if (from === undefined || isBehind(after, from)) {
        rows.push({ row: tailRow(walk, chunk, row), after });
      }
    }
    if (rows.length > 0) {
      yield rows;
    }
  }
}

/** In the order of a walk, which goes down the log and then through the segments. */
function isBehind(place: WalkPlace, other: WalkPlace): boolean {
  if (place.part !== other.part) {
    return other.part === "tail";
  }
  return place.at === other.at ? place.done > other.done : place.at < other.at;
}

function tailRow(walk: Walk, chunk: TailChunk, row: number): ResultRow {
  const contents = contentsOf(chunk, row, walk.columns);
  return resultRow(walk, { ...contents, id: chunk.batch.ids[row] as DocumentId });
}

interface Contents {
  readonly id: DocumentId;
  readonly attributes: readonly RowAttribute[] | undefined;
  readonly vector: Float32Array | undefined;
}

function resultRow({ columns, element }: Walk, { id, attributes = [], vector }: Contents) {
  const isWanted = columns.vector !== undefined && vector !== undefined;
  return {
    id,
    distance: undefined,
    attributes,
    vector: isWanted ? { name: columns.vector, element, values: vector } : undefined,
  };
}

async function* walkSegment(
  walk: Walk,
  opened: readonly OpenSegment[],
  at: number,
  from: number,
): AsyncGenerator<readonly WalkedRow[], void> {
  const { ports } = walk.context;
  for (const stretch of stretches(walk, opened[at] as OpenSegment, from)) {
    const reservation = await ports.budget.reserve(stretch.bytes);
    try {
      const rows = stretch.ordinals.map((ordinal) => newRow(at, ordinal));
      await fetchAll(walk, opened, rows);
      const live = rows.filter(({ id }) => !walk.fold.touched.has(id as DocumentId));
      if (live.length > 0) {
        yield live.map((row) => ({
          row: resultRow(walk, { ...row, id: row.id as DocumentId }),
          after: { part: "segment", at, done: row.ordinal + 1 },
        }));
      }
    } finally {
      reservation.release();
    }
  }
}

interface Stretch {
  /** Rows that live, of consecutive blocks. */
  readonly ordinals: readonly number[];
  /** What they take in memory, roughly. */
  readonly bytes: number;
}

/** Consecutive blocks, as many as are read together: one at least. */
function* stretches(
  { context, columns, element }: Walk,
  { segment, dead }: OpenSegment,
  from: number,
): Generator<Stretch, void> {
  const { blocks, contentBytes } = segment.root.documents;
  const { dims = 0 } = primaryVector(context.snapshot.schema) ?? {};
  const vectorBytes = columns.vector === undefined ? 0 : dims * (4 + elementBytes(element));
  let ordinals: number[] = [];
  let bytes = 0;
  for (let block = 0; block < blocks.count; block++) {
    const range = documentBlockRange(segment, block);
    const before = ordinals.length;
    for (let ordinal = Math.max(from, range.from); ordinal < range.to; ordinal++) {
      if (dead?.has(ordinal) !== true) ordinals.push(ordinal);
    }
    const rows = ordinals.length - before;
    bytes += rows === 0 ? 0 : rows * vectorBytes + 2 * (contentBytes[block] as number);
    if (bytes >= limits.walkBytes) {
      yield { ordinals, bytes: Math.min(bytes, limits.reservedBytesMax / 2) };
      ordinals = [];
      bytes = 0;
    }
  }
  if (ordinals.length > 0) {
    yield { ordinals, bytes };
  }
}

/** Past the caches: what is read once by a walk would push out what queries use. */
async function fetchAll(
  { context, columns }: Walk,
  opened: readonly OpenSegment[],
  rows: readonly SegmentRow[],
): Promise<void> {
  const reader = new BlockReader(context.ports, { disableCache: true });
  const { dims = 0 } = primaryVector(context.snapshot.schema) ?? {};
  await fetchRows(reader.round(), opened, rows, {
    ids: true,
    attributes: columns.attributes,
    onVector:
      columns.vector === undefined
        ? undefined
        : (row, values, start) => {
            row.vector = values.slice(start, start + dims);
          },
  });
}
