/**
 * GET /v2/namespaces/:ns/changes?after=&limit=: what was written, as lines of JSON.
 *
 *   {"sequence", "at", "upsert": row}   a document as it was written, whole
 *   {"sequence", "at", "delete": id}
 *   {"next_cursor"}                     the last line: everything before was sent, so ask with it
 *                                       again. A stream that breaks off has no such line
 *
 * Within an entry of the log an id is named once for each write that shares it, in their order. A
 * page ends behind a whole entry.
 */

import { type Changes, type ChangesCursor, openChanges } from "../../src/changes.ts";
import { type Batch, batchRows } from "../../src/document/batch.ts";
import { formatDatetime } from "../../src/document/datetime.ts";
import { primaryVector, type Schema } from "../../src/document/schema.ts";
import { invalid } from "../../src/errors.ts";
import { widenVectors } from "../../src/format/vector-element.ts";
import { limits } from "../../src/limits.ts";
import type { ResultRow } from "../../src/query/result.ts";
import { streamOf } from "./export-routes.ts";
import { encodeJsonLines, type JsonEncodable } from "./json.ts";
import type { VectorEncoding } from "./query-request.ts";
import { renderRow } from "./query-response.ts";
import { respondStream } from "./respond.ts";
import type { Scope } from "./scope.ts";

export async function streamChanges(scope: Scope, name: string): Promise<Response> {
  const params = new URL(scope.request.url).searchParams;
  const after = params.get("after");
  const cursor = after === null ? undefined : parseCursor(after);
  const limit = parseLimit(params.get("limit"));
  const encoding = params.get("vector_encoding") ?? "float";
  if (encoding !== "float" && encoding !== "base64") {
    throw invalid("vector_encoding must be `float` or `base64`", "vector_encoding");
  }
  const target = { tenant: scope.tenant, name, owner: scope.owner(name) };
  const lines = renderLines(await openChanges(scope.ports, target, cursor), limit, encoding);
  // What fails at once has an answer of its own.
  const first = await lines.next();
  return respondStream(scope.request, "application/x-ndjson", streamOf(first, lines));
}

async function* renderLines(
  changes: Changes,
  limit: number,
  encoding: VectorEncoding,
): AsyncGenerator<Uint8Array, void> {
  let left = limit;
  for await (const { sequence, timeMs, batches, after } of changes.entries()) {
    const of = { sequence, at: formatDatetime(timeMs) };
    for (const batch of batches) {
      yield* encodeJsonLines(renderBatch(of, batch, changes.schema, encoding));
      left -= batchRows(batch);
    }
    if (left <= 0) {
      yield* encodeJsonLines([{ next_cursor: renderCursor(after) }]);
      return;
    }
  }
  yield* encodeJsonLines([{ next_cursor: renderCursor(changes.end) }]);
}

/** One at a time, as each is written. */
function* renderBatch(
  of: { readonly sequence: number; readonly at: string },
  batch: Batch,
  schema: Schema,
  encoding: VectorEncoding,
): Generator<{ readonly [field: string]: JsonEncodable }> {
  for (const [row, id] of batch.ids.entries()) {
    yield row < batch.upserts
      ? { ...of, upsert: renderRow(rowAt(batch, row, schema), schema, encoding) }
      : { ...of, delete: id };
  }
}

function rowAt(batch: Batch, row: number, schema: Schema): ResultRow {
  const { dims, ids, vectors, attributes } = batch;
  const column = primaryVector(schema);
  const values = attributes.flatMap(({ name, values: all }) => {
    const value = all[row] ?? null;
    return value === null ? [] : [{ name, value }];
  });
  return {
    id: ids[row] as ResultRow["id"],
    distance: undefined,
    attributes: values,
    vector:
      column === undefined || dims === 0
        ? undefined
        : {
            name: column.name,
            element: column.element,
            values: widenVectors(vectors.slice(row * dims, (row + 1) * dims)),
          },
  };
}

function renderCursor({ generation, next }: ChangesCursor): string {
  return `${generation}-${next.toString(16)}`;
}

function parseCursor(text: string): ChangesCursor {
  const [, generation, next] = /^([0-9a-f]{32})-([0-9a-f]{1,13})$/.exec(text) ?? [];
  if (generation === undefined || next === undefined) {
    throw invalid("💔 after is not a cursor that this endpoint has returned", "after");
  }
  return { generation, next: Number.parseInt(next, 16) };
}

function parseLimit(text: string | null): number {
  if (text === null) {
    return limits.changesPageMax;
  }
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > limits.changesPageMax) {
    throw invalid(`limit must be between 1 and ${limits.changesPageMax}`, "limit");
  }
  return limit;
}
