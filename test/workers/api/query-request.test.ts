import { describe, expect, test } from "vitest";
import { encodeBase64 } from "../../../src/bytes/base64.ts";
import { isEngineError } from "../../../src/errors.ts";
import { parseQueryRequest } from "../../../workers/api/query-request.ts";

const ann = { rank_by: ["vector", "ANN", [1, 2]] };

function refusal(body: unknown): string {
  try {
    parseQueryRequest(body);
  } catch (error) {
    if (isEngineError(error)) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "accepted";
}

describe("a query", () => {
  test("gets defaults for what it does not say", () => {
    expect(parseQueryRequest({ ...ann, top_k: 3 })).toEqual({
      query: {
        rank: {
          kind: "vector",
          exhaustive: false,
          column: "vector",
          vector: Float32Array.of(1, 2),
        },
        limit: 3,
        offset: 0,
        filters: undefined,
        attributes: { kind: "only", names: [] },
        metric: undefined,
        consistency: "strong",
        disableCache: false,
      },
      vectorEncoding: "float",
    });
  });

  test("says everything it may say", () => {
    const { query, vectorEncoding } = parseQueryRequest({
      rank_by: ["v", "kNN", encodeBase64(new Uint8Array(Float32Array.of(0.5, -1).buffer))],
      limit: { total: 10, later: true },
      offset: 5,
      filters: ["a", "Eq", 1],
      exclude_attributes: ["b"],
      distance_metric: "euclidean_squared",
      consistency: { level: "eventual", other: 1 },
      vector_encoding: "base64",
      disable_cache: true,
    });
    expect(query).toEqual({
      rank: { kind: "vector", exhaustive: true, column: "v", vector: Float32Array.of(0.5, -1) },
      limit: 10,
      offset: 5,
      filters: ["a", "Eq", 1],
      attributes: { kind: "except", names: ["b"] },
      metric: "euclidean_squared",
      consistency: "eventual",
      disableCache: true,
    });
    expect(vectorEncoding).toBe("base64");
  });

  test("may order by id, or look documents up by filter alone", () => {
    const rank = (body: object) => parseQueryRequest({ limit: 1, ...body }).query.rank;
    const order = (attribute: string, descending: boolean) => ({ attribute, descending });
    expect(rank({ rank_by: ["id", "desc"] })).toEqual({ kind: "order", keys: [order("id", true)] });
    expect(
      rank({
        rank_by: [
          ["a", "asc"],
          ["id", "desc"],
        ],
      }),
    ).toEqual({
      kind: "order",
      keys: [order("a", false), order("id", true)],
    });
    expect(rank({ filters: ["a", "Eq", 1] })).toEqual({ kind: "id", descending: false });
  });

  test("may say null for nothing", () => {
    const body = { ...ann, top_k: 1, filters: null, consistency: null, include_attributes: null };
    expect(refusal({ ...body, aggregate_by: null, queries: null, disable_cache: null })).toBe(
      "accepted",
    );
  });

  test("chooses attributes", () => {
    const choice = (include: unknown) =>
      parseQueryRequest({ ...ann, top_k: 1, include_attributes: include }).query.attributes;
    expect(choice(true)).toEqual({ kind: "all" });
    expect(choice(false)).toEqual({ kind: "only", names: [] });
    expect(choice(["a", "id"])).toEqual({ kind: "only", names: ["a", "id"] });
  });
});

describe("refused as invalid", () => {
  const cases: readonly [object, string][] = [
    [{ ...ann }, "rank_by queries must specify top_k or limit"],
    [{ ...ann, top_k: null }, "top_k must not be null"],
    [{ ...ann, top_k: 0 }, "top_k must be between 1 and 10000"],
    [{ ...ann, top_k: 10_001 }, "top_k must be between 1 and 10000"],
    [{ ...ann, limit: 0 }, "limit must be between 1 and 10000"],
    [{ ...ann, limit: null }, "limit must not be null"],
    [{ ...ann, limit: { total: 10_001 } }, "limit must be between 1 and 10000"],
    [{ ...ann, limit: 1, top_k: 1 }, "not both"],
    [{ ...ann, limit: 9_999, offset: 2 }, "must not exceed 10000"],
    [{ limit: 1, offset: 0 }, "a query needs `rank_by`"],
    [{ rank_by: [], limit: 1 }, "rank_by cannot be empty"],
    [{ rank_by: ["v", "kNN", [1]], limit: 1 }, "kNN requires filters"],
    [{ rank_by: ["v", "ANN", []], limit: 1 }, "a vector cannot be empty"],
    [{ rank_by: ["v", "ANN", [1e39]], limit: 1 }, "not a finite"],
    [{ rank_by: ["v", "ANN", "AADAfw=="], limit: 1 }, "not a finite"],
    [{ rank_by: ["v", "ANN", "AAA="], limit: 1 }, "base64"],
    [{ rank_by: ["v", "ANN", ["1"]], limit: 1 }, "rank_by[2][0]: expected a number"],
    [{ rank_by: ["v", "ANN", {}], limit: 1 }, "rank_by[2]: expected a vector"],
    [{ rank_by: ["v", "ANN", "!"], limit: 1 }, "base64"],
    [{ rank_by: ["v", "ANN", [[1], []]], limit: 1 }, "rank_by[2][1]: a vector cannot be empty"],
    [{ rank_by: ["v", "ANN", ["Embed", "x"]], limit: 1 }, "Embed is not supported yet"],
    [{ ...ann, limit: 1, include_attributes: true, exclude_attributes: [] }, "cannot specify both"],
    [{ ...ann, limit: 1, exclude_attributes: ["id"] }, "`id` cannot be excluded"],
    [{ ...ann, limit: 1, top: 3 }, "unknown field `top`"],
    [{ aggregate_by: { n: ["Count"] } }, "`aggregate_by` has no place here"],
    [{ ...ann, limit: 1, group_by: ["a"] }, "`group_by` goes with `aggregate_by`"],
    [{ queries: [] }, "`queries` has no place here"],
    [{ ...ann, limit: 1, rerank_by: ["RRF"] }, "`rerank_by` has no place here"],
  ];
  test.each(cases)("%j", (body, text) => {
    expect(refusal(body)).toMatch(/^invalid: /);
    expect(refusal(body)).toContain(text);
  });
});

describe("refused as malformed", () => {
  const cases: readonly [unknown, string][] = [
    [[], "invalid type: sequence, expected a map"],
    [{ ...ann, top_k: -1 }, "top_k: invalid type: integer `-1`"],
    [{ ...ann, top_k: "1" }, 'top_k: invalid type: string "1"'],
    [{ ...ann, top_k: 1.5 }, "top_k: invalid type: floating point `1.5`"],
    [{ ...ann, top_k: true }, "top_k: invalid type: boolean `true`"],
    [{ ...ann, top_k: { total: 1 } }, "top_k: invalid type: map"],
    [{ ...ann, limit: "x" }, "limit: invalid type"],
    [{ ...ann, limit: {} }, "limit: missing field `total`"],
    [{ ...ann, limit: 1, offset: -1 }, "offset: invalid type"],
    [{ ...ann, limit: 1, offset: "1" }, "offset: invalid type"],
    [{ rank_by: "id", limit: 1 }, "variant of RankInput"],
    [{ rank_by: ["Nearest", "v"], limit: 1 }, "variant of RankInput"],
    [{ rank_by: [["a", "asc"], ["b"]], limit: 1 }, "variant of RankInput"],
    [{ rank_by: [["a", "asc", 1]], limit: 1 }, "variant of RankInput"],
    [{ rank_by: ["id", "up"], limit: 1 }, "variant of RankInput"],
    [{ ...ann, limit: 1, include_attributes: "a" }, "include_attributes: invalid type"],
    [{ ...ann, limit: 1, exclude_attributes: [1] }, "exclude_attributes[0]: invalid type"],
    [{ ...ann, limit: 1, distance_metric: "l1" }, "distance_metric: unknown variant `l1`"],
    [
      { ...ann, limit: 1, consistency: "eventual" },
      'consistency: invalid type: string "eventual", expected struct Consistency',
    ],
    [{ ...ann, limit: 1, consistency: {} }, "consistency: missing field `level`"],
    [
      { ...ann, limit: 1, consistency: { level: "nonexistentvalue" } },
      "consistency.level: unknown variant `nonexistentvalue`, expected `strong` or `eventual`",
    ],
    [{ ...ann, limit: 1, vector_encoding: "hex" }, "vector_encoding: unknown variant `hex`"],
    [{ ...ann, limit: 1, disable_cache: "yes" }, "disable_cache: invalid type"],
  ];
  test.each(cases)("%j", (body, text) => {
    expect(refusal(body)).toMatch(/^malformed: /);
    expect(refusal(body)).toContain(text);
  });
});
