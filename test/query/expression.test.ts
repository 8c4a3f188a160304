/** Rank expressions: what is accepted, what is refused, and the reference values of the API. */
import { describe, expect, test } from "vitest";
import { parseDatetime } from "../../src/document/datetime.ts";
import type { AttributeSchema, Schema } from "../../src/document/schema.ts";
import type { AttributeValue } from "../../src/document/value.ts";
import { isEngineError } from "../../src/errors.ts";
import { bindQuery } from "../../src/query/bind.ts";
import { prepareScore } from "../../src/query/expression.ts";
import { parseExpression } from "../../src/query/expression-input.ts";
import { leafOfValues } from "../../src/search-leaves.ts";
import { parseQueryRequest } from "../../workers/api/query-request.ts";

const types: Readonly<Record<string, AttributeSchema["type"]>> = {
  n: "int",
  u: "uint",
  f: "float",
  t: "datetime",
  s: "string",
  b: "bool",
  id2: "uuid",
  tags: "[]string",
  raw: "bytes",
  sparse: "{}f16",
  other: "[2]f32",
};
const schema: Schema = {
  version: 1,
  idKind: "uint",
  metric: "cosine_distance",
  attributes: new Map(
    Object.entries(types).map(([name, type]) => [name, { type, filterable: true }]),
  ),
};

/** The rows of the reference: n, u, t. */
const rows: readonly Readonly<Record<string, AttributeValue>>[] = [
  { id: 1, n: 0, u: 3, t: parseDatetime("2026-01-01") ?? null },
  { id: 2, n: 4, u: 0, t: parseDatetime("2026-01-02T06:00:00Z") ?? null },
  { id: 3, n: 10, u: 9, t: parseDatetime("2026-01-05") ?? null },
  { id: 4, n: -3, u: 1, t: parseDatetime("2026-01-02") ?? null },
];

