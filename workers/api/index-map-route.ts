/** POST /v1/namespaces/:ns/index/map: a picture of the index, and of what a query would read. */
import { invalid } from "../../src/errors.ts";
import { type MappedVector, mapIndex } from "../../src/index-map.ts";
import { limits } from "../../src/limits.ts";
import { takeSnapshot } from "../../src/snapshot.ts";
import { F32 } from "./json-encode.ts";
import { parseQueryRequest } from "./query-request.ts";
import { readFields } from "./reference/field.ts";
import { mapFields } from "./reference/other-fields.ts";
import { respondJson } from "./respond.ts";
import type { Scope } from "./scope.ts";

const topKDefault = 10;

export function mapIndexRoute(scope: Scope, name: string): Promise<Response> {
  const { request, ports } = scope;
  const answer = async (json: unknown): Promise<Response> => {
    const vector = parseVector(json);
    const { snapshots } = ports.memory;
    const target = scope.target(name);
    const snapshot = await takeSnapshot(ports, snapshots, target, "strong", undefined);
    const { clusters, clustersTotal, share, query } = await mapIndex(ports, snapshot, vector);
    return respondJson(request, {
      clusters: clusters.map(({ segment, rows, x, y, probed }) => {
        return { segment, rows, x: new F32(x), y: new F32(y), ...(probed ? { probed } : {}) };
      }),
      clusters_total: clustersTotal,
      variance_shown: new F32(share),
      ...(query === undefined ? {} : { query: { x: new F32(query[0]), y: new F32(query[1]) } }),
    });
  };
  return scope.withJson(limits.queryBodyBytesMax, answer, {});
}

function parseVector(json: unknown): MappedVector | undefined {
  const { rank_by: rankBy, limit = topKDefault } = readFields(json, mapFields);
  if (rankBy === undefined) return undefined;
  const { rank } = parseQueryRequest({ rank_by: rankBy, limit }).query;
  if (rank.kind !== "vector") {
    throw invalid("💔 rank_by must be a vector to search for", "rank_by");
  }
  return { column: rank.column, values: rank.vector, topK: limit };
}
