/** POST /v2/namespaces/:ns/query: parse, search, render. */
import { type AsOf, kept, snapshotAsOf } from "../../src/history.ts";
import { limits } from "../../src/limits.ts";
import { scanBytes } from "../../src/operation-cost.ts";
import type { Query } from "../../src/query/query.ts";
import type { SearchResult } from "../../src/query/result.ts";
import { search } from "../../src/search.ts";
import type { SearchPorts } from "../../src/search-ports.ts";
import { type SnapshotTarget, takeSnapshot } from "../../src/snapshot.ts";
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
  const result =
    asOf === undefined
      ? await search(ports, target, query)
      : await searchAsOf(ports, target, query, asOf);
  return renderQueryResponse(result, vectorEncoding, question.elapsedMs());
}

async function searchAsOf(
  ports: SearchPorts,
  target: SnapshotTarget,
  query: Query,
  asOf: AsOf,
): Promise<SearchResult> {
  const snapshot = await snapshotAsOf(ports, target, asOf);
  return await kept(() => search(ports, { ...target, snapshot }, query));
}
