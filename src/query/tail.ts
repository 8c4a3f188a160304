/**
 * The tail: what was written after the floor and lies in no segment yet. Pure.
 *
 * Read newest to oldest, the first operation met on an id is the one that counts: later ones (older
 * in time) are skipped, and so is every row of a segment with that id. Hence the ids touched mask
 * the segments before anything there is filtered, counted, ranked or limited.
 */
import type { Batch } from "../document/batch.ts";
import type { Filter } from "../document/filter.ts";
import type { DocumentId } from "../document/id.ts";
import type { AttributeValue } from "../document/value.ts";
import { assert } from "../errors.ts";
import { decodeBatch } from "../format/batch.ts";
import { widenVectors } from "../format/vector-element.ts";
import type { ChunkRef, WalEntry } from "../format/wal.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { type DistanceQuery, exactDistance, quickDistances, rowSquares } from "./distance.ts";
import { prepareRowTest, type ValuesOf } from "./filter.ts";
import type { AttributeScore } from "./score.ts";
import type { TopK } from "./top-k.ts";

/**
 * One decoded chunk of a WAL entry. Immutable but for squares, which are computed when first
 * needed.
 */
export interface TailChunk {
  /** Names the chunk among those of a snapshot. */
  readonly key: string;
  readonly batch: Batch;
  /** Memory it keeps alive, roughly. */
  readonly bytes: number;
  squares: Float64Array | undefined;
}

/** What a WAL entry holds: decoded chunks, and attachments that are read when they are needed. */
export type TailPiece =
  | { readonly kind: "chunk"; readonly chunk: TailChunk }
  | { readonly kind: "part"; readonly key: string; readonly ref: PartRef };

export type PartRef = Extract<ChunkRef, { kind: "part" }>;

/** Bytes of vectors ranked at a time: those not stored as f32 are widened for it. */
const widenedBytes = 1024 * 1024;

/** The pieces of an entry, newest first. Inline chunks share its bytes. */
export function tailPieces(entry: WalEntry): readonly TailPiece[] {
  const pieces = entry.members.flatMap((member, m) =>
    (member.kind === "batch" ? member.chunks : []).map((ref, c): TailPiece => {
      const key = `${entry.sequence}/${m}/${c}`;
      return ref.kind === "part"
        ? { kind: "part", key, ref }
        : { kind: "chunk", chunk: tailChunk(key, decodeBatch(ref.bytes), ref.bytes.length) };
    }),
  );
  return pieces.reverse();
}

/** The entry that a chunk belongs to. */
export function sequenceOfChunk(key: string): number {
  return Number(key.slice(0, key.indexOf("/")));
}

/** A document of the tail. */
export interface TailPlace {
  readonly chunk: string;
  readonly row: number;
}

export function tailChunk(key: string, batch: Batch, encodedBytes: number): TailChunk {
  // Vectors share the encoded bytes; ids and attribute values become objects of several times their
  // size.
  const objects = batch.ids.length * (1 + batch.attributes.length) * 24;
  const decoded = 2 * (encodedBytes - batch.vectors.byteLength);
  return { key, batch, bytes: encodedBytes + objects + decoded, squares: undefined };
}

/** Folds chunks, newest first, to one newest operation per id. */
export class TailFold {
  /** Ids upserted or deleted since the floor. */
  readonly touched = new Set<DocumentId>();
  #documents = 0;

  /** Documents of the tail so far. */
  get documents(): number {
    return this.#documents;
  }

  /** Upserts of the chunk that count, ascending. Ids are unique in a chunk. */
  add(batch: Batch): Uint32Array {
    const rows = new Uint32Array(batch.upserts);
    let kept = 0;
    for (let row = 0; row < batch.ids.length; row++) {
      const id = batch.ids[row] as DocumentId;
      const before = this.touched.size;
      this.touched.add(id);
      if (row < batch.upserts && this.touched.size > before) {
        rows[kept++] = row;
      }
    }
    this.#documents += kept;
    return rows.subarray(0, kept);
  }
}

/** The rows that pass the filter. */
export function filterRows(
  batch: Batch,
  rows: Uint32Array,
  filter: Filter | undefined,
): Uint32Array {
  return filter === undefined ? rows : rows.filter(prepareRowTest(filter, batchValues(batch)));
}

export function batchValues(batch: Batch): ValuesOf {
  const columns = new Map(batch.attributes.map(({ name, values }) => [name, values]));
  return (attribute) => {
    const values: readonly AttributeValue[] | undefined =
      attribute === "id" ? batch.ids : columns.get(attribute);
    return (row) => values?.[row] ?? null;
  };
}

/** What ranks a row, by its attribute. */
export function scoreRows(
  score: AttributeScore,
  batch: Batch,
): (row: number) => number | undefined {
  const valueAt = batchValues(batch)(score.column);
  return (row) => score.distanceOf(valueAt(row));
}

/**
 * Ranks rows of a chunk by exact distance; those that cannot win are skipped by a quick estimate.
 */
export function rankRows(
  query: DistanceQuery,
  chunk: TailChunk,
  rows: Uint32Array,
  kernels: Kernels,
  best: TopK<TailPlace>,
): void {
  const { batch } = chunk;
  if (rows.length === 0) {
    return;
  }
  assert(batch.dims === query.vector.length, "every document of a namespace with vectors has one");
  const step = Math.max(1, Math.floor(widenedBytes / (4 * batch.dims)));
  let at = 0;
  for (let from = 0; from < batch.upserts; from += step) {
    const to = Math.min(batch.upserts, from + step);
    const start = at;
    while (at < rows.length && (rows[at] as number) < to) {
      at++;
    }
    if (at > start) {
      rankSlice(query, chunk, { from, to, rows: rows.subarray(start, at) }, kernels, best);
    }
  }
}

/** Rows `from` … `to`-1 of a chunk, and those of them to rank. */
interface ChunkSlice {
  readonly from: number;
  readonly to: number;
  readonly rows: Uint32Array;
}

function rankSlice(
  query: DistanceQuery,
  chunk: TailChunk,
  { from, to, rows }: ChunkSlice,
  kernels: Kernels,
  best: TopK<TailPlace>,
): void {
  const { batch, key } = chunk;
  const { dims } = batch;
  const vectors = widenVectors(batch.vectors, from * dims, to * dims);
  // Estimating all rows pays off unless few of them are wanted.
  const isDense = rows.length * 4 > to - from;
  const quick = isDense
    ? quickDistances(query, vectors, squaresOf(chunk, vectors, from, to), kernels)
    : undefined;
  for (const row of rows) {
    const i = row - from;
    const hopeless =
      quick !== undefined &&
      (quick.distances[i] as number) - (quick.slacks[i] as number) > best.worst;
    if (!hopeless) {
      const distance = exactDistance(query, vectors, i * dims);
      best.offer({ distance, id: batch.ids[row] as DocumentId, value: { chunk: key, row } });
    }
  }
}

/** Squares of the rows, remembered: NaN where they are not known yet. */
function squaresOf(chunk: TailChunk, vectors: Float32Array, from: number, to: number) {
  const { dims, upserts } = chunk.batch;
  chunk.squares ??= new Float64Array(upserts).fill(Number.NaN);
  const squares = chunk.squares.subarray(from, to);
  if (Number.isNaN(squares[0])) {
    squares.set(rowSquares(vectors, dims));
  }
  return squares;
}
