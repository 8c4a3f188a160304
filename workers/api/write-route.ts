/**
 * POST /v2/namespaces/:ns: parse, build under the namespace's schema, commit; by way of the
 * documents, if the write depends on them.
 */
import { change } from "../../src/change.ts";
import type { AskedWrite } from "../../src/change-attempt.ts";
import { batchRows } from "../../src/document/batch.ts";
import type { Schema } from "../../src/document/schema.ts";
import type { WriteKey } from "../../src/format/wal.ts";
import { limits } from "../../src/limits.ts";
import { mustBeWritable, type WriteOptions, write } from "../../src/write.ts";
import { parseCloneRequest } from "./clone-request.ts";
import { respondClone } from "./clone-route.ts";
import { renderCost } from "./cost.ts";
import { hashKey, readIdempotencyKey } from "./idempotency-key.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";
import { buildWrite } from "./write-batch.ts";
import { parseWriteRequest, readsDocuments, type WriteRequest } from "./write-request.ts";
import { plainOutcome, type WriteOutcome, writeResponse } from "./write-response.ts";

export async function writeNamespace(scope: Scope, name: string): Promise<Response> {
  const { request, ports } = scope;
  const text = readIdempotencyKey(request);
  const look = async (body: Uint8Array): Promise<WriteKey | undefined> =>
    text === undefined ? undefined : await hashKey(ports.digest, text, body);
  return await scope.withBody(limits.bodyBytesMax, look, async (json, key) => {
    const clone = parseCloneRequest(json);
    if (clone !== undefined) {
      return await respondClone(scope, name, clone);
    }
    const asked = parseWriteRequest(json);
    const options = {
      disableBackpressure: asked.disableBackpressure,
      ...(key === undefined ? {} : { key }),
      ...(asked.shards === undefined ? {} : { shards: asked.shards }),
    };
    const outcome = await carryOut(scope, name, asked, options);
    const answer = writeResponse(asked, outcome, scope.elapsedMs());
    return respondJson(request, { ...answer, cost: renderCost(scope.usage()) });
  });
}

export async function carryOut(
  scope: Scope,
  name: string,
  asked: WriteRequest,
  options: WriteOptions,
): Promise<WriteOutcome> {
  const { ports } = scope;
  const target = scope.target(name);
  const build = (schema: Schema): AskedWrite => buildWrite(asked, schema);
  if (!readsDocuments(asked)) {
    const { batch, addition } = await write(ports, target, build, options);
    if (batchRows(batch) === 0 && addition === undefined) await mustBeWritable(target);
    return plainOutcome(batch);
  }
  const { counts, built, logicalBytes } = await change(ports, target, build, options);
  const { upserts, patches, deletes } = counts;
  if (upserts + patches + deletes === 0) await mustBeWritable(target);
  return { counts, affected: built?.affected, batch: built?.batch, readBytes: logicalBytes };
}
