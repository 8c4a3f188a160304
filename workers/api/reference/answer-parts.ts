/** Schemas that several answers are made of. */
import type { JsonSchema } from "./field.ts";

export const count: JsonSchema = { type: "integer", minimum: 0 };
export const time: JsonSchema = { type: "string", format: "date-time" };
export const text: JsonSchema = { type: "string" };
export const flag: JsonSchema = { type: "boolean" };
export const ids: JsonSchema = { type: "array", items: { type: ["integer", "string"] } };
export const ok: JsonSchema = { const: "OK" };

export function record(
  properties: JsonSchema,
  required: readonly string[],
  about = "",
): JsonSchema {
  return {
    ...(about === "" ? {} : { description: about }),
    type: "object",
    properties,
    required,
  };
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

export const row: JsonSchema = {
  description: "id, $dist if ranked by distance, and the attributes asked for that are present",
  type: "object",
  properties: { id: { type: ["integer", "string"] }, $dist: { type: "number" } },
  required: ["id"],
  additionalProperties: true,
};

export const billing = record(
  { billable_logical_bytes_queried: count, billable_logical_bytes_returned: count },
  ["billable_logical_bytes_queried", "billable_logical_bytes_returned"],
);

export const performance = record(
  {
    cache_hit_ratio: { type: "number" },
    cache_temperature: { enum: ["hot", "warm", "cold"] },
    server_total_ms: count,
    query_execution_ms: count,
    exhaustive_search_count: count,
    approx_namespace_size: count,
    last_included_write_at: time,
    rounds: { ...count, description: "to the bucket" },
    round_bytes: {
      type: "array",
      items: count,
      description: "from the bucket, of each round but those of readers",
    },
    store_requests: count,
    store_bytes: count,
    bytes: { ...count, description: "from the bucket and the edge cache" },
    candidates: { ...count, description: "rows scored by 1-bit codes" },
    refined: { ...count, description: "rows scored by int8 codes" },
    exact: { ...count, description: "rows whose exact distance was computed" },
    masked: { ...count, description: "rows that newer writes replace" },
    unindexed_rows: count,
    clusters_probed: count,
    readers: { ...count, description: "objects that read shards for it; absent: none" },
    rows_total: count,
  },
  ["server_total_ms", "query_execution_ms", "approx_namespace_size"],
  "What the query cost",
);

export const cost = record(
  {
    store_reads: { ...count, description: "gets and heads of the bucket, repeated ones included" },
    store_writes: { ...count, description: "puts and lists" },
    store_deletes: count,
    store_bytes_read: count,
    store_bytes_written: count,
    object_calls: count,
    queue_messages: count,
    worker_requests: count,
    dollars: { type: "number", description: "at list prices, without CPU time" },
  },
  ["store_reads", "store_writes", "object_calls", "dollars"],
  "What the request used of the platform until it was answered",
);
