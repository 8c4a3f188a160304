/**
 * WriteRequest + schema of the namespace -> what to commit and what it adds to the schema, as far
 * as that can be said without a look at the documents. Pure: run again with the newer schema when
 * the namespace answers that this one is stale.
 *
 *   1. merge the schema sent along, so that it decides the types of this very write
 *   2. ids: one kind, no id twice
 *   3. gather rows and columns into one column a name; absent = null, in patches undefined
 *   4. types: the schema's, else inferred; the metric
 *   5. dense vectors, decoded into the one array that will be encoded
 *   6. attribute values in canonical form; patches, filters and conditions likewise
 *   7. sizes
 *
 * What the namespace or its limits do not allow is `invalid` or `tooLarge`, and nothing is written.
 */
import type { AskedWrite } from "../../src/change-attempt.ts";
import type { Batch } from "../../src/document/batch.ts";
import { type DocumentId, type IdKind, inferIdKind, parseId } from "../../src/document/id.ts";
import {
  applyAddition,
  isEmptyAddition,
  type Schema,
  type SchemaAddition,
} from "../../src/document/schema.ts";
import { checkAddition, mergeSchemaInput } from "../../src/document/schema-input.ts";
import { upsertLogicalBytes } from "../../src/document/size.ts";
import { EngineError, invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { parseCondition } from "../../src/query/condition.ts";
import { parseFilter } from "../../src/query/filter.ts";
import { inferColumns, readAttributes } from "./attribute-columns.ts";
import { gatherColumns, joinColumns, vectorNames } from "./raw-columns.ts";
import { decideMetric, readVectors } from "./vector-columns.ts";
import { checkPatchedVectors, readPatch, readPatches } from "./write-patches.ts";
import type { AskedRows, WriteRequest } from "./write-request.ts";

export function buildWrite(request: WriteRequest, schema: Schema): AskedWrite {
  const { upserts, patches, patchByFilter } = request;
  const count = countRows(upserts);
  checkRows(request, schema);
  const declared = request.schema && mergeSchemaInput(schema, request.schema);
  const known = applyAddition(schema, declared);
  const { idKind, upserted, patched, deleted } = readIds(request, known.idKind);
  const vectors = vectorNames(known);
  const raw = gatherColumns(upserts, vectors, null);
  const rawPatches = gatherColumns(patches, vectors, undefined);
  const rawPatch = gatherColumns(patchRows(patchByFilter), vectors, undefined);
  for (const name of [...rawPatches.keys(), ...rawPatch.keys()]) {
    checkPatchedVectors(name, known);
  }
  const inferred = inferColumns(joinColumns([raw, rawPatches, rawPatch]), known);
  const metric = decideMetric(request.metric, applyAddition(known, { attributes: inferred }));
  const addition: SchemaAddition = {
    ...(schema.idKind === undefined ? { idKind } : {}),
    ...(schema.metric === undefined && metric !== undefined ? { metric } : {}),
    attributes: new Map([...(declared?.attributes ?? []), ...inferred]),
  };
  checkAddition(schema, addition);
  const final = applyAddition(schema, addition);
  const placeOf = (row: number, name: string): string => placeIn(upserts, row, name);
  const read = readVectors(raw, final, count, placeOf);
  const batch: Batch = {
    idKind,
    upserts: count,
    deletes: deleted.length,
    ids: [...upserted, ...deleted],
    dims: read.dims,
    vectors: read.vectors,
    attributes: [...read.packed, ...readAttributes(raw, final)],
  };
  checkSizes(batch);
  return {
    batch,
    addition: isEmptyAddition(addition) ? undefined : addition,
    schema: final,
    patches: readPatches(patched, rawPatches, final),
    patchByFilter: patchByFilter && {
      filter: parseFilter(patchByFilter.filter, final, "patch_by_filter.filters"),
      patch: readPatch(rawPatch, final),
      allowPartial: patchByFilter.allowPartial,
    },
    ...readConditions(request, final),
  };
}

function readConditions(request: WriteRequest, schema: Schema) {
  const condition = (json: unknown, field: string) =>
    json === undefined ? undefined : parseCondition(json, schema, field);
  const { deleteByFilter } = request;
  return {
    deleteByFilter: deleteByFilter && {
      filter: parseFilter(deleteByFilter.filter, schema, "delete_by_filter"),
      allowPartial: deleteByFilter.allowPartial,
    },
    upsertCondition: condition(request.upsertCondition, "upsert_condition"),
    patchCondition: condition(request.patchCondition, "patch_condition"),
    deleteCondition: condition(request.deleteCondition, "delete_condition"),
  };
}

/** The patch as the one row of its kind. */
function patchRows(asked: WriteRequest["patchByFilter"]): AskedRows {
  const rows = asked === undefined ? [] : [asked.patch];
  return { field: "patch", isGiven: asked !== undefined, rows, columns: undefined };
}

function countRows({ rows, columns }: AskedRows): number {
  return rows.length + (columns?.ids.length ?? 0);
}

function checkRows({ upserts, patches, deletes = [] }: WriteRequest, schema: Schema): void {
  const rows = countRows(upserts) + countRows(patches) + deletes.length;
  if (rows > limits.batchRowsMax) {
    throw tooLarge(`a write has at most ${limits.batchRowsMax} rows, got ${rows}`);
  }
  if (rows === countRows(patches) && schema.version === 0) {
    throw invalid(
      "💔 a namespace is created by its first documents: the write has no rows",
      "upsert_rows",
    );
  }
}

/** Where a document stands in the request, for error texts. */
function placeIn({ field, rows }: AskedRows, row: number, name: string): string {
  return row < rows.length
    ? `${field}_rows[${row}].${name}`
    : `${field}_columns.${name}[${row - rows.length}]`;
}

interface ReadIds {
  readonly idKind: IdKind;
  readonly upserted: readonly DocumentId[];
  readonly patched: readonly DocumentId[];
  readonly deleted: readonly DocumentId[];
}

function readIds(
  { upserts, patches, deletes = [] }: WriteRequest,
  known: IdKind | undefined,
): ReadIds {
  const [first] = [...idsOf(upserts), ...idsOf(patches), ...deletes];
  const idKind = known ?? inferIdKind(first) ?? "uint";
  const read = (asked: AskedRows): DocumentId[] =>
    idsOf(asked).map((id, row) => parseId(id, idKind, placeIn(asked, row, "id")));
  const upserted = read(upserts);
  const patched = read(patches);
  const deleted = deletes.map((id, i) => parseId(id, idKind, `deletes[${i}]`));
  const ids = [...upserted, ...patched, ...deleted];
  if (new Set(ids).size < ids.length) {
    throw duplicates(ids);
  }
  return { idKind, upserted, patched, deleted };
}

function idsOf({ rows, columns }: AskedRows): readonly unknown[] {
  return [...rows.map((row) => row["id"]), ...(columns?.ids ?? [])];
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
