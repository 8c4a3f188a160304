/**
 * SearchResult -> the answer, ready for encodeJson. Rows are Maps: an attribute may be called
 * anything.
 */
import { formatDatetime } from "../../src/document/datetime.ts";
import type { Schema } from "../../src/document/schema.ts";
import type { Span } from "../../src/index/text/fragments.ts";
import type { Fragment } from "../../src/query/highlight.ts";
import type { ResultRow, SearchBilling, SearchPerformance } from "../../src/query/result.ts";
import type { PartsResult } from "../../src/search-parts.ts";
import { renderAggregates } from "./aggregate-response.ts";
import { F32, type JsonEncodable } from "./json-encode.ts";
import { renderAttribute, renderVector } from "./packed-output.ts";
import type { VectorEncoding } from "./query-request.ts";

/**
 * Rows or aggregates; of several queries their results in order. `serverMs`: from the arrival of
 * the request to now.
 */
export function renderPartsResponse(
  result: PartsResult,
  isMulti: boolean,
  encoding: VectorEncoding,
  serverMs: number,
): { readonly [name: string]: JsonEncodable } {
  const { billing, performance, schema } = result;
  const results = result.parts.map((part) =>
    part.kind === "rows"
      ? { rows: part.rows.map((row) => renderRow(row, schema, encoding)) }
      : renderAggregates(part),
  );
  return {
    ...(isMulti ? { results } : results[0]),
    billing: renderBilling(billing),
    performance: renderPerformance(performance, serverMs),
  };
}

function renderBilling({ queriedBytes, returnedBytes }: SearchBilling) {
  return {
    billable_logical_bytes_queried: queriedBytes,
    billable_logical_bytes_returned: returnedBytes,
  };
}

export function renderRow(
  row: ResultRow,
  schema: Schema,
  encoding: VectorEncoding,
): ReadonlyMap<string, JsonEncodable> {
  const fields = new Map<string, JsonEncodable>([["id", row.id]]);
  if (row.distance !== undefined) {
    fields.set("$dist", new F32(row.distance));
  }
  if (row.vector !== undefined) {
    const { name, values, element } = row.vector;
    fields.set(name, renderVector(values, element, encoding));
  }
  for (const { name, value } of row.attributes) {
    const type = schema.attributes.get(name)?.type;
    if (type !== undefined) {
      fields.set(name, renderAttribute(value, type, encoding));
    }
  }
  for (const { name, value } of row.computed ?? []) {
    fields.set(name, typeof value === "number" ? new F32(value) : value.map(renderFragment));
  }
  return fields;
}

function renderFragment({ text, ranges, element }: Fragment): JsonEncodable {
  return {
    text,
    fragment_range: ranges && renderSpan(ranges.fragment),
    match_ranges: ranges?.matches.map(renderSpan),
    array_index: element,
  };
}

function renderSpan({ from, to }: Span): JsonEncodable {
  return [from, to];
}

/** Those the clients know first, then ours. Times are whole milliseconds, never 0. */
function renderPerformance(cost: SearchPerformance, serverMs: number): JsonEncodable {
  return {
    cache_hit_ratio: cost.cacheHitRatio,
    cache_temperature: cost.temperature,
    server_total_ms: Math.max(1, Math.ceil(serverMs)),
    query_execution_ms: Math.max(1, Math.ceil(cost.executionMs)),
    exhaustive_search_count: cost.unindexedRows,
    approx_namespace_size: cost.approximateRows,
    last_included_write_at: cost.lastWriteMs > 0 ? formatDatetime(cost.lastWriteMs) : undefined,
    rounds: cost.rounds,
    round_bytes: cost.roundBytes,
    store_requests: cost.storeRequests,
    store_bytes: cost.storeBytes,
    bytes: cost.bytes,
    candidates: cost.candidates,
    refined: cost.refined,
    exact: cost.exact,
    masked: cost.masked,
    unindexed_rows: cost.unindexedRows,
    clusters_probed: cost.clustersProbed,
    readers: cost.readers > 0 ? cost.readers : undefined,
    rows_total: cost.indexedRows + cost.unindexedRows,
  };
}
