/**
 * Every endpoint: method, path, what it may cost the body, and who answers. `:ns` is the name of a
 * namespace. A path that is here with other methods answers 405, any other path 404.
 *
 *   /v1 and /v2 are the API that clients know. Of our own: …/index.
 */

import { measureRecall, purgeCache, warmCache } from "./debug-routes.ts";
import { describeIndex, flushNow } from "./index-routes.ts";
import { deleteNamespace, getMetadata, listRoute } from "./namespace-routes.ts";
import { queryNamespace } from "./query-route.ts";
import { getSchema, updateSchema } from "./schema-routes.ts";
import type { Scope } from "./scope.ts";
import { writeNamespace } from "./write-route.ts";

/** `name` is checked; it is empty for paths without one. Throws what respondError knows. */
export type Handler = (scope: Scope, name: string) => Promise<Response>;

export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly handle: Handler;
}

export const routes: readonly Route[] = [
  { method: "POST", path: "/v2/namespaces/:ns", handle: writeNamespace },
  { method: "DELETE", path: "/v2/namespaces/:ns", handle: deleteNamespace },
  { method: "POST", path: "/v2/namespaces/:ns/query", handle: queryNamespace },
  { method: "GET", path: "/v2/namespaces/:ns/metadata", handle: getMetadata(2) },
  { method: "GET", path: "/v1/namespaces/:ns/metadata", handle: getMetadata(1) },
  { method: "GET", path: "/v1/namespaces/:ns/schema", handle: getSchema },
  { method: "POST", path: "/v1/namespaces/:ns/schema", handle: updateSchema },
  { method: "GET", path: "/v1/namespaces/:ns/hint_cache_warm", handle: warmCache },
  { method: "POST", path: "/v1/namespaces/:ns/_debug/recall", handle: measureRecall },
  { method: "GET", path: "/v1/namespaces/:ns/_debug/purge_cache", handle: purgeCache },
  { method: "GET", path: "/v1/namespaces/:ns/index", handle: describeIndex },
  { method: "POST", path: "/v1/namespaces/:ns/index", handle: flushNow },
  { method: "GET", path: "/v1/namespaces", handle: listRoute },
];
