/** POST /v2/namespaces/:ns/query: parse, search, render. */
import { limits } from "../../src/limits.ts";
import { search } from "../../src/search.ts";
import { parseQueryRequest } from "./query-request.ts";
import { renderQueryResponse } from "./query-response.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export function queryNamespace(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const { query, vectorEncoding } = parseQueryRequest(json);
    const result = await search(scope.ports, scope.target(name), query);
    const body = renderQueryResponse(result, vectorEncoding, scope.elapsedMs());
    return respondJson(scope.request, body);
  });
}
