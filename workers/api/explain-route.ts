/** POST /v2/namespaces/:ns/explain_query: the body of a query; how it is answered, in words. */
import { invalid } from "../../src/errors.ts";
import { explain } from "../../src/explain.ts";
import { limits } from "../../src/limits.ts";
import { parseParts } from "./query-parts.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export function explainQuery(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const { asked, asOf } = parseParts(json);
    if (asOf !== undefined) {
      throw invalid("💔 only queries of now are explained", "as_of");
    }
    const text = await explain(scope.ports, scope.target(name), asked);
    return respondJson(scope.request, { plan_text: text });
  });
}
