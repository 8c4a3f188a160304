/**
 * Imports of objects that lie in the bucket: the server reads them itself, in the background.
 *
 *   POST   /v1/namespaces/:ns/imports                 202, and where to ask
 *   GET    /v1/namespaces/:ns/imports                 ?cursor=, in the order they were asked for
 *   GET    /v1/namespaces/:ns/imports/:id
 *   GET    /v1/namespaces/:ns/imports/:id/rejected    lines of JSON
 *   DELETE /v1/namespaces/:ns/imports/:id             ends it; what was written stays
 *
 * What they do and what a crash leaves says src/imports.ts and src/import-run.ts.
 */
import { formatDatetime } from "../../src/document/datetime.ts";
import { EngineError } from "../../src/errors.ts";
import { importLimits } from "../../src/import-limits.ts";
import {
  cancelImport,
  type ImportState,
  listImports,
  readImport,
  rejectedRows,
  submitImport,
} from "../../src/imports.ts";
import { limits } from "../../src/limits.ts";
import { importSourceKey } from "../../src/store/keys.ts";
import { eachObject } from "../../src/store/many-objects.ts";
import { mustBeWritable } from "../../src/write.ts";
import {
  compressionOf,
  formatOf,
  type ImportRequest,
  parseImportRequest,
  type StoredImport,
} from "../imports/import-request.ts";
import type { ImportSource } from "../imports/object-bytes.ts";
import { streamOf } from "./export-routes.ts";
import { encodeJson, type JsonEncodable, parseJson } from "./json.ts";
import { hint } from "./operation-routes.ts";
import { respondJson, respondStream } from "./respond.ts";
import type { Scope } from "./scope.ts";

export function createImport(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const asked = parseImportRequest(json);
    await mustBeWritable(scope.target(name));
    const sources = await findSources(scope, asked);
    const body = encodeJson({ asked: json, sources } as unknown as JsonEncodable);
    const place = await submitImport(scope.ports, scope.tenant, name, body);
    await hint(scope, place);
    const state = await readImport(scope.ports, place);
    const headers = { location: `/v1/namespaces/${name}/imports/${place.token}` };
    return respondJson(scope.request, render(mustBe(state)), { status: 202, headers });
  });
}

async function findSources(scope: Scope, request: ImportRequest): Promise<readonly ImportSource[]> {
  const { tenant, ports, principal } = scope;
  const { source } = request;
  if (!source.startsWith(principal.prefix)) {
    const text = `the API key may only import what begins with \`${principal.prefix}\``;
    throw new EngineError("forbidden", text);
  }
  const key = importSourceKey(tenant, source);
  const found: ImportSource[] = [];
  const take = (object: { key: string; size: number; etag: string }): void => {
    const { size, etag } = object;
    found.push({ key: object.key, name: source + object.key.slice(key.length), size, etag });
  };
  if (source.endsWith("/")) {
    await eachObject(ports.store, key, (object) => {
      if (object.size > 0) take(object);
      return found.length > importLimits.sourcesMax ? "enough" : "more";
    });
  } else {
    const object = await ports.store.head(key);
    if (object !== undefined) take(object);
  }
  if (found.length === 0) {
    throw new EngineError("notFound", `🤷 there is no object ${key} in the bucket`);
  }
  if (found.length > importLimits.sourcesMax) {
    throw new EngineError("tooLarge", `💔 there are more than ${importLimits.sourcesMax} objects`);
  }
  for (const each of found) checkSource(each, request);
  return found;
}

function checkSource({ name, size }: ImportSource, { format }: ImportRequest): void {
  const what = format ?? formatOf(name);
  if (what === undefined) {
    const text = `what is ${name}? Say its \`format\`: jsonl, csv or parquet`;
    throw new EngineError("invalid", `💔 ${text}`, { field: "format" });
  }
  if (compressionOf(name) === undefined) return;
  if (what === "parquet") {
    throw new EngineError("invalid", `💔 ${name}: Parquet cannot be compressed as a whole`);
  }
  if (size > importLimits.compressedBytesMax) {
    const text = `${name} has ${size} bytes; compressed, at most ${importLimits.compressedBytesMax}`;
    throw new EngineError("tooLarge", `💔 ${text}`);
  }
}

export async function listImportsRoute(scope: Scope, name: string): Promise<Response> {
  const { tenant, ports, request } = scope;
  const cursor = new URL(request.url).searchParams.get("cursor") ?? undefined;
  if (cursor !== undefined) checkToken(cursor);
  const { tokens, more } = await listImports(ports, tenant, name, cursor);
  const states = await Promise.all(
    tokens.map((token) => readImport(ports, { tenant, token, into: name })),
  );
  const imports = states.flatMap((state) => (state === undefined ? [] : [render(state)]));
  return respondJson(request, { imports, next_cursor: more ? (tokens.at(-1) ?? null) : null });
}

export async function getImport(scope: Scope, name: string, id: string): Promise<Response> {
  const state = await find(scope, name, id);
  if (state.operation.kind === "running" && state.operation.isNeglected) {
    await hint(scope, state.place);
  }
  return respondJson(scope.request, render(state));
}

export async function cancelImportRoute(scope: Scope, name: string, id: string): Promise<Response> {
  const state = await find(scope, name, id);
  if (state.operation.kind === "finished" || state.isCancelled) {
    return respondJson(scope.request, render(state));
  }
  await cancelImport(scope.ports, state.place);
  await hint(scope, state.place);
  return respondJson(scope.request, render({ ...state, isCancelled: true }));
}

export async function getRejected(scope: Scope, name: string, id: string): Promise<Response> {
  const { ports, request } = scope;
  const { place, step } = await find(scope, name, id);
  const lines = rejectedRows(ports, place, step);
  const first = await lines.next();
  return respondStream(request, "application/x-ndjson", streamOf(first, lines));
}

async function find(scope: Scope, name: string, id: string): Promise<ImportState> {
  const { tenant, ports } = scope;
  checkToken(id);
  return mustBe(await readImport(ports, { tenant, token: id, into: name }));
}

function checkToken(text: string): void {
  if (!/^[0-9a-f]{32}$/.test(text)) throw noImport();
}

function mustBe(state: ImportState | undefined): ImportState {
  if (state === undefined) throw noImport();
  return state;
}

function noImport(): EngineError {
  return new EngineError("notFound", "🤷 there is no such import, or it expired");
}

function render({ place, body, createdMs, step, operation, isCancelled }: ImportState) {
  const { asked, sources } = parseJson(body) as unknown as StoredImport;
  const ended = operation.kind === "finished" ? endOf(operation.result) : undefined;
  const open = isCancelled ? "cancelling" : step.attempt === 0 ? "pending" : "running";
  return {
    id: place.token,
    namespace: place.into,
    source: (asked as { readonly source: string }).source,
    status: ended?.status ?? open,
    ...(ended?.error === undefined ? {} : { error: ended.error }),
    created_at: formatDatetime(createdMs),
    rows_read: step.rowsRead,
    rows_written: step.rowsWritten,
    rows_rejected: step.rowsRejected,
    bytes_read: step.bytesRead,
    bytes_total: sources.reduce((sum, { size }) => sum + size, 0),
    objects: sources.length,
  };
}

interface End {
  readonly status: string;
  readonly error?: string;
}

/** Its own words if it ended as imports do, else those of the error that ended it. */
function endOf({ status, body }: { readonly status: number; readonly body: Uint8Array }): End {
  const json = parseJson(body) as unknown as End;
  return status < 300 ? json : { status: "failed", ...(json.error && { error: json.error }) };
}
