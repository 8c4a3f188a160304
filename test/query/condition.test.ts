/** Conditions of writes: a reference means what a constant of its value means in a filter. */
import { describe, expect, test } from "vitest";
import { elementOps } from "../../src/document/filter.ts";
import type { Schema } from "../../src/document/schema.ts";
import type { AttributeValue } from "../../src/document/value.ts";
import {
  attributesOf,
  nothingIncoming,
  parseCondition,
  prepareCondition,
} from "../../src/query/condition.ts";
import { parseFilter, prepareRowTest } from "../../src/query/filter.ts";

const schema: Schema = {
  version: 1,
  idKind: "uint",
  metric: "cosine_distance",
  attributes: new Map([
    ["n", { type: "int", filterable: true }],
    ["m", { type: "int", filterable: true }],
    ["tags", { type: "[]string", filterable: true }],
    ["name", { type: "string", filterable: true }],
    ["note", { type: "string", filterable: false }],
    ["empty", { type: "[]unknown", filterable: true }],
    ["views", { type: "[][2]f32", filterable: true }],
    ["vector", { type: "[2]f16", filterable: false, ann: true }],
  ]),
};

function holds(
  json: unknown,
  stored: Readonly<Record<string, AttributeValue>>,
  incoming: Readonly<Record<string, AttributeValue>> = {},
): boolean {
  return prepareCondition(parseCondition(json, schema, "upsert_condition"))({
    stored: (name) => stored[name] ?? null,
    incoming: (name) => incoming[name] ?? null,
  });
}

function passes(json: unknown, stored: Readonly<Record<string, AttributeValue>>): boolean {
  return prepareRowTest(parseFilter(json, schema), (name) => () => stored[name] ?? null)(0);
}

describe("a reference means what its value means as a constant", () => {
  const numbers = [null, 0, 1, 2n ** 62n];

  test.each(["Eq", "NotEq", "Lt", "Lte", "Gt", "Gte"])("%s, of numbers and of none", (op) => {
    for (const stored of numbers) {
      for (const value of numbers) {
        const asked = holds(["n", op, { $ref_new: "m" }], { n: stored }, { m: value });
        expect(asked, `${stored} ${op} ${value}`).toBe(passes(["n", op, value], { n: stored }));
      }
    }
  });

  test.each(["Eq", "NotEq", "In", "NotIn", "ContainsAny", "NotContainsAny"])(
    "%s, of arrays",
    (op) => {
      const arrays: (readonly string[])[] = [[], ["a"], ["a", "b"], ["b"]];
      for (const stored of [null, ...arrays]) {
        for (const value of arrays) {
          const asked = holds(
            ["tags", op, { $ref_new: "tags" }],
            { tags: stored },
            { tags: value },
          );
          expect(asked, JSON.stringify([stored, op, value])).toBe(
            passes(["tags", op, value], { tags: stored }),
          );
        }
      }
    },
  );

  test.each(elementOps)("%s, of an array and a value", (op) => {
    for (const stored of [null, [], ["a"], ["a", "b"], ["b"]]) {
      for (const value of ["a", "b", "c"]) {
        const asked = holds(["tags", op, { $ref_new: "name" }], { tags: stored }, { name: value });
        expect(asked, JSON.stringify([stored, op, value])).toBe(
          passes(["tags", op, value], { tags: stored }),
        );
      }
    }
    // No element compares with nothing.
    const isNegative = op === "NotContains";
    expect(holds(["tags", op, { $ref_new: "name" }], { tags: ["a"] })).toBe(isNegative);
  });

  test("nothing is in a list that did not come along, and everything is not", () => {
    expect(holds(["n", "In", { $ref_new: "m" }], { n: 1 })).toBe(false);
    expect(holds(["n", "NotIn", { $ref_new: "m" }], { n: 1 })).toBe(true);
    expect(holds(["n", "In", { $ref_new: "m" }], { n: 1 }, { m: 1 })).toBe(true);
  });

  test("also within And, Or and Not, beside constants", () => {
    const json = [
      "And",
      [
        ["Not", ["n", "Gte", { $ref_new: "n" }]],
        ["Or", [["m", "Eq", 1]]],
      ],
    ];
    expect(holds(json, { n: 1, m: 1 }, { n: 2 })).toBe(true);
    expect(holds(json, { n: 2, m: 1 }, { n: 2 })).toBe(false);
    expect(holds(json, { n: 1, m: 2 }, { n: 2 })).toBe(false);
    expect([...attributesOf(parseCondition(json, schema, "c"))]).toEqual(["n", "m"]);
  });

  test("where nothing comes in, all values are null", () => {
    const test = prepareCondition(parseCondition(["n", "Lte", { $ref_new: "n" }], schema, "c"));
    expect(test({ stored: () => 5, incoming: nothingIncoming })).toBe(false);
    expect(test({ stored: () => null, incoming: nothingIncoming })).toBe(true);
  });

  test("ids are compared with ids", () => {
    expect(holds(["id", "Eq", { $ref_new: "id" }], { id: 7 }, { id: 7 })).toBe(true);
    expect(holds(["id", "Eq", null], { id: 7 })).toBe(false);
  });
});

describe("what a condition may not say", () => {
  test.each([
    [["x", "Eq", 1], "attribute not found in schema"],
    [["n", "Eq", { $ref_new: "x" }], "attribute not found in schema"],
    [["n", "Eq", { $ref_new: "tags" }], "type mismatch, Eq expects int, but `tags` is []string"],
    [["n", "In", { $ref_new: "tags" }], "type mismatch"],
    [["tags", "Lt", { $ref_new: "tags" }], "Lt does not apply to []string"],
    [["tags", "Contains", { $ref_new: "tags" }], "type mismatch, Contains expects []string"],
    [["tags", "ContainsAny", { $ref_new: "name" }], "type mismatch, ContainsAny expects []string"],
    [["n", "Contains", { $ref_new: "n" }], "Contains does not apply to int"],
    [["name", "Glob", { $ref_new: "name" }], "Glob takes a text, not the value of another"],
    [["vector", "Contains", 1], "Contains does not apply to a vector"],
    [["note", "Eq", "x"], "attribute is not filterable"],
    [["views", "Eq", null], "attribute is not filterable"],
    [["vector", "Gt", null], "Gt does not apply to a vector"],
    [["vector", "Eq", [1, 2, 3]], "type mismatch, Eq expects [2]f16"],
    [["vector", "Eq", { $ref_new: "n" }], "type mismatch"],
    [["n", "Eq", { $ref_new: 1 }], "$ref_new"],
    [["n", "Eq", { $ref_new: "m", more: 1 }], "$ref_new"],
    [["n", "Eq"], "untagged enum Filter"],
  ])("%j", (json, text) => {
    expect(() => parseCondition(json, schema, "upsert_condition")).toThrow(text);
  });

  test("arrays without elements yet compare with any array", () => {
    expect(holds(["tags", "Eq", { $ref_new: "empty" }], { tags: [] }, { empty: [] })).toBe(true);
  });
});
