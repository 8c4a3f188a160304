/**
 * Document block: ids and attributes of consecutive rows. A row is CBOR of its own, so that one
 * document is decoded without its neighbours and a merge moves rows without looking inside.
 *
 *   sized content: bytes/compress.ts of
 *   offset  size   field
 *        0  4      bytes of the ids, u32
 *        4  n × 4  where the row ends, counted from the first row, u32
 *       ..         ids: id-column.ts
 *       ..         rows: CBOR [value of each attribute], null = absent, without nulls at the end
 *
 * Attributes stand in the order of the root's list. Schemas only ever append to that list, so rows
 * stay valid when it grows. A row larger than `documentBlockBytes` has a block to itself. Framed as
 * in segment-block.ts. Golden: test/golden/v2/segment.hex.
 */
import { ByteReader } from "../bytes/byte-reader.ts";
import { compressBlock, decompressBlock } from "../bytes/compress.ts";
import type { DocumentId, IdKind } from "../document/id.ts";
import type { AttributeValue, ScalarValue } from "../document/value.ts";
import { corrupt } from "../errors.ts";
import { type CborValue, decodeCbor, encodeCbor } from "./cbor.ts";
import { encodeIds, type IdColumn, idColumnBytes, openIds } from "./id-column.ts";
import { readSized } from "./segment-block.ts";

/** Encodes the attributes of one document. */
export function encodeRow(values: readonly AttributeValue[]): Uint8Array {
  let length = values.length;
  while (length > 0 && values[length - 1] === null) {
    length--;
  }
  return encodeCbor(length === values.length ? values : values.slice(0, length));
}

/**
 * The attributes of one document: at most `attributes` of them, those missing at the end are null.
 */
export function decodeRow(row: Uint8Array, attributes: number): readonly AttributeValue[] {
  const values = decodeCbor(row, "document");
  if (!Array.isArray(values) || values.length > attributes || !values.every(isAttributeValue)) {
    throw corrupt("document: not a list of attribute values");
  }
  return values;
}

function isAttributeValue(value: CborValue): value is AttributeValue {
  if (value === null || value instanceof Uint8Array) {
    return true;
  }
  return Array.isArray(value) ? value.every(isScalar) : isScalar(value);
}

function isScalar(value: CborValue): value is ScalarValue {
  return typeof value !== "object" && !(typeof value === "number" && !Number.isFinite(value));
}

export interface DocumentRows {
  readonly ids: IdColumn;
  /** What `ids` was opened from; a view. */
  readonly idBytes: Uint8Array;
  /** The encoded attributes of a row of the block; a view. */
  row(index: number): Uint8Array;
}

/** Size of a block's content before compression. */
export function documentContentBytes(
  kind: IdKind,
  ids: readonly DocumentId[],
  rowBytes: number,
): number {
  return 4 + 4 * ids.length + idColumnBytes(kind, ids) + rowBytes;
}

/**
 * Content of a block; `contentBytes` goes into the root, for whoever must reserve memory for it.
 */
export function encodeDocuments(
  kind: IdKind,
  ids: readonly DocumentId[],
  rows: readonly Uint8Array[],
): { content: Uint8Array; contentBytes: number } {
  const column = encodeIds(kind, ids);
  const rowBytes = rows.reduce((sum, row) => sum + row.length, 0);
  const raw = new Uint8Array(documentContentBytes(kind, ids, rowBytes));
  const view = new DataView(raw.buffer);
  view.setUint32(0, column.length, true);
  const columnAt = 4 + 4 * rows.length;
  raw.set(column, columnAt);
  const rowsAt = columnAt + column.length;
  let end = 0;
  rows.forEach((row, i) => {
    raw.set(row, rowsAt + end);
    end += row.length;
    view.setUint32(4 + 4 * i, end, true);
  });
  return { content: compressBlock(raw), contentBytes: raw.length };
}

/** Opens a verified block of `length` rows whose content has `contentBytes` bytes. */
export function readDocuments(
  block: Uint8Array,
  kind: IdKind,
  length: number,
  contentBytes: number,
): DocumentRows {
  const what = "document block";
  const raw = decompressBlock(readSized(block, what), contentBytes);
  const reader = new ByteReader(raw, what);
  const columnBytes = reader.u32();
  const ends = reader.u32s(length);
  const idBytes = reader.bytes(columnBytes);
  const ids = openIds(kind, idBytes, length);
  const rows = reader.bytes(reader.remaining);
  let before = 0;
  for (const end of ends) {
    if (end < before) {
      throw reader.error("rows are out of order");
    }
    before = end;
  }
  if (before !== rows.length) {
    throw reader.error("rows do not fill the block");
  }
  return { ids, idBytes, row: (i) => rows.subarray(i === 0 ? 0 : ends[i - 1], ends[i]) };
}
