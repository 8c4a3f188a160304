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
import { type DistanceQuery, prepareDistance } from "./distance.ts";
import { parseExpression } from "./expression-input.ts";
import { parseFilter } from "./filter.ts";
import type { AttributeChoice, Query } from "./query.ts";
import type { OrderKey, Ranking } from "./ranking.ts";
import { type AttributeScore, scoreByDistance, scoreByProduct } from "./score.ts";
import { bindTextClause, type TextClause } from "./text-clause.ts";

export interface BoundQuery {
  readonly rank: BoundRank;
  readonly filter: Filter | undefined;
  /** Rows to rank: limit and offset together. */
  readonly wanted: number;
  readonly offset: number;
  readonly columns: WantedColumns;
}

export type BoundRank =
  | { readonly kind: "vector"; readonly exhaustive: boolean; readonly distance: DistanceQuery }
  | { readonly kind: "score"; readonly score: AttributeScore }
  | { readonly kind: "ranked"; readonly ranking: Ranking }
  | { readonly kind: "text"; readonly clause: TextClause }
  | { readonly kind: "id"; readonly descending: boolean };

/** What the rows bring along, in the order of the schema. */
export interface WantedColumns {
  readonly attributes: readonly string[];
  /** Name of the primary vector column if it is wanted; other vectors are attributes. */
  readonly vector: string | undefined;
}

export function bindQuery(query: Query, schema: Schema): BoundQuery {
  if (query.metric !== undefined && schema.metric !== undefined && query.metric !== schema.metric) {
    throw invalid(
      `💔 distance metric mismatch, expected ${schema.metric}, got ${query.metric}`,
      "distance_metric",
    );
  }
  return {
    rank: bindRank(query, schema),
    filter: query.filters === undefined ? undefined : parseFilter(query.filters, schema),
    wanted: query.limit + query.offset,
    offset: query.offset,
    columns: chooseColumns(query.attributes, schema),
  };
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
  if (rank.kind === "text") {
    return { kind: "text", clause: bindTextClause(rank.text, schema, "rank_by") };
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
  const type = parseVectorType(attribute.type);
  if (type === undefined) {
    throw invalid(
      parseVectorArrayType(attribute.type) === undefined
        ? `💔 attribute "${column}" is not a vector, cannot be ranked by distance`
        : `💔 attribute "${column}" is a vector array: ranking by it is not supported yet`,
      "rank_by",
    );
  }
  if (vector.length !== type.dims) {
    throw invalid(
      `💔 rank_by vector has ${vector.length} dimensions, but attribute "${column}" has ${type.dims}`,
      "rank_by",
    );
  }
  // Without a metric nothing was written yet, and any will do.
  const known = schema.metric ?? metric ?? "cosine_distance";
  const distance = prepareDistance(known, vector);
  // The first vector column has an index; of others, every document is looked at.
  return primaryVector(schema)?.name === column
    ? { kind: "vector", exhaustive, distance }
    : { kind: "score", score: scoreByDistance(column, type.element, distance) };
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

function unknownAttribute(name: string, field: "rank_by" | "include_attributes"): EngineError {
  const advice =
    field === "include_attributes"
      ? ". consider passing `include_attributes=True` to return all attribute data instead"
      : "";
  const text = `💔 attribute "${name}" not found in schema, cannot be part of \`${field}\`${advice}`;
  return invalid(text, field);
}
