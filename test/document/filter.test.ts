import { describe, expect, test } from "vitest";
import type { CompareOp } from "../../src/document/filter.ts";
import { compareOps, matches, prepareTest } from "../../src/document/filter.ts";
import type { AttributeValue, ComparableValue } from "../../src/document/value.ts";

/** One row a comparison: the constant, then for each operator the candidates it must match. */
const candidates: readonly AttributeValue[] = [null, 0, 1, 2];
const scalarTable: readonly [
  ComparableValue | null,
  Partial<Record<CompareOp, AttributeValue[]>>,
][] = [
  [
    1,
    {
      Eq: [1],
      NotEq: [null, 0, 2],
      Lt: [null, 0],
      Lte: [null, 0, 1],
      Gt: [2],
      Gte: [1, 2],
    },
  ],
  [
    null,
    {
      Eq: [null],
      NotEq: [0, 1, 2],
      Lt: [],
      Lte: [null],
      Gt: [0, 1, 2],
      Gte: [null, 0, 1, 2],
    },
  ],
  [[0, 2], { In: [0, 2], NotIn: [null, 1] }],
  [[], { In: [], NotIn: [null, 0, 1, 2] }],
];

describe("one comparison", () => {
  for (const [value, expectations] of scalarTable) {
    for (const op of compareOps) {
      const expected = expectations[op];
      if (expected !== undefined) {
        test(`${op} ${JSON.stringify(value)} matches ${JSON.stringify(expected)}`, () => {
          expect(candidates.filter(prepareTest(op, value))).toEqual(expected);
        });
      }
    }
  }

  test("In on an array attribute means intersects", () => {
    const rows: readonly AttributeValue[] = [null, [], [1], [1, 2], [3]];
    expect(rows.filter(prepareTest("In", [2, 3]))).toEqual([[1, 2], [3]]);
    expect(rows.filter(prepareTest("NotIn", [2, 3]))).toEqual([null, [], [1]]);
  });

  test("Eq on an array attribute compares it as a whole", () => {
    const rows: readonly AttributeValue[] = [null, [], ["a"], ["a", "b"], ["b", "a"]];
    expect(rows.filter(prepareTest("Eq", ["a", "b"]))).toEqual([["a", "b"]]);
    expect(rows.filter(prepareTest("Eq", []))).toEqual([[]]);
    expect(rows.filter(prepareTest("Eq", null))).toEqual([null]);
    expect(rows.filter(prepareTest("NotEq", []))).toEqual([null, ["a"], ["a", "b"], ["b", "a"]]);
  });

  test("a scalar is never equal to an array that holds it", () => {
    expect(matches("Eq", [1], 1)).toBe(false);
    expect(matches("NotEq", [1], 1)).toBe(true);
  });

  test("booleans, text and integers beyond 2^53 are ordered", () => {
    expect(matches("Lt", false, true)).toBe(true);
    expect(matches("Gt", "\u{1f600}", "\uffff")).toBe(true);
    expect(matches("Gt", 2n ** 63n, 5)).toBe(true);
    expect(matches("In", 2n ** 63n, [2n ** 63n, 1])).toBe(true);
  });
});
