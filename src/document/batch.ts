/**
 * A batch: what one write request asks for, column by column, ready to be encoded. Ids are unique
 * in a batch, so the order of its rows means nothing and they stand grouped by operation:
 *
 *   row            0 … upserts-1      upserts … upserts+deletes-1
 *   operation      upsert (whole      delete
 *                  document)
 *   ids            all rows
 *   vectors        upserts only, row-major, `dims` values each: those of the primary column
 *   attributes     upserts only; null = absent
 */
import type { DocumentId, IdKind } from "./id.ts";
import type { AttributeColumn } from "./value.ts";

/** Components of vectors in the width they are stored in: f32, f16 as bits, i8. */
export type VectorValues = Float32Array | Uint16Array | Int8Array;

export interface Batch {
  readonly idKind: IdKind;
  readonly upserts: number;
  readonly deletes: number;
  readonly ids: readonly DocumentId[];
  /** 0 when the namespace has no vector column. */
  readonly dims: number;
  readonly vectors: VectorValues;
  readonly attributes: readonly AttributeColumn[];
}

export function batchRows(batch: Batch): number {
  return batch.upserts + batch.deletes;
}
