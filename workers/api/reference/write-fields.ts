/** Fields of a write. */
import { distanceMetrics } from "../../../src/document/schema.ts";
import { encryptionKeys } from "../encryption.ts";
import type { FieldTable, JsonSchema } from "./field.ts";

const id: JsonSchema = {
  description: "Unsigned 64-bit integer, text of at most 64 bytes, or UUID",
  type: ["integer", "string"],
};

const row: JsonSchema = {
  type: "object",
  required: ["id"],
  properties: { id },
  additionalProperties: {
    description: "An attribute: boolean, number, text, array of these, or vector; null: absent",
  },
};

const columns: JsonSchema = {
  required: ["id"],
  properties: { id: { type: "array", items: id } },
  additionalProperties: { type: ["array", "string"] },
};

const filter = { type: "array", expected: "a filter" } as const;

export const writeFields = {
  upsert_rows: {
    type: "array",
    about: "Documents to insert, or to put in place of those of the same id.",
    schema: { items: row },
  },
  upsert_columns: {
    type: "object",
    about: "The same by columns: a list of ids, and for each attribute a list as long.",
    schema: columns,
  },
  patch_rows: {
    type: "array",
    about:
      "Attributes to set in documents that exist; null removes one, the others stay. Dense " +
      "vectors only where their schema says `patchable`.",
    schema: { items: row },
  },
  patch_columns: {
    type: "object",
    about: "The same by columns: every document gets a value, or null, of each.",
    schema: columns,
  },
  patch_by_filter: {
    type: "object",
    about: "Patches all documents that match; not together with `patch_condition`.",
    keys: {
      filters: { ...filter, required: true, about: "Which." },
      patch: { type: "object", required: true, about: "Attributes to set; not the id." },
    },
  },
  patch_by_filter_allow_partial: {
    type: "boolean",
    about: "If more match than one write may patch: patch those with the lowest ids.",
  },
  deletes: {
    type: "array",
    about: "Ids of documents to delete.",
    schema: { items: id },
  },
  delete_by_filter: {
    ...filter,
    about: "Deletes all documents that match; not together with `delete_condition`.",
  },
  delete_by_filter_allow_partial: {
    type: "boolean",
    about: "If more match than one write may delete: delete those with the lowest ids.",
  },
  upsert_condition: {
    ...filter,
    about:
      "What a stored document must meet to be replaced; where there is none, the new one is " +
      'inserted. `{"$ref_new": "a"}` stands for the attribute `a` of the incoming document.',
  },
  patch_condition: {
    ...filter,
    about: "What a stored document must meet to be patched; where there is none, nothing is.",
  },
  delete_condition: {
    ...filter,
    about: "What a stored document must meet to be deleted. `$ref_new` is null.",
  },
  schema: {
    type: "object",
    about: "Types and options of attributes; it adds to what the namespace knows.",
    schema: { $ref: "#/components/schemas/SchemaInput" },
  },
  distance_metric: {
    type: "string",
    about: "Required by the first write that brings vectors; the same ever after.",
    schema: { enum: distanceMetrics },
  },
  encryption: {
    type: "object",
    about: "Objects are encrypted by the store; keys of your own are refused.",
    keys: encryptionKeys,
  },
  sharding: {
    type: "object",
    about:
      "Segments are partitioned by a hash of the id. Decided by the first write, or by a copy, and " +
      "shown in the metadata; queries answer as without.",
    keys: {
      num_shards: {
        type: "count",
        required: true,
        about: "From 1 to 256.",
      },
    },
  },
  disable_backpressure: {
    type: "boolean",
    about: "Go on writing while more waits to be indexed than usual.",
  },
  return_affected_ids: {
    type: "boolean",
    about: "Answer with the ids that were written.",
  },
  copy_from_namespace: {
    type: ["string", "object"],
    about:
      "Begin this namespace as a copy of that one, which it is independent of. Beside it only " +
      "`encryption` and `sharding`.",
    closed: true,
    keys: {
      source_namespace: { type: "string", required: true, about: "Its name." },
      source_api_key: { type: "string", about: "If it belongs to somebody else." },
      source_region: { type: "string", about: "Refused: this server has no regions." },
      dest_encryption: { type: "object", about: "As `encryption`.", keys: encryptionKeys },
    },
  },
  branch_from_namespace: {
    type: ["string", "object"],
    about:
      "Begin this namespace as a branch of that one: at once, whatever its size, sharing what is " +
      "stored, independent of it from then on. Beside it nothing.",
    closed: true,
    keys: { source_namespace: { type: "string", required: true, about: "Its name." } },
  },
} as const satisfies FieldTable;
