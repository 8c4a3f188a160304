/**
 * Rows in memory as the source of a segment: what a flush folds out of the log.
 *
 * Memory besides the rows themselves: their int8 form, a quarter of the vectors, and that of one
 * further vector column at a time; 32 bytes a row.
 */

import type { VectorValues } from "../../document/batch.ts";
import { compareIds, type DocumentId, type IdKind } from "../../document/id.ts";
import { primaryVector, type Schema, type VectorColumn } from "../../document/schema.ts";
import { idLogicalBytes, valueLogicalBytes } from "../../document/size.ts";
import {
  type AttributeColumn,
  type AttributeValue,
  compareValues,
  isComparable,
  type ScalarValue,
} from "../../document/value.ts";
import { assert } from "../../errors.ts";
import { unpackVector } from "../../format/packed-value.ts";
import { hashVectors, recordHash } from "../../format/record-hash.ts";
import type { ColumnValue } from "../../format/segment-columns.ts";
import { encodeRow } from "../../format/segment-documents.ts";
import { idKeys } from "../../format/segment-ids.ts";
import {
  allocateRefineRows,
  copyRefineRow,
  type RefineRows,
  refineRowBytes,
} from "../../format/segment-refine.ts";
import { widenVectors } from "../../format/vector-element.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import type { Seed } from "../vector/prng.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import {
  type ColumnSource,
  type FurtherSource,
  type GatheredDocuments,
  type OrderedIds,
  type RowSource,
  rowObjectBytes,
} from "./row-source.ts";
import { attributeNames, metricOf } from "./segment-spec.ts";
import { VectorEncoder } from "./vector-encoder.ts";

/** Whole documents with distinct ids. */
export interface MemoryRows {
  readonly ids: readonly DocumentId[];
  /** n × dims; empty in a namespace without a vector column. */
  readonly vectors: VectorValues;
  readonly attributes: readonly AttributeColumn[];
}

export interface MemorySourceInput {
  readonly rows: MemoryRows;
  readonly schema: Schema;
  readonly rotation: Seed;
  readonly kernels: Kernels;
  readonly ledger: MemoryLedger;
}

export function createMemorySource(input: MemorySourceInput): RowSource {
  const { rows, schema } = input;
  const { ids } = rows;
  const kind = schema.idKind;
  assert(kind !== undefined, "a namespace with rows knows its kind of ids");
  const dims = primaryVector(schema)?.dims ?? 0;
  assert(rows.vectors.length === ids.length * dims, "one vector a row");
  const vectorHashes = new BigUint64Array(ids.length);
  const codes = dims === 0 ? undefined : encodeRows(input, dims, kind, vectorHashes);
  const keys = codes?.keys ?? idKeys(kind, ids);
  const attributes = new Map(rows.attributes.map(({ name, values }) => [name, values]));
  const names = attributeNames(schema);
  const valuesOf = (row: number): AttributeValue[] =>
    names.map((name) => attributes.get(name)?.[row] ?? null);
  const hashes = new BigUint64Array(ids.length);
  return {
    rows: ids.length,
    hashes,
    logicalBytes: logicalBytesOf(rows, kind),
    liveRows: () => Uint32Array.from(ids.keys()),
    async gatherCodes(wanted, out) {
      assert(codes !== undefined, "the namespace has a vector column");
      wanted.forEach((row, i) => copyRefineRow(codes, row, out, i));
    },
    async gatherVectors(wanted, out) {
      wanted.forEach((row, i) => {
        out.set(widenVectors(rows.vectors, row * dims, (row + 1) * dims), i * dims);
      });
    },
    furtherVectors: async (column) =>
      furtherVectors(input, column, attributes.get(column.name) ?? [null], keys),
    async gatherDocuments(wanted, bytesMax) {
      const gathered = gatherDocuments(wanted, bytesMax, ids, valuesOf);
      gathered.rows.forEach((attributes, i) => {
        const row = wanted[i] as number;
        hashes[row] = recordHash(keys, row, vectorHashes[row] as bigint, attributes);
      });
      return gathered;
    },
    valuesOf,
    idsInOrder: () => sortIds(ids),
    column: async (name) => encodeColumn(attributes.get(name) ?? [], ids.length),
  };
}

/** As int8. Hashes the vectors on the way. */
function encodeRows(
  input: MemorySourceInput,
  dims: number,
  kind: IdKind,
  vectorHashes: BigUint64Array,
): RefineRows {
  const { rows, ledger } = input;
  const encoder = encoderOf(input, dims);
  const count = rows.ids.length;
  ledger.hold(count * refineRowBytes(encoder.width));
  const out = allocateRefineRows(count, encoder.width);
  out.keys.set(idKeys(kind, rows.ids));
  for (let from = 0; from < count; from += encoder.rowsAtOnce) {
    const to = Math.min(count, from + encoder.rowsAtOnce);
    // A copy: encoding changes it.
    const slice = widenVectors(rows.vectors.slice(from * dims, to * dims));
    hashVectors(slice, dims, vectorHashes, from);
    encoder.encode(slice, out, from);
  }
  return out;
}

