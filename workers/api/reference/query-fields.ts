/** Fields of a query. */
import { distanceMetrics } from "../../../src/document/schema.ts";
import { limits } from "../../../src/limits.ts";
import type { FieldTable } from "./field.ts";

const count = { minimum: 1, maximum: limits.topKMax } as const;

export const queryFields = {
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
      per: { type: "object", about: "Not supported yet." },
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
} as const satisfies FieldTable;
