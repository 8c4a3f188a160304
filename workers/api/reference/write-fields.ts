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

export const writeFields = {
  upsert_rows: {
    type: "array",
    about: "Documents to insert, or to put in place of those of the same id.",
    schema: { items: row },
  },
  upsert_columns: {
    type: "object",
    about: "The same by columns: a list of ids, and for each attribute a list as long.",
    schema: {
      required: ["id"],
      properties: { id: { type: "array", items: id } },
      additionalProperties: { type: ["array", "string"] },
    },
  },
  deletes: {
    type: "array",
    about: "Ids of documents to delete.",
    schema: { items: id },
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
      "`encryption`.",
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
  patch_by_filter_allow_partial: {
    type: "boolean",
    about: "If more match than one write may patch: patch as many.",
  },
  delete_by_filter_allow_partial: {
    type: "boolean",
    about: "If more match than one write may delete: delete as many.",
  },
} as const satisfies FieldTable;
