/** Endpoints about namespaces as a whole: the list, metadata, deletion. */
import { decodeHex, encodeHex } from "../../src/bytes/hex.ts";
import { invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { listNamespaces } from "../../src/list.ts";
import { protocolVersion, replyValue } from "../../src/namespace/protocol.ts";
import { type ApiVersion, type PinningStatus, renderMetadata } from "./metadata.ts";
import { isNamespaceName } from "./namespace-name.ts";
import { respondJson } from "./respond.ts";
import type { Handler } from "./routes.ts";
import type { Scope } from "./scope.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** GET /v1/namespaces?prefix=&page_size=&cursor= */
export async function listRoute(scope: Scope): Promise<Response> {
  const { names, cursor } = await listPage(scope, limits.listPageDefault);
  return respondJson(scope.request, {
    namespaces: names.map((id) => ({ id })),
    next_cursor: cursor,
  });
}

/** The page that the query string asks for; `cursor` is null behind the last one. */
export async function listPage(
  scope: Scope,
  pageSizeDefault: number,
): Promise<{ readonly names: readonly string[]; readonly cursor: string | null }> {
  const params = new URL(scope.request.url).searchParams;
  const cursor = params.get("cursor");
  const prefix = sharedPrefix(parsePrefix(params.get("prefix") ?? ""), scope.principal.prefix);
  if (prefix === undefined) {
    return { names: [], cursor: null };
  }
  const page = await listNamespaces(scope.ports.store, scope.tenant, {
    prefix,
    after: cursor === null ? undefined : parseCursor(cursor),
    pageSize: parsePageSize(params.get("page_size") ?? String(pageSizeDefault)),
  });
  const { names, after } = page;
  return { names, cursor: after === undefined ? null : renderCursor(after) };
}

/** GET …/metadata */
export function getMetadata(version: ApiVersion): Handler {
  return async (scope, name) => {
    const request = { protocol: protocolVersion, tenant: scope.tenant, name, brief: true };
    const head = replyValue(await scope.owner(name).head(request));
    const pinning = head.settings.replicas > 0 ? await describePinning(scope, name) : undefined;
    return respondJson(scope.request, renderMetadata(head, version, pinning));
  };
}

async function describePinning(scope: Scope, name: string): Promise<PinningStatus> {
  const { warmedMs } = replyValue(await scope.owner(name).status(scope.tenant, name));
  return { warmedMs, nowMs: scope.ports.clock.now() };
}

/** DELETE /v2/namespaces/:ns. The name is free again when this answers. */
export async function deleteNamespace(scope: Scope, name: string): Promise<Response> {
  replyValue(await scope.owner(name).remove(scope.tenant, name));
  scope.forget(name);
  return respondJson(scope.request, { status: "OK" });
}

/** Of names that begin with both; undefined if none can. */
function sharedPrefix(asked: string, allowed: string): string | undefined {
  if (asked.startsWith(allowed)) return asked;
  return allowed.startsWith(asked) ? allowed : undefined;
}

/** Part of a key, where it must not name another place. */
function parsePrefix(prefix: string): string {
  if (!/^[A-Za-z0-9\-_.]*$/.test(prefix)) {
    throw invalid("prefix must be of [A-Za-z0-9-_.], like the names it selects", "prefix");
  }
  return prefix;
}

function parsePageSize(text: string): number {
  const size = /^\d+$/.test(text) ? Number(text) : 0;
  if (size < 1 || size > limits.listPageMax) {
    throw invalid(`page_size must be between 1 and ${limits.listPageMax}`, "page_size");
  }
  return size;
}

/** Opaque to clients: the last name listed, in hex, so that it needs no escaping in a URL. */
function renderCursor(name: string): string {
  return encodeHex(encoder.encode(name));
}

function parseCursor(cursor: string): string {
  const isHex = /^(?:[0-9a-f]{2})+$/.test(cursor);
  const name = isHex ? decoder.decode(decodeHex(cursor)) : "";
  if (!isNamespaceName(name)) {
    throw invalid("cursor is not one that this list has returned", "cursor");
  }
  return name;
}
