/**
 * JSON body of POST /v2/namespaces/:ns -> WriteRequest: which operations are asked for, with rows
 * and columns still raw. Nothing here depends on the namespace; write-batch.ts does the rest
 * against its schema, again if that turns out to be stale.
 *
 * Wrong JSON types are `malformed` (422). Unknown fields and those of the API that this server does
 * not have are `invalid` (400) and named: a write must not lose half of its meaning. null = not
 * given.
 */
import type { DistanceMetric } from "../../src/document/schema.ts";
import {
  parseMetric,
  parseSchemaInput,
  type SchemaInput,
} from "../../src/document/schema-input.ts";
import {
  isJsonObject,
  type JsonObject,
  malformedAt,
  wrongShape,
} from "../../src/document/shape.ts";
import { invalid } from "../../src/errors.ts";
import { checkEncryption } from "./encryption.ts";
import { readFields } from "./reference/field.ts";
import { writeFields } from "./reference/write-fields.ts";

/** Columns of equal length are checked later; a string is one base64 text for a whole column. */
export interface UpsertColumns {
  readonly ids: readonly unknown[];
  readonly values: ReadonlyMap<string, readonly unknown[] | string>;
}

export interface WriteRequest {
  readonly rows: readonly JsonObject[] | undefined;
  readonly columns: UpsertColumns | undefined;
  readonly deletes: readonly unknown[] | undefined;
  readonly schema: SchemaInput | undefined;
  readonly metric: DistanceMetric | undefined;
  readonly disableBackpressure: boolean;
  readonly returnAffectedIds: boolean;
}

/** Fields of the API that this server does not have. */
export const missingFields: ReadonlySet<string> = new Set([
  "patch_rows",
  "patch_columns",
  "patch_by_filter",
  "delete_by_filter",
  "upsert_condition",
  "patch_condition",
  "delete_condition",
  "sharding",
]);

export function parseWriteRequest(body: unknown): WriteRequest {
  const given = readFields(body, writeFields, missingFields);
  checkEncryption(given.encryption);
  const { upsert_rows: rows, upsert_columns: columns, deletes, schema } = given;
  const metric = given.distance_metric;
  return {
    rows: rows && parseRows(rows),
    columns: columns && parseColumns(columns),
    deletes: deletes && parseDeletes(deletes),
    schema: schema && parseSchemaInput(schema),
    metric: metric === undefined ? undefined : parseMetric(metric, "distance_metric"),
    disableBackpressure: given.disable_backpressure === true,
    returnAffectedIds: given.return_affected_ids === true,
  };
}

function parseRows(rows: readonly unknown[]): readonly JsonObject[] {
  rows.forEach((row, i) => {
    if (!isJsonObject(row)) {
      throw wrongShape(`upsert_rows[${i}]`, row, "a map");
    }
    if (!Object.hasOwn(row, "id")) {
      throw malformedAt(`upsert_rows[${i}]`, "missing field `id`");
    }
    if (!isIdShaped(row["id"])) {
      throw malformedAt(`upsert_rows[${i}].id`, noVariant("Id"));
    }
  });
  return rows as readonly JsonObject[];
}

function parseColumns(columns: JsonObject): UpsertColumns {
  const values = new Map<string, readonly unknown[] | string>();
  let ids: readonly unknown[] | undefined;
  for (const [name, column] of Object.entries(columns)) {
    const place = `upsert_columns.${name}`;
    if (name === "id") {
      if (!Array.isArray(column) || !column.every(isIdShaped)) {
        throw malformedAt(place, noVariant("IdVec"));
      }
      ids = column;
      continue;
    }
    if (!Array.isArray(column) && typeof column !== "string") {
      throw wrongShape(place, column, "a sequence");
    }
    values.set(name, column);
  }
  if (ids === undefined) {
    throw invalid("💔 upsert_columns: missing column `id`", "upsert_columns");
  }
  return { ids, values };
}

function parseDeletes(deletes: readonly unknown[]): readonly unknown[] {
  deletes.forEach((id, i) => {
    if (!isIdShaped(id)) {
      throw malformedAt(`deletes[${i}]`, noVariant("Id"));
    }
  });
  return deletes;
}

function isIdShaped(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint";
}

function noVariant(name: string): string {
  return `data did not match any variant of untagged enum ${name}`;
}
