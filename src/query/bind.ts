/**
 * A query meets the schema of the snapshot it runs on: names become columns, JSON becomes filters,
 * and what does not fit is refused (`invalid`, with the texts that users of the API know). Pure.
 */
import type { Filter } from "../document/filter.ts";
import {
  isArrayType,
  isPackedType,
  parseVectorArrayType,
  parseVectorType,
  primaryVector,
  type Schema,
} from "../document/schema.ts";
import { type EngineError, invalid } from "../errors.ts";
import type { BoundAggregate, GroupBy } from "./aggregate.ts";
import { parseAggregates, parseGroups } from "./aggregate-input.ts";
import { bindComputed, type Computation } from "./computed.ts";
import { type DistanceQuery, prepareDistance } from "./distance.ts";
import { parseExpression } from "./expression-input.ts";
import { parseFilter } from "./filter.ts";
import type { AggregateQuery, AttributeChoice, Diversity, Query } from "./query.ts";
import type { OrderKey, Ranking } from "./ranking.ts";
import { type AttributeScore, scoreByDistance, scoreByProduct, scoreByTokens } from "./score.ts";

export interface BoundQuery {
  readonly rank: BoundRank;
  readonly filter: Filter | undefined;
  /** Rows to rank: limit and offset together. */
  readonly wanted: number;
  readonly offset: number;
  /** What is read of the rows. */
  readonly columns: WantedColumns;
  /** What is shown of it, if that is less: the rest is what something is computed from. */
  readonly shown?: WantedColumns;
  readonly computed?: readonly Computation[];
  readonly per?: Diversity;
}

export type BoundRank =
  | { readonly kind: "vector"; readonly exhaustive: boolean; readonly distance: DistanceQuery }
  | {
      readonly kind: "score";
      readonly score: AttributeScore;
      /** Of a dense vector column beside the first: segments may have an index of it. */
      readonly near?: NearQuery;
    }
  | { readonly kind: "ranked"; readonly ranking: Ranking }
  | { readonly kind: "id"; readonly descending: boolean };

export interface NearQuery {
  readonly exhaustive: boolean;
  readonly distance: DistanceQuery;
}

/** What the rows bring along, in the order of the schema. */
export interface WantedColumns {
  readonly attributes: readonly string[];
  /** Name of the primary vector column if it is wanted; other vectors are attributes. */
  readonly vector: string | undefined;
}

export interface BoundAggregates {
  readonly filter: Filter | undefined;
  readonly aggregates: readonly BoundAggregate[];
  readonly groups: readonly GroupBy[];
  readonly groupsMax: number;
  readonly order: AggregateQuery["order"];
}

export function bindAggregates(query: AggregateQuery, schema: Schema): BoundAggregates {
  requireMetric(query.metric, schema);
  const { order, groupsMax } = query;
  const aggregates = parseAggregates(query.aggregates, schema);
  const groups = parseGroups(query.groups, aggregates, schema);
  if (
    order !== undefined &&
    ![...aggregates, ...groups].some((each) => each.label === order.label)
  ) {
    throw invalid(`💔 group_order names "${order.label}", which is no label`, "group_order");
  }
  return {
    filter: query.filters === undefined ? undefined : parseFilter(query.filters, schema),
    aggregates,
    groups,
    groupsMax,
    order,
  };
}

function requireMetric(metric: Query["metric"], schema: Schema): void {
  if (metric !== undefined && schema.metric !== undefined && metric !== schema.metric) {
    throw invalid(
      `💔 distance metric mismatch, expected ${schema.metric}, got ${metric}`,
      "distance_metric",
    );
  }
}

export function bindQuery(query: Query, schema: Schema): BoundQuery {
  requireMetric(query.metric, schema);
  const rank = bindRank(query, schema);
  return {
    rank,
    filter: query.filters === undefined ? undefined : parseFilter(query.filters, schema),
    wanted: query.limit + query.offset,
    offset: query.offset,
    ...bindColumns(query, schema, rank),
    ...bindPer(query.per, schema),
  };
}

function bindColumns(
  query: Query,
  schema: Schema,
  rank: BoundRank,
): Pick<BoundQuery, "columns" | "shown" | "computed"> {
  const shown = chooseColumns(query.attributes, schema);
  if (query.computed === undefined || query.computed.length === 0) {
    return { columns: shown };
  }
  const ranking = rank.kind === "ranked" ? rank.ranking : undefined;
  const expression = ranking?.kind === "expression" ? ranking.expression : undefined;
  const { computed, names } = bindComputed(query.computed, schema, expression, (column, vector) =>
    bindDistance(column, vector, schema, query.metric, "compute_attributes"),
  );
  const reads = new Set([...shown.attributes, ...names]);
  if (shown.vector !== undefined) reads.add(shown.vector);
  const columns = chooseColumns({ kind: "only", names: [...reads] }, schema);
  return { columns, shown, computed };
}

/** What every id has to itself tells all rows apart. */
function bindPer(per: Diversity | undefined, schema: Schema): Pick<BoundQuery, "per"> {
  if (per === undefined) {
    return {};
  }
  for (const name of per.attributes) {
    const type = schema.attributes.get(name)?.type;
    if (type !== undefined && isPackedType(type)) {
      throw invalid(`💔 limit.per cannot name "${name}" of type ${type}`, "limit.per");
    }
  }
  return per.attributes.includes("id") ? {} : { per };
}

