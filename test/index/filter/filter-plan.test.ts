import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CompareOp, type Filter, matches } from "../../../src/document/filter.ts";
import type { IdKind } from "../../../src/document/id.ts";
import type { AttributeType, Schema } from "../../../src/document/schema.ts";
import {
  type AttributeValue,
  type ComparableValue,
  isComparable,
  type ScalarValue,
} from "../../../src/document/value.ts";
import { blockBytes } from "../../../src/format/segment-block.ts";
import { decodeRoot, encodeRoot } from "../../../src/format/segment-root-codec.ts";
import { evaluateFilter, planFilter } from "../../../src/index/filter/filter-plan.ts";
import {
  build,
  type Document,
  home,
  type Lab,
  makeDocuments,
  makeSchema,
  Objects,
  readAll,
} from "../segment-lab.ts";

/** What the columns say, or undefined if they cannot. */
function evaluate({ segment, objects }: Lab, filter: Filter): number[] | undefined {
  const plan = planFilter(segment, filter);
  if (plan === undefined) {
    return undefined;
  }
  const bytes = plan.blocks.map((block) => objects.load(block));
  return Array.from(evaluateFilter(plan, bytes));
}

/** The segment as its root would be read if its columns had no lists. */
function withoutLists({ segment, ...lab }: Lab): Lab {
  const { info, root } = segment;
  const attributes = root.attributes.map(({ column, ...attribute }) => {
    if (column === undefined) return { ...attribute, column };
    const { lists: _, elements: __, ...others } = column;
    return { ...attribute, column: others };
  });
  const content = encodeRoot({ ...root, attributes });
  const block = new Uint8Array(blockBytes(content.length));
  block.set(content);
  const decoded = decodeRoot(block, {
    generation: home.generation,
    segment: info.id,
    rows: info.rows,
    partBytes: info.parts.map(({ bytes }) => bytes),
  });
  return { ...lab, segment: { ...segment, root: decoded } };
}

/** What every document says for itself. */
function bruteForce(documents: readonly Document[], names: string[], filter: Filter): number[] {
  const test = (document: Document, part: Filter): boolean => {
    switch (part.kind) {
      case "and":
        return part.filters.every((member) => test(document, member));
      case "or":
        return part.filters.some((member) => test(document, member));
      case "not":
        return !test(document, part.filter);
      case "compare": {
        const own =
          part.attribute === "id"
            ? document.id
            : (document.values[names.indexOf(part.attribute)] ?? null);
        return matches(part.op, own, part.value);
      }
      case "tokens":
        throw new Error("filters of tokens have tests of their own");
    }
  };
  return documents.flatMap((document, ordinal) => (test(document, filter) ? [ordinal] : []));
}

const scalarOps: CompareOp[] = ["Eq", "NotEq", "Lt", "Lte", "Gt", "Gte"];
const listOps: CompareOp[] = ["In", "NotIn"];

/** Comparisons with values of the documents themselves, and with some between and beyond them. */
function comparisons(documents: readonly Document[], names: string[]): fc.Arbitrary<Filter> {
  const later = new Set(["body", "blob", "side", "terms", "views"]);
  const attribute = fc.constantFrom("id", ...names.filter((name) => !later.has(name)));
  return attribute.chain((name): fc.Arbitrary<Filter> => {
    const index = names.indexOf(name);
    const values = documents
      .map(({ id, values }) => (name === "id" ? id : (values[index] ?? null)))
      .filter(isComparable);
    const arrays = typeof values[0] === "object";
    const scalars: ScalarValue[] = values.flatMap((value) =>
      typeof value === "object" ? [...value] : [value],
    );
    const first = scalars[0];
    const beyond: ScalarValue[] =
      typeof first === "string"
        ? ["", "m", "\u{10ffff}"]
        : typeof first === "boolean"
          ? []
          : [-5, 3.5, 2n ** 63n - 1n];
    const scalar = fc.constantFrom(...scalars, ...(name === "owner" ? [] : beyond));
    const compare = (op: CompareOp, value: ComparableValue | null): Filter => ({
      kind: "compare",
      attribute: name,
      op,
      value,
    });
    const options = [
      fc
        .tuple(fc.constantFrom(...listOps), fc.array(scalar, { maxLength: 6 }))
        .map(([op, value]) => compare(op, value)),
      fc.constantFrom(...scalarOps).map((op) => compare(op, null)),
    ];
    if (arrays) {
      const whole = fc.constantFrom(...values, []);
      const equality = fc.constantFrom<CompareOp>("Eq", "NotEq");
      options.push(fc.tuple(equality, whole).map(([op, value]) => compare(op, value)));
    } else {
      const scalarOp = fc.constantFrom(...scalarOps);
      options.push(fc.tuple(scalarOp, scalar).map(([op, value]) => compare(op, value)));
    }
    return fc.oneof(...options);
  });
}

function filters(leaf: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.record({
        kind: fc.constantFrom<"and" | "or">("and", "or"),
        filters: fc.array(tie("filter"), { maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant("not" as const), filter: tie("filter") }),
    ),
  })).filter;
}

