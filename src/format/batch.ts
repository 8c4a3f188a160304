/**
 * One encoded chunk of a batch, as it lies in a WAL entry or an attachment.
 *
 *   offset  size  field
 *        0     4  magic, ASCII "SHBT"
 *        4     2  format version, u16: 2
 *        6     1  id kind: 0 uint, 1 string, 2 uuid
 *        7     1  element of vectors: 0 f32, 1 f16, 2 i8
 *        8     4  upserts, u32
 *       12     4  deletes, u32
 *       16     4  dims, u32: values of one vector, 0 without a vector column
 *       20     4  attribute columns, u32
 *       24     4  bytes of the ids, u32
 *       28     4  bytes of the attributes, u32
 *       32     i  ids of all rows: format/id-column.ts
 *       ..     p  zero, up to a multiple of 8
 *       ..     v  vectors: upserts × dims elements (vector-element.ts), row-major
 *       ..     a  attributes: for each column u32 length, CBOR [name, [value of each upsert]]
 *       ..     4  CRC-32C of everything before
 *
 * All integers little-endian. Golden: test/golden/v2/batch.hex. A decoded batch shares the vectors
 * with `bytes` when those begin at a multiple of 4 in their buffer. Types of values are the
 * schema's business: here they are any canonical values, packed ones as byte strings.
 */
import { ByteReader } from "../bytes/byte-reader.ts";
import { crc32c } from "../bytes/crc32c.ts";
import { bytesOf } from "../bytes/typed-view.ts";
import type { Batch, VectorValues } from "../document/batch.ts";
import type { DocumentId, IdKind } from "../document/id.ts";
import {
  attributeNameFault,
  elementBytes,
  type VectorElement,
  vectorElements,
} from "../document/schema.ts";
import type { AttributeColumn, AttributeValue, ScalarValue } from "../document/value.ts";
import { assert, corrupt, EngineError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type CborValue, decodeCbor, encodeCbor } from "./cbor.ts";
import { cborLength } from "./cbor-length.ts";
import { encodeIds, idBytes, openIds } from "./id-column.ts";
import { checkFinite, elementOf, openVectors } from "./vector-element.ts";

const magic = 0x5442_4853;
const formatVersion = 2;
const headerBytes = 32;
const trailerBytes = 4;
const idKinds = ["uint", "string", "uuid"] as const satisfies readonly IdKind[];

