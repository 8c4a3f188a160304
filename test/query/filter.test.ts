import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AttributeSchema, Schema } from "../../src/document/schema.ts";
import type { AttributeValue } from "../../src/document/value.ts";
import { isEngineError } from "../../src/errors.ts";
import { parseFilter, prepareRowTest } from "../../src/query/filter.ts";
import { matches, type OracleDocument, type OracleFilter } from "../oracle/brute-force.ts";

const filterable = (type: AttributeSchema["type"]): AttributeSchema => ({ type, filterable: true });

const schema: Schema = {
  version: 1,
  idKind: "uint",
  metric: "cosine_distance",
  attributes: new Map<string, AttributeSchema>([
    ["name", filterable("string")],
    ["count", filterable("int")],
    ["size", filterable("uint")],
    ["score", filterable("float")],
    ["on", filterable("bool")],
    ["at", filterable("datetime")],
    ["key", filterable("uuid")],
    ["tags", filterable("[]string")],
    ["empty", filterable("[]unknown")],
    ["secret", { type: "string", filterable: false }],
    ["body", { type: "string", filterable: false, glob: true, regex: true, fuzzy: true }],
    ["vector", { type: "[2]f32", filterable: false, ann: true }],
  ]),
};

function fuzzy(least: number, distance: number): object {
  return { max_edit_distance: [{ min_query_chars: least, distance }] };
}

