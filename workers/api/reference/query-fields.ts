/** Fields of a query. */
import { distanceMetrics } from "../../../src/document/schema.ts";
import { limits } from "../../../src/limits.ts";
import type { FieldTable } from "./field.ts";

const count = { minimum: 1, maximum: limits.topKMax } as const;

/** Of a query, or of one of several. */
export const subqueryFields = {
  rank_by: {
    type: "array",
    reason: "data did not match any variant of enum a valid variant of RankInput",
    about:
      '["column", "ANN", vector]: near, approximately; ["column", "kNN", vector]: exactly, with ' +
      'filters; ["column", "SparseKNN", {token: weight}]: by product; ["column", "BM25", ' +
      '"text"]: by the text of the column; ["attribute", "asc"] or ' +
      '"desc", or a list of up to 8 such orders: absent values come first ascending and last ' +
      'descending, ties by id. Or an expression, highest score first: ["Attribute", name] for a ' +
      'number; a filter for 1 or 0; ["Sum", […]]; ["Max", […]], in which a number is a floor; ' +
      '["Product", weight, e]; ["Saturate", e, {midpoint, exponent}]; ["Decay", e, {midpoint, ' +
      'exponent}]; ["Dist", e, origin]. Nothing may become negative: signed attributes need a ' +
      'floor or one of the last three. Durations such as "12h" are midpoints of datetimes. What a ' +
      "document lacks adds 0. Expressions that ask for no number leave out whom no filter in them " +
      "matches. Without rank_by, what the filters select, by id.",
  },
  top_k: { type: "count", nullable: false, about: "Older name of `limit`.", schema: count },
  limit: {
    type: ["count", "object"],
    expected: "usize",
    nullable: false,
    about: "How many documents at most; required, here or as `top_k`. Or an object with `total`.",
    schema: count,
    keys: {
      total: { type: "count", required: true, about: "How many at most.", schema: count },
      per: {
        type: "object",
        about: "At most so many rows for each combination of attributes, which are returned too.",
        keys: {
          attributes: { type: "array", required: true, about: "Their names." },
          limit: { type: "count", required: true, about: "How many at most.", schema: count },
        },
      },
    },
  },
  offset: {
    type: "count",
    about: `How many to pass over; with the limit at most ${limits.topKMax}.`,
    schema: { maximum: limits.topKMax },
  },
  filters: {
    type: "array",
    about:
      '["attribute", "Eq", value], with Eq, NotEq, In, NotIn, Lt, Lte, Gt or Gte; ["And", […]], ' +
      '["Or", […]], ["Not", filter].',
  },
  include_attributes: {
    type: ["boolean", "array"],
    about: "Names of attributes to return; true: all. Otherwise none.",
    schema: { items: { type: "string" } },
  },
  exclude_attributes: {
    type: "array",
    about: "Names of attributes not to return; all others are.",
    schema: { items: { type: "string" } },
  },
  distance_metric: {
    type: "string",
    values: distanceMetrics,
    about: "Must be the namespace's.",
  },
  compute_attributes: {
    type: "object",
    about:
      "What to compute for each row returned, by name: an expression as in `rank_by`; " +
      '["column", "VectorDist", vector]; or ["Highlight", "column", {"fragment_by", ' +
      '"fragment_limit", "include_offsets", "rank_fragments_by"}]: the sentences, paragraphs or ' +
      `words that the query is about. At most ${limits.computedMax}.`,
  },
  aggregate_by: {
    type: "object",
    about:
      'In place of rows, by label: ["Count"]; ["Sum", attribute], exact for integers; ' +
      '"Min", "Max", "Avg"; ["CountDistinct", attribute], estimated beyond ' +
      `${limits.distinctExactMax} (the answer says so); ["Histogram", attribute, ` +
      '{"interval": 10}], of times "1d"; ["Percentiles", attribute, [50, 99]]. With `filters` or ' +
      "without.",
  },
  group_by: {
    type: "array",
    about:
      'Attributes to aggregate by, or {"label": ["ForEachUnique", array attribute]} for each ' +
      "element once a document. Groups come by key, absent values first; `top_k` says how many.",
  },
  group_order: {
    type: "array",
    about: 'Ours: [label, "asc"] or [label, "desc"]: groups by a value rather than by key.',
  },
} as const satisfies FieldTable;

export const queryFields = {
  ...subqueryFields,
  consistency: {
    type: "object",
    expected: "struct Consistency",
    about: "Whether the answer must contain every write that was answered before.",
    keys: {
      level: {
        type: "string",
        required: true,
        values: ["strong", "eventual"],
        about: `eventual: may miss writes of the last ${limits.eventualAgeMsMax / 1_000} s.`,
      },
    },
  },
  vector_encoding: {
    type: "string",
    values: ["float", "base64"],
    about: "How vectors are returned; base64: little-endian, in the width they are stored in.",
  },
  as_of: {
    type: ["string", "count", "object"],
    about:
      "Answer as of a time, as 2027-01-31T12:00:00Z, or of an entry of the log, that and all " +
      "before it included: as far back as the namespace's retention, 410 beyond. Or of a snapshot.",
    keys: { snapshot: { type: "string", required: true, about: "Name of a snapshot." } },
  },
  disable_cache: { type: "boolean", about: "Read everything from the bucket, to measure." },
  cursor: {
    type: ["boolean", "string"],
    about:
      "true: the answer is the first of several pages of `limit` rows and has a `next_cursor`, null " +
      "at the end. Sent with the same query in place of true, it gets the next page, of the same " +
      "moment, whatever was written meanwhile; within a quarter of an hour, 410 later. By `id` " +
      `without end, in other orders the first ${limits.topKMax} rows.`,
  },
  queries: {
    type: "array",
    about:
      `Up to ${limits.subqueriesMax} queries on one snapshot, in place of one: each has the fields ` +
      "of a query but consistency, vector_encoding, disable_cache and as_of. The answer has their " +
      "`results` in order.",
  },
  rerank_by: {
    type: "array",
    about:
      '["RRF"] or ["RRF", {rank_constant, weights}]: fuses the rows of `queries` into one ranking; ' +
      "`limit` and `offset` beside it apply to that.",
  },
} as const satisfies FieldTable;
