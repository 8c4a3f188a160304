/**
 * GET and POST /v1/namespaces/:ns/schema. Clients also use the first to ask whether a namespace
 * exists. The body of the second is the bare map of attributes; it only ever adds.
 */
import { mergeSchemaInput, parseSchemaInput } from "../../src/document/schema-input.ts";
import { schemaView } from "../../src/document/schema-view.ts";
import { EngineError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { wholeValue } from "../../src/namespace/protocol.ts";
import { changeSchema } from "../../src/write.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export async function getSchema(scope: Scope, name: string): Promise<Response> {
  const { exists, schema } = wholeValue(await scope.owner(name).describe(scope.tenant, name));
  if (!exists) {
    throw new EngineError("notFound", `🤷 namespace '${name}' was not found`);
  }
  return respondJson(scope.request, schemaView(schema));
}

export function updateSchema(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const input = parseSchemaInput(json, "");
    const schema = await changeSchema(scope.target(name), (current) =>
      mergeSchemaInput(current, input),
    );
    return respondJson(scope.request, schemaView(schema));
  });
}
