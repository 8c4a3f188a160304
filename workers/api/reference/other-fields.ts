/** Fields of smaller bodies, and parameters of query strings. */
import { apiScopes } from "../../../src/format/api-key.ts";
import { limits } from "../../../src/limits.ts";
import type { FieldTable } from "./field.ts";

export const recallFields = {
  num: { type: "count", about: "How many stored vectors to search for; 25 unless said." },
  top_k: { type: "count", about: "How many neighbours to compare; 10 unless said." },
  filters: { type: "array", about: "Search among what these select." },
  include_ground_truth: { type: "boolean", about: "Return the vectors and their true neighbours." },
  rank_by: { type: "array", about: "One vector to search for, in place of stored ones." },
} as const satisfies FieldTable;

export const mapFields = {
  rank_by: { type: "array", about: "A vector to search for: what that would read is marked." },
  limit: {
    type: "count",
    nullable: false,
    about: "Of that search; 10 unless said.",
    schema: { minimum: 1, maximum: limits.topKMax },
  },
} as const satisfies FieldTable;

export const skipFields = {
  sequence: { type: "count", required: true, about: "Number of the entry to go on without." },
  reason: {
    type: "string",
    required: true,
    about: `Why, in 1 to ${limits.skipReasonBytesMax} bytes; it is kept for ever.`,
  },
} as const satisfies FieldTable;

export const settingsFields = {
  pinning: {
    type: ["boolean", "object"],
    about: "Keep the namespace warm; false or null: no longer.",
    keys: {
      replicas: {
        type: "count",
        about: "Accepted for clients that send it.",
        schema: { minimum: 1, maximum: limits.replicasMax },
      },
    },
  },
  read_only: { type: "boolean", about: "Refuse every other write from the next moment on." },
  retention_seconds: {
    type: "count",
    about: "How far back the namespace can be read `as_of`; 0: only as it is now.",
    schema: { maximum: limits.retentionMsMax / 1_000 },
  },
} as const satisfies FieldTable;

export const snapshotFields = {
  name: { type: "string", required: true, about: "What it is to be called." },
  as_of: {
    type: ["string", "count"],
    about: "Of an earlier moment, within the retention: a time, or a number of the log.",
  },
} as const satisfies FieldTable;

export const snapshotListParams = {
  cursor: { type: "string", about: "`next_cursor` of the page before." },
} as const satisfies FieldTable;

export const restoreFields = {
  as_of: {
    type: ["string", "count", "object"],
    required: true,
    about: "A time or a number of the log within the retention, or a snapshot.",
    keys: { snapshot: { type: "string", required: true, about: "Name of a snapshot." } },
  },
} as const satisfies FieldTable;

export const changesParams = {
  after: { type: "string", about: "`next_cursor` of the page before; without it, from the start." },
  limit: {
    type: "count",
    about: "Documents after which the page ends.",
    schema: { minimum: 1, maximum: limits.changesPageMax },
  },
  vector_encoding: { type: "string", values: ["float", "base64"], about: "As in a query." },
} as const satisfies FieldTable;

export const keyFields = {
  scopes: {
    type: "array",
    required: true,
    about: "What the key may do.",
    schema: { items: { enum: apiScopes }, minItems: 1 },
  },
  namespace_prefix: { type: "string", about: "Of the namespaces it may use." },
  expires_at: {
    type: "string",
    about: "From when on it is refused, as 2027-01-31T12:00:00Z.",
    schema: { format: "date-time" },
  },
  note: {
    type: "string",
    about: "What it is for.",
    schema: { maxLength: limits.apiKeyNoteMax },
  },
  requests_per_minute: { type: "count", about: "Most requests a minute; 0: any number." },
  bytes_per_minute: { type: "count", about: "Most bytes of bodies a minute; 0: any number." },
  tenant: { type: "string", about: "Of another tenant; with a key of the deployment only." },
} as const satisfies FieldTable;

/** Parameters are texts in the URL; their types say what they must look like. */
export const pageParams = {
  cursor: { type: "string", about: "Where the page begins: `next_cursor` of the one before." },
} as const satisfies FieldTable;

export const listParams = {
  prefix: { type: "string", about: "Only names that begin with it." },
  page_size: {
    type: "count",
    about: `Names a page: ${limits.listPageDefault} unless said.`,
    schema: { minimum: 1, maximum: limits.listPageMax },
  },
  ...pageParams,
} as const satisfies FieldTable;

export const exportParams = {
  limit: {
    type: "count",
    about: "Documents at most; all unless said.",
    schema: { minimum: 1, maximum: limits.exportPageRowsMax },
  },
  ...pageParams,
  as_of: {
    type: "string",
    about: "Of an earlier moment, within the retention: a time, or a number of the log.",
  },
  vector_encoding: {
    type: "string",
    values: ["float", "base64"],
    about: "How vectors are written.",
  },
} as const satisfies FieldTable;

export const keyListParams = {
  page_size: {
    type: "count",
    about: "Keys a page.",
    schema: { minimum: 1, maximum: limits.apiKeysPageMax },
  },
  ...pageParams,
} as const satisfies FieldTable;

export const mcpParams = {
  read_only: {
    type: "string",
    values: ["true", "false"],
    about: "true: without the tools that write, whatever the key may do.",
  },
} as const satisfies FieldTable;

export const writeHeaders = {
  "Idempotency-Key": {
    type: "string",
    about:
      "The same write under the same key is applied once and answered alike; another body " +
      "under it is refused (409). Kept for a day, or until 4,096 later writes.",
    schema: { maxLength: limits.keyCharsMax },
  },
} as const satisfies FieldTable;
