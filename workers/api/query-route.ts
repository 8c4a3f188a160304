/** POST /v2/namespaces/:ns/query: parse, search, render. */
import { limits } from "../../src/limits.ts";
import { scanBytes } from "../../src/operation-cost.ts";
import { searchPage } from "../../src/pages.ts";
import { type PartsResult, searchParts } from "../../src/search-parts.ts";
import { type SnapshotTarget, takeSnapshot } from "../../src/snapshot.ts";
import { readAsOf } from "./as-of.ts";
import { renderCost } from "./cost.ts";
import { encodeJson, type JsonEncodable, type JsonValue } from "./json.ts";
import type { Question } from "./operation-kinds.ts";
import { respondAsync } from "./operation-routes.ts";
import { parsePageCursor, renderPageCursor } from "./page-cursor.ts";
import { isAnsweredLater } from "./preference.ts";
import { type PartsRequest, parseParts } from "./query-parts.ts";
import { renderPartsResponse } from "./query-response.ts";
import { sampleQuery } from "./recall-sampling.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

type QueryAnswer = { readonly [name: string]: JsonEncodable };

export function queryNamespace(scope: Scope, name: string): Promise<Response> {
  const { request, ports } = scope;
  return scope.withJson(limits.queryBodyBytesMax, async (json) => {
    const parsed = parseParts(json);
    const { asked, asOf } = parsed;
    const { parts } = asked;
    const isExhaustive = parts.some(
      ({ kind, query }) => kind === "rows" && query.rank.kind === "vector" && query.rank.exhaustive,
    );
    const question = { ...scope, target: scope.target(name) };
    const isLarge = async (): Promise<boolean> => {
      if (!isExhaustive) return false;
      const { snapshots } = ports.memory;
      const newest = await takeSnapshot(ports, snapshots, question.target, "eventual", undefined);
      return scanBytes(newest) > limits.requestScanBytesMax;
    };
    if (await isAnsweredLater(request, isLarge)) {
      return await respondAsync(scope, name, "query", encodeJson(json as JsonValue));
    }
    const answer = await answerParsed(question, json, parsed);
    if (asOf === undefined) sampleQuery(scope, name, asked);
    return respondJson(request, { ...answer, cost: renderCost(scope.usage()) });
  });
}

export function answerQuery(question: Question, json: unknown): Promise<QueryAnswer> {
  return answerParsed(question, json, parseParts(json));
}

async function answerParsed(
  question: Question,
  json: unknown,
  { asked, isMulti, vectorEncoding, asOf, cursor }: PartsRequest,
): Promise<QueryAnswer> {
  const { ports, target } = question;
  const [part] = asked.parts;
  if (cursor !== undefined && part?.kind === "rows") {
    const from = cursor === true ? undefined : parsePageCursor(cursor, json);
    const paged = { ...target, owner: question.owner(target.name) };
    const { result, next } = await searchPage(ports, paged, part.query, asked, from);
    const page = renderPartsResponse(result, false, vectorEncoding, question.elapsedMs());
    return { ...page, next_cursor: next === undefined ? null : renderPageCursor(next, json) };
  }
  const ask = (of: SnapshotTarget): Promise<PartsResult> => searchParts(ports, of, asked);
  const result =
    asOf === undefined
      ? await ask(target)
      : await readAsOf(ports, target, (name) => question.owner(name), asOf, ask);
  return renderPartsResponse(result, isMulti, vectorEncoding, question.elapsedMs());
}