function bindRank({ rank, metric }: Query, schema: Schema): BoundRank {
  if (rank.kind === "id") {
    return rank;
  }
  if (rank.kind === "order") {
    return bindOrder(rank.keys, schema);
  }
  if (rank.kind === "expression") {
    const expression = parseExpression(rank.json, schema);
    return { kind: "ranked", ranking: { kind: "expression", expression } };
  }
  if (rank.kind === "vectors") {
    return { kind: "score", score: bindTokens(rank, schema, metric) };
  }
  const { column } = rank;
  const attribute = schema.attributes.get(column);
  if (attribute === undefined) {
    throw unknownAttribute(column, "rank_by");
  }
  if (rank.kind === "sparse") {
    if (attribute.type !== "{}f16") {
      const text = `💔 attribute "${column}" is not a sparse vector, cannot be ranked by SparseKNN`;
      throw invalid(text, "rank_by");
    }
    return { kind: "score", score: scoreByProduct(column, rank.weights) };
  }
  const { vector, exhaustive } = rank;
  if (parseVectorArrayType(attribute.type) !== undefined) {
    const tokens = { column, vectors: [vector] };
    return { kind: "score", score: bindTokens(tokens, schema, metric) };
  }
  const { distance, score } = bindDistance(column, vector, schema, metric, "rank_by");
  return score === undefined
    ? { kind: "vector", exhaustive, distance }
    : { kind: "score", score, near: { exhaustive, distance } };
}

/** The distance from a vector column; of those beside the first, as a score of their values too. */
export function bindDistance(
  column: string,
  vector: Float32Array,
  schema: Schema,
  metric: Query["metric"],
  field: string,
): { readonly distance: DistanceQuery; readonly score: AttributeScore | undefined } {
  const attribute = schema.attributes.get(column);
  if (attribute === undefined) {
    throw unknownAttribute(column, field);
  }
  const type = parseVectorType(attribute.type);
  if (type === undefined) {
    throw invalid(`💔 attribute "${column}" is not a vector, cannot be ranked by distance`, field);
  }
  if (vector.length !== type.dims) {
    throw invalid(
      `💔 ${field} vector has ${vector.length} dimensions, but attribute "${column}" has ${type.dims}`,
      field,
    );
  }
  // Without a metric nothing was written yet, and any will do.
  const distance = prepareDistance(schema.metric ?? metric ?? "cosine_distance", vector);
  // Where a segment has no index of another, every document is looked at.
  const isPrimary = primaryVector(schema)?.name === column;
  const score = isPrimary ? undefined : scoreByDistance(column, type.element, distance);
  return { distance, score };
}

function bindTokens(
  { column, vectors }: { readonly column: string; readonly vectors: readonly Float32Array[] },
  schema: Schema,
  metric: Query["metric"],
): AttributeScore {
  const attribute = schema.attributes.get(column);
  if (attribute === undefined) {
    throw unknownAttribute(column, "rank_by");
  }
  const dims = parseVectorArrayType(attribute.type);
  if (dims === undefined) {
    const text = `💔 attribute "${column}" is no vector array: it is ranked by one vector`;
    throw invalid(text, "rank_by");
  }
  const other = vectors.find(({ length }) => length !== dims);
  if (other !== undefined) {
    throw invalid(
      `💔 rank_by vector has ${other.length} dimensions, but attribute "${column}" has ${dims}`,
      "rank_by",
    );
  }
  const known = schema.metric ?? metric ?? "cosine_distance";
  return scoreByTokens(
    column,
    dims,
    vectors.map((vector) => prepareDistance(known, vector)),
  );
}

/** Ids differ, so nothing behind the id has a say. */
function bindOrder(keys: readonly OrderKey[], schema: Schema): BoundRank {
  const at = keys.findIndex(({ attribute }) => attribute === "id");
  const [ranking, id] = at < 0 ? [keys, undefined] : [keys.slice(0, at), keys[at]];
  const idDescending = id?.descending === true;
  if (ranking.length === 0) {
    return { kind: "id", descending: idDescending };
  }
  for (const { attribute } of ranking) {
    const known = schema.attributes.get(attribute);
    if (known === undefined) {
      throw unknownAttribute(attribute, "rank_by");
    }
    if (isArrayType(known.type) || isPackedType(known.type)) {
      const text = `💔 attribute "${attribute}" is ${known.type}, which has no order to rank by`;
      throw invalid(text, "rank_by");
    }
  }
  return { kind: "ranked", ranking: { kind: "order", keys: ranking, idDescending } };
}

/** Unknown names are refused where attributes are included and ignored where they are excluded. */
export function chooseColumns(choice: AttributeChoice, schema: Schema): WantedColumns {
  const names = choice.kind === "all" ? undefined : new Set(choice.names);
  if (choice.kind === "only") {
    for (const name of choice.names) {
      if (name !== "id" && !schema.attributes.has(name)) {
        throw unknownAttribute(name, "include_attributes");
      }
    }
  }
  const primary = primaryVector(schema)?.name;
  const attributes: string[] = [];
  let vector: string | undefined;
  for (const name of schema.attributes.keys()) {
    if (names !== undefined && names.has(name) !== (choice.kind === "only")) {
      continue;
    }
    if (name === primary) {
      vector = name;
    } else {
      attributes.push(name);
    }
  }
  return { attributes, vector };
}

function unknownAttribute(name: string, field: string): EngineError {
  const advice =
    field === "include_attributes"
      ? ". consider passing `include_attributes=True` to return all attribute data instead"
      : "";
  const text = `💔 attribute "${name}" not found in schema, cannot be part of \`${field}\`${advice}`;
  return invalid(text, field);
}