function rank(json: unknown, of = rows): readonly (readonly [number, number])[] {
  const leaf = leafOfValues(
    (name) => (row) => of[row]?.[name] ?? null,
    () => () => 0,
  );
  const score = prepareScore(parseExpression(json, schema), leaf);
  return of
    .map((row, i) => [Number(row["id"]), score(i)] as const)
    .filter(([, value]) => !Number.isNaN(value))
    .sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

function refusal(json: unknown): string {
  try {
    bindQuery(parseQueryRequest({ rank_by: json, limit: 1 }).query, schema);
  } catch (error) {
    if (isEngineError(error)) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "accepted";
}

const n = ["Attribute", "n"];
const f32 = Math.fround;

describe("reference values", () => {
  const cases: readonly [unknown, readonly (readonly [number, number])[]][] = [
    [
      ["Max", [0, n]],
      [
        [3, 10],
        [2, 4],
        [1, 0],
        [4, 0],
      ],
    ],
    [
      ["Saturate", n, { midpoint: 5 }],
      [
        [3, f32(10 / 15)],
        [2, f32(4 / 9)],
        [1, 0],
        [4, 0],
      ],
    ],
    [
      ["Dist", n, 5],
      [
        [4, 8],
        [1, 5],
        [3, 5],
        [2, 1],
      ],
    ],
    [
      ["Dist", ["Attribute", "u"], 3],
      [
        [3, 6],
        [2, 3],
        [4, 2],
        [1, 0],
      ],
    ],
    [
      ["Product", 2, ["Attribute", "u"]],
      [
        [3, 18],
        [1, 6],
        [4, 2],
        [2, 0],
      ],
    ],
    [
      ["Decay", ["Dist", ["Attribute", "t"], "2026-01-02"], { midpoint: "12h" }],
      [
        [4, 1],
        [2, f32(2 / 3)],
        [1, f32(1 / 3)],
        [3, f32(1 / 7)],
      ],
    ],
  ];
  test.each(cases)("%j", (json, expected) => {
    expect(rank(json)).toEqual(expected);
  });
});

describe("rows and scores", () => {
  const u = ["Attribute", "u"];

  test("filters give 1, add in Sum, multiply in Product; rows with none are dropped", () => {
    expect(rank(["n", "Gt", 0])).toEqual([
      [2, 1],
      [3, 1],
    ]);
    expect(
      rank([
        "Sum",
        [
          ["n", "Gt", 0],
          ["n", "Gt", 5],
        ],
      ]),
    ).toEqual([
      [3, 2],
      [2, 1],
    ]);
    expect(rank(["Product", 3, ["n", "Gt", 5]])).toEqual([[3, 3]]);
    expect(rank(["Max", [2, ["n", "Gt", 0]]])).toEqual([
      [2, 2],
      [3, 2],
    ]);
    expect(rank(["Product", 0, ["n", "Gt", 0]])).toEqual([]);
  });

  test("numeric expressions keep every row, 0 included, and a filter beside them boosts", () => {
    expect(rank(u).length).toBe(4);
    expect(rank(["Sum", [u, ["Product", 10, ["n", "Eq", 0]]]])).toEqual([
      [1, 13],
      [3, 9],
      [4, 1],
      [2, 0],
    ]);
  });

  test("a missing attribute contributes nothing, however near 0 would be", () => {
    const lacking = [{ id: 1 }, { id: 2, n: 0, u: 1 }];
    expect(rank(["Decay", ["Dist", n, 0], { midpoint: 1 }], lacking)).toEqual([
      [2, 1],
      [1, 0],
    ]);
    expect(rank(["Sum", [u, ["Saturate", n, { midpoint: 1 }]]], lacking)).toEqual([
      [2, 1],
      [1, 0],
    ]);
    expect(rank(["Max", [3, n]], lacking)).toEqual([
      [1, 3],
      [2, 3],
    ]);
  });

  test("distances of integers beyond 2^53 are exact", () => {
    const big = 2n ** 60n;
    const wide = [
      { id: 1, u: big + 1n },
      { id: 2, u: 7 },
    ];
    expect(rank(["Dist", u, big], wide).at(-1)).toEqual([1, 1]);
  });

  test("scores beyond the largest 32-bit float are that", () => {
    expect(rank(["Product", 1e300, u], [{ id: 1, u: 2 ** 52 }])).toEqual([
      [1, 3.4028234663852886e38],
    ]);
  });
});

describe("accepted", () => {
  test.each([
    [["Attribute", "u"]],
    [["Max", [0, ["Attribute", "f"]]]],
    [["Max", [["Max", [0, n]], n]]],
    [["Saturate", ["Attribute", "f"], { midpoint: 1, exponent: 2 }]],
    [["Saturate", ["Attribute", "t"], { midpoint: "7d" }]],
    [["Dist", ["Attribute", "f"], 1.5]],
    [["Dist", ["Attribute", "t"], "2026-01-02T00:00:00Z"]],
    [["Product", ["Attribute", "u"], 0]],
    [["Not", ["n", "Eq", 1]]],
    [["And", []]],
    [["s", "asc"]],
    [["b", "desc"]],
    [["id2", "asc"]],
    [["sparse", "SparseKNN", { a: 1 }]],
    [
      [
        "Sum",
        [
          ["sparse", "SparseKNN", { a: 1 }],
          ["n", "Eq", 1],
        ],
      ],
    ],
  ])("%j", (json) => {
    expect(refusal(json)).toBe("accepted");
  });
});

describe("refused", () => {
  const cases: readonly [unknown, string][] = [
    [[], "invalid: 💔 rank_by cannot be empty"],
    [n, "invalid: 💔 the score of a row must not be able to be negative"],
    [["Attribute", "f"], "invalid: 💔 the score of a row must not"],
    [["Product", 2, n], "invalid: 💔 a member of Product must not"],
    [["Max", [n]], "invalid: 💔 the score of a row must not"],
    [["Sum", [n, ["Attribute", "u"]]], "invalid: 💔 a member of Sum must not"],
    [["Max", [-1, n]], "invalid: 💔 a floor must not be negative"],
    [["Max", 0, n], "invalid: 💔 Max takes one list"],
    [["Max", []], "invalid: 💔 Max needs at least one member"],
    [["Sum", []], "invalid: 💔 Sum needs at least one member"],
    [["Sum", [1, ["Attribute", "u"]]], "invalid: 💔 Sum takes no numbers"],
    [["Product", -1, ["Attribute", "u"]], "invalid: 💔 the weight of a Product must not be"],
    [["Product", 1, 2], "malformed: "],
    [["Product", ["Attribute", "u"], ["Attribute", "u"]], "malformed: "],
    [["Saturate", n], "malformed: "],
    [["Saturate", n, {}], "malformed: "],
    [["Saturate", n, { midpoint: 0 }], "invalid: 💔 midpoint must be above 0"],
    [["Decay", n, { midpoint: -1 }], "invalid: 💔 midpoint must be above 0"],
    [["Decay", n, { midpoint: 1, exponent: 0 }], "invalid: 💔 exponent must be above 0"],
    [["Decay", n, { midpoint: true }], "malformed: "],
    [["Decay", n, { midpoint: "12h" }], "invalid: 💔 a duration is a midpoint for datetimes only"],
    [
      ["Decay", ["Attribute", "t"], { midpoint: "12x" }],
      "invalid: 💔 midpoint '12x' is no duration",
    ],
    [["Dist", n, 1.5], "invalid: 💔 the origin of Dist of `n` must be an integer"],
    [["Dist", n, "x"], "invalid: 💔 the origin of Dist of `n` must be a number"],
    [["Dist", ["Attribute", "t"], 5], "invalid: 💔 the origin of Dist of `t` must be a datetime"],
    [["Dist", ["Attribute", "t"], "soon"], "invalid: 💔 the origin of Dist of `t` must be"],
    [["Attribute", "s"], 'invalid: 💔 attribute "s" is string: only numbers and times rank'],
    [["Attribute", "nope"], 'invalid: 💔 attribute "nope" not found in schema'],
    [["Attribute", 1], "malformed: "],
    [["Sum", "x"], "malformed: "],
    [
      [
        "Sum",
        [
          ["other", "ANN", [1, 2]],
          ["Attribute", "u"],
        ],
      ],
      "invalid: 💔 ANN cannot be part of",
    ],
    [["Sum", [["n", "Nearest", 1]]], "malformed: "],
    [["Sum", [["nope", "Eq", 1]]], "invalid: filter error in key `nope`"],
    [["tags", "asc"], 'invalid: 💔 attribute "tags" is []string, which has no order'],
    [["sparse", "desc"], 'invalid: 💔 attribute "sparse" is {}f16, which has no order'],
    [["raw", "asc"], 'invalid: 💔 attribute "raw" is bytes, which has no order'],
    [["other", "asc"], 'invalid: 💔 attribute "other" is [2]f32, which has no order'],
    [["nope", "asc"], 'invalid: 💔 attribute "nope" not found in schema'],
    [["n", "up"], "malformed: "],
    [
      [
        ["n", "asc"],
        ["s", "up"],
      ],
      "malformed: ",
    ],
    [[["n", "asc"], "s"], "malformed: "],
    [Array.from({ length: 9 }, () => ["n", "asc"]), "invalid: 💔 rank_by takes at most 8 orders"],
    [["n", "SparseKNN", { a: 1 }], 'invalid: 💔 attribute "n" is not a sparse vector'],
  ];
  test.each(cases)("%j", (json, text) => {
    expect(refusal(json)).toContain(text);
  });

  test("what is too deep, or too much", () => {
    let deep: unknown = ["Attribute", "u"];
    for (let i = 0; i < 17; i++) deep = ["Product", 1, deep];
    expect(refusal(deep)).toContain("an expression has at most 256 parts, 16 levels deep");
    const many = ["Sum", Array.from({ length: 300 }, () => ["Attribute", "u"])];
    expect(refusal(many)).toContain("an expression has at most");
  });
});
