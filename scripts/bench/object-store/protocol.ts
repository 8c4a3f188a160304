/**
 * One request of the S3 protocol on an ObjectStore. Every request makes exactly one call of the
 * store that waits (`store`); what is needed besides is asked of the `memory` behind it, for free.
 *
 * Parts of an upload lie under keys that no bucket can have until the upload is completed.
 */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type {
  ByteRange,
  ObjectInfo,
  ObjectStore,
  PutMode,
  PutResult,
} from "../../../src/store/object-store.ts";
import type { RequestKind, Traffic } from "./traffic.ts";
import {
  deletedXml,
  errorXml,
  listXml,
  readDeletedKeys,
  readPartNumbers,
  uploadCompletedXml,
  uploadStartedXml,
} from "./xml.ts";

export interface Backend {
  readonly memory: ObjectStore;
  /** The same objects, perhaps behind a wait. */
  readonly store: ObjectStore;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

interface S3Request {
  readonly method: string;
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What was asked for: how it counts, and how it is answered. */
interface Operation {
  readonly kind: RequestKind;
  readonly run: () => Promise<Answer>;
}

export async function answerRequest(
  backend: Backend,
  traffic: Traffic,
  { method = "", url = "/", headers }: Pick<IncomingMessage, "method" | "url" | "headers">,
  body: Buffer,
): Promise<Answer> {
  const { pathname, searchParams: query } = new URL(url, "http://store");
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/s.exec(decodeURIComponent(pathname)) ?? [];
  const operation = choose(backend, { method, bucket, key, query, headers, body });
  if (operation === undefined) return failure(501, "NotImplemented", key);
  const done = traffic.begin(operation.kind);
  let bytes = 0;
  try {
    const answer = await operation.run();
    bytes = operation.kind === "get" ? (answer.body?.length ?? 0) : body.length;
    return answer;
  } finally {
    done(bytes);
  }
}

function choose(backend: Backend, request: S3Request): Operation | undefined {
  const { method, key, query, headers } = request;
  if (headers["x-amz-copy-source"] !== undefined) return undefined;
  if (String(headers["content-encoding"] ?? "").includes("aws-chunked")) return undefined;
  if (key === "") {
    if (method === "GET" && query.get("list-type") === "2") {
      return { kind: "list", run: () => list(backend, request) };
    }
    return method === "POST" && query.has("delete")
      ? { kind: "delete", run: () => removeMany(backend, request) }
      : undefined;
  }
  switch (method) {
    case "GET":
      return { kind: "get", run: () => read(backend, request) };
    case "HEAD":
      return { kind: "head", run: () => head(backend, request) };
    case "PUT":
      return query.has("uploadId")
        ? { kind: "put", run: () => putPart(backend, request) }
        : { kind: "put", run: () => put(backend, request) };
    case "DELETE":
      return query.has("uploadId")
        ? { kind: "delete", run: () => abortUpload(backend, request) }
        : { kind: "delete", run: () => remove(backend, request) };
    case "POST":
      if (query.has("uploads")) return { kind: "put", run: () => startUpload(request) };
      return query.has("uploadId")
        ? { kind: "put", run: () => completeUpload(backend, request) }
        : undefined;
    default:
      return undefined;
  }
}

// ---- Reading ------------------------------------------------------------------------------------

async function read({ memory, store }: Backend, request: S3Request): Promise<Answer> {
  const key = objectKey(request);
  const info = await memory.head(key);
  const range = parseRange(request.headers.range, info?.size ?? 0);
  if (info !== undefined && range === "unsatisfiable") {
    return failure(416, "InvalidRange", request.key);
  }
  // An empty object has no range; a missing one is asked for all the same, to wait.
  const object = await store.get(key, range === "unsatisfiable" ? undefined : range);
  if (object === undefined) return failure(404, "NoSuchKey", request.key);
  const headers = describe(object);
  if (range === undefined || range === "unsatisfiable") {
    return { status: 200, headers, body: object.bytes };
  }
  const last = range.offset + range.length - 1;
  return {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${range.offset}-${last}/${object.size}` },
    body: object.bytes,
  };
}

async function head({ store }: Backend, request: S3Request): Promise<Answer> {
  const info = await store.head(objectKey(request));
  if (info === undefined) return { status: 404 };
  return { status: 200, headers: { ...describe(info), "content-length": String(info.size) } };
}

function describe(info: ObjectInfo): Record<string, string> {
  return {
    etag: `"${info.etag}"`,
    "last-modified": new Date(info.uploadedMs).toUTCString(),
    "accept-ranges": "bytes",
    "content-type": "application/octet-stream",
  };
}

function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null || header === "bytes=-") return undefined;
  const [, first = "", last = ""] = match;
  const offset = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(Number(last) + 1, size);
  return end > offset ? { offset, length: end - offset } : "unsatisfiable";
}

async function list({ memory, store }: Backend, request: S3Request): Promise<Answer> {
  const { bucket, query } = request;
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const pageSize = Math.min(Number(query.get("max-keys") ?? 1_000), 1_000);
  const root = `${bucket}/`;
  const objects: ObjectInfo[] = [];
  const folders: string[] = [];
  let after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  let from = store;
  for (;;) {
    const page = await from.list(root + prefix, after === "" ? {} : { after: root + after });
    from = memory;
    for (const info of page.objects) {
      const key = info.key.slice(root.length);
      const cut = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      const folder = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
      // A page that ended with a folder goes on behind everything in it.
      if (folder !== undefined && (folder === folders.at(-1) || after.startsWith(folder))) continue;
      if (objects.length + folders.length === pageSize) {
        const next = [objects.at(-1)?.key ?? "", folders.at(-1) ?? ""].sort().at(-1);
        return xml(listXml({ bucket, prefix, delimiter, objects, commonPrefixes: folders, next }));
      }
      if (folder === undefined) objects.push({ ...info, key });
      else folders.push(folder);
    }
    after = page.objects.at(-1)?.key.slice(root.length) ?? after;
    if (page.more) continue;
    return xml(
      listXml({ bucket, prefix, delimiter, objects, commonPrefixes: folders, next: undefined }),
    );
  }
}

// ---- Writing ------------------------------------------------------------------------------------

async function put(backend: Backend, request: S3Request): Promise<Answer> {
  const { headers, body } = request;
  const ifMatch = headers["if-match"]?.replaceAll('"', "");
  const key = objectKey(request);
  if (headers["if-none-match"] === "*") {
    return answerPut(await backend.store.put(key, body, { kind: "create" }), request);
  }
  if (ifMatch !== undefined) {
    return answerPut(
      await backend.store.put(key, body, { kind: "replace", etag: ifMatch }),
      request,
    );
  }
  return answerPut(await putAlways(backend, key, body), request);
}

/** Whatever is there: as often as somebody else was faster. */
async function putAlways(
  { memory, store }: Backend,
  key: string,
  body: Uint8Array,
): Promise<PutResult> {
  let result = await store.put(key, body, await modeFor(memory, key));
  while (result.kind === "precondition") {
    result = await memory.put(key, body, await modeFor(memory, key));
  }
  return result;
}

async function modeFor(memory: ObjectStore, key: string): Promise<PutMode> {
  const info = await memory.head(key);
  return info === undefined ? { kind: "create" } : { kind: "replace", etag: info.etag };
}

function answerPut(result: PutResult, request: S3Request): Answer {
  return result.kind === "stored"
    ? { status: 200, headers: { etag: `"${result.etag}"` } }
    : failure(412, "PreconditionFailed", request.key);
}

async function remove({ store }: Backend, request: S3Request): Promise<Answer> {
  await store.delete([objectKey(request)]);
  return { status: 204 };
}

async function removeMany({ store }: Backend, request: S3Request): Promise<Answer> {
  const keys = readDeletedKeys(request.body.toString());
  await store.delete(keys.map((key) => objectKey({ ...request, key })));
  return xml(deletedXml(keys));
}

// ---- Multipart uploads --------------------------------------------------------------------------

async function startUpload({ bucket, key }: S3Request): Promise<Answer> {
  return xml(uploadStartedXml(bucket, key, randomUUID()));
}

async function putPart(backend: Backend, request: S3Request): Promise<Answer> {
  const key = partKey(request, Number(request.query.get("partNumber")));
  return answerPut(await putAlways(backend, key, request.body), request);
}

async function completeUpload(backend: Backend, request: S3Request): Promise<Answer> {
  const { memory, store } = backend;
  const keys = readPartNumbers(request.body.toString()).map((part) => partKey(request, part));
  const parts = await Promise.all(keys.map((key) => memory.get(key)));
  const found = parts.filter((part) => part !== undefined);
  if (found.length !== keys.length) return failure(400, "InvalidPart", request.key);
  const key = objectKey(request);
  const bytes = Buffer.concat(found.map((part) => part.bytes));
  const mode: PutMode =
    request.headers["if-none-match"] === "*" ? { kind: "create" } : await modeFor(memory, key);
  // The parts have been transferred: completing waits for its own request only.
  await store.head(key);
  const result = await memory.put(key, bytes, mode);
  await memory.delete(keys);
  if (result.kind !== "stored") return answerPut(result, request);
  return xml(uploadCompletedXml(request.bucket, request.key, result.etag));
}

async function abortUpload({ memory, store }: Backend, request: S3Request): Promise<Answer> {
  const { objects } = await memory.list(partPrefix(request));
  await store.delete(objects.map(({ key }) => key));
  return { status: 204 };
}

function objectKey({ bucket, key }: Pick<S3Request, "bucket" | "key">): string {
  return `${bucket}/${key}`;
}

function partKey(request: S3Request, part: number): string {
  return `${partPrefix(request)}${String(part).padStart(5, "0")}`;
}

function partPrefix({ query }: S3Request): string {
  return `/uploads/${query.get("uploadId") ?? ""}/`;
}

function xml(body: string): Answer {
  return { status: 200, headers: { "content-type": "application/xml" }, body };
}

function failure(status: number, code: string, key: string): Answer {
  return {
    status,
    headers: { "content-type": "application/xml" },
    body: errorXml(code, `${code}: ${key}`, key),
  };
}