/** Kind and message of what parsing throws. */
function refusal(json: unknown, on: Schema = schema): string {
  try {
    parseFilter(json, on);
  } catch (error) {
    if (isEngineError(error)) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "accepted";
}

describe("parsing", () => {
  test("brings constants into canonical form", () => {
    const value = (json: unknown) => (parseFilter(json, schema) as { value: unknown }).value;
    expect(value(["at", "Gte", "2024-03-02"])).toBe(1709337600000);
    expect(value(["key", "Eq", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}"])).toBe(
      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    );
    expect(value(["count", "Eq", 5n])).toBe(5);
    expect(value(["count", "Eq", -(2n ** 63n)])).toBe(-(2n ** 63n));
    expect(value(["size", "Lt", 2n ** 64n - 1n])).toBe(2n ** 64n - 1n);
    expect(value(["score", "Gt", 2])).toBe(2);
    expect(value(["id", "In", [1, 2n ** 60n]])).toEqual([1, 2n ** 60n]);
    expect(value(["tags", "In", "a"])).toEqual(["a"]);
    expect(value(["tags", "Eq", ["a", "b"]])).toEqual(["a", "b"]);
    expect(value(["name", "In", []])).toEqual([]);
    expect(value(["name", "Lte", null])).toBe(null);
  });

  test("keeps the structure of combinations", () => {
    const leaf = { kind: "compare", attribute: "count", op: "Eq", value: 1 };
    expect(
      parseFilter(
        [
          "And",
          [
            ["count", "Eq", 1],
            ["Not", ["Or", []]],
          ],
        ],
        schema,
      ),
    ).toEqual({
      kind: "and",
      filters: [leaf, { kind: "not", filter: { kind: "or", filters: [] } }],
    });
  });

  test("takes an attribute called And for an attribute", () => {
    const odd: Schema = { ...schema, attributes: new Map([["And", filterable("string")]]) };
    expect(parseFilter(["And", "Eq", "x"], odd)).toMatchObject({
      kind: "compare",
      attribute: "And",
    });
  });
});

describe("a filter is refused", () => {
  const shapes: readonly [unknown, string][] = [
    ["x", "malformed: Failed to deserialize the JSON body into the target type: filters: invalid"],
    [[], "data did not match any variant"],
    [["name", "Eq"], "data did not match any variant"],
    [["And", [["name", "Eq", "a"], 7]], "filters[1][1]: invalid type: integer `7`"],
    [["name", "Like", "a"], "malformed: Failed to deserialize the JSON body"],
    [["name", "Eq", "a", {}], "malformed"],
    [["count", "In", [1, "a"]], "malformed"],
    [["count", "In", [[1]]], "malformed"],
    [["count", "NotIn", [null]], "malformed"],
    [["tags", "ContainsAny", [null]], "malformed"],
    [["tags", "ContainsAny", ["a", 1]], "malformed"],
    [["name", "Glob", "a", {}], "Glob takes no parameters"],
    [["body", "Fuzzy", "a"], "Fuzzy takes a map with `max_edit_distance` behind the text"],
    [["body", "Fuzzy", "a", {}], "missing field `max_edit_distance`"],
    [["body", "Fuzzy", "a", { max_edit_distance: 1 }], "expected a sequence"],
    [["body", "Fuzzy", "a", { max_edit_distance: [{ distance: 1 }] }], "min_query_chars: missing"],
    [["body", "Fuzzy", "a", { ...fuzzy(3, 0), case_sensitive: 1 }], "expected a boolean"],
  ];
  test.each(shapes)("as malformed: %j", (json, text) => {
    expect(refusal(json)).toContain(text);
    expect(refusal(json)).toMatch(/^malformed: /);
  });

  const values: readonly [unknown, string][] = [
    [["nope", "Eq", 1], "filter error in key `nope`: attribute not found in schema"],
    [["secret", "Eq", "x"], "filter error in key `secret`: attribute is not filterable"],
    [["vector", "Eq", [1, 2]], "filter error in key `vector`: attribute is not filterable"],
    [["count", "Eq", "1"], "key `count`: type mismatch, Eq expects int, but got '1'"],
    [["count", "Eq", 1.5], "type mismatch, Eq expects int, but got '1.5'"],
    [["size", "Gt", "1"], "type mismatch, Gt expects uint, but got '1'"],
    [["size", "In", ["1"]], "type mismatch, In expects uint or []uint, but got '[1]'"],
    [["key", "In", ["x"]], "type mismatch, In expects uuid or []uuid, but got '[x]'"],
    [["name", "Gte", ["a"]], "type mismatch, Gte expects string, but got '[a]'"],
    [["tags", "Eq", "a"], "type mismatch, Eq expects []string, but got 'a'"],
    [["tags", "Lt", "a"], "Lt does not apply to []string"],
    [["at", "Lt", "yesterday"], "Lt expects datetime, but got 'yesterday'"],
    [["id", "Eq", "1"], "key `id`: type mismatch, Eq expects uint, but got '1'"],
    [["tags", "Contains", null], "type mismatch, Contains expects string, but got 'null'"],
    [["tags", "Contains", ["a"]], "type mismatch, Contains expects string, but got '[a]'"],
    [["tags", "NotContains", 1], "type mismatch, NotContains expects string, but got '1'"],
    [["tags", "ContainsAny", "a"], "type mismatch, ContainsAny expects []string, but got 'a'"],
    [["tags", "NotContainsAny", [1]], "type mismatch, NotContainsAny expects []string, but got"],
    [["tags", "AnyGt", null], "type mismatch, AnyGt expects string, but got 'null'"],
    [["tags", "AnyLte", ["a"]], "type mismatch, AnyLte expects string"],
    [["name", "Contains", "a"], "Contains does not apply to string"],
    [["name", "ContainsAny", ["a"]], "ContainsAny does not apply to string"],
    [["id", "AnyLt", 1], "AnyLt does not apply to uint"],
    [["name", "Glob", 1], "type mismatch, Glob expects string, but got '1'"],
    [["name", "IGlob", null], "type mismatch, IGlob expects string"],
    [["count", "Glob", "1"], "Glob does not apply to int"],
    [["id", "NotGlob", "1"], "NotGlob does not apply to uint"],
    [["name", "Glob", "[a"], "the glob '[a' lacks a `]`"],
    [["name", "Glob", "{a"], "lacks a `}`"],
    [["name", "Glob", "a}"], "has a `}` without a `{`"],
    [["name", "Glob", "[z-a]"], "has the range z-a, which is empty"],
    [["name", "Glob", "a\\"], "ends with a `\\`"],
    [["name", "Glob", "{a,b}".repeat(7)], "has more than 64 alternatives"],
    [["name", "Glob", "a".repeat(1_025)], "is longer than 1024 characters"],
    [["name", "Regex", "a"], 'Regex needs `"regex": true` in the schema'],
    [["name", "Fuzzy", "abc", fuzzy(3, 0)], 'Fuzzy needs `"fuzzy": true` in the schema'],
    [["secret", "Glob", "a"], "attribute is not filterable"],
    [["body", "Eq", "a"], "attribute is not filterable"],
    [["id", "Regex", "a"], "Regex does not apply to ids"],
    [["body", "Regex", "(?=a)"], "the regular expression cannot be used: invalid or unsupported"],
    [["body", "Regex", "(a)\\1"], "invalid escape sequence"],
    [["body", "Regex", "[a"], "missing closing ]"],
    [["body", "Regex", "(a{30}){30}(b{30}){9}"], "instructions, and 1000 are allowed"],
    [["body", "Regex", "a".repeat(1_025)], "it is longer than 1024 characters"],
    [["Or", Array.from({ length: 5 }, () => ["body", "Regex", "a"])], "at most 4 regular"],
    [["body", "Fuzzy", "abc", { max_edit_distance: [] }], "`max_edit_distance` cannot be empty"],
    [["body", "Fuzzy", "abcdef", fuzzy(5, 1)], "`min_query_chars` is at least 6, but got 5"],
    [["count", "In", Array.from({ length: 10_001 }, (_, i) => i)], "at most 10000 values"],
    [nested(40), "nested deeper than 32"],
    [["And", Array.from({ length: 600 }, () => ["And", []])], "more than 512 parts"],
  ];
  test.each(values)("as invalid: %j", (json, text) => {
    expect(refusal(json)).toContain(text);
    expect(refusal(json)).toMatch(/^invalid: /);
  });
});

function nested(depth: number): unknown {
  return depth === 0 ? ["name", "Eq", "a"] : ["Not", nested(depth - 1)];
}

test("before the first write, filters on id accept any scalar", () => {
  const empty: Schema = { version: 0, idKind: undefined, metric: undefined, attributes: new Map() };
  expect(refusal(["id", "Eq", 1], empty)).toBe("accepted");
  expect(refusal(["id", "In", ["a"]], empty)).toBe("accepted");
});

test("a filter matches the rows that its definition matches", () => {
  fc.assert(
    fc.property(anyFilter(3), fc.array(anyDocument(), { maxLength: 12 }), (filter, documents) => {
      const valuesOf =
        (name: string) =>
        (row: number): AttributeValue => {
          const document = documents[row] as OracleDocument;
          return name === "id" ? document.id : (document.attributes[name] ?? null);
        };
      const passes = prepareRowTest(parseFilter(filter, schema), valuesOf);
      documents.forEach((document, row) => {
        expect(passes(row)).toBe(matches(filter, document));
      });
    }),
    { numRuns: 500 },
  );
});

const samples: Readonly<Record<string, readonly AttributeValue[]>> = {
  id: [0, 1, 2, 3],
  count: [-1, 0, 1, 2, 2n ** 62n],
  name: ["", "a", "b", "\uffee", "😀"],
  score: [-0.5, 0, 1.5],
  on: [false, true],
};
const tagLists: readonly (readonly string[])[] = [[], ["a"], ["b"], ["a", "b"], ["b", "a"]];

function anyFilter(depth: number): fc.Arbitrary<OracleFilter> {
  const scalar = fc.constantFrom(...Object.keys(samples)).chain((name) => {
    const value = fc.constantFrom(...(samples[name] ?? []));
    const nullable = name === "id" ? value : fc.option(value, { freq: 4 });
    return fc.oneof(
      fc.tuple(
        fc.constant(name),
        fc.constantFrom("Eq", "NotEq", "Lt", "Lte", "Gt", "Gte"),
        nullable,
      ),
      fc.tuple(
        fc.constant(name),
        fc.constantFrom("In", "NotIn"),
        fc.array(value, { maxLength: 3 }),
      ),
    ) as fc.Arbitrary<OracleFilter>;
  });
  const list = fc.oneof(
    fc.tuple(
      fc.constant("tags"),
      fc.constantFrom("Eq", "NotEq"),
      fc.constantFrom(null, ...tagLists),
    ),
    fc.tuple(fc.constant("tags"), fc.constantFrom("In", "NotIn"), fc.constantFrom(...tagLists)),
  ) as fc.Arbitrary<OracleFilter>;
  if (depth === 0) return fc.oneof(scalar, list);
  const child = anyFilter(depth - 1);
  return fc.oneof(
    scalar,
    list,
    fc.tuple(fc.constantFrom("And", "Or"), fc.array(child, { maxLength: 3 })),
    fc.tuple(fc.constant("Not"), child),
  ) as fc.Arbitrary<OracleFilter>;
}

function anyDocument(): fc.Arbitrary<OracleDocument> {
  const optional = (values: readonly AttributeValue[] | undefined) =>
    fc.option(fc.constantFrom(...(values ?? [])), { freq: 3 });
  return fc
    .tuple(
      fc.constantFrom(...(samples["id"] as readonly number[])),
      fc.record({
        count: optional(samples["count"]),
        name: optional(samples["name"]),
        score: optional(samples["score"]),
        on: optional(samples["on"]),
        tags: optional(tagLists),
      }),
    )
    .map(([id, attributes]) => ({ id, attributes }));
}