export function encodeBatch(batch: Batch): Uint8Array {
  const { idKind, upserts, deletes, dims, vectors } = batch;
  assert(batch.ids.length === upserts + deletes, "a batch has one id a row");
  assert(vectors.length === upserts * dims, "a batch has one vector an upsert");
  const ids = encodeIds(idKind, batch.ids);
  const columns = batch.attributes.map(({ name, values }) => {
    assert(values.length === upserts, "a batch has one value an upsert and attribute");
    return encodeCbor([name, values]);
  });
  const columnBytes = columns.reduce((sum, column) => sum + 4 + column.length, 0);
  const vectorsAt = align8(headerBytes + ids.length);
  const end = vectorsAt + vectors.byteLength + columnBytes;
  const bytes = new Uint8Array(end + trailerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint16(4, formatVersion, true);
  bytes[6] = idKinds.indexOf(idKind);
  bytes[7] = vectorElements.indexOf(elementOf(vectors));
  view.setUint32(8, upserts, true);
  view.setUint32(12, deletes, true);
  view.setUint32(16, dims, true);
  view.setUint32(20, columns.length, true);
  view.setUint32(24, ids.length, true);
  view.setUint32(28, columnBytes, true);
  bytes.set(ids, headerBytes);
  bytes.set(bytesOf(vectors), vectorsAt);
  let at = vectorsAt + vectors.byteLength;
  for (const column of columns) {
    view.setUint32(at, column.length, true);
    bytes.set(column, at + 4);
    at += 4 + column.length;
  }
  view.setUint32(end, crc32c(bytes.subarray(0, end)), true);
  return bytes;
}

/** The batch, or `corrupt`: every count, length, id, value and the checksum are checked. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const end = bytes.length - trailerBytes;
  if (end < headerBytes) {
    throw corrupt(`batch: ${bytes.length} bytes are too few`);
  }
  const trailer = new ByteReader(bytes.subarray(end), "batch checksum");
  if (trailer.u32() !== crc32c(bytes.subarray(0, end))) {
    throw corrupt("batch: checksum does not match");
  }
  const reader = new ByteReader(bytes.subarray(0, end), "batch");
  if (reader.u32() !== magic || reader.u16() !== formatVersion) {
    throw reader.error("not a batch of format version 2");
  }
  const idKind = idKinds[reader.u8()];
  const element = vectorElements[reader.u8()];
  if (idKind === undefined || element === undefined) {
    throw reader.error("unknown id kind or vector element");
  }
  const upserts = reader.u32();
  const deletes = reader.u32();
  const dims = reader.u32();
  const columnCount = reader.u32();
  const idBytes = reader.u32();
  const columnBytes = reader.u32();
  if (upserts + deletes > limits.batchRowsMax || dims > limits.dimensionsMax) {
    throw reader.error("counts out of range");
  }
  const ids = readIds(idKind, reader.bytes(idBytes), upserts + deletes);
  reader.alignTo(8);
  const vectors = readVectors(reader, upserts * dims, element);
  if (columnBytes !== reader.remaining) {
    throw reader.error("lengths do not add up");
  }
  const attributes = readColumns(reader, columnCount, upserts);
  return { idKind, upserts, deletes, ids, dims, vectors, attributes };
}

function readIds(kind: IdKind, bytes: Uint8Array, count: number): DocumentId[] {
  const column = openIds(kind, bytes, count);
  const ids: DocumentId[] = [];
  for (let row = 0; row < count; row++) {
    ids.push(column.at(row));
  }
  if (new Set(ids).size !== count) {
    throw corrupt("batch: an id occurs twice");
  }
  return ids;
}

function readVectors(reader: ByteReader, count: number, element: VectorElement): VectorValues {
  const bytes = reader.bytes(count * elementBytes(element));
  const vectors = openVectors(bytes, count, element);
  checkFinite(vectors, "batch");
  return vectors;
}

function readColumns(reader: ByteReader, count: number, upserts: number): AttributeColumn[] {
  if (count > limits.attributesMax) {
    throw reader.error("too many attributes");
  }
  const columns: AttributeColumn[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    const column = decodeCbor(reader.bytes(reader.u32()), "batch attribute");
    const [name, values] = Array.isArray(column) && column.length === 2 ? column : [];
    if (typeof name !== "string" || attributeNameFault(name) !== undefined || names.has(name)) {
      throw reader.error("malformed attribute name");
    }
    if (!Array.isArray(values) || values.length !== upserts || !values.every(isAttributeValue)) {
      throw reader.error("malformed attribute values");
    }
    names.add(name);
    columns.push({ name, values });
  }
  reader.end();
  return columns;
}

function isAttributeValue(value: CborValue): value is AttributeValue {
  if (value === null || value instanceof Uint8Array) {
    return true;
  }
  return Array.isArray(value) ? value.every(isScalar) : isScalar(value);
}

function isScalar(value: CborValue): value is ScalarValue {
  if (typeof value === "number") {
    return Number.isFinite(value);
  }
  return typeof value === "bigint" ? value >= -(2n ** 63n) : typeof value !== "object";
}

/**
 * The batch cut into chunks of at most `limits.batchRowsMax` rows that encode to at most `bytesMax`
 * each, in row order; none for a batch without rows. Throws `tooLarge` for a document that no chunk
 * can hold.
 */
export function splitBatch(batch: Batch, bytesMax: number = limits.partBytesMax): Batch[] {
  const chunks: Batch[] = [];
  const overhead = headerBytes + 8 + 4 + trailerBytes + columnOverhead(batch);
  const rowBytes = encodedRowBytes(batch);
  let start = 0;
  let size = overhead;
  for (const [row, bytes] of rowBytes.entries()) {
    if (bytes > limits.documentBytesMax || overhead + bytes > bytesMax) {
      throw documentTooLarge(batch, row, Math.min(limits.documentBytesMax, bytesMax - overhead));
    }
    if (size + bytes > bytesMax || row - start >= limits.batchRowsMax) {
      chunks.push(sliceBatch(batch, start, row));
      start = row;
      size = overhead;
    }
    size += bytes;
  }
  if (start < rowBytes.length) {
    chunks.push(start === 0 ? batch : sliceBatch(batch, start, rowBytes.length));
  }
  return chunks;
}

/** Upper bound of what columns cost besides their values: length, array, name, array. */
function columnOverhead(batch: Batch): number {
  return batch.attributes.reduce((sum, { name }) => sum + 4 + 1 + cborLength(name) + 5, 0);
}

function encodedRowBytes(batch: Batch): number[] {
  const vectorBytes = batch.dims * batch.vectors.BYTES_PER_ELEMENT;
  const sizes = batch.ids.map(
    (id, row) => idBytes(batch.idKind, id) + (row < batch.upserts ? vectorBytes : 0),
  );
  for (const { values } of batch.attributes) {
    for (const [row, value] of values.entries()) {
      sizes[row] = (sizes[row] as number) + cborLength(value);
    }
  }
  return sizes;
}

function documentTooLarge(batch: Batch, row: number, bytesMax: number): EngineError {
  const id = String(batch.ids[row]);
  return new EngineError("tooLarge", `💔 document ${id} is larger than ${bytesMax} bytes`);
}

/** Rows from … to-1. Columns that hold nothing there are left out. */
function sliceBatch(batch: Batch, from: number, to: number): Batch {
  const first = Math.min(from, batch.upserts);
  const end = Math.min(to, batch.upserts);
  const attributes = batch.attributes
    .map(({ name, values }) => ({ name, values: values.slice(first, end) }))
    .filter(({ values }) => values.some((value) => value !== null));
  return {
    idKind: batch.idKind,
    upserts: end - first,
    deletes: to - from - (end - first),
    ids: batch.ids.slice(from, to),
    dims: batch.dims,
    vectors: batch.vectors.subarray(first * batch.dims, end * batch.dims),
    attributes,
  };
}

function align8(length: number): number {
  return (length + 7) & ~7;
}
