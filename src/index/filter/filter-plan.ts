/**
 * Exact evaluation of a filter on the columns and ids of one segment, in one round of reads.
 *
 *   1. `planFilter`: the blocks that decide it, found from the root alone; undefined if an
 *      attribute has no column in this segment, and then the filter is answered from the documents.
 *   2. Read `plan.blocks`, each once.
 *   3. `evaluateFilter`: the ordinals that match, dead ones included.
 *
 * Cost: a comparison decides each distinct value once, then maps codes to bits, about 1 ns a row.
 */
import { Bitmap } from "../../bytes/bitmap.ts";
import { type CompareFilter, type Filter, testOf } from "../../document/filter.ts";
import type { Block } from "../../store/block.ts";
import type { Segment } from "../segment/segment.ts";
import { type ColumnTest, evaluateColumnTest, planColumnTest } from "./column-test.ts";
import { evaluateIdTest, type IdTest, planIdTest } from "./id-test.ts";
import { WantedBlocks } from "./wanted-blocks.ts";

export interface FilterPlan {
  readonly blocks: readonly Block[];
  readonly segment: Segment;
  readonly test: PlannedTest;
}

type PlannedTest =
  | { readonly kind: "all" | "none" }
  | { readonly kind: "and" | "or"; readonly tests: readonly PlannedTest[] }
  | { readonly kind: "not"; readonly test: PlannedTest }
  | { readonly kind: "column"; readonly test: ColumnTest }
  | { readonly kind: "id"; readonly test: IdTest };

export function planFilter(segment: Segment, filter: Filter): FilterPlan | undefined {
  const wanted = new WantedBlocks();
  const test = planTest(segment, filter, wanted);
  return test && { blocks: wanted.blocks, segment, test };
}

function planTest(segment: Segment, filter: Filter, wanted: WantedBlocks): PlannedTest | undefined {
  switch (filter.kind) {
    case "and":
    case "or": {
      const tests: PlannedTest[] = [];
      for (const member of filter.filters) {
        const test = planTest(segment, member, wanted);
        if (test === undefined) {
          return undefined;
        }
        tests.push(test);
      }
      return { kind: filter.kind, tests };
    }
    case "not": {
      const test = planTest(segment, filter.filter, wanted);
      return test && { kind: "not", test };
    }
    case "compare":
      return planComparison(segment, filter, wanted);
    case "tokens":
      return segment.root.attributes.some(({ name }) => name === filter.attribute)
        ? undefined
        : { kind: "none" };
  }
}

function planComparison(
  segment: Segment,
  filter: CompareFilter,
  wanted: WantedBlocks,
): PlannedTest | undefined {
  if (filter.attribute === "id") {
    return { kind: "id", test: planIdTest(segment, filter, wanted) };
  }
  const attribute = segment.root.attributes.find(({ name }) => name === filter.attribute);
  if (attribute === undefined) {
    // The attribute is younger than the segment: absent in all of its documents.
    return { kind: testOf(filter)(null) ? "all" : "none" };
  }
  if (attribute.column === undefined) {
    return undefined;
  }
  return { kind: "column", test: planColumnTest(segment, attribute.column, filter, wanted) };
}

/** `bytes[i]` are the verified bytes of `plan.blocks[i]`. */
export function evaluateFilter(plan: FilterPlan, bytes: readonly Uint8Array[]): Bitmap {
  return evaluate(plan.segment, plan.test, bytes);
}

function evaluate(segment: Segment, test: PlannedTest, bytes: readonly Uint8Array[]): Bitmap {
  const { rows } = segment.root;
  switch (test.kind) {
    case "all":
      return Bitmap.full(rows);
    case "none":
      return new Bitmap(rows);
    case "and": {
      const result = Bitmap.full(rows);
      for (const member of test.tests) {
        result.and(evaluate(segment, member, bytes));
      }
      return result;
    }
    case "or": {
      const result = new Bitmap(rows);
      for (const member of test.tests) {
        result.or(evaluate(segment, member, bytes));
      }
      return result;
    }
    case "not":
      return evaluate(segment, test.test, bytes).invert();
    case "column":
      return evaluateColumnTest(segment, test.test, bytes);
    case "id":
      return evaluateIdTest(segment, test.test, bytes);
  }
}
