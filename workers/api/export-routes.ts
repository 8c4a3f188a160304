/**
 * All documents of a namespace as they are at one moment.
 *
 *   GET /v1/namespaces/:ns/export   JSON lines, a row each as in a query. As they are read, no
 *       ?limit=&cursor=&as_of=&     faster than the client takes them. With `limit`, the last line
 *       vector_encoding=            is {"next_cursor": …}, null at the end. `as_of`: an earlier one
 *   GET /v1/namespaces/:ns?cursor=  one page by columns, as clients once knew it:
 *                                   {ids, vectors, attributes, next_cursor}; null where absent
 *   HEAD /v1/namespaces/:ns         whether it exists, and how large it is
 *
 * All pages that follow from one are of the same moment. A cursor lives for a quarter of an hour;
 * then it is 410. What breaks off in the middle of a stream breaks the stream, so that nobody takes
 * a part for the whole.
 */
import { formatDatetime } from "../../src/document/datetime.ts";
import { primaryVector, type Schema } from "../../src/document/schema.ts";
import { valueLogicalBytes } from "../../src/document/size.ts";
import { invalid } from "../../src/errors.ts";
import { type Export, openExport } from "../../src/export.ts";
import { pointAsOf } from "../../src/history.ts";
import { limits } from "../../src/limits.ts";
import { protocolVersion, replyValue } from "../../src/namespace/protocol.ts";
import type { ResultRow } from "../../src/query/result.ts";
import type { WalkedRow, WalkPlace } from "../../src/row-walk.ts";
import { parseMoment } from "./as-of.ts";
import { parseExportCursor, renderExportCursor } from "./export-cursor.ts";
import { encodeJsonLines, type JsonEncodable } from "./json.ts";
import type { VectorEncoding } from "./query-request.ts";
import { renderRow } from "./query-response.ts";
import { respondJson, respondStream } from "./respond.ts";
import type { Scope } from "./scope.ts";

// ---- JSON lines ---------------------------------------------------------------------------------

export async function exportLines(scope: Scope, name: string): Promise<Response> {
  const params = new URL(scope.request.url).searchParams;
  const limit = parseLimit(params.get("limit"));
  const encoding = parseEncoding(params.get("vector_encoding"));
  const { source, from } = await open(scope, name, params.get("cursor"), params.get("as_of"));
  const lines = renderLines(source, from, limit, encoding);
  // What fails at once has an answer of its own.
  const first = await lines.next();
  const isBounded = limit !== undefined;
  return respondStream(scope.request, "application/x-ndjson", streamOf(first, lines), isBounded);
}

async function* renderLines(
  source: Export,
  from: WalkPlace | undefined,
  limit: number | undefined,
  encoding: VectorEncoding,
): AsyncGenerator<Uint8Array, void> {
  const { schema } = source.snapshot;
  let left = limit ?? Number.POSITIVE_INFINITY;
  let last: WalkPlace | undefined;
  // A client that hangs up has no cursor to go on with.
  let isOver = limit === undefined;
  try {
    for await (const rows of source.rows(from)) {
      if (left === 0) {
        yield* cursorLine(source, last);
        return;
      }
      const taken = rows.slice(0, left);
      left -= taken.length;
      last = taken.at(-1)?.after;
      yield* encodeJsonLines(rendered(taken, schema, encoding));
      if (taken.length < rows.length) {
        yield* cursorLine(source, last);
        return;
      }
    }
    isOver = true;
    if (limit !== undefined) {
      yield* cursorLine(source, undefined);
    }
  } finally {
    if (isOver) await source.release();
  }
}

/** One at a time, as each is written. */
function* rendered(rows: readonly WalkedRow[], schema: Schema, encoding: VectorEncoding) {
  for (const { row } of rows) yield renderRow(row, schema, encoding);
}

function cursorLine(source: Export, place: WalkPlace | undefined): Generator<Uint8Array, void> {
  const cursor = place === undefined ? null : renderExportCursor(source.cursor(place));
  return encodeJsonLines([{ next_cursor: cursor }]);
}

/** Nothing is made before it is taken. */
export function streamOf(
  first: IteratorResult<Uint8Array, void>,
  others: AsyncGenerator<Uint8Array, void>,
): ReadableStream<Uint8Array> {
  let next: IteratorResult<Uint8Array, void> | undefined = first;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const result: IteratorResult<Uint8Array, void> = next ?? (await others.next());
        next = undefined;
        if (result.done === true) controller.close();
        else controller.enqueue(result.value);
      },
      async cancel() {
        await others.return();
      },
    },
    { highWaterMark: 0 },
  );
}

