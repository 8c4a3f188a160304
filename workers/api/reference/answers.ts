/**
 * Answers by name, as JSON Schemas. A field that is only sometimes there is not required. Fields
 * may be added; clients are to ignore those they do not know.
 */
import {
  billing,
  cost,
  count,
  flag,
  ids,
  listOf,
  ok,
  performance,
  record,
  row,
  text,
  time,
} from "./answer-parts.ts";
import type { JsonSchema } from "./field.ts";
import { importAnswers } from "./import-answers.ts";

const matches: JsonSchema = {
  matches: listOf(
    record(
      {
        id: { type: ["integer", "string"] },
        score: { type: "number" },
        metadata: { type: "object" },
      },
      ["id", "score", "metadata"],
    ),
  ),
  latency_ms: count,
  mode: { enum: ["hot", "cold", "recall", "ephemeral"] },
};

const snapshot: JsonSchema = {
  name: text,
  created_at: time,
  sequence: { ...count, description: "Newest entry of the log that belongs to it" },
};

const memory = record(
  {
    bytes: count,
    bytes_peak: count,
    bytes_max: count,
    waited: { ...count, description: "requests that had to wait for room" },
    refused: count,
    expired: { ...count, description: "reservations of requests that vanished" },
  },
  ["bytes"],
);

const key: JsonSchema = {
  id: text,
  tenant: text,
  scopes: listOf(text),
  namespace_prefix: text,
  note: text,
  created_at: time,
  expires_at: { type: ["string", "null"], format: "date-time" },
  requests_per_minute: { type: ["integer", "null"] },
  bytes_per_minute: { type: ["integer", "null"] },
};
const keyNames = Object.keys(key);

const aggregates = {
  aggregations: { type: "object", description: "By label" },
  aggregation_groups: { type: "array", items: { type: "object" } },
  approximate_aggregations: {
    ...listOf(text),
    description: "Labels of functions that are estimates",
  },
} as const;

