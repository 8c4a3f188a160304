/** What the largest filters cost, in steps: none of them grows with anything it should not. */
import { beforeAll, describe, expect, test } from "vitest";
import type { CompareOp, Filter } from "../../../src/document/filter.ts";
import type { ComparableValue } from "../../../src/document/value.ts";
import { noFilterSteps } from "../../../src/index/filter/evaluation.ts";
import { evaluateFilter, planFilter } from "../../../src/index/filter/filter-plan.ts";
import { limits } from "../../../src/limits.ts";
import { prepareRowTest } from "../../../src/query/filter.ts";
import { build, type Lab } from "../segment-lab.ts";

const rows = 20_000;
const tags = (id: number): string[] => [`t${id % 100}`, `t${id % 7}`];
let lab: Lab;

beforeAll(async () => {
  lab = await build(
    Array.from({ length: rows }, (_, id) => ({
      id,
      vector: [],
      values: [id % 10_000, `name ${(id * 7) % rows}`, tags(id)],
    })),
    {
      version: 1,
      idKind: "uint",
      metric: undefined,
      attributes: new Map([
        ["n", { type: "int", filterable: true }],
        ["name", { type: "string", filterable: true }],
        ["tags", { type: "[]string", filterable: true }],
      ]),
    },
  );
});

const compare = (attribute: string, op: CompareOp, value: ComparableValue): Filter => ({
  kind: "compare",
  attribute,
  op,
  value,
});

function measure(filter: Filter) {
  const plan = planFilter(lab.segment, filter);
  if (plan === undefined) throw new Error("the filter has columns");
  const bytes = plan.blocks.map((block) => lab.objects.load(block));
  const steps = noFilterSteps();
  const matches = evaluateFilter(plan, bytes, steps);
  return { matches: [...matches], steps, blocks: plan.blocks.length };
}

/** As many comparisons as a filter may have nodes, in a tree of all three kinds of node. */
function largest(leaf: (i: number) => Filter): Filter {
  const pairs = Math.floor((limits.filterNodesMax - 1) / 4);
  return {
    kind: "or",
    filters: Array.from({ length: pairs }, (_, i) => ({
      kind: "and" as const,
      filters: [leaf(2 * i), { kind: "not" as const, filter: leaf(2 * i + 1) }],
    })),
  };
}

describe("the largest filter", () => {
  test("on one column looks at each match once, and opens each chunk once", () => {
    const { matches, steps, blocks } = measure(largest((i) => compare("n", "Eq", i)));
    const even = (id: number): boolean => id % 10_000 < 254 && id % 2 === 0;
    expect(matches).toEqual([...Array(rows).keys()].filter(even));
    // From lists, which are less to read: a row for each match.
    expect(steps.rows).toBe(matches.length);
    expect(steps.decoded).toBeLessThan(blocks);
    expect(steps.values).toBeLessThanOrEqual(limits.filterNodesMax);
  });

  test("on several columns maps the codes of each once in every And", () => {
    const names = ["n", "name"];
    const leaf = (i: number) => {
      const name = names[i % 2] as string;
      return compare(name, "NotEq", name === "n" ? i : `name ${i}`);
    };
    const { steps, blocks } = measure(largest(leaf));
    expect(steps.rows).toBeLessThanOrEqual(rows * (limits.filterNodesMax / 2));
    expect(steps.decoded).toBeLessThan(blocks);
    expect(steps.values).toBeLessThanOrEqual(limits.filterNodesMax);
  });

  test("on elements of arrays looks at each row once for each of its elements", () => {
    const { steps } = measure(largest((i) => compare("tags", "Contains", `t${i}`)));
    expect(steps.rows).toBeLessThanOrEqual(2 * rows);
    expect(steps.values).toBeLessThanOrEqual(limits.filterNodesMax);
    expect(steps.decoded).toBe(1);
  });

  test("looks up each attribute of a row once for each comparison", () => {
    let lookUps = 0;
    const filter = largest((i) => compare("n", "Eq", i));
    const passes = prepareRowTest(filter, () => () => {
      lookUps += 1;
      return -1;
    });
    for (let row = 0; row < 100; row++) passes(row);
    expect(lookUps).toBeLessThanOrEqual(100 * limits.filterNodesMax);
  });
});

describe("the longest list", () => {
  const numbers = Array.from({ length: limits.inListMax }, (_, i) => 2 * i);

  test("looks up each of its values once", () => {
    const { matches, steps, blocks } = measure(compare("n", "In", numbers));
    expect(matches.length).toBe(rows / 2);
    expect(steps).toEqual({ rows, values: limits.inListMax, decoded: blocks - 1 });
  });

  test("of ids reads and opens each block of ids once", () => {
    const { matches, steps, blocks } = measure(compare("id", "In", numbers));
    expect(matches.length).toBe(limits.inListMax);
    expect(steps.rows).toBe(0);
    expect(steps.values).toBe(limits.inListMax);
    expect(steps.decoded).toBe(blocks);
  });

  test("of elements looks up each of its values once", () => {
    const list = Array.from({ length: limits.inListMax }, (_, i) => `t${i + 50}`);
    const { steps } = measure(compare("tags", "ContainsAny", list));
    expect(steps).toEqual({ rows: rows / 2, values: limits.inListMax, decoded: 1 });
  });
});
