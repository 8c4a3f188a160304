/**
 * Logical sizes: what a document counts for in limits, billing and `logicalBytes`, whatever its
 * encoding.
 *
 *   id       uint 8, string its UTF-8 bytes, uuid 16
 *   vector   4, 2 or 1 a dimension, as its element is stored
 *   values   text its UTF-8 bytes, numbers and datetimes 8, bool 1, arrays the sum of elements,
 *            packed values their bytes
 *   absent   0; names of attributes count nothing
 */
import type { Batch } from "./batch.ts";
import type { DocumentId, IdKind } from "./id.ts";
import type { AttributeValue } from "./value.ts";

/** A search of the runtime's takes half as long as a loop over characters. */
const beyondAscii = /[^\0-\x7f]/;
const shortText = 24;

/** Bytes of a well-formed text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  if (bytes > shortText && !beyondAscii.test(text)) return bytes;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) {
      // Each half of a surrogate pair stands for two of its four bytes.
      bytes += unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
    }
  }
  return bytes;
}

export function idLogicalBytes(id: DocumentId, kind: IdKind): number {
  return kind === "uint" ? 8 : kind === "uuid" ? 16 : utf8Length(id as string);
}

export function valueLogicalBytes(value: AttributeValue): number {
  if (typeof value === "string") {
    return utf8Length(value);
  }
  if (typeof value !== "object") {
    return typeof value === "boolean" ? 1 : 8;
  }
  if (value instanceof Uint8Array) {
    return value.length;
  }
  let bytes = 0;
  for (const element of value ?? []) {
    bytes += valueLogicalBytes(element);
  }
  return bytes;
}

/** A batch never changes, and is measured for its limits and for its bill. */
const known = new WeakMap<Batch, readonly number[]>();

/** Size of each document to be upserted, in row order. */
export function upsertLogicalBytes(batch: Batch): readonly number[] {
  let sizes = known.get(batch);
  if (sizes === undefined) {
    sizes = measureUpserts(batch);
    known.set(batch, sizes);
  }
  return sizes;
}

function measureUpserts(batch: Batch): readonly number[] {
  const sizes: number[] = [];
  const vector = batch.dims * batch.vectors.BYTES_PER_ELEMENT;
  for (let row = 0; row < batch.upserts; row++) {
    sizes.push(idLogicalBytes(batch.ids[row] as DocumentId, batch.idKind) + vector);
  }
  for (const { values } of batch.attributes) {
    for (let row = 0; row < batch.upserts; row++) {
      sizes[row] = (sizes[row] as number) + valueLogicalBytes(values[row] as AttributeValue);
    }
  }
  return sizes;
}

/** What a write is billed for: its documents, and the ids of its deletes. */
export function batchLogicalBytes(batch: Batch): number {
  let bytes = 0;
  for (const size of upsertLogicalBytes(batch)) {
    bytes += size;
  }
  for (const id of batch.ids.slice(batch.upserts)) {
    bytes += idLogicalBytes(id, batch.idKind);
  }
  return bytes;
}
