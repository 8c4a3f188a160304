/**
 * The query API of RosalindDB, for programs written against it. A dataset is a namespace.
 *
 *   POST /v1/query                    the nearest documents; `filter` compares for equality. With
 *                                     `Prefer: respond-async, wait=0`, or if it takes long, no
 *                                     matches but mode "ephemeral" and a job
 *   GET  /v1/query/status/:id      what became of the job
 *
 *   score     the namespace's distance: squared Euclidean, or 1 - cosine
 *   mode      hot, or cold if anything came from the bucket; recall if nothing is indexed yet
 */
import { isJsonObject } from "../../../src/document/shape.ts";
import { EngineError, invalid } from "../../../src/errors.ts";
import { limits } from "../../../src/limits.ts";
import { readOperation } from "../../../src/operations.ts";
import type { SearchResult } from "../../../src/query/result.ts";
import { search } from "../../../src/search.ts";
import { refuseAccess } from "../auth.ts";
import { encodeJson, type JsonEncodable, type JsonValue, parseJson } from "../json.ts";
import { F32 } from "../json-encode.ts";
import { isNamespaceName } from "../namespace-name.ts";
import type { Question } from "../operation-kinds.ts";
import { hint, submit } from "../operation-routes.ts";
import { isAnsweredLater } from "../preference.ts";
import { parseQueryRequest } from "../query-request.ts";
import { renderRow } from "../query-response.ts";
import { rosalindQueryFields } from "../reference/adapter-fields.ts";
import { readFields } from "../reference/field.ts";
import { respondJson } from "../respond.ts";
import type { Scope } from "../scope.ts";

const topKDefault = 10;

export function queryRosalind(scope: Scope): Promise<Response> {
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const { dataset } = parse(json);
    checkAccess(scope, dataset);
    if (await isAnsweredLater(scope.request, async () => false)) {
      const job = await submit(scope, dataset, "rosalind_query", encodeJson(json as JsonValue));
      const latency_ms = scope.elapsedMs();
      const answer = { matches: [], latency_ms, mode: "ephemeral", job_id: job };
      return respondJson(scope.request, answer);
    }
    const question = { ...scope, target: scope.target(dataset) };
    return respondJson(scope.request, await answerRosalind(question, json));
  });
}

export async function answerRosalind(question: Question, json: unknown): Promise<JsonEncodable> {
  const { query } = parse(json);
  const result = await search(question.ports, question.target, query);
  return {
    matches: result.rows.map((row) => renderMatch(row, result)),
    latency_ms: question.elapsedMs(),
    mode: modeOf(result),
  };
}

export async function pollRosalind(scope: Scope, _name: string, token: string): Promise<Response> {
  const { tenant, ports, request } = scope;
  const state = await readOperation(ports, { tenant, token });
  if (state === undefined) {
    throw new EngineError("notFound", "there is no such job, or it expired");
  }
  checkAccess(scope, state.name);
  if (state.kind === "running") {
    if (state.isNeglected) await hint(scope, { tenant, token });
    return respondJson(request, { job_id: token, status: "running" });
  }
  const { status, body } = state.result;
  const result = parseJson(body);
  if (status >= 300 || !isJsonObject(result)) {
    const { error = null } = isJsonObject(result) ? result : {};
    return respondJson(request, { job_id: token, status: "failed", error: error as JsonValue });
  }
  const { matches = [], latency_ms = 0 } = result as Record<string, JsonValue>;
  const mode = "ephemeral";
  return respondJson(request, { job_id: token, status: "completed", matches, latency_ms, mode });
}

function parse(json: unknown) {
  const given = readFields(json, rosalindQueryFields);
  const { dataset, vector, top_k: topK = topKDefault, filter = {}, nprobe = 1 } = given;
  if (!isNamespaceName(dataset)) {
    throw invalid("💔 dataset is no name of a namespace, [A-Za-z0-9-_.]{1,128}", "dataset");
  }
  checkRange(topK, "top_k", rosalindQueryFields.top_k.schema.maximum);
  checkRange(nprobe, "nprobe", rosalindQueryFields.nprobe.schema.maximum);
  const equals = Object.entries(filter).map(([name, value]) => [name, "Eq", value]);
  const { query } = parseQueryRequest({
    rank_by: ["vector", "ANN", vector],
    top_k: topK,
    include_attributes: true,
    ...(equals.length === 0 ? {} : { filters: ["And", equals] }),
  });
  return { dataset, query };
}

function checkRange(value: number, field: string, max: number): void {
  if (value < 1 || value > max) {
    throw invalid(`💔 ${field} must be between 1 and ${max}`, field);
  }
}

/** The name is not in the path, where it would have been looked at before. */
function checkAccess({ principal }: Scope, dataset: string): void {
  const reason = refuseAccess(principal, "read", dataset);
  if (reason !== undefined) {
    throw new EngineError("forbidden", reason);
  }
}

function renderMatch(row: SearchResult["rows"][number], { schema }: SearchResult): JsonEncodable {
  const { id, distance = 0 } = row;
  // Vectors are not returned.
  const metadata = new Map(
    renderRow({ ...row, distance: undefined, vector: undefined }, schema, "float"),
  );
  metadata.delete("id");
  return { id, score: new F32(distance), metadata };
}

function modeOf({ performance }: SearchResult): string {
  if (performance.indexedRows === 0 && performance.unindexedRows > 0) return "recall";
  return performance.storeRequests === 0 ? "hot" : "cold";
}
