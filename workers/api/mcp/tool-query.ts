/** Arguments of the tools that search -> the body of a query, as the schema suggests. */
import type { Schema } from "../../../src/document/schema.ts";
import { invalid } from "../../../src/errors.ts";
import { limits } from "../../../src/limits.ts";
import type { Given } from "../reference/field.ts";
import type { queryToolFields } from "../reference/mcp-fields.ts";

type Asked = Partial<Omit<Given<typeof queryToolFields>, "namespace">>;

export interface Columns {
  /** Attributes whose words can be searched. */
  readonly texts: readonly string[];
  /** Dense vectors that can be ranked by, the first one first. */
  readonly vectors: readonly string[];
  /** Attributes whose values are long lists of numbers, or bytes. */
  readonly packed: readonly string[];
}

const limitDefault = 10;

export function columnsOf({ attributes }: Schema): Columns {
  const all = Array.from(attributes, ([name, attribute]) => ({ name, ...attribute }));
  const namesOf = (list: typeof all) => list.map(({ name }) => name);
  return {
    texts: namesOf(all.filter(({ text }) => text !== undefined)),
    vectors: namesOf(all.filter(({ type }) => /^\[\d+\]/.test(type))),
    packed: namesOf(all.filter(({ type }) => /^(\[\]?\[?\d+\]|\{\}|bytes$)/.test(type))),
  };
}

/** Throws `invalid` for what cannot be asked together, or of such a namespace. */
export function buildQuery(asked: Asked, columns: Columns): object {
  const { filters, limit = limitDefault, as_of: asOf } = asked;
  if (limit < 1 || limit > limits.toolRowsMax) {
    throw invalid(`💔 limit must be between 1 and ${limits.toolRowsMax}`, "limit");
  }
  const selection = filters === undefined ? {} : { filters };
  const moment = asOf === undefined ? {} : { as_of: asOf };
  const { aggregate_by: aggregates, group_by: groups } = asked;
  if (aggregates !== undefined) {
    const grouped = groups === undefined ? {} : { group_by: groups, top_k: limit };
    return { ...moment, ...selection, aggregate_by: aggregates, ...grouped };
  }
  const shown = { ...attributesOf(asked, columns), ...highlightsOf(asked, columns) };
  const rankings = rankingsOf(asked, columns);
  const [rank] = rankings;
  if (rankings.length < 2) {
    return { ...moment, ...selection, ...shown, rank_by: rank ?? ["id", "asc"], limit };
  }
  return {
    ...moment,
    queries: rankings.map((ranking) => ({ ...selection, ...shown, rank_by: ranking, limit })),
    rerank_by: ["RRF"],
    limit,
  };
}

function attributesOf(asked: Asked, { packed, texts }: Columns): object {
  if (asked.include_attributes !== undefined) {
    return { include_attributes: asked.include_attributes };
  }
  const excluded = asked.highlight === true ? [...packed, ...texts] : packed;
  return excluded.length === 0 ? { include_attributes: true } : { exclude_attributes: excluded };
}

/** In each ranking: documents that only their vectors are near to have words, too. */
function highlightsOf({ highlight, text }: Asked, { texts }: Columns): object {
  if (highlight !== true) return {};
  if (text === undefined) {
    throw invalid("💔 `highlight` shows where the words of `text` stand: say `text`", "highlight");
  }
  const options = { rank_fragments_by: ["$fragment", "BM25", text] };
  const entries = texts.map((name) => [`${name}_highlight`, ["Highlight", name, options]] as const);
  return { compute_attributes: Object.fromEntries(entries) };
}

function rankingsOf({ text, vector, rank_by: rank }: Asked, columns: Columns) {
  if (rank !== undefined) {
    if (text !== undefined || vector !== undefined) {
      throw invalid("💔 `rank_by` stands in place of `text` and `vector`", "rank_by");
    }
    return [rank];
  }
  return [
    ...(text === undefined ? [] : [rankByText(text, columns)]),
    ...(vector === undefined ? [] : [rankByVector(vector, columns)]),
  ];
}

function rankByText(text: string, { texts }: Columns): readonly unknown[] {
  const [first] = texts;
  if (first === undefined) {
    throw invalid("💔 no attribute of this namespace has full-text search", "text");
  }
  const each = texts.map((name) => [name, "BM25", text]);
  return texts.length === 1 ? [first, "BM25", text] : ["Sum", each];
}

function rankByVector(vector: readonly unknown[], { vectors }: Columns): readonly unknown[] {
  const [first] = vectors;
  if (first === undefined) {
    throw invalid("💔 this namespace has no vectors", "vector");
  }
  return [first, "ANN", vector];
}
