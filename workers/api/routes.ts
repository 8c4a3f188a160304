/**
 * Every endpoint: method, path, what it may cost the body, and who answers. `:ns` is the name of a
 * namespace. A path that is here with other methods answers 405, any other path 404.
 *
 *   /v1 and /v2 are the API that clients know. Of our own: …/export, …/index, …/_debug/memory,
 *   …/_debug/skip_entry, /v1/keys, /v1/limits.
 */

import type { ApiScope } from "../../src/format/api-key.ts";
import { describeMemory, measureRecall, purgeCache, warmCache } from "./debug-routes.ts";
import { exportLines, exportPage } from "./export-routes.ts";
import { describeIndex, flushNow } from "./index-routes.ts";
import { createKeyRoute, listKeysRoute, revokeKeyRoute } from "./key-routes.ts";
import { getLimits } from "./limits-route.ts";
import { deleteNamespace, getMetadata, listRoute } from "./namespace-routes.ts";
import { queryNamespace } from "./query-route.ts";
import { getSchema, updateSchema } from "./schema-routes.ts";
import type { Scope } from "./scope.ts";
import { patchMetadata } from "./settings-route.ts";
import { skipEntry } from "./skip-route.ts";
import { writeNamespace } from "./write-route.ts";

/**
 * `name` is checked, and `id` as it stands in the path; each is empty for paths without one. Throws
 * what respondError knows.
 */
export type Handler = (scope: Scope, name: string, id: string) => Promise<Response>;

export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  /** What a key must be allowed to. */
  readonly access: ApiScope;
  readonly handle: Handler;
}

export const routes: readonly Route[] = [
  { method: "POST", path: "/v2/namespaces/:ns", access: "write", handle: writeNamespace },
  { method: "DELETE", path: "/v2/namespaces/:ns", access: "write", handle: deleteNamespace },
  { method: "POST", path: "/v2/namespaces/:ns/query", access: "read", handle: queryNamespace },
  { method: "GET", path: "/v2/namespaces/:ns/metadata", access: "read", handle: getMetadata(2) },
  { method: "GET", path: "/v1/namespaces/:ns", access: "read", handle: exportPage },
  { method: "GET", path: "/v1/namespaces/:ns/export", access: "read", handle: exportLines },
  { method: "GET", path: "/v1/namespaces/:ns/metadata", access: "read", handle: getMetadata(1) },
  { method: "PATCH", path: "/v1/namespaces/:ns/metadata", access: "write", handle: patchMetadata },
  { method: "GET", path: "/v1/namespaces/:ns/schema", access: "read", handle: getSchema },
  { method: "POST", path: "/v1/namespaces/:ns/schema", access: "write", handle: updateSchema },
  { method: "GET", path: "/v1/namespaces/:ns/hint_cache_warm", access: "read", handle: warmCache },
  {
    method: "POST",
    path: "/v1/namespaces/:ns/_debug/recall",
    access: "read",
    handle: measureRecall,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/_debug/purge_cache",
    access: "admin",
    handle: purgeCache,
  },
  {
    method: "POST",
    path: "/v1/namespaces/:ns/_debug/skip_entry",
    access: "admin",
    handle: skipEntry,
  },
  {
    method: "GET",
    path: "/v1/namespaces/:ns/_debug/memory",
    access: "admin",
    handle: describeMemory,
  },
  { method: "GET", path: "/v1/namespaces/:ns/index", access: "read", handle: describeIndex },
  { method: "POST", path: "/v1/namespaces/:ns/index", access: "write", handle: flushNow },
  { method: "GET", path: "/v1/namespaces", access: "read", handle: listRoute },
  { method: "POST", path: "/v1/keys", access: "admin", handle: createKeyRoute },
  { method: "GET", path: "/v1/keys", access: "admin", handle: listKeysRoute },
  { method: "DELETE", path: "/v1/keys/:id", access: "admin", handle: revokeKeyRoute },
  { method: "GET", path: "/v1/limits", access: "read", handle: getLimits },
];
