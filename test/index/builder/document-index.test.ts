import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareText } from "../../../src/document/id.ts";
import type { Schema } from "../../../src/document/schema.ts";
import { compareValues } from "../../../src/document/value.ts";
import type { ColumnValue } from "../../../src/format/segment-columns.ts";
import { indexDocuments } from "../../../src/index/builder/document-index.ts";
import { MemoryLedger } from "../../../src/index/builder/memory-ledger.ts";
import {
  build,
  type Document,
  type Lab,
  makeDocuments,
  makeSchema,
  merge,
} from "../segment-lab.ts";

type Cell = ColumnValue | null;

/** Codes and dictionary of a column, and how often its documents were read. */
async function index(cells: readonly Cell[], bytesMax: number) {
  let passes = 0;
  const codes = new Uint32Array(cells.length);
  const ledger = new MemoryLedger();
  const source = await indexDocuments({
    scan: async (visit) => {
      passes++;
      cells.forEach((value, row) => {
        if (value !== null) visit(row, value);
      });
    },
    codes,
    base: 100,
    ledger,
    bytesMax,
  });
  const codingPasses = passes;
  const values: ColumnValue[] = [];
  for await (const chunk of source.values()) {
    values.push(...chunk);
  }
  expect(ledger.held).toBe(0);
  expect(source.length).toBe(values.length);
  return { codes, values, codingPasses, passes };
}

describe("a column made from documents", () => {
  const cell = fc.oneof(
    fc.array(fc.constant(null)),
    fc.array(fc.option(fc.integer({ min: -40, max: 40 }))),
    fc.array(fc.option(fc.bigInt({ min: 2n ** 60n, max: 2n ** 60n + 30n }))),
    fc.array(fc.option(fc.string({ unit: "binary", maxLength: 3 }))),
    fc.array(fc.option(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 }))),
    fc.array(fc.option(fc.array(fc.constantFrom(1, 2n ** 60n), { maxLength: 3 }))),
  ) as fc.Arbitrary<Cell[]>;

  it("has the values in order and the rank of each row's, however little memory it gets", async () => {
    await fc.assert(
      fc.asyncProperty(cell, fc.constantFrom(1, 300, 1_000_000), async (cells, bytesMax) => {
        const { codes, values } = await index(cells, bytesMax);
        const present = cells.filter((value) => value !== null);
        const expected = present
          .sort(compareValues)
          .filter((value, i) => i === 0 || compareValues(value, present[i - 1] as Cell) !== 0);
        expect(values).toEqual(expected);
        const ranks = cells.map((value) =>
          value === null ? 0 : 101 + expected.findIndex((each) => compareValues(each, value) === 0),
        );
        expect([...codes]).toEqual(ranks);
      }),
      { numRuns: 300 },
    );
  });

  it("reads the documents once if its values fit, else once for each part of them, twice", async () => {
    const cells = Array.from({ length: 1_000 }, (_, i) => `value ${(i * 7) % 500}`);
    expect(await index(cells, 1_000_000)).toMatchObject({ codingPasses: 1, passes: 1 });
    const { codingPasses, passes, values } = await index(cells, 10_000);
    expect(codingPasses).toBeGreaterThan(3);
    expect(passes).toBe(2 * codingPasses);
    expect(values).toEqual([...new Set(cells)].sort(compareText));
  });
});

describe("a merge after attributes became filterable", () => {
  const now = makeSchema("uint", 8, "cosine_distance");
  const documents = makeDocuments({ count: 400, dims: 8, idKind: "uint" });
  /** The schema as it was when none of them was. */
  const before: Schema = {
    ...now,
    attributes: new Map(
      [...now.attributes].map(([name, attribute]) => [name, { ...attribute, filterable: false }]),
    ),
  };

  it("of a segment without columns has the bytes that its rows would have had at once", async () => {
    const { segment, objects } = await build(documents, before, "old");
    expect(segment.root.attributes.every(({ column }) => column === undefined)).toBe(true);
    await merge([{ segment }], now, objects, "x");
    const direct = await build(documents, now, "x");
    const own = [...objects.bytes].filter(([key]) => key.endsWith("/segment/x"));
    expect(new Map(own)).toEqual(direct.objects.bytes);
  });

  it("of segments with and without columns and dead rows has columns of the living ones", async () => {
    const objects = (await build(documents.slice(0, 1), now, "unused")).objects;
    const halves: readonly Document[][] = [documents.slice(0, 200), documents.slice(200)];
    const old = await build(halves[0] ?? [], before, "old", objects);
    const young = await build(halves[1] ?? [], now, "young", objects);
    const merged = await merge([young, old], now, objects, "y");
    const columns = (lab: Lab) => lab.segment.root.attributes.map(({ column }) => column);
    const direct = await build(documents, now, "z");
    expect(columns(merged).map((column) => column?.firstValues)).toEqual(
      columns(direct).map((column) => column?.firstValues),
    );
    expect(columns(merged).map((column) => column?.separators)).toEqual(
      columns(direct).map((column) => column?.separators),
    );
  });
});
