/**
 * JSON body of POST …/query -> what is asked on one snapshot: one query for rows or aggregates, or
 * several in `queries`, whose rows may be fused.
 *
 * Beside `queries`, fields of a single query mean nothing and are ignored, as clients know it; with
 * `rerank_by`, `limit` and `offset` are those of the fused ranking.
 */
import { isJsonObject, malformedAt, wrongShape } from "../../src/document/shape.ts";
import { invalid } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import type { Fusion } from "../../src/query/fusion.ts";
import type { AggregateQuery } from "../../src/query/query.ts";
import type { Part, Parts } from "../../src/search-parts.ts";
import { parseAsOf } from "./as-of.ts";
import { parseRowQuery, type QueryRequest } from "./query-request.ts";
import { type Given, readFields } from "./reference/field.ts";
import { queryFields, subqueryFields } from "./reference/query-fields.ts";

export interface PartsRequest extends Pick<QueryRequest, "vectorEncoding" | "asOf"> {
  readonly asked: Parts;
  /** Whether the answer is a list of results. */
  readonly isMulti: boolean;
  /** True: the first page is asked for; a text: the one that it leads to. */
  readonly cursor: string | true | undefined;
}

type PartBody = Given<typeof subqueryFields>;

export function parseParts(body: unknown): PartsRequest {
  const given = readFields(withoutNullCount(body), queryFields);
  const { queries, rerank_by: rerank } = given;
  if (rerank !== undefined && queries === undefined) {
    throw invalid("💔 `rerank_by` goes with `queries`", "rerank_by");
  }
  const parts = queries === undefined ? [parsePart(given)] : parseQueries(queries);
  const cursor = given.cursor === false ? undefined : given.cursor;
  const [part] = parts;
  if (cursor !== undefined && (queries !== undefined || part?.kind !== "rows")) {
    throw invalid("💔 `cursor` goes with one query for rows", "cursor");
  }
  if (cursor !== undefined && given.as_of !== undefined) {
    throw invalid("💔 `cursor` does not go with `as_of`: it is of now", "cursor");
  }
  return {
    asked: {
      parts,
      fusion: rerank === undefined ? undefined : parseFusion(rerank, given, parts),
      consistency: given.consistency?.level ?? "strong",
      disableCache: given.disable_cache === true,
    },
    isMulti: queries !== undefined,
    cursor,
    vectorEncoding: given.vector_encoding ?? "float",
    asOf: given.as_of === undefined ? undefined : parseAsOf(given.as_of),
  };
}

/** Aggregates come with a `top_k` of null from clients that mean none. */
function withoutNullCount(body: unknown): unknown {
  if (!isJsonObject(body) || !isJsonObject(body["aggregate_by"]) || body["top_k"] !== null) {
    return body;
  }
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== "top_k"));
}

function parseQueries(queries: readonly unknown[]): readonly Part[] {
  if (queries.length === 0) {
    throw invalid("💔 must send at least one sub-query", "queries");
  }
  if (queries.length > limits.subqueriesMax) {
    const text =
      `💔 multi-query exceeds per-namespace concurrency budget: requires ${queries.length} ` +
      `permits, max is ${limits.subqueriesMax}`;
    throw invalid(text, "queries");
  }
  return queries.map((query, i) => {
    if (!isJsonObject(query)) {
      throw wrongShape(`queries[${i}]`, query, "struct QueryRankBy");
    }
    return parsePart(readFields(withoutNullCount(query), subqueryFields));
  });
}

function parsePart(given: PartBody): Part {
  return given.aggregate_by === undefined
    ? { kind: "rows", query: parseRowQuery(given) }
    : { kind: "aggregates", query: parseAggregateQuery(given) };
}

function parseAggregateQuery(given: PartBody): AggregateQuery {
  const { aggregate_by: aggregates, group_by: groups = [], top_k: topK } = given;
  for (const field of ["rank_by", "limit"] as const) {
    if (given[field] !== undefined) {
      throw malformedAt(field, `\`${field}\` has no place beside \`aggregate_by\``);
    }
  }
  for (const field of ["offset", "compute_attributes"] as const) {
    if (given[field] !== undefined) {
      throw invalid(`💔 \`${field}\` has no place beside \`aggregate_by\``, field);
    }
  }
  if (topK !== undefined && groups.length === 0) {
    const text = "💔 top_k is not supported in aggregation queries without group_by";
    throw invalid(text, "top_k");
  }
  if (topK !== undefined && topK > limits.topKMax) {
    throw invalid(`💔 top_k must be between 0 and ${limits.topKMax}`, "top_k");
  }
  return {
    filters: given.filters,
    aggregates,
    groups,
    groupsMax: topK ?? limits.topKMax,
    order: parseGroupOrder(given),
    metric: given.distance_metric,
  };
}

function parseGroupOrder({ group_order: order, group_by: groups }: PartBody) {
  if (order === undefined) {
    return undefined;
  }
  const [label, direction, ...more] = order;
  const isDirection = direction === "asc" || direction === "desc";
  if (typeof label !== "string" || !isDirection || more.length > 0) {
    throw malformedAt("group_order", 'expected [label, "asc"] or [label, "desc"]');
  }
  if (groups === undefined) {
    throw invalid("💔 `group_order` goes with `group_by`", "group_order");
  }
  return { label, descending: direction === "desc" };
}

// ---- Fusion
// -----------------------------------------------------------------------------------------

const rankConstantDefault = 60;

function parseFusion(
  json: readonly unknown[],
  { limit, top_k: topK, offset = 0 }: PartBody,
  parts: readonly Part[],
): Fusion {
  const [name, options, ...more] = json;
  if (name !== "RRF" || more.length > 0 || (options !== undefined && !isJsonObject(options))) {
    throw malformedAt("rerank_by", 'expected ["RRF"] or ["RRF", {"rank_constant", "weights"}]');
  }
  if (parts.some(({ kind }) => kind !== "rows")) {
    throw invalid("💔 rerank_by fuses rows, not aggregates", "rerank_by");
  }
  const { rank_constant: constant = rankConstantDefault, weights = parts.map(() => 1) } =
    options ?? {};
  if (typeof constant !== "number" && typeof constant !== "bigint") {
    throw malformedAt("rerank_by", "rank_constant: expected a number");
  }
  if (!(Number(constant) > 0)) {
    throw invalid("💔 rank_constant must be above 0", "rerank_by");
  }
  if (!Array.isArray(weights)) {
    throw malformedAt("rerank_by", "weights: expected a sequence");
  }
  const given = weights.map((weight: unknown) =>
    typeof weight === "number" || typeof weight === "bigint" ? Number(weight) : 0,
  );
  if (given.length !== parts.length || given.some((weight) => !(weight > 0))) {
    const text = `💔 weights must be ${parts.length} positive numbers, one for each query`;
    throw invalid(text, "rerank_by");
  }
  const asked = limit ?? topK;
  const total = typeof asked === "object" ? asked.total : (asked ?? limits.topKMax - offset);
  if (total < 1 || total + offset > limits.topKMax) {
    throw invalid(`💔 limit must be between 1 and ${limits.topKMax}, offset included`, "limit");
  }
  return { constant: Number(constant), weights: given, limit: total, offset };
}
