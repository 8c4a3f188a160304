/**
 * The API of VecPuff, for programs written against it. They set the base URL, and send a key, which
 * VecPuff does not ask for.
 *
 *   GET  /namespaces                 all of them; next_cursor only where a page is full
 *   POST /namespaces/:ns             write; without a metric vectors are compared by cosine
 *   POST /namespaces/:ns/query       by `query_vector`, with every attribute
 *   POST /namespaces/:ns/metadata    times in seconds; also by GET
 */
import { isEngineError } from "../../../src/errors.ts";
import { limits } from "../../../src/limits.ts";
import { protocolVersion, replyValue } from "../../../src/namespace/protocol.ts";
import { search } from "../../../src/search.ts";
import type { JsonEncodable } from "../json.ts";
import { indexedSize, isUpToDate } from "../metadata.ts";
import { listPage } from "../namespace-routes.ts";
import { parseQueryRequest } from "../query-request.ts";
import { renderRow } from "../query-response.ts";
import { vecPuffQueryFields, vecPuffWriteFields } from "../reference/adapter-fields.ts";
import { readFields } from "../reference/field.ts";
import { respondJson } from "../respond.ts";
import type { Scope } from "../scope.ts";
import { parseWriteRequest, type WriteRequest } from "../write-request.ts";
import type { WriteOutcome } from "../write-response.ts";
import { carryOut } from "../write-route.ts";

const topKDefault = 10;

export async function listVecPuff(scope: Scope): Promise<Response> {
  const { names, cursor } = await listPage(scope, limits.listPageMax);
  return respondJson(scope.request, {
    namespaces: names.map((id) => ({ id })),
    ...(cursor === null ? {} : { next_cursor: cursor }),
  });
}

export function writeVecPuff(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.bodyBytesMax, async (json) => {
    readFields(json, vecPuffWriteFields);
    const { counts } = await writeRows(scope, name, parseWriteRequest(json));
    return respondJson(scope.request, { upserted_count: counts.upserts });
  });
}

/** Vectors that begin a namespace need a metric; there, nothing else can be wrong with it. */
async function writeRows(scope: Scope, name: string, asked: WriteRequest): Promise<WriteOutcome> {
  const options = { disableBackpressure: false };
  try {
    return await carryOut(scope, name, asked, options);
  } catch (error) {
    const isMissing = asked.metric === undefined && isEngineError(error, "invalid");
    if (!isMissing || error.detail.field !== "distance_metric") {
      throw error;
    }
    return await carryOut(scope, name, { ...asked, metric: "cosine_distance" }, options);
  }
}

export function queryVecPuff(scope: Scope, name: string): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const { query_vector: vector, top_k: topK = topKDefault } = readFields(
      json,
      vecPuffQueryFields,
    );
    const { query } = parseQueryRequest({
      rank_by: ["vector", "ANN", vector],
      top_k: topK,
      include_attributes: true,
    });
    const { rows, schema } = await search(scope.ports, scope.target(name), query);
    return respondJson(scope.request, {
      results: rows.map((row) => renderRow({ ...row, distance: undefined }, schema, "float")),
      total_count: rows.length,
    });
  });
}

export async function describeVecPuff(scope: Scope, name: string): Promise<Response> {
  const { tenant, request } = scope;
  const asked = { protocol: protocolVersion, tenant, name, brief: true };
  const head = replyValue(await scope.owner(name).head(asked));
  const { rows } = indexedSize(head);
  const { segments = [] } = head.manifest ?? {};
  const largest = segments.toSorted((a, b) => b.rows - a.rows)[0];
  const seconds = (ms: number): number => Math.floor(ms / 1_000);
  const answer: JsonEncodable = {
    approx_row_count: rows + head.unindexedRows,
    index: {
      status: isUpToDate(head) ? "up_to_date" : "updating",
      indexed_row_count: rows,
      ann_index_file: largest === undefined ? null : `segment/${largest.id}`,
    },
    created_at: seconds(head.createdMs),
    updated_at: seconds(head.updatedMs),
  };
  return respondJson(request, answer);
}
