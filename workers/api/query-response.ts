/**
 * SearchResult -> the JSON text of the answer. Written by hand because ids and integers beyond 2^53 must
 * survive, f32 values are shown in their shortest form, and a thousand vectors are mostly digits.
 */
import { encodeBase64 } from "../../src/bytes/base64.ts";
import { f32Text, f32TextBytesMax, f64Text, writeF32Text } from "../../src/bytes/float-text.ts";
import { bytesOf } from "../../src/bytes/typed-view.ts";
import { formatDatetime } from "../../src/document/datetime.ts";
import type { AttributeSchema, Schema } from "../../src/document/schema.ts";
import { type AttributeValue, renderValue, type ScalarValue } from "../../src/document/value.ts";
import type { ResultRow, SearchPerformance, SearchResult } from "../../src/query/result.ts";
import type { VectorEncoding } from "./query-request.ts";

const ascii = new TextDecoder();

/** `serverMs`: from the arrival of the request to now. */
export function renderQueryResponse(
  result: SearchResult,
  encoding: VectorEncoding,
  serverMs: number,
): string {
  const { billing, performance, schema } = result;
  const rows = result.rows.map((row) => renderRow(row, schema, encoding));
  const bill = {
    billable_logical_bytes_queried: billing.queriedBytes,
    billable_logical_bytes_returned: billing.returnedBytes,
  };
  const cost = JSON.stringify(performanceFields(performance, serverMs));
  return `{"rows":[${rows.join(",")}],"billing":${JSON.stringify(bill)},"performance":${cost}}`;
}

/** One row as a JSON object. */
export function renderRow(row: ResultRow, schema: Schema, encoding: VectorEncoding): string {
  const fields = [`"id":${scalarText(row.id)}`];
  if (row.distance !== undefined) {
    fields.push(`"$dist":${f32Text(row.distance)}`);
  }
  if (row.vector !== undefined) {
    const { name, values } = row.vector;
    fields.push(`${JSON.stringify(name)}:${vectorText(values, encoding)}`);
  }
  for (const { name, value } of row.attributes) {
    fields.push(`${JSON.stringify(name)}:${valueText(value, schema.attributes.get(name))}`);
  }
  return `{${fields.join(",")}}`;
}

export function vectorText(vector: Float32Array, encoding: VectorEncoding): string {
  if (encoding === "base64") {
    return `"${encodeBase64(bytesOf(vector))}"`;
  }
  const text = new Uint8Array(vector.length * (f32TextBytesMax + 1) + 2);
  let at = 1;
  text[0] = 0x5b;
  for (const value of vector) {
    at = writeF32Text(value, text, at);
    text[at++] = 0x2c;
  }
  // The bracket takes the place of the last comma.
  const end = vector.length === 0 ? at + 1 : at;
  text[end - 1] = 0x5d;
  return ascii.decode(text.subarray(0, end));
}

function valueText(value: AttributeValue, attribute: AttributeSchema | undefined): string {
  const shown = attribute === undefined ? value : renderValue(value, attribute.type);
  if (shown === null || typeof shown !== "object") {
    return shown === null ? "null" : scalarText(shown);
  }
  return `[${shown.map(scalarText).join(",")}]`;
}

function scalarText(value: ScalarValue): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return f64Text(value);
    default:
      return String(value);
  }
}

/** Those the clients know first, then ours. Times are whole milliseconds, never 0. */
function performanceFields(cost: SearchPerformance, serverMs: number) {
  return {
    cache_hit_ratio: cost.cacheHitRatio,
    cache_temperature: cost.temperature,
    server_total_ms: Math.max(1, Math.ceil(serverMs)),
    query_execution_ms: Math.max(1, Math.ceil(cost.executionMs)),
    exhaustive_search_count: cost.unindexedRows,
    approx_namespace_size: cost.approximateRows,
    ...(cost.lastWriteMs > 0 ? { last_included_write_at: formatDatetime(cost.lastWriteMs) } : {}),
    rounds: cost.rounds,
    store_requests: cost.storeRequests,
    store_bytes: cost.storeBytes,
    bytes: cost.bytes,
    candidates: cost.candidates,
    refined: cost.refined,
    exact: cost.exact,
    masked: cost.masked,
    unindexed_rows: cost.unindexedRows,
    clusters_probed: cost.clustersProbed,
    rows_total: cost.indexedRows + cost.unindexedRows,
  };
}