function encoderOf({ schema, rotation, kernels }: MemorySourceInput, dims: number): VectorEncoder {
  return new VectorEncoder(dims, rotation, metricOf(schema), kernels);
}

/** Of values that are packed, each by itself. */
function furtherVectors(
  input: MemorySourceInput,
  { dims, element }: VectorColumn,
  values: readonly AttributeValue[],
  keys: Uint8Array,
): FurtherSource | undefined {
  if (!values.every((value) => value instanceof Uint8Array)) return undefined;
  const encoder = encoderOf(input, dims);
  const count = values.length;
  const release = input.ledger.hold(count * refineRowBytes(encoder.width));
  const codes = allocateRefineRows(count, encoder.width);
  codes.keys.set(keys);
  const vectorsOf = (rows: readonly Uint8Array[], out: Float32Array): void => {
    for (const [i, row] of rows.entries()) out.set(unpackVector(row, dims, element), i * dims);
  };
  for (let from = 0; from < count; from += encoder.rowsAtOnce) {
    const slice = values.slice(from, from + encoder.rowsAtOnce);
    const vectors = new Float32Array(slice.length * dims);
    vectorsOf(slice, vectors);
    encoder.encode(vectors, codes, from);
  }
  return {
    liveRows: () => Uint32Array.from(values.keys()),
    async gatherCodes(wanted, out) {
      wanted.forEach((row, i) => copyRefineRow(codes, row, out, i));
    },
    async gatherVectors(wanted, out) {
      vectorsOf(
        Array.from(wanted, (row) => values[row] as Uint8Array),
        out,
      );
    },
    release,
  };
}

function gatherDocuments(
  wanted: Uint32Array,
  bytesMax: number,
  ids: readonly DocumentId[],
  valuesOf: (row: number) => AttributeValue[],
): GatheredDocuments {
  const gathered = { ids: [] as DocumentId[], rows: [] as Uint8Array[] };
  let bytes = 0;
  for (const row of wanted) {
    const encoded = encodeRow(valuesOf(row));
    bytes += encoded.length + rowObjectBytes;
    if (bytes > bytesMax && gathered.rows.length > 0) {
      break;
    }
    gathered.ids.push(ids[row] as DocumentId);
    gathered.rows.push(encoded);
  }
  return gathered;
}

async function* sortIds(ids: readonly DocumentId[]): AsyncGenerator<OrderedIds> {
  const rows = Uint32Array.from(ids.keys()).sort((a, b) =>
    compareIds(ids[a] as DocumentId, ids[b] as DocumentId),
  );
  yield { ids: Array.from(rows, (row) => ids[row] as DocumentId), rows };
}

/**
 * Sorts the distinct values; scalars are told apart by a map first, which is cheap where few
 * differ.
 */
function encodeColumn(values: readonly AttributeValue[], rows: number): ColumnSource {
  const seen = new Map<ScalarValue, number[]>();
  const entries: { value: ColumnValue; rows: number[] }[] = [];
  values.forEach((value, row) => {
    if (!isComparable(value)) {
      return;
    }
    const known = typeof value === "object" ? undefined : seen.get(value);
    if (known !== undefined) {
      known.push(row);
      return;
    }
    const entry = { value, rows: [row] };
    entries.push(entry);
    if (typeof value !== "object") {
      seen.set(value, entry.rows);
    }
  });
  entries.sort((a, b) => compareValues(a.value, b.value));
  const codes = new Uint32Array(rows);
  const distinct: ColumnValue[] = [];
  for (const entry of entries) {
    const last = distinct.at(-1);
    if (last === undefined || compareValues(last, entry.value) !== 0) {
      distinct.push(entry.value);
    }
    for (const row of entry.rows) {
      codes[row] = distinct.length;
    }
  }
  async function* yieldAll(): AsyncGenerator<readonly ColumnValue[]> {
    yield distinct;
  }
  return { codes, dictionaries: [{ length: distinct.length, values: yieldAll }] };
}

function logicalBytesOf(rows: MemoryRows, kind: IdKind): number {
  let bytes = rows.vectors.byteLength;
  for (const id of rows.ids) {
    bytes += idLogicalBytes(id, kind);
  }
  for (const { values } of rows.attributes) {
    for (const value of values) {
      bytes += valueLogicalBytes(value);
    }
  }
  return bytes;
}
