/** Arguments of the tools at /mcp: those that mean what a field of the API means are that field. */
import { limits } from "../../../src/limits.ts";
import type { FieldTable, JsonSchema } from "./field.ts";
import { listParams } from "./other-fields.ts";
import { queryFields } from "./query-fields.ts";
import { writeFields } from "./write-fields.ts";

const namespace = {
  namespace: { type: "string", required: true, about: "Name of the namespace." },
} as const satisfies FieldTable;

const ids = {
  type: "array",
  required: true,
  about: "Ids of documents.",
  schema: { items: { type: ["integer", "string"] }, minItems: 1, maxItems: limits.toolRowsMax },
} as const;

const includeAttributes = {
  ...queryFields.include_attributes,
  about: "Names of attributes to return; unless said, all but vectors, which are long.",
} as const;

export const listToolFields = {
  prefix: listParams.prefix,
  cursor: { type: "string", about: "`next_cursor` of the page before." },
} as const satisfies FieldTable;

export const describeToolFields = namespace;

export const queryToolFields = {
  ...namespace,
  text: {
    type: "string",
    about:
      "Words to search for, in every attribute with full-text search. With `vector` both rankings " +
      "are fused.",
  },
  vector: {
    type: "array",
    about: "Find the documents nearest to this embedding.",
    schema: { items: { type: "number" } },
  },
  highlight: {
    type: "boolean",
    about:
      "With `text`: of each text that is searched, the three sentences that say most of it, as " +
      "`NAME_highlight`; whole texts come along only if `include_attributes` names them.",
  },
  filters: queryFields.filters,
  limit: {
    type: "count",
    about: "How many documents, or groups; 10 unless said.",
    schema: { minimum: 1, maximum: limits.toolRowsMax },
  },
  include_attributes: includeAttributes,
  rank_by: {
    ...queryFields.rank_by,
    about: `In place of text and vector. ${queryFields.rank_by.about}`,
  },
  aggregate_by: queryFields.aggregate_by,
  group_by: queryFields.group_by,
  as_of: queryFields.as_of,
} as const satisfies FieldTable;

export const fetchToolFields = {
  ...namespace,
  ids,
  include_attributes: includeAttributes,
} as const satisfies FieldTable;

export const writeToolFields = {
  ...namespace,
  upsert_rows: writeFields.upsert_rows,
  patch_rows: writeFields.patch_rows,
  upsert_condition: writeFields.upsert_condition,
  patch_condition: writeFields.patch_condition,
  distance_metric: writeFields.distance_metric,
  schema: {
    type: "object",
    about:
      'By attribute a type, such as "string", "int", "[]string" or "[768]f32", or an object with ' +
      "`type` and options, such as `full_text_search`; it adds to what the namespace knows.",
  },
} as const satisfies FieldTable;

export const deleteToolFields = {
  ...namespace,
  ids: { ...ids, required: false },
  filters: { ...queryFields.filters, about: "In place of ids: delete all documents that match." },
} as const satisfies FieldTable;

export const rpcMessage: JsonSchema = {
  type: "object",
  required: ["jsonrpc", "method"],
  properties: {
    jsonrpc: { const: "2.0" },
    id: { type: ["integer", "string"] },
    method: { enum: ["server/discover", "initialize", "ping", "tools/list", "tools/call"] },
    params: { type: "object" },
  },
};
