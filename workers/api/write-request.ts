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
import { parseSchemaInput, type SchemaInput } from "../../src/document/schema-input.ts";
import {
  isJsonObject,
  type JsonObject,
  malformedAt,
  wrongShape,
} from "../../src/document/shape.ts";
import { parseMetric } from "../../src/document/vector-options.ts";
import { invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { checkEncryption } from "./encryption.ts";
import { type Given, readFields } from "./reference/field.ts";
import { writeFields } from "./reference/write-fields.ts";

/** Columns of equal length are checked later; a string is one base64 text for a whole column. */
export interface AskedColumns {
  readonly ids: readonly unknown[];
  readonly values: ReadonlyMap<string, readonly unknown[] | string>;
}

/** Documents to upsert or to patch, as rows, as columns or both. */
export interface AskedRows {
  readonly field: "upsert" | "patch";
  readonly isGiven: boolean;
  readonly rows: readonly JsonObject[];
  readonly columns: AskedColumns | undefined;
}

/** Filters and conditions are raw: what they must be depends on the schema. */
export interface AskedByFilter {
  readonly filter: unknown;
  /** The documents with the lowest ids will do, if more match than one write may change. */
  readonly allowPartial: boolean;
}

export interface WriteRequest {
  readonly upserts: AskedRows;
  readonly patches: AskedRows;
  readonly deletes: readonly unknown[] | undefined;
  readonly deleteByFilter: AskedByFilter | undefined;
  readonly patchByFilter: (AskedByFilter & { readonly patch: JsonObject }) | undefined;
  /** Undefined: none. */
  readonly upsertCondition: unknown;
  readonly patchCondition: unknown;
  readonly deleteCondition: unknown;
  readonly schema: SchemaInput | undefined;
  readonly metric: DistanceMetric | undefined;
  readonly shards: number | undefined;
  readonly disableBackpressure: boolean;
  readonly returnAffectedIds: boolean;
}

type GivenFields = Given<typeof writeFields>;

/** Operations that read what is there before they write. */
const readingFields = [
  "patch_rows",
  "patch_columns",
  "patch_by_filter",
  "delete_by_filter",
  "upsert_condition",
  "patch_condition",
  "delete_condition",
] as const;

export function parseWriteRequest(body: unknown): WriteRequest {
  const given = readFields(body, writeFields);
  checkEncryption(given.encryption);
  checkTogether(given);
  const { deletes, schema, distance_metric: metric } = given;
  return {
    upserts: askedRows("upsert", given.upsert_rows, given.upsert_columns),
    patches: askedRows("patch", given.patch_rows, given.patch_columns),
    deletes: deletes && parseDeletes(deletes),
    deleteByFilter: given.delete_by_filter && {
      filter: given.delete_by_filter,
      allowPartial: given.delete_by_filter_allow_partial === true,
    },
    patchByFilter: patchByFilter(given),
    upsertCondition: given.upsert_condition,
    patchCondition: given.patch_condition,
    deleteCondition: given.delete_condition,
    schema: schema && parseSchemaInput(schema),
    metric: metric === undefined ? undefined : parseMetric(metric, "distance_metric"),
    shards: parseShards(given.sharding),
    disableBackpressure: given.disable_backpressure === true,
    returnAffectedIds: given.return_affected_ids === true,
  };
}

/** From `sharding`. */
export function parseShards(asked: GivenFields["sharding"]): number | undefined {
  const shards = asked?.num_shards;
  if (shards !== undefined && (shards < 1 || shards > limits.shardsMax)) {
    throw invalid(`💔 num_shards must be between 1 and ${limits.shardsMax}`, "sharding.num_shards");
  }
  return shards;
}

/** Whether the write is decided from what is stored. */
export function readsDocuments(request: WriteRequest): boolean {
  const { patches, deleteByFilter, patchByFilter } = request;
  const conditions = [request.upsertCondition, request.patchCondition, request.deleteCondition];
  return (
    patches.isGiven ||
    deleteByFilter !== undefined ||
    patchByFilter !== undefined ||
    conditions.some((condition) => condition !== undefined)
  );
}

function checkTogether(given: GivenFields): void {
  for (const kind of ["patch", "delete"] as const) {
    const condition = `${kind}_condition` as const;
    if (given[`${kind}_by_filter`] !== undefined && given[condition] !== undefined) {
      const text = `\`${kind}_by_filter\` and \`${condition}\` cannot be used together`;
      throw invalid(`💔 ${text}`, condition);
    }
  }
  const reading = readingFields.find((name) => given[name] !== undefined);
  if (reading !== undefined && given.disable_backpressure === true) {
    const text = `\`disable_backpressure\` is not supported together with \`${reading}\``;
    throw invalid(`💔 ${text}`, "disable_backpressure");
  }
}

function patchByFilter(given: GivenFields): WriteRequest["patchByFilter"] {
  const asked = given.patch_by_filter;
  if (asked !== undefined && Object.hasOwn(asked.patch, "id")) {
    throw invalid("💔 patch_by_filter cannot change the attribute `id`", "patch_by_filter");
  }
  const allowPartial = given.patch_by_filter_allow_partial === true;
  return asked && { filter: asked.filters, patch: asked.patch, allowPartial };
}

function askedRows(
  field: AskedRows["field"],
  rows: readonly unknown[] | undefined,
  columns: JsonObject | undefined,
): AskedRows {
  return {
    field,
    isGiven: rows !== undefined || columns !== undefined,
    rows: rows === undefined ? [] : parseRows(rows, `${field}_rows`),
    columns: columns && parseColumns(columns, `${field}_columns`),
  };
}

function parseRows(rows: readonly unknown[], field: string): readonly JsonObject[] {
  rows.forEach((row, i) => {
    if (!isJsonObject(row)) {
      throw wrongShape(`${field}[${i}]`, row, "a map");
    }
    if (!Object.hasOwn(row, "id")) {
      throw malformedAt(`${field}[${i}]`, "missing field `id`");
    }
    if (!isIdShaped(row["id"])) {
      throw malformedAt(`${field}[${i}].id`, noVariant("Id"));
    }
  });
  return rows as readonly JsonObject[];
}

function parseColumns(columns: JsonObject, field: string): AskedColumns {
  const values = new Map<string, readonly unknown[] | string>();
  let ids: readonly unknown[] | undefined;
  for (const [name, column] of Object.entries(columns)) {
    const place = `${field}.${name}`;
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
    throw invalid(`💔 ${field}: missing column \`id\``, field);
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
