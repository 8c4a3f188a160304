/**
 * JSON body of POST …/query -> Query. Wrong JSON types are `malformed` (422), wrong values
 * `invalid` (400); unknown fields are refused by name, unknown keys of option objects are ignored.
 *
 *   rank_by             ["column", "ANN" | "kNN", vector], ["column", "SparseKNN", weights],
 *                       ["column", "BM25", "text" | tokens,
 *                       {"last_as_prefix", "max_edit_distance"}?], one or several
 *                       ["attribute", "asc" | "desc"], an expression (which is read when the
 *                       schema is known) or, with filters, nothing
 *   limit | top_k       1 … 10,000, offset included
 *   include_attributes  bool or names; exclude_attributes: names
 *   the rest            offset, filters, consistency, distance_metric, vector_encoding,
 *                       disable_cache
 */
import { type JsonObject, malformedAt, wrongShape } from "../../src/document/shape.ts";
import { type EngineError, invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { parseWeights } from "../../src/query/expression-input.ts";
import {
  type AttributeChoice,
  type Diversity,
  noAttributes,
  type Query,
  type Rank,
} from "../../src/query/query.ts";
import type { OrderKey } from "../../src/query/ranking.ts";
import { type GivenAsOf, parseAsOf } from "./as-of.ts";
import { type Given, readFields } from "./reference/field.ts";
import { queryFields, subqueryFields } from "./reference/query-fields.ts";
import { readVector } from "./vector-input.ts";

export type VectorEncoding = "float" | "base64";

export interface QueryRequest {
  readonly query: Query;
  readonly vectorEncoding: VectorEncoding;
  /** Undefined: now. */
  readonly asOf: GivenAsOf | undefined;
}

type QueryBody = Given<typeof subqueryFields>;

/** One query for rows. */
export function parseQueryRequest(body: unknown): QueryRequest {
  const given = readFields(body, queryFields);
  for (const field of ["aggregate_by", "queries", "rerank_by"] as const) {
    if (given[field] !== undefined) {
      throw invalid(`💔 \`${field}\` has no place here: one query for rows is asked for`, field);
    }
  }
  return {
    query: {
      ...parseRowQuery(given),
      consistency: given.consistency?.level ?? "strong",
      disableCache: given.disable_cache === true,
    },
    vectorEncoding: given.vector_encoding ?? "float",
    asOf: given.as_of === undefined ? undefined : parseAsOf(given.as_of),
  };
}

export function parseRowQuery(given: QueryBody): Omit<Query, "consistency" | "disableCache"> {
  for (const field of ["group_by", "group_order"] as const) {
    if (given[field] !== undefined) {
      throw invalid(`💔 \`${field}\` goes with \`aggregate_by\``, field);
    }
  }
  const rank = parseRank(given);
  const { limit, offset } = parseWindow(given, rank !== undefined);
  const per = parsePer(given, limit);
  return {
    rank: rank ?? { kind: "id", descending: false },
    limit,
    offset,
    filters: given.filters,
    attributes: parseAttributes(given),
    ...(per === undefined ? {} : { per }),
    ...(given.compute_attributes === undefined
      ? {}
      : { computed: parseComputed(given.compute_attributes) }),
    metric: given.distance_metric,
  };
}

function parseComputed(json: JsonObject): NonNullable<Query["computed"]> {
  const entries = Object.entries(json);
  if (entries.length > limits.computedMax) {
    const text = `💔 compute_attributes takes at most ${limits.computedMax}, got ${entries.length}`;
    throw invalid(text, "compute_attributes");
  }
  return entries.map(([name, json]) => {
    const [column, head, vector] = Array.isArray(json) ? (json as readonly unknown[]) : [];
    return head === "VectorDist" && typeof column === "string"
      ? { name, kind: "distance", column, vector: readVector(vector, `compute_attributes.${name}`) }
      : { name, kind: "expression", json };
  });
}

// ---- rank_by
// ----------------------------------------------------------------------------------------

function parseRank({ rank_by: parts, filters }: QueryBody): Rank | undefined {
  if (parts === undefined) {
    return undefined;
  }
  if (parts.length === 0) {
    throw invalid("💔 rank_by cannot be empty", "rank_by");
  }
  const [first, second, third] = parts;
  if (Array.isArray(first) || second === "asc" || second === "desc") {
    return { kind: "order", keys: parseOrder(parts) };
  }
  if (second === "ANN" || second === "kNN") {
    if (typeof first !== "string" || parts.length !== 3) {
      throw badRank();
    }
    if (second === "kNN" && filters === undefined) {
      throw invalid("💔 kNN requires filters", "rank_by");
    }
    if (Array.isArray(third) && Array.isArray(third[0])) {
      return { kind: "vectors", column: first, vectors: parseVectors(third) };
    }
    const vector = parseVector(third, "rank_by[2]");
    return { kind: "vector", exhaustive: second === "kNN", column: first, vector };
  }
  if (second === "SparseKNN") {
    if (typeof first !== "string" || parts.length !== 3) {
      throw badRank();
    }
    return { kind: "sparse", column: first, weights: parseWeights(third, "rank_by") };
  }
  if (second === "BM25") {
    return { kind: "expression", json: parts };
  }
  // Names of functions, or a filter.
  const isWord = parts.length < 2 || (parts.length === 2 && typeof second === "string");
  if (typeof first !== "string" || (isWord && first !== "Attribute")) {
    throw badRank();
  }
  return { kind: "expression", json: parts };
}

/** One order, or a list of them. */
function parseOrder(parts: readonly unknown[]): readonly OrderKey[] {
  const orders: readonly unknown[] = Array.isArray(parts[0]) ? parts : [parts];
  if (orders.length > limits.orderKeysMax) {
    throw invalid(`💔 rank_by takes at most ${limits.orderKeysMax} orders`, "rank_by");
  }
  return orders.map((order) => {
    const [attribute, direction, ...more] = Array.isArray(order) ? (order as unknown[]) : [];
    if (typeof attribute !== "string" || more.length > 0) {
      throw badRank();
    }
    if (direction !== "asc" && direction !== "desc") {
      throw badRank();
    }
    return { attribute, descending: direction === "desc" };
  });
}

function parseVectors(json: readonly unknown[]): readonly Float32Array[] {
  if (json.length > limits.queryTokensMax) {
    const text = `💔 rank_by takes at most ${limits.queryTokensMax} vectors, got ${json.length}`;
    throw invalid(text, "rank_by");
  }
  return json.map((each, i) => parseVector(each, `rank_by[2][${i}]`));
}

function parseVector(json: unknown, path: string): Float32Array {
  if (Array.isArray(json) && json[0] === "Embed") {
    throw notYet("rank_by", "rank_by Embed");
  }
  return readVector(json, path);
}

function badRank(): EngineError {
  return malformedAt("rank_by", subqueryFields.rank_by.reason);
}

// ---- limit and offset
// -------------------------------------------------------------------------------

function parseWindow(given: QueryBody, ranked: boolean): { limit: number; offset: number } {
  const { limit: newer, top_k: older, filters, offset = 0 } = given;
  if (!ranked && filters === undefined) {
    throw invalid("💔 a query needs `rank_by`, or `filters` with a limit", "rank_by");
  }
  if (newer !== undefined && older !== undefined) {
    throw invalid("💔 specify either `limit` or `top_k`, not both", "top_k");
  }
  const asked = newer ?? older;
  if (asked === undefined) {
    throw invalid("💔 rank_by queries must specify top_k or limit", "limit");
  }
  const field = newer === undefined ? "top_k" : "limit";
  const limit = typeof asked === "number" ? asked : asked.total;
  if (limit < 1 || limit > limits.topKMax) {
    throw invalid(`💔 ${field} must be between 1 and ${limits.topKMax}`, field);
  }
  if (limit + offset > limits.topKMax) {
    throw invalid(`💔 offset and ${field} together must not exceed ${limits.topKMax}`, "offset");
  }
  return { limit, offset };
}

/** The attributes must be among those that come along, so that one sees what was told apart. */
function parsePer(given: QueryBody, total: number): Diversity | undefined {
  const { limit: asked, include_attributes: include } = given;
  const per = typeof asked === "object" ? asked.per : undefined;
  if (per === undefined) {
    return undefined;
  }
  const attributes = parseNames(per.attributes, "limit.per.attributes");
  if (attributes.length === 0) {
    throw invalid("💔 limit.per.attributes cannot be empty", "limit.per");
  }
  if (per.limit < 1 || per.limit > total) {
    throw invalid(`💔 limit.per.limit must be between 1 and the total of ${total}`, "limit.per");
  }
  const excluded = new Set(given.exclude_attributes);
  const isAll = include === true || given.exclude_attributes !== undefined;
  for (const name of attributes) {
    const isThere = Array.isArray(include)
      ? include.includes(name)
      : isAll && name !== "id" && !excluded.has(name);
    if (!isThere) {
      const text = `💔 attribute "${name}" of limit.per must be part of include_attributes`;
      throw invalid(text, "limit.per");
    }
  }
  return { attributes, limit: per.limit };
}

// ---- The rest
// ---------------------------------------------------------------------------------------

function parseAttributes(given: QueryBody): AttributeChoice {
  const { include_attributes: include, exclude_attributes: exclude } = given;
  if (include !== undefined && exclude !== undefined) {
    throw invalid(
      "💔 cannot specify both include_attributes and exclude_attributes",
      "exclude_attributes",
    );
  }
  if (exclude !== undefined) {
    const names = parseNames(exclude, "exclude_attributes");
    if (names.includes("id")) {
      throw invalid("💔 `id` cannot be excluded", "exclude_attributes");
    }
    return { kind: "except", names };
  }
  if (typeof include === "boolean" || include === undefined) {
    return include === true ? { kind: "all" } : noAttributes;
  }
  return { kind: "only", names: parseNames(include, "include_attributes") };
}

function parseNames(names: readonly unknown[], field: string): readonly string[] {
  return names.map((name, i) => {
    if (typeof name !== "string") {
      throw wrongShape(`${field}[${i}]`, name, "a string");
    }
    return name;
  });
}

function notYet(field: string, what: string): EngineError {
  return invalid(`💔 ${what} is not supported yet`, field);
}
