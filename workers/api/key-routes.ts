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
import { EngineError, invalid } from "../../src/errors.ts";
import { type ApiKey, type ApiScope, apiScopes, isTenantName } from "../../src/format/api-key.ts";
import { limits } from "../../src/limits.ts";
import type { JsonEncodable } from "./json.ts";
import { isNamespaceName } from "./namespace-name.ts";
import { type Given, readFields } from "./reference/field.ts";
import { keyFields } from "./reference/other-fields.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export function createKeyRoute(scope: Scope): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const given = readFields(json, keyFields);
    const wish = parseWish(given, scope.ports.clock.now());
    const { prefix } = scope.principal;
    if (!wish.prefix.startsWith(prefix)) {
      const which = `whose namespace_prefix begins with \`${prefix}\``;
      throw new EngineError("forbidden", `the API key may only make keys ${which}`);
    }
    const tenant = parseTenant(given.tenant, scope);
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

function parseWish(given: Given<typeof keyFields>, nowMs: number): KeyWish {
  const { namespace_prefix: prefix = "", note = "" } = given;
  if (prefix !== "" && !isNamespaceName(prefix)) {
    throw invalid("💔 namespace_prefix must be of [A-Za-z0-9-_.], at most 128", "namespace_prefix");
  }
  if (note.length > limits.apiKeyNoteMax) {
    throw invalid(`💔 note is longer than ${limits.apiKeyNoteMax} characters`, "note");
  }
  return {
    scopes: parseScopes(given.scopes),
    prefix,
    note,
    expiresMs: parseExpiry(given.expires_at, nowMs),
    requestsMax: exact(given.requests_per_minute, "requests_per_minute"),
    bytesMax: exact(given.bytes_per_minute, "bytes_per_minute"),
  };
}

function parseScopes(scopes: readonly unknown[]): readonly ApiScope[] {
  const known = apiScopes.filter((scope) => scopes.includes(scope));
  if (known.length === 0 || known.length < new Set(scopes).size) {
    throw invalid(`💔 scopes must be some of ${apiScopes.join(", ")}`, "scopes");
  }
  return known;
}

function parseExpiry(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text);
  const atMs = isTime ? Date.parse(text) : Number.NaN;
  if (!Number.isFinite(atMs) || atMs <= nowMs) {
    throw invalid("💔 expires_at must be a time to come, as 2027-01-31T12:00:00Z", "expires_at");
  }
  return atMs;
}

function parseTenant(tenant: string | undefined, { principal }: Scope): string {
  if (tenant === undefined || tenant === "" || tenant === principal.tenant) return principal.tenant;
  if (principal.key !== undefined) {
    throw new EngineError("forbidden", "only a key of the deployment makes keys of another tenant");
  }
  if (!isTenantName(tenant)) {
    throw invalid("💔 tenant must be of [a-z0-9], at most 32", "tenant");
  }
  return tenant;
}

function exact(count: number | undefined, field: string): number {
  const exactly = count ?? 0;
  if (!Number.isSafeInteger(exactly)) {
    throw invalid(`💔 ${field} is too large`, field);
  }
  return exactly;
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