describe.each([
  [1500, 0, "uint"],
  [700, 4, "string"],
  [40, 2, "uuid"],
] as [number, number, IdKind][])(
  "over %i documents of %i dimensions with %s ids",
  (count, dims, idKind) => {
    it("columns and ids answer every filter as the documents do, with lists or without", async () => {
      const lab = await build(
        makeDocuments({ count, dims, idKind }),
        makeSchema(idKind, dims, "cosine_distance"),
      );
      const documents = readAll(lab);
      const names = lab.segment.root.attributes.map(({ name }) => name);
      fc.assert(
        fc.property(filters(comparisons(documents, names)), (filter) => {
          expect(evaluate(lab, filter)).toEqual(bruteForce(documents, names, filter));
        }),
        { numRuns: 150 },
      );
      const bare = withoutLists(lab);
      const kinds = bare.segment.root.attributes.map(({ column }) => Object.keys(column ?? {}));
      expect(kinds.flat()).not.toContain("lists");
      expect(kinds.flat()).not.toContain("elements");
      fc.assert(
        fc.property(filters(comparisons(documents, names)), (filter) => {
          expect(evaluate(bare, filter)).toEqual(bruteForce(documents, names, filter));
        }),
        { numRuns: 50 },
      );
    });
  },
);

describe("a column", () => {
  const buildOne = (
    values: AttributeValue[],
    type: AttributeType,
    filterable = true,
  ): Promise<Lab> => {
    const schema: Schema = {
      version: 1,
      idKind: "uint",
      metric: undefined,
      attributes: new Map([["a", { type, filterable }]]),
    };
    const documents = values.map((value, id) => ({ id, vector: [], values: [value] }));
    return build(documents, schema, "one", new Objects());
  };
  const compare = (op: CompareOp, value: ComparableValue | null): Filter => ({
    kind: "compare",
    attribute: "a",
    op,
    value,
  });

  it("of many long texts with a common beginning reads one chunk of its dictionary", async () => {
    const text = (i: number): string => `${"prefix ".repeat(20)}\u{1f41f}${i.toString(36)}`;
    const lab = await buildOne(
      Array.from({ length: 3000 }, (_, i) => text((i * 7) % 3000)),
      "string",
    );
    const column = lab.segment.root.attributes[0]?.column;
    expect(column?.dictionary.count).toBeGreaterThan(4);
    for (const i of [0, 1, 35, 1234, 2999]) {
      const filter = compare("Eq", text((i * 7) % 3000));
      expect(planFilter(lab.segment, filter)?.blocks.length).toBe(2);
      expect(evaluate(lab, filter)).toEqual([i]);
      const below = compare("Lt", text((i * 7) % 3000));
      expect(evaluate(lab, below)).toEqual(bruteForce(readAll(lab), ["a"], below));
    }
    expect(evaluate(lab, compare("Lt", "a"))).toEqual([]);
  });

  it("of more than 65,536 values has wide codes in several blocks", async () => {
    const lab = await buildOne(
      Array.from({ length: 66_000 }, (_, i) => (i % 3 === 0 ? null : i)),
      "int",
    );
    expect(evaluate(lab, compare("Gte", 65_998))).toEqual([65_998, 65_999]);
    expect(evaluate(lab, compare("Eq", null))?.length).toBe(22_000);
    const wide = await buildOne(
      Array.from({ length: 66_000 }, (_, i) => i),
      "int",
    );
    expect(wide.segment.root.attributes[0]?.column?.codeBytes).toBe(4);
    expect(evaluate(wide, compare("In", [3, 65_999, 70_000]))).toEqual([3, 65_999]);
  }, 30_000);

  it("that only ever held absence, or only empty arrays, still answers", async () => {
    const absent = await buildOne([null, null], "string");
    expect(evaluate(absent, compare("Eq", null))).toEqual([0, 1]);
    expect(evaluate(absent, compare("Lt", "x"))).toEqual([0, 1]);
    expect(evaluate(absent, compare("Gte", "x"))).toEqual([]);
    const empty = await buildOne([[], null], "[]unknown");
    expect(evaluate(empty, compare("Eq", []))).toEqual([0]);
    expect(evaluate(empty, compare("NotIn", ["x"]))).toEqual([0, 1]);
  });

  it("does not exist for an attribute that is not filterable: the documents must answer", async () => {
    const lab = await buildOne(["x"], "string", false);
    expect(planFilter(lab.segment, compare("Eq", "x"))).toBeUndefined();
    expect(planFilter(lab.segment, { kind: "not", filter: compare("Eq", "x") })).toBeUndefined();
  });

  it("is not needed for an attribute younger than the segment", async () => {
    const lab = await buildOne(["x"], "string");
    const younger = (op: CompareOp, value: ComparableValue | null): Filter => ({
      kind: "compare",
      attribute: "younger",
      op,
      value,
    });
    expect(evaluate(lab, younger("Eq", 1))).toEqual([]);
    expect(evaluate(lab, younger("Lt", 1))).toEqual([0]);
  });
});
