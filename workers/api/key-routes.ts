/**
 * /v1/keys, which is this server's own: API keys of the tenant that asks.
 *
 *   POST    {scopes, namespace_prefix?, expires_at?, note?, requests_per_minute?,
 *           bytes_per_minute?, tenant?} -> the key, once. Another tenant's only with a key of the
 *           deployment
 *   GET     what keys there are, by page; never the keys themselves
 *   DELETE  revokes one; it is refused everywhere within a minute
 */
import { createKey, type KeyWish, listKeys, revokeKey } from "../../src/access.ts";
import { isJsonObject, type JsonObject, wrongShape } from "../../src/document/shape.ts";
import { EngineError, invalid } from "../../src/errors.ts";
import { type ApiKey, type ApiScope, apiScopes, isTenantName } from "../../src/format/api-key.ts";
import { limits } from "../../src/limits.ts";
import type { JsonEncodable } from "./json.ts";
import { isNamespaceName } from "./namespace-name.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

const fields = new Set([
  "scopes",
  "namespace_prefix",
  "expires_at",
  "note",
  "requests_per_minute",
  "bytes_per_minute",
  "tenant",
]);

export function createKeyRoute(scope: Scope): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const body = checkFields(json);
    const wish = parseWish(body, scope.ports.clock.now());
    const tenant = parseTenant(body["tenant"], scope);
    const { key, text } = await createKey(scope.ports, tenant, wish);
    return respondJson(scope.request, { key: text, ...renderKey(key) }, { status: 201 });
  });
}

export async function listKeysRoute(scope: Scope): Promise<Response> {
  const params = new URL(scope.request.url).searchParams;
  const cursor = params.get("cursor") ?? undefined;
  if (cursor !== undefined && !isKeyId(cursor)) {
    throw invalid("cursor is not one that this list has returned", "cursor");
  }
  const page = await listKeys(scope.ports, scope.tenant, {
    after: cursor,
    pageSize: parsePageSize(params.get("page_size")),
  });
  return respondJson(scope.request, {
    keys: page.keys.map(renderKey),
    next_cursor: page.after ?? null,
  });
}

export async function revokeKeyRoute(scope: Scope, _name: string, id: string): Promise<Response> {
  const isGone = !isKeyId(id) || !(await revokeKey(scope.ports, scope.tenant, id));
  if (isGone) {
    throw new EngineError("notFound", "there is no such API key");
  }
  scope.forgetKey(id);
  return respondJson(scope.request, { status: "OK" });
}

function checkFields(json: unknown): JsonObject {
  if (!isJsonObject(json)) {
    throw wrongShape("", json, "a map");
  }
  for (const field of Object.keys(json)) {
    if (!fields.has(field)) {
      throw invalid(`💔 unknown field \`${field}\``, field);
    }
  }
  return json;
}

function parseWish(body: JsonObject, nowMs: number): KeyWish {
  const prefix = text(body["namespace_prefix"], "namespace_prefix");
  if (prefix !== "" && !isNamespaceName(prefix)) {
    throw invalid("💔 namespace_prefix must be of [A-Za-z0-9-_.], at most 128", "namespace_prefix");
  }
  const note = text(body["note"], "note");
  if (note.length > limits.apiKeyNoteMax) {
    throw invalid(`💔 note is longer than ${limits.apiKeyNoteMax} characters`, "note");
  }
  return {
    scopes: parseScopes(body["scopes"]),
    prefix,
    note,
    expiresMs: parseExpiry(body["expires_at"], nowMs),
    requestsMax: count(body["requests_per_minute"], "requests_per_minute"),
    bytesMax: count(body["bytes_per_minute"], "bytes_per_minute"),
  };
}

function parseScopes(json: unknown): readonly ApiScope[] {
  if (!Array.isArray(json) || !json.every((scope) => typeof scope === "string")) {
    throw wrongShape("scopes", json, "a list of texts");
  }
  const known = apiScopes.filter((scope) => json.includes(scope));
  if (known.length === 0 || known.length < new Set(json).size) {
    throw invalid(`💔 scopes must be some of ${apiScopes.join(", ")}`, "scopes");
  }
  return known;
}

function parseExpiry(json: unknown, nowMs: number): number | undefined {
  if ((json ?? undefined) === undefined) return undefined;
  const isTime =
    typeof json === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(json);
  const atMs = isTime ? Date.parse(json as string) : Number.NaN;
  if (!Number.isFinite(atMs) || atMs <= nowMs) {
    throw invalid("💔 expires_at must be a time to come, as 2027-01-31T12:00:00Z", "expires_at");
  }
  return atMs;
}

function parseTenant(json: unknown, { principal }: Scope): string {
  const tenant = text(json, "tenant");
  if (tenant === "" || tenant === principal.tenant) return principal.tenant;
  if (principal.key !== undefined) {
    throw new EngineError("forbidden", "only a key of the deployment makes keys of another tenant");
  }
  if (!isTenantName(tenant)) {
    throw invalid("💔 tenant must be of [a-z0-9], at most 32", "tenant");
  }
  return tenant;
}

function text(json: unknown, field: string): string {
  const value = json ?? "";
  if (typeof value !== "string") {
    throw wrongShape(field, value, "a text");
  }
  return value;
}

function count(json: unknown, field: string): number {
  const value = json ?? 0;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw wrongShape(field, value, "usize");
  }
  return value;
}

function parsePageSize(given: string | null): number {
  if (given === null) return limits.apiKeysPageMax;
  const size = /^\d+$/.test(given) ? Number(given) : 0;
  if (size < 1 || size > limits.apiKeysPageMax) {
    throw invalid(`page_size must be between 1 and ${limits.apiKeysPageMax}`, "page_size");
  }
  return size;
}

function isKeyId(id: string): boolean {
  return /^[a-z0-9]{1,32}-[a-z0-9]{16}$/.test(id);
}

function renderKey(key: ApiKey): Record<string, JsonEncodable> {
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    id: key.id,
    tenant: key.tenant,
    scopes: [...key.scopes],
    namespace_prefix: key.prefix,
    note: key.note,
    created_at: time(key.createdMs),
    expires_at: key.expiresMs === undefined ? null : time(key.expiresMs),
    requests_per_minute: key.requestsMax === 0 ? null : key.requestsMax,
    bytes_per_minute: key.bytesMax === 0 ? null : key.bytesMax,
  };
}
