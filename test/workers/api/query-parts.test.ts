/** Aggregates, several queries, fusion and computed attributes: what is accepted and refused. */
import { describe, expect, test } from "vitest";
import type { AttributeSchema, Schema } from "../../../src/document/schema.ts";
import { isEngineError } from "../../../src/errors.ts";
import { bindAggregates, bindQuery } from "../../../src/query/bind.ts";
import { parseParts } from "../../../workers/api/query-parts.ts";

const types: Readonly<Record<string, AttributeSchema["type"]>> = {
  a: "string",
  n: "int",
  f: "float",
  t: "datetime",
  b: "bool",
  tags: "[]string",
  more: "[]int",
  raw: "bytes",
  vector: "[2]f32",
  views: "[][2]f32",
};
const schema: Schema = {
  version: 1,
  idKind: "uint",
  metric: "cosine_distance",
  attributes: new Map(
    Object.entries(types).map(([name, type]) => [name, { type, filterable: true }]),
  ),
};

function outcome(body: unknown): string {
  try {
    for (const part of parseParts(body).asked.parts) {
      if (part.kind === "aggregates") bindAggregates(part.query, schema);
      else bindQuery({ ...part.query, consistency: "strong", disableCache: false }, schema);
    }
  } catch (error) {
    if (isEngineError(error)) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "accepted";
}

const c = { c: ["Count"] };
const rows = { rank_by: ["n", "asc"], limit: 5 };

describe("aggregates", () => {
  const accepted: readonly object[] = [
    { aggregate_by: c },
    { aggregate_by: { c: ["Count", "id"] } },
    { aggregate_by: { c: ["Count"], s: ["Sum", "n"], f: ["Sum", "f"] } },
    { aggregate_by: c, top_k: null },
    { aggregate_by: c, group_by: [] },
    { aggregate_by: c, group_by: ["a"], top_k: 0 },
    { aggregate_by: c, group_by: ["a"], top_k: 10_000 },
    { aggregate_by: c, group_by: ["a", { tag: ["ForEachUnique", "tags"] }] },
    { aggregate_by: c, group_by: ["a"], group_order: ["c", "desc"] },
    { aggregate_by: c, filters: ["n", "Gt", 1] },
    { aggregate_by: { m: ["Min", "a"], x: ["Max", "t"], v: ["Avg", "n"] } },
    { aggregate_by: { d: ["CountDistinct", "tags"] } },
    { aggregate_by: { h: ["Histogram", "n", { interval: 10, origin: 5 }] } },
    { aggregate_by: { h: ["Histogram", "t", { interval: "1d", origin: "2026-01-01" }] } },
    { aggregate_by: { p: ["Percentiles", "f", [50, 99.9]] } },
  ];
  test.each(accepted.map((body) => [body]))("%j are accepted", (body) => {
    expect(outcome(body)).toBe("accepted");
  });

  const refused: readonly [object, string][] = [
    [
      { aggregate_by: { c: ["Count", "n"] } },
      'invalid: 💔 aggregate_by with attributes other than "id" not yet supported',
    ],
    [{ aggregate_by: { c: ["Median", "n"] } }, "malformed: "],
    [{ aggregate_by: { c: "Count" } }, "malformed: "],
    [{ aggregate_by: { c: [] } }, "malformed: "],
    [{ aggregate_by: { c: ["Sum"] } }, "malformed: "],
    [{ aggregate_by: { c: ["Sum", "n", 1] } }, "malformed: "],
    [{ aggregate_by: [] }, "malformed: "],
    [{ aggregate_by: {} }, "invalid: 💔 aggregate_by takes 1 to 64 functions, got 0"],
    [{ aggregate_by: { c: ["Sum", "nope"] } }, 'invalid: 💔 attribute "nope" not found in schema'],
    [{ aggregate_by: { c: ["Sum", "a"] } }, 'invalid: 💔 Sum does not apply to attribute "a"'],
    [{ aggregate_by: { c: ["Avg", "t"] } }, 'invalid: 💔 Avg does not apply to attribute "t"'],
    [{ aggregate_by: { c: ["Max", "tags"] } }, "invalid: 💔 Max does not apply"],
    [{ aggregate_by: { c: ["CountDistinct", "raw"] } }, "invalid: 💔 CountDistinct does not apply"],
    [{ aggregate_by: { c: ["Histogram", "n"] } }, "malformed: "],
    [{ aggregate_by: { c: ["Histogram", "n", { interval: 0 }] } }, "invalid: 💔 the interval"],
    [{ aggregate_by: { c: ["Histogram", "n", { interval: "1d" }] } }, "invalid: 💔 the interval"],
    [
      { aggregate_by: { c: ["Histogram", "t", { interval: 1, origin: "x" }] } },
      "invalid: 💔 the origin",
    ],
    [{ aggregate_by: { c: ["Percentiles", "n"] } }, "malformed: "],
    [{ aggregate_by: { c: ["Percentiles", "n", [101]] } }, "invalid: 💔 Percentiles takes"],
    [{ aggregate_by: { c: ["Percentiles", "n", []] } }, "invalid: 💔 Percentiles takes"],
    [{ aggregate_by: c, rank_by: ["n", "asc"] }, "malformed: "],
    [{ aggregate_by: c, limit: 5 }, "malformed: "],
    [
      { aggregate_by: c, top_k: 5 },
      "invalid: 💔 top_k is not supported in aggregation queries without group_by",
    ],
    [{ aggregate_by: c, group_by: [], top_k: 5 }, "invalid: 💔 top_k is not supported"],
    [{ aggregate_by: c, group_by: ["a"], top_k: 10_001 }, "invalid: 💔 top_k must be between"],
    [{ aggregate_by: c, group_by: ["a"], offset: 1 }, "invalid: 💔 `offset` has no place"],
    [{ aggregate_by: c, group_by: "a" }, "malformed: "],
    [{ aggregate_by: c, group_by: [1] }, "malformed: "],
    [{ aggregate_by: c, group_by: ["id"] }, "invalid: 💔 group_by cannot name `id`"],
    [{ aggregate_by: c, group_by: ["a", "a"] }, "invalid: 💔 group_by names attribute"],
    [{ aggregate_by: { a: ["Count"] }, group_by: ["a"] }, 'invalid: 💔 label "a" is used twice'],
    [{ aggregate_by: c, group_by: ["nope"] }, 'invalid: 💔 attribute "nope" not found in schema'],
    [{ aggregate_by: c, group_by: ["vector"] }, 'invalid: 💔 group_by cannot name "vector"'],
    [
      { aggregate_by: c, group_by: [{ x: ["ForEachUnique", "a"] }] },
      'invalid: 💔 ForEachUnique does not apply to "a"',
    ],
    [
      { aggregate_by: c, group_by: [{ x: ["ForEachUnique", "nope"] }] },
      'invalid: 💔 attribute "nope" not found',
    ],
    [
      {
        aggregate_by: c,
        group_by: [{ x: ["ForEachUnique", "tags"] }, { y: ["ForEachUnique", "more"] }],
      },
      "invalid: 💔 group_by takes ForEachUnique once",
    ],
    [{ aggregate_by: c, group_by: [{ x: ["ForEach", "tags"] }] }, "malformed: "],
    [{ aggregate_by: c, group_by: ["a"], group_order: ["x", "asc"] }, "invalid: 💔 group_order"],
    [{ aggregate_by: c, group_by: ["a"], group_order: ["c", "up"] }, "malformed: "],
    [{ aggregate_by: c, group_order: ["c", "asc"] }, "invalid: 💔 `group_order` goes with"],
    [{ ...rows, group_by: ["a"] }, "invalid: 💔 `group_by` goes with `aggregate_by`"],
  ];
  test.each(refused)("%j are refused", (body, text) => {
    expect(outcome(body)).toContain(text);
  });
});

describe("several queries", () => {
  const many = (count: number) => ({ queries: Array.from({ length: count }, () => rows) });

  test("are 1 to 16, of rows or aggregates", () => {
    expect(outcome(many(1))).toBe("accepted");
    expect(outcome(many(16))).toBe("accepted");
    expect(outcome({ queries: [rows, { aggregate_by: c }] })).toBe("accepted");
    expect(outcome(many(0))).toContain("invalid: 💔 must send at least one sub-query");
    expect(outcome(many(17))).toContain(
      "invalid: 💔 multi-query exceeds per-namespace concurrency budget: requires 17 permits, max is 16",
    );
  });

  test("of another shape are refused", () => {
    expect(outcome({ queries: "bad" })).toContain(
      'queries: invalid type: string "bad", expected a sequence',
    );
    expect(outcome({ queries: ["bad"] })).toContain(
      'queries[0]: invalid type: string "bad", expected struct QueryRankBy',
    );
    expect(outcome({ queries: [{ ...rows, consistency: { level: "strong" } }] })).toContain(
      "unknown field `consistency`",
    );
  });

  test("beside them, fields of a single query are ignored", () => {
    const body = { ...many(1), limit: 3, top_k: 4, rank_by: ["x"], filters: [], aggregate_by: c };
    expect(outcome(body)).toBe("accepted");
    expect(parseParts(body).asked.parts.length).toBe(1);
  });

  test("share an encoding, and are answered as a list", () => {
    expect(parseParts({ ...many(2), vector_encoding: "base64" })).toMatchObject({
      isMulti: true,
      vectorEncoding: "base64",
    });
    expect(parseParts(rows).isMulti).toBe(false);
  });

  test("may be fused", () => {
    const fusion = (rerank: unknown, more = {}) =>
      parseParts({ ...many(2), rerank_by: rerank, ...more }).asked.fusion;
    expect(fusion(["RRF"])).toEqual({ constant: 60, weights: [1, 1], limit: 10_000, offset: 0 });
    expect(
      fusion(["RRF", { rank_constant: 10, weights: [2, 1] }], { limit: { total: 7 }, offset: 3 }),
    ).toEqual({ constant: 10, weights: [2, 1], limit: 7, offset: 3 });
  });

  const refused: readonly [object, string][] = [
    [{ ...rows, rerank_by: ["RRF"] }, "invalid: 💔 `rerank_by` goes with `queries`"],
    [{ ...many(2), rerank_by: ["Model"] }, "malformed: "],
    [{ ...many(2), rerank_by: ["RRF", 60] }, "malformed: "],
    [{ ...many(2), rerank_by: ["RRF", { rank_constant: 0 }] }, "invalid: 💔 rank_constant must be"],
    [{ ...many(2), rerank_by: ["RRF", { rank_constant: "x" }] }, "malformed: "],
    [{ ...many(2), rerank_by: ["RRF", { weights: [1] }] }, "invalid: 💔 weights must be 2"],
    [{ ...many(2), rerank_by: ["RRF", { weights: [1, 0] }] }, "invalid: 💔 weights must be 2"],
    [{ ...many(2), rerank_by: ["RRF", { weights: 1 }] }, "malformed: "],
    [{ ...many(2), rerank_by: ["RRF"], limit: 9_999, offset: 2 }, "invalid: 💔 limit must be"],
    [
      { queries: [rows, { aggregate_by: c }], rerank_by: ["RRF"] },
      "invalid: 💔 rerank_by fuses rows, not aggregates",
    ],
  ];
  test.each(refused)("%j is refused", (body, text) => {
    expect(outcome(body)).toContain(text);
  });
});

describe("computed attributes", () => {
  const compute = (computed: unknown) => outcome({ ...rows, compute_attributes: computed });

  test("are expressions, filters and distances", () => {
    expect(compute({ s: ["Saturate", ["Attribute", "n"], { midpoint: 5 }] })).toBe("accepted");
    expect(compute({ m: ["a", "Eq", "x"], d: ["vector", "VectorDist", [1, 2]] })).toBe("accepted");
  });

  test("are refused for a name, a shape or a number that does not fit", () => {
    expect(compute([])).toContain("malformed: ");
    expect(compute({ n: ["a", "Eq", "x"] })).toContain('invalid: 💔 compute_attributes: "n" is');
    expect(compute({ id: ["a", "Eq", "x"] })).toContain('invalid: 💔 compute_attributes: "id"');
    expect(compute({ s: ["Attribute", "n"] })).toContain("invalid: 💔 the score of a row");
    expect(compute({ d: ["vector", "VectorDist", [1]] })).toContain("invalid: 💔 compute_attr");
    expect(compute({ d: ["a", "VectorDist", [1]] })).toContain("is not a vector");
    const many = Array.from({ length: 257 }, (_, i) => [`x${i}`, ["a", "Eq", "x"]]);
    expect(compute(Object.fromEntries(many))).toContain("takes at most 256, got 257");
  });
});

describe("limit.per", () => {
  const per = (per: unknown, include: unknown = ["a", "n", "raw", "id"]) =>
    outcome({ rank_by: ["n", "asc"], limit: { total: 5, per }, include_attributes: include });

  test("names attributes that come along, and how many", () => {
    expect(per({ attributes: ["a"], limit: 1 })).toBe("accepted");
    expect(per({ attributes: ["a", "n"], limit: 5 })).toBe("accepted");
    expect(per({ attributes: ["a"], limit: 1 }, true)).toBe("accepted");
    expect(per({ attributes: ["id"], limit: 1 })).toBe("accepted");
    expect(per(null)).toBe("accepted");
  });

  test("is refused otherwise", () => {
    expect(per({ attributes: ["a"], limit: 1 }, ["n"])).toContain("invalid: 💔 attribute");
    expect(per({ attributes: ["a"], limit: 1 }, false)).toContain("invalid: 💔 attribute");
    expect(per({ attributes: ["id"], limit: 1 }, true)).toContain("invalid: 💔 attribute");
    expect(per({ attributes: [], limit: 1 })).toContain("invalid: 💔 limit.per.attributes");
    expect(per({ attributes: ["a"], limit: 0 })).toContain("invalid: 💔 limit.per.limit");
    expect(per({ attributes: ["a"], limit: 6 })).toContain("invalid: 💔 limit.per.limit");
    expect(per({ attributes: ["raw"], limit: 1 })).toContain("invalid: 💔 limit.per cannot name");
    expect(per({ attributes: null, limit: 1 })).toContain("malformed: ");
    expect(per({ attributes: ["a"], limit: null })).toContain("malformed: ");
    expect(per({ attributes: [1], limit: 1 })).toContain("malformed: ");
    expect(per([])).toContain("malformed: ");
  });
});

describe("vector arrays", () => {
  test("are ranked by one vector or several of their dimensions", () => {
    const by = (column: string, vector: unknown) =>
      outcome({ rank_by: [column, "ANN", vector], limit: 1 });
    expect(by("views", [[1, 2]])).toBe("accepted");
    expect(
      by("views", [
        [1, 2],
        [3, 4],
      ]),
    ).toBe("accepted");
    expect(by("views", [1, 2])).toBe("accepted");
    expect(by("views", [[1, 2], [3]])).toContain("has 1 dimensions");
    expect(by("vector", [[1, 2]])).toContain("is no vector array");
    expect(by("nope", [[1, 2]])).toContain("not found in schema");
    const many = Array.from({ length: 1_025 }, () => [1, 2]);
    expect(by("views", many)).toContain("takes at most 1024 vectors");
  });
});
