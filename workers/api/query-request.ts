/**
 * JSON body of POST …/query -> Query. Wrong JSON types are `malformed` (422), wrong values
 * `invalid` (400); unknown fields are refused by name, unknown keys of option objects are ignored.
 *
 *   rank_by             ["column", "ANN" | "kNN", vector], ["id", "asc" | "desc"] or, with filters,
 *                       nothing
 *   limit | top_k       1 … 10,000, offset included
 *   include_attributes  bool or names; exclude_attributes: names
 *   the rest            offset, filters, consistency, distance_metric, vector_encoding,
 *                       disable_cache
 */
import type { DistanceMetric } from "../../src/document/schema.ts";
import {
  describeJson,
  isJsonObject,
  type JsonObject,
  malformedAt,
  wrongShape,
} from "../../src/document/shape.ts";
import { type EngineError, invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import {
  type AttributeChoice,
  type Consistency,
  noAttributes,
  type Query,
  type Rank,
} from "../../src/query/query.ts";
import { countComponents, writeVector } from "./vector-input.ts";

export type VectorEncoding = "float" | "base64";

export interface QueryRequest {
  readonly query: Query;
  readonly vectorEncoding: VectorEncoding;
}

const fields: ReadonlySet<string> = new Set([
  "rank_by",
  "top_k",
  "limit",
  "offset",
  "filters",
  "include_attributes",
  "exclude_attributes",
  "distance_metric",
  "consistency",
  "vector_encoding",
  "disable_cache",
]);

/** Fields of the API that this server does not know how to answer. */
const laterFields = ["aggregate_by", "group_by", "compute_attributes", "queries", "rerank_by"];
/** The same for the first or second member of `rank_by`. */
const laterRanks: ReadonlySet<unknown> = new Set([
  "BM25",
  "SparseKNN",
  "Sum",
  "Max",
  "Product",
  "Attribute",
  "Saturate",
  "Decay",
  "Dist",
]);

export function parseQueryRequest(body: unknown): QueryRequest {
  if (!isJsonObject(body)) {
    throw wrongShape("", body, "a map");
  }
  refuseOtherFields(body);
  const rank = parseRank(body);
  const { limit, offset } = parseWindow(body, rank !== undefined);
  return {
    query: {
      rank: rank ?? { kind: "id", descending: false },
      limit,
      offset,
      filters: body["filters"] ?? undefined,
      attributes: parseAttributes(body),
      metric: parseMetric(body["distance_metric"]),
      consistency: parseConsistency(body["consistency"]),
      disableCache: parseFlag(body["disable_cache"], "disable_cache"),
    },
    vectorEncoding: parseEncoding(body["vector_encoding"]),
  };
}

function refuseOtherFields(body: JsonObject): void {
  for (const field of laterFields) {
    if (isGiven(body[field])) {
      throw notYet(field, `\`${field}\``);
    }
  }
  for (const field of Object.keys(body)) {
    if (!fields.has(field) && !laterFields.includes(field)) {
      throw invalid(`💔 unknown field \`${field}\``, field);
    }
  }
}

// ---- rank_by
// ----------------------------------------------------------------------------------------

function parseRank(body: JsonObject): Rank | undefined {
  const rankBy = body["rank_by"];
  if (!isGiven(rankBy)) {
    return undefined;
  }
  if (!Array.isArray(rankBy)) {
    throw badRank();
  }
  if (rankBy.length === 0) {
    throw invalid("💔 rank_by cannot be empty", "rank_by");
  }
  const parts: readonly unknown[] = rankBy;
  // A list of orders with one member is that order.
  const [first, second, third] =
    parts.length === 1 && Array.isArray(parts[0]) ? (parts[0] as readonly unknown[]) : parts;
  if (second === "ANN" || second === "kNN") {
    if (typeof first !== "string" || parts.length !== 3) {
      throw badRank();
    }
    if (second === "kNN" && !isGiven(body["filters"])) {
      throw invalid("💔 kNN requires filters", "rank_by");
    }
    const vector = parseVector(third);
    return { kind: "vector", exhaustive: second === "kNN", column: first, vector };
  }
  for (const name of [first, second]) {
    if (laterRanks.has(name)) {
      throw notYet("rank_by", `rank_by ${String(name)}`);
    }
  }
  if (second === "asc" || second === "desc") {
    if (first !== "id") {
      throw notYet("rank_by", "rank_by an attribute other than `id`");
    }
    return { kind: "id", descending: second === "desc" };
  }
  if (Array.isArray(first)) {
    throw notYet("rank_by", "rank_by several orders");
  }
  throw badRank();
}

function parseVector(json: unknown): Float32Array {
  if (Array.isArray(json) && json[0] === "Embed") {
    throw notYet("rank_by", "rank_by Embed");
  }
  if (Array.isArray(json) && Array.isArray(json[0])) {
    throw notYet("rank_by", "rank_by a list of vectors");
  }
  const path = "rank_by[2]";
  const dimensions = countComponents(json, path);
  if (dimensions > limits.dimensionsMax) {
    throw invalid(`💔 ${path}: a vector has at most ${limits.dimensionsMax} dimensions`, "rank_by");
  }
  const vector = new Float32Array(dimensions);
  writeVector(json, vector, 0, path);
  return vector;
}

function badRank(): EngineError {
  return malformedAt(
    "rank_by",
    "data did not match any variant of enum a valid variant of RankInput",
  );
}

// ---- limit and offset
// -------------------------------------------------------------------------------

function parseWindow(body: JsonObject, ranked: boolean): { limit: number; offset: number } {
  const offset = parseOffset(body["offset"]);
  const given = (["limit", "top_k"] as const).filter((field) => body[field] !== undefined);
  const field = given[0];
  if (!ranked && !isGiven(body["filters"])) {
    throw invalid("💔 a query needs `rank_by`, or `filters` with a limit", "rank_by");
  }
  if (field === undefined) {
    throw invalid("💔 rank_by queries must specify top_k or limit", "limit");
  }
  if (given.length > 1) {
    throw invalid("💔 specify either `limit` or `top_k`, not both", "top_k");
  }
  const limit = parseLimit(body[field], field);
  if (limit + offset > limits.topKMax) {
    throw invalid(`💔 offset and ${field} together must not exceed ${limits.topKMax}`, "offset");
  }
  return { limit, offset };
}

function parseLimit(json: unknown, field: "limit" | "top_k"): number {
  if (field === "limit" && isJsonObject(json)) {
    if (isGiven(json["per"])) {
      throw notYet("limit.per", "`limit.per`");
    }
    if (json["total"] === undefined) {
      throw malformedAt("limit", "missing field `total`");
    }
    return parseLimit(json["total"], field);
  }
  if (json !== null && !isCount(json)) {
    throw wrongShape(field, json, "usize");
  }
  if (json === null || json < 1 || json > limits.topKMax) {
    throw invalid(`💔 ${field} must be between 1 and ${limits.topKMax}`, field);
  }
  return Number(json);
}

function parseOffset(json: unknown): number {
  if (!isGiven(json)) {
    return 0;
  }
  if (!isCount(json)) {
    throw wrongShape("offset", json, "usize");
  }
  return Number(json);
}

function isCount(json: unknown): json is number | bigint {
  return (Number.isInteger(json) || typeof json === "bigint") && (json as number | bigint) >= 0;
}

// ---- The rest
// ---------------------------------------------------------------------------------------

function parseAttributes(body: JsonObject): AttributeChoice {
  const include = body["include_attributes"];
  const exclude = body["exclude_attributes"];
  if (isGiven(include) && isGiven(exclude)) {
    throw invalid(
      "💔 cannot specify both include_attributes and exclude_attributes",
      "exclude_attributes",
    );
  }
  if (isGiven(exclude)) {
    const names = parseNames(exclude, "exclude_attributes", "a sequence");
    if (names.includes("id")) {
      throw invalid("💔 `id` cannot be excluded", "exclude_attributes");
    }
    return { kind: "except", names };
  }
  if (!isGiven(include) || include === false) {
    return noAttributes;
  }
  if (include === true) {
    return { kind: "all" };
  }
  const names = parseNames(include, "include_attributes", "a boolean or a sequence");
  return { kind: "only", names };
}

function parseNames(json: unknown, field: string, expected: string): readonly string[] {
  if (!Array.isArray(json)) {
    throw wrongShape(field, json, expected);
  }
  return json.map((name: unknown, i) => {
    if (typeof name !== "string") {
      throw wrongShape(`${field}[${i}]`, name, "a string");
    }
    return name;
  });
}

function parseMetric(json: unknown): DistanceMetric | undefined {
  if (!isGiven(json)) {
    return undefined;
  }
  return parseVariant(json, "distance_metric", ["cosine_distance", "euclidean_squared"]);
}

function parseConsistency(json: unknown): Consistency {
  if (!isGiven(json)) {
    return "strong";
  }
  if (!isJsonObject(json)) {
    throw wrongShape("consistency", json, "struct Consistency");
  }
  if (json["level"] === undefined) {
    throw malformedAt("consistency", "missing field `level`");
  }
  return parseVariant(json["level"], "consistency.level", ["strong", "eventual"]);
}

function parseEncoding(json: unknown): VectorEncoding {
  return isGiven(json) ? parseVariant(json, "vector_encoding", ["float", "base64"]) : "float";
}

function parseVariant<const T extends string>(json: unknown, path: string, known: readonly T[]): T {
  const variant = known.find((name) => name === json);
  if (variant !== undefined) {
    return variant;
  }
  const expected = `expected ${known.map((name) => `\`${name}\``).join(" or ")}`;
  throw malformedAt(
    path,
    typeof json === "string"
      ? `unknown variant \`${json}\`, ${expected}`
      : `invalid type: ${describeJson(json)}, ${expected}`,
  );
}

function parseFlag(json: unknown, field: string): boolean {
  if (isGiven(json) && typeof json !== "boolean") {
    throw wrongShape(field, json, "a boolean");
  }
  return json === true;
}

/** Optional fields may be sent as null. */
function isGiven(json: unknown): boolean {
  return json !== undefined && json !== null;
}

function notYet(field: string, what: string): EngineError {
  return invalid(`💔 ${what} is not supported yet`, field);
}
