/**
 * WriteRequest + schema of the namespace -> the batch to commit and what it adds to the schema.
 * Pure: run again with the newer schema when the namespace answers that this one is stale.
 *
 *   1. merge the schema sent along, so that it decides the types of this very batch
 *   2. ids: one kind, no id twice
 *   3. gather rows and columns into one column a name; absent = null
 *   4. types: the schema's, else inferred; the metric
 *   5. dense vectors, decoded into the one array that will be encoded
 *   6. attribute values in canonical form
 *   7. sizes
 *
 * What the namespace or its limits do not allow is `invalid` or `tooLarge`, and nothing is written.
 */
import type { Batch } from "../../src/document/batch.ts";
import { type DocumentId, type IdKind, inferIdKind, parseId } from "../../src/document/id.ts";
import { inferType } from "../../src/document/infer.ts";
import {
  type AttributeSchema,
  type AttributeType,
  applyAddition,
  attributeNameFault,
  isEmptyAddition,
  isIndexed,
  isPackedType,
  mayBecome,
  parseVectorType,
  type Schema,
  type SchemaAddition,
  vectorColumns,
} from "../../src/document/schema.ts";
import { checkAddition, mergeSchemaInput } from "../../src/document/schema-input.ts";
import { wrongShape } from "../../src/document/shape.ts";
import { upsertLogicalBytes, utf8Length } from "../../src/document/size.ts";
import {
  type AttributeColumn,
  type AttributeValue,
  attributeError,
  parseValue,
} from "../../src/document/value.ts";
import { EngineError, invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { packedParser } from "./packed-input.ts";
import { decideMetric, inferVector, readVectors } from "./vector-columns.ts";
import { splitColumn } from "./vector-input.ts";
import type { WriteRequest } from "./write-request.ts";

export interface BuiltBatch {
  readonly batch: Batch;
  /** Undefined when the schema stays as it is. */
  readonly addition: SchemaAddition | undefined;
}

/** Raw JSON values of each attribute, one for each upsert; null = absent. */
type RawColumns = ReadonlyMap<string, unknown[]>;

export function buildBatch(request: WriteRequest, schema: Schema): BuiltBatch {
  const upserts = (request.rows?.length ?? 0) + (request.columns?.ids.length ?? 0);
  const deletes = request.deletes?.length ?? 0;
  checkRows(upserts + deletes, schema);
  const declared = request.schema && mergeSchemaInput(schema, request.schema);
  const known = applyAddition(schema, declared);
  const { idKind, ids } = readIds(request, known.idKind);
  const raw = gatherColumns(request, upserts, vectorNames(known));
  const inferred = inferColumns(raw, known);
  const metric = decideMetric(request.metric, applyAddition(known, { attributes: inferred }));
  const addition: SchemaAddition = {
    ...(schema.idKind === undefined ? { idKind } : {}),
    ...(schema.metric === undefined && metric !== undefined ? { metric } : {}),
    attributes: new Map([...(declared?.attributes ?? []), ...inferred]),
  };
  checkAddition(schema, addition);
  const final = applyAddition(schema, addition);
  const placeOf = (row: number, name: string): string => placeIn(request, row, name);
  const { dims, vectors, packed } = readVectors(raw, final, upserts, placeOf);
  const attributes = [...packed, ...readAttributes(raw, final)];
  const batch: Batch = { idKind, upserts, deletes, ids, dims, vectors, attributes };
  checkSizes(batch);
  return { batch, addition: isEmptyAddition(addition) ? undefined : addition };
}

function checkRows(rows: number, schema: Schema): void {
  if (rows > limits.batchRowsMax) {
    throw tooLarge(`a write has at most ${limits.batchRowsMax} rows, got ${rows}`);
  }
  if (rows === 0 && schema.version === 0) {
    throw invalid(
      "💔 a namespace is created by its first documents: the write has no rows",
      "upsert_rows",
    );
  }
}

/** Where an upsert stands in the request, for error texts. */
function placeIn(request: WriteRequest, row: number, name: string): string {
  const rows = request.rows?.length ?? 0;
  return row < rows ? `upsert_rows[${row}].${name}` : `upsert_columns.${name}[${row - rows}]`;
}

function readIds(
  request: WriteRequest,
  known: IdKind | undefined,
): { idKind: IdKind; ids: DocumentId[] } {
  const { rows = [], columns, deletes = [] } = request;
  const upserted = [...rows.map((row) => row["id"]), ...(columns?.ids ?? [])];
  const first = upserted.length > 0 ? upserted[0] : deletes[0];
  const idKind = known ?? inferIdKind(first) ?? "uint";
  const ids = [
    ...upserted.map((id, row) => parseId(id, idKind, placeIn(request, row, "id"))),
    ...deletes.map((id, i) => parseId(id, idKind, `deletes[${i}]`)),
  ];
  if (new Set(ids).size < ids.length) {
    throw duplicates(ids);
  }
  return { idKind, ids };
}

function duplicates(ids: readonly DocumentId[]): EngineError {
  const seen = new Set<DocumentId>();
  const twice = new Set<DocumentId>();
  for (const id of ids) {
    (seen.has(id) ? twice : seen).add(id);
  }
  const listed = [...twice].slice(0, 100).join(", ") + (twice.size > 100 ? ", …" : "");
  return invalid(
    "💔 This upsert contains duplicate document IDs and was not written. " +
      "You should ensure that individual upserts do not include duplicate documents. " +
      `The duplicated IDs in this batch were the following: ${listed}`,
    "id",
  );
}

/** Columns that may come flat: dense vectors, and `vector` before the schema knows it. */
function vectorNames(schema: Schema): ReadonlySet<string> {
  return new Set(["vector", ...vectorColumns(schema).map(({ name }) => name)]);
}

function gatherColumns(
  request: WriteRequest,
  upserts: number,
  vectors: ReadonlySet<string>,
): RawColumns {
  const raw = new Map<string, unknown[]>();
  const { rows = [], columns } = request;
  rows.forEach((row, i) => {
    for (const name of Object.keys(row)) {
      if (name !== "id") {
        columnOf(raw, name, upserts)[i] = row[name];
      }
    }
  });
  for (const [name, values] of columns?.values ?? []) {
    const list = listColumn(name, values, columns?.ids.length ?? 0, vectors.has(name));
    const column = columnOf(raw, name, upserts);
    for (let i = 0; i < list.length; i++) {
      column[rows.length + i] = list[i];
    }
  }
  return raw;
}

/** The column of that name; a new one is absent everywhere. */
function columnOf(raw: Map<string, unknown[]>, name: string, upserts: number): unknown[] {
  let column = raw.get(name);
  if (column === undefined) {
    const fault = attributeNameFault(name);
    if (fault !== undefined) {
      throw invalid(`💔 ${fault}`, name);
    }
    if (raw.size >= limits.attributesMax) {
      throw invalid(`💔 a write has at most ${limits.attributesMax} attributes`);
    }
    if ((raw.size + 1) * upserts > limits.batchCellsMax) {
      throw tooLarge("too many attributes for so many rows; send fewer rows in one write");
    }
    column = Array.from<unknown>({ length: upserts }).fill(null);
    raw.set(name, column);
  }
  return column;
}

function listColumn(
  name: string,
  values: readonly unknown[] | string,
  rows: number,
  isVector: boolean,
): readonly unknown[] {
  const place = `upsert_columns.${name}`;
  if (!isVector && typeof values === "string") {
    throw wrongShape(place, values, "a sequence");
  }
  const list = isVector ? splitColumn(values, rows, place) : (values as readonly unknown[]);
  if (list.length !== rows) {
    throw invalid(
      "💔 upsert_columns: all columns must have the same length, " +
        `but \`${name}\` has ${list.length} values and \`id\` has ${rows}`,
      place,
    );
  }
  return list;
}

/** Attributes the batch makes known: new ones, and those whose arrays have a first element. */
function inferColumns(raw: RawColumns, known: Schema): Map<string, AttributeSchema> {
  const inferred = new Map<string, AttributeSchema>();
  for (const [name, values] of raw) {
    const current = known.attributes.get(name);
    if (current === undefined && name === "vector") {
      inferred.set(name, inferVector(values));
    } else if (current === undefined || current.type === "[]unknown") {
      const type = inferType(values, name);
      if (type !== undefined && type !== current?.type) {
        if (current === undefined || mayBecome(current.type, type)) {
          inferred.set(name, { type, filterable: current?.filterable ?? true });
        }
      }
    }
  }
  return inferred;
}

function readAttributes(raw: RawColumns, schema: Schema): AttributeColumn[] {
  const columns: AttributeColumn[] = [];
  for (const [name, values] of raw) {
    const attribute = schema.attributes.get(name);
    // Without a type the column is null throughout.
    if (attribute === undefined || parseVectorType(attribute.type) !== undefined) {
      continue;
    }
    const parsed = parseColumn(values, attribute.type, name);
    if (isIndexed(attribute)) {
      parsed.forEach((value) => {
        checkFilterable(value, name);
      });
    }
    if (parsed.some((value) => value !== null)) {
      columns.push({ name, values: parsed });
    }
  }
  return columns;
}

function parseColumn(
  values: readonly unknown[],
  type: AttributeType,
  name: string,
): readonly AttributeValue[] {
  if (isPackedType(type)) {
    const parse = packedParser(type, name);
    return values.map((value) => parse(value));
  }
  return values.map((value) => parseValue(value, type, name));
}

function checkFilterable(value: AttributeValue, name: string): void {
  const max = limits.filterableBytesMax;
  if (typeof value === "string") {
    if (3 * value.length > max && utf8Length(value) > max) {
      throw attributeError(
        name,
        `a filterable value has at most ${max} bytes, but got ${utf8Length(value)}; ` +
          'longer text needs `"filterable": false` in the schema',
      );
    }
  } else if (Array.isArray(value)) {
    for (const element of value as readonly AttributeValue[]) {
      checkFilterable(element, name);
    }
  }
}

function checkSizes(batch: Batch): void {
  let total = 0;
  for (const [row, bytes] of upsertLogicalBytes(batch).entries()) {
    if (bytes > limits.documentBytesMax) {
      const id = String(batch.ids[row]);
      throw tooLarge(`document ${id} has ${bytes} bytes, at most ${limits.documentBytesMax}`);
    }
    total += bytes;
  }
  if (total > limits.batchBytesMax) {
    throw tooLarge(`a write has at most ${limits.batchBytesMax} bytes, got ${total}`);
  }
}

function tooLarge(message: string): EngineError {
  return new EngineError("tooLarge", `💔 ${message}`);
}
