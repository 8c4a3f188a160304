/**
 * JSON body of POST …/query -> Query. Wrong JSON types are `malformed` (422), wrong values
 * `invalid` (400); unknown fields are refused by name, unknown keys of option objects are ignored.
 *
 *   rank_by             ["column", "ANN" | "kNN", vector], ["column", "SparseKNN", weights],
 *                       ["column", "BM25", "text" | tokens, {"last_as_prefix"}?], one or several
 *                       ["attribute", "asc" | "desc"], an expression (which is read when the
 *                       schema is known) or, with filters, nothing
 *   limit | top_k       1 … 10,000, offset included
 *   include_attributes  bool or names; exclude_attributes: names
 *   the rest            offset, filters, consistency, distance_metric, vector_encoding,
 *                       disable_cache
 */
import { malformedAt, wrongShape } from "../../src/document/shape.ts";
import { type EngineError, invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { parseWeights } from "../../src/query/expression-input.ts";
import {
  type AttributeChoice,
  noAttributes,
  type Query,
  type Rank,
} from "../../src/query/query.ts";
import type { OrderKey } from "../../src/query/ranking.ts";
import { parseTextQuery } from "../../src/query/text-clause.ts";
import { type GivenAsOf, parseAsOf } from "./as-of.ts";
import { type Given, readFields } from "./reference/field.ts";
import { queryFields } from "./reference/query-fields.ts";
import { countComponents, writeVector } from "./vector-input.ts";

export type VectorEncoding = "float" | "base64";

export interface QueryRequest {
  readonly query: Query;
  readonly vectorEncoding: VectorEncoding;
  /** Undefined: now. */
  readonly asOf: GivenAsOf | undefined;
}

/** Fields of the API that this server does not know how to answer. */
const laterFields: ReadonlySet<string> = new Set([
  "aggregate_by",
  "group_by",
  "compute_attributes",
  "queries",
  "rerank_by",
]);
type QueryBody = Given<typeof queryFields>;

export function parseQueryRequest(body: unknown): QueryRequest {
  const given = readFields(body, queryFields, laterFields);
  const rank = parseRank(given);
  const { limit, offset } = parseWindow(given, rank !== undefined);
  return {
    query: {
      rank: rank ?? { kind: "id", descending: false },
      limit,
      offset,
      filters: given.filters,
      attributes: parseAttributes(given),
      metric: given.distance_metric,
      consistency: given.consistency?.level ?? "strong",
      disableCache: given.disable_cache === true,
    },
    vectorEncoding: given.vector_encoding ?? "float",
    asOf: given.as_of === undefined ? undefined : parseAsOf(given.as_of),
  };
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
    const vector = parseVector(third);
    return { kind: "vector", exhaustive: second === "kNN", column: first, vector };
  }
  if (second === "SparseKNN") {
    if (typeof first !== "string" || parts.length !== 3) {
      throw badRank();
    }
    return { kind: "sparse", column: first, weights: parseWeights(third, "rank_by") };
  }
  if (second === "BM25") {
    const text = parseTextQuery(parts, "rank_by");
    if (text === undefined) throw badRank();
    return { kind: "text", text };
  }
  // Names of functions, or a filter.
  if (typeof first !== "string" || (parts.length === 2 && typeof second === "string")) {
    if (first !== "Attribute") throw badRank();
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
  return malformedAt("rank_by", queryFields.rank_by.reason);
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
  if (typeof asked !== "number" && asked.per !== undefined) {
    throw notYet("limit.per", "`limit.per`");
  }
  const limit = typeof asked === "number" ? asked : asked.total;
  if (limit < 1 || limit > limits.topKMax) {
    throw invalid(`💔 ${field} must be between 1 and ${limits.topKMax}`, field);
  }
  if (limit + offset > limits.topKMax) {
    throw invalid(`💔 offset and ${field} together must not exceed ${limits.topKMax}`, "offset");
  }
  return { limit, offset };
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
