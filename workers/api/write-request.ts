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

const fields: ReadonlySet<string> = new Set([
  "upsert_rows",
  "upsert_columns",
  "deletes",
  "schema",
  "distance_metric",
  "disable_backpressure",
  "return_affected_ids",
  "encryption",
  // Say how far by-filter operations may go; without one they say nothing.
  "patch_by_filter_allow_partial",
  "delete_by_filter_allow_partial",
]);

const missingFields: ReadonlySet<string> = new Set([
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
  if (!isJsonObject(body)) {
    throw wrongShape("", body, "a map");
  }
  const given = new Map(Object.entries(body).filter(([, value]) => value !== null));
  for (const name of given.keys()) {
    refuseOther(name);
  }
  checkEncryption(given.get("encryption"));
  flag(given, "patch_by_filter_allow_partial");
  flag(given, "delete_by_filter_allow_partial");
  const rows = given.get("upsert_rows");
  const columns = given.get("upsert_columns");
  const deletes = given.get("deletes");
  const schema = given.get("schema");
  const metric = given.get("distance_metric");
  return {
    rows: rows === undefined ? undefined : parseRows(rows),
    columns: columns === undefined ? undefined : parseColumns(columns),
    deletes: deletes === undefined ? undefined : parseDeletes(deletes),
    schema: schema === undefined ? undefined : parseSchemaInput(schema),
    metric: metric === undefined ? undefined : parseMetric(metric, "distance_metric"),
    disableBackpressure: flag(given, "disable_backpressure"),
    returnAffectedIds: flag(given, "return_affected_ids"),
  };
}

function refuseOther(name: string): void {
  if (missingFields.has(name)) {
    throw invalid(`💔 \`${name}\` is not supported by this server`, name);
  }
  if (!fields.has(name)) {
    throw invalid(`💔 unknown field \`${name}\` in a write`, name);
  }
}

function flag(given: ReadonlyMap<string, unknown>, name: string): boolean {
  const value = given.get(name) ?? false;
  if (typeof value !== "boolean") {
    throw wrongShape(name, value, "a boolean");
  }
  return value;
}

function parseRows(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) {
    throw wrongShape("upsert_rows", value, "a sequence");
  }
  value.forEach((row: unknown, i) => {
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
  return value as readonly JsonObject[];
}

function parseColumns(value: unknown): UpsertColumns {
  if (!isJsonObject(value)) {
    throw wrongShape("upsert_columns", value, "a map");
  }
  const values = new Map<string, readonly unknown[] | string>();
  let ids: readonly unknown[] | undefined;
  for (const [name, column] of Object.entries(value)) {
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

function parseDeletes(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw wrongShape("deletes", value, "a sequence");
  }
  value.forEach((id: unknown, i) => {
    if (!isIdShaped(id)) {
      throw malformedAt(`deletes[${i}]`, noVariant("Id"));
    }
  });
  return value;
}

function isIdShaped(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "bigint";
}

function noVariant(name: string): string {
  return `data did not match any variant of untagged enum ${name}`;
}