export const answers = {
  Status: record({ status: ok }, ["status"]),
  Write: record(
    {
      status: ok,
      message: text,
      rows_affected: count,
      rows_upserted: count,
      rows_patched: count,
      rows_deleted: count,
      rows_remaining: flag,
      upserted_ids: ids,
      patched_ids: ids,
      deleted_ids: ids,
      billing: record({ billable_logical_bytes_written: count, query: billing }, []),
      performance: record({ server_total_ms: count }, []),
      cost,
    },
    ["status", "message", "rows_affected", "billing"],
    "Counts appear for the kinds of operation that the request had",
  ),
  Query: record(
    {
      rows: listOf(row),
      ...aggregates,
      results: listOf(record({ rows: listOf(row), ...aggregates }, [])),
      next_cursor: { type: ["string", "null"], description: "If the query has a `cursor`" },
      billing,
      performance,
      cost,
    },
    ["billing", "performance"],
    "Rows; or aggregates, by group or not; or, for several queries, the results of each in order",
  ),
  Metadata: record(
    {
      schema: { type: "object" },
      approx_logical_bytes: count,
      approx_row_count: { ...count, description: "Documents that are indexed" },
      created_at: time,
      updated_at: time,
      last_write_at: time,
      encryption: { type: "object" },
      index: record({ status: { enum: ["up-to-date", "updating"] }, unindexed_bytes: count }, [
        "status",
      ]),
      pinning: record(
        {
          replicas: count,
          status: record(
            { ready_replicas: count, utilization: { type: "number" }, updated_at: text },
            ["ready_replicas", "utilization", "updated_at"],
          ),
        },
        ["replicas"],
      ),
      branching: record({ parent: text }, ["parent"]),
      sharding: record({ num_shards: count }, ["num_shards"]),
      read_only: flag,
      recall: {
        ...record(
          {
            recent: { type: ["number", "null"] },
            probe_factor: { type: "number" },
            hours: listOf({ type: "object" }),
          },
          ["recent", "probe_factor", "hours"],
        ),
        description: "Share of the true ten nearest that sampled queries found",
      },
      retention_seconds: { ...count, description: "How far back it can be read" },
      retained_bytes: { ...count, description: "In the bucket, for the past alone" },
    },
    ["schema", "approx_logical_bytes", "approx_row_count", "created_at", "index"],
  ),
  Schema: {
    description: "Every attribute with its type and options",
    type: "object",
    additionalProperties: record(
      {
        type: text,
        filterable: { type: ["boolean", "null"] },
        full_text_search: { type: ["object", "null"] },
        ann: flag,
        patchable: flag,
      },
      ["type"],
    ),
  },
  Plan: record({ plan_text: text }, ["plan_text"]),
  Warming: record({ status: { const: "ACCEPTED" }, message: text }, ["status", "message"]),
  Recall: record(
    {
      avg_recall: { type: "number", minimum: 0, maximum: 1 },
      avg_exhaustive_count: { type: "number" },
      avg_ann_count: { type: "number" },
      ground_truth: listOf(
        record({ query_vector: { type: "array" }, nearest_neighbors: listOf(row) }, []),
      ),
    },
    ["avg_recall", "avg_exhaustive_count", "avg_ann_count"],
  ),
  SkippedEntry: record({ status: ok, skipped: { type: "object" } }, ["status", "skipped"]),
  Memory: record(
    {
      cache: memory,
      reads: memory,
      bodies: memory,
      pending_writes: record({ bytes: count }, ["bytes"]),
      head_calls: { type: "object" },
    },
    ["cache", "reads", "bodies", "pending_writes"],
  ),
  McpMessage: record(
    {
      jsonrpc: { const: "2.0" },
      id: { type: ["integer", "string", "null"] },
      result: { type: "object" },
      error: record({ code: { type: "integer" }, message: text, data: { type: "object" } }, [
        "code",
        "message",
      ]),
    },
    ["jsonrpc", "id"],
    "One message of JSON-RPC 2.0; a notification is answered 202, with nothing",
  ),
  ...importAnswers,
  Metrics: { description: "Lines that Prometheus reads", type: "string" },
  Index: record(
    {
      indexed: { ...flag, description: "Nothing waits and no job is due or running" },
      generation: text,
      head: { ...count, description: "Log entries so far" },
      floor: { ...count, description: "Those of them that are in segments" },
      unindexed_rows: count,
      unindexed_bytes: count,
      manifest_version: count,
      segments: listOf({ type: "object" }),
      jobs: listOf({ type: "object" }),
      written_bytes: {
        ...record({ flush: count, merge: count }, ["flush", "merge"]),
        description: "Bytes of segments made so far",
      },
    },
    ["indexed", "head", "floor", "segments", "jobs"],
  ),
  IndexMap: record(
    {
      clusters: listOf(
        record(
          {
            segment: text,
            rows: count,
            x: { type: "number" },
            y: { type: "number" },
            probed: { ...flag, description: "A search for the vector would read it" },
          },
          ["segment", "rows", "x", "y"],
        ),
      ),
      clusters_total: { ...count, description: "The largest are shown" },
      variance_shown: { type: "number", description: "Share of what the centroids differ by" },
      query: record({ x: { type: "number" }, y: { type: "number" } }, ["x", "y"]),
    },
    ["clusters", "clusters_total", "variance_shown"],
    "Centroids of clusters in the plane in which they differ most",
  ),
  ExportLine: {
    description: "One line: a document, or last {next_cursor}",
    type: "object",
    additionalProperties: true,
  },
  ExportPage: record(
    {
      ids,
      vectors: { type: "array" },
      attributes: { type: "object", additionalProperties: { type: "array" } },
      next_cursor: { type: ["string", "null"] },
    },
    ["ids", "attributes", "next_cursor"],
    "Columns, null where absent",
  ),
  NamespaceList: record(
    {
      namespaces: listOf(record({ id: text }, ["id"])),
      next_cursor: { type: ["string", "null"] },
    },
    ["namespaces", "next_cursor"],
  ),
  NewKey: record({ key: { ...text, description: "Shown this once" }, ...key }, [
    "key",
    ...keyNames,
  ]),
  KeyList: record(
    { keys: listOf(record(key, keyNames)), next_cursor: { type: ["string", "null"] } },
    ["keys", "next_cursor"],
  ),
  NewSnapshot: record({ status: ok, ...snapshot }, ["status", "name"]),
  SnapshotList: record(
    { snapshots: listOf(record(snapshot, ["name"])), next_cursor: { type: ["string", "null"] } },
    ["snapshots", "next_cursor"],
  ),
  Restored: record({ status: ok, sequence: count }, ["status", "sequence"]),
  ChangeLine: {
    description: "One line: a document that was written or deleted, or last the cursor",
    type: "object",
    properties: {
      sequence: count,
      at: time,
      upsert: row,
      delete: { type: ["integer", "string"] },
      next_cursor: text,
    },
  },
  Accepted: record(
    { status: { const: "ACCEPTED" }, token: text },
    ["status", "token"],
    "The answer comes later; `location` says where to ask for it",
  ),
  Operation: record(
    {
      status: { enum: ["running", "finished"] },
      result: record(
        { success: { type: "object" }, error: { type: "object" } },
        [],
        "The answer, or the refusal with its `status_code` and body as `detail`",
      ),
    },
    ["status"],
  ),
  Limits: { type: "object", additionalProperties: count },
  VecPuffList: record({ namespaces: listOf(record({ id: text }, ["id"])), next_cursor: text }, [
    "namespaces",
  ]),
  VecPuffWrite: record({ upserted_count: count }, ["upserted_count"]),
  VecPuffQuery: record({ results: listOf(row), total_count: count }, ["results", "total_count"]),
  VecPuffMetadata: record(
    {
      approx_row_count: count,
      index: record(
        {
          status: { enum: ["up_to_date", "updating"] },
          indexed_row_count: count,
          ann_index_file: { type: ["string", "null"] },
        },
        ["status", "indexed_row_count", "ann_index_file"],
      ),
      created_at: count,
      updated_at: count,
    },
    ["approx_row_count", "index", "created_at", "updated_at"],
  ),
  RosalindQuery: record({ ...matches, job_id: text }, ["matches", "latency_ms", "mode"]),
  RosalindJob: record(
    {
      job_id: text,
      status: { enum: ["running", "completed", "failed"] },
      ...matches,
      error: text,
    },
    ["job_id", "status"],
  ),
  OpenApi: { description: "This document", type: "object" },
  Page: { description: "The reference for people", type: "string" },
} as const satisfies Record<string, JsonSchema>;

/** Of every answer that is not 2xx. */
export const errorAnswer = record(
  {
    status: { const: "error" },
    error: { ...text, description: "What was wrong, and where" },
    attribute: { ...text, description: "The attribute at fault" },
    outcome_unknown: {
      ...flag,
      description: "The write may have been applied: repeat it under the same Idempotency-Key",
    },
  },
  ["status", "error"],
);

/** `schema` of a write, and the body of a schema update. */
export const schemaInput: JsonSchema = {
  description:
    'By attribute a type, or an object with its type and options. "id" may be uint, string or uuid',
  type: "object",
  additionalProperties: {
    type: ["string", "object"],
    properties: {
      type: {
        ...text,
        description:
          "string, int, uint, float, bool, uuid, datetime, arrays of these ([]string, …), bytes, " +
          "[N]f32, [N]f16, [N]i8, [][N]f32 or {}f16",
      },
      filterable: flag,
      ann: { type: ["boolean", "object"] },
      patchable: { ...flag, description: "Of a dense vector: patches may replace it. Ours" },
      sparse_knn: { type: "object" },
    },
    required: ["type"],
  },
};
