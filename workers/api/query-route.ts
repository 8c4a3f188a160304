/** POST /v2/namespaces/:ns/query: parse, search, render. */
import { limits } from "../../src/limits.ts";
import { scanBytes } from "../../src/operation-cost.ts";
import type { SearchResult } from "../../src/query/result.ts";
import { search } from "../../src/search.ts";
import { type SnapshotTarget, takeSnapshot } from "../../src/snapshot.ts";
import { readAsOf } from "./as-of.ts";
import { encodeJson, type JsonEncodable, type JsonValue } from "./json.ts";
import type { Question } from "./operation-kinds.ts";
import { respondAsync } from "./operation-routes.ts";
import { isAnsweredLater } from "./preference.ts";
import { parseQueryRequest } from "./query-request.ts";
import { renderQueryResponse } from "./query-response.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

export function queryNamespace(scope: Scope, name: string): Promise<Response> {
  const { request, ports } = scope;
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const { query } = parseQueryRequest(json);
    const question = { ...scope, target: scope.target(name) };
    const isLarge = async (): Promise<boolean> => {
      if (query.rank.kind !== "vector" || !query.rank.exhaustive) return false;
      const { snapshots } = ports.memory;
      const newest = await takeSnapshot(ports, snapshots, question.target, "eventual", undefined);
      return scanBytes(newest) > limits.requestScanBytesMax;
    };
    return (await isAnsweredLater(request, isLarge))
      ? await respondAsync(scope, name, "query", encodeJson(json as JsonValue))
      : respondJson(request, await answerQuery(question, json));
  });
}

export async function answerQuery(question: Question, json: unknown): Promise<JsonEncodable> {
  const { query, vectorEncoding, asOf } = parseQueryRequest(json);
  const { ports, target } = question;
  const ask = (of: SnapshotTarget): Promise<SearchResult> => search(ports, of, query);
  const result =
    asOf === undefined
      ? await ask(target)
      : await readAsOf(ports, target, (name) => question.owner(name), asOf, ask);
  return renderQueryResponse(result, vectorEncoding, question.elapsedMs());
}