// ---- Pages by columns ---------------------------------------------------------------------------

export async function exportPage(scope: Scope, name: string): Promise<Response> {
  if (scope.request.method === "HEAD") {
    return await describeBriefly(scope, name);
  }
  const params = new URL(scope.request.url).searchParams;
  const { source, from } = await open(scope, name, params.get("cursor"));
  const page = await takePage(source, from);
  if (page.isLast) {
    await source.release();
  }
  const rows = page.rows.map(({ row }) => row);
  const last = page.rows.at(-1)?.after;
  const cursor = page.isLast || last === undefined ? null : source.cursor(last);
  return respondJson(scope.request, {
    ...renderColumns(rows, source),
    next_cursor: cursor === null ? null : renderExportCursor(cursor),
  });
}

async function takePage(
  source: Export,
  from: WalkPlace | undefined,
): Promise<{ readonly rows: readonly WalkedRow[]; readonly isLast: boolean }> {
  const taken: WalkedRow[] = [];
  let bytes = 0;
  for await (const rows of source.rows(from)) {
    for (const walked of rows) {
      if (taken.length === limits.exportPageRowsMax || bytes >= limits.exportPageBytes) {
        return { rows: taken, isLast: false };
      }
      taken.push(walked);
      bytes += rowBytes(walked.row);
    }
  }
  return { rows: taken, isLast: true };
}

function rowBytes({ attributes, vector }: ResultRow): number {
  const values = attributes.reduce((sum, { value }) => sum + valueLogicalBytes(value), 0);
  return 16 + values + 4 * (vector?.values.length ?? 0);
}

function renderColumns(rows: readonly ResultRow[], { snapshot }: Export) {
  const { schema } = snapshot;
  const vector = primaryVector(schema)?.name;
  const rendered = rows.map((row) => renderRow(row, schema, "float"));
  const attributes = new Map<string, readonly JsonEncodable[]>();
  for (const name of schema.attributes.keys()) {
    if (name !== vector) {
      attributes.set(
        name,
        rendered.map((row) => row.get(name) ?? null),
      );
    }
  }
  return {
    ids: rows.map(({ id }) => id),
    ...(vector === undefined ? {} : { vectors: rendered.map((row) => row.get(vector) ?? null) }),
    attributes,
  };
}

async function describeBriefly(scope: Scope, name: string): Promise<Response> {
  const { tenant } = scope;
  const request = { protocol: protocolVersion, tenant, name, brief: true };
  const head = replyValue(await scope.owner(name).head(request));
  const { segments = [] } = head.manifest ?? {};
  const rows = segments.reduce((sum, segment) => sum + segment.rows - segment.dead.rows, 0);
  const headers = {
    "x-turbopuffer-approx-num-vectors": String(rows),
    "x-turbopuffer-dimensions": String(primaryVector(head.schema)?.dims ?? 0),
    "x-turbopuffer-created-at": formatDatetime(head.createdMs),
  };
  return respondJson(scope.request, {}, { headers });
}

// ---- Requests -----------------------------------------------------------------------------------

async function open(scope: Scope, name: string, text: string | null, asOf: string | null = null) {
  const { ports, tenant } = scope;
  const cursor = text === null ? undefined : parseExportCursor(text);
  const target = { tenant, name, owner: scope.owner(name) };
  // A cursor is of the moment that its export was.
  const isPast = cursor === undefined && asOf !== null;
  const at = isPast ? await pointAsOf(ports, target, parseMoment(asOf)) : undefined;
  const source = await openExport(ports, target, cursor, at);
  return { source, from: cursor?.place };
}

function parseLimit(text: string | null): number | undefined {
  if (text === null) {
    return undefined;
  }
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > limits.exportPageRowsMax) {
    throw invalid(`limit must be between 1 and ${limits.exportPageRowsMax}`, "limit");
  }
  return limit;
}

function parseEncoding(text: string | null): VectorEncoding {
  const encoding = text ?? "float";
  if (encoding !== "float" && encoding !== "base64") {
    throw invalid("vector_encoding must be `float` or `base64`", "vector_encoding");
  }
  return encoding;
}
