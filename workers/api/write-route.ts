/** POST /v2/namespaces/:ns: parse, build under the namespace's schema, commit. */
import type { WriteKey } from "../../src/format/wal.ts";
import { limits } from "../../src/limits.ts";
import { write } from "../../src/write.ts";
import { parseCloneRequest } from "./clone-request.ts";
import { cloneNamespace } from "./clone-route.ts";
import { hashKey, readIdempotencyKey } from "./idempotency-key.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";
import { buildBatch } from "./write-batch.ts";
import { parseWriteRequest } from "./write-request.ts";
import { writeResponse } from "./write-response.ts";

export async function writeNamespace(scope: Scope, name: string): Promise<Response> {
  const { request, ports } = scope;
  const text = readIdempotencyKey(request);
  const look = async (body: Uint8Array): Promise<WriteKey | undefined> =>
    text === undefined ? undefined : await hashKey(ports.digest, text, body);
  return await scope.withBody(limits.bodyBytesMax, look, async (json, key) => {
    const clone = parseCloneRequest(json);
    if (clone !== undefined) {
      return respondJson(request, await cloneNamespace(scope, name, clone));
    }
    const asked = parseWriteRequest(json);
    const { disableBackpressure } = asked;
    const { batch } = await write(
      ports,
      scope.target(name),
      (schema) => buildBatch(asked, schema),
      { disableBackpressure, ...(key === undefined ? {} : { key }) },
    );
    return respondJson(request, writeResponse(asked, batch, scope.elapsedMs()));
  });
}
