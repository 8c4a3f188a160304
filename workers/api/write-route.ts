/** POST /v2/namespaces/:ns: parse, build under the namespace's schema, commit. */
import { limits } from "../../src/limits.ts";
import { write } from "../../src/write.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";
import { buildBatch } from "./write-batch.ts";
import { parseWriteRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";

export function writeNamespace(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.bodyBytesMax, async (json) => {
    const asked = parseWriteRequest(json);
    const { batch } = await write(
      scope.ports,
      scope.target(name),
      (schema) => buildBatch(asked, schema),
      asked,
    );
    return respondJson(scope.request, writeResponse(asked, batch, scope.elapsedMs()));
  });
}
