/**
 * Exact evaluation of a filter on the columns and ids of one segment, in one round of reads.
 *
 *   1. `planFilter`: the blocks that decide it, found from the root alone; undefined if an
 *      attribute has no column in this segment, and then the filter is answered from the documents.
 *   2. Read `plan.blocks`, each once; find the rows of `plan.tokens` in text indexes.
 *   3. `evaluateFilter`: the ordinals that match, dead ones included.
 *
 * Cost: a comparison decides each distinct value once. Comparisons of one column that And, Or and
 * Not join are one set of codes, which is mapped to bits once, about 1 ns a row.
 */
import { Bitmap } from "../../bytes/bitmap.ts";
import {
  type CompareFilter,
  type Filter,
  type TokenFilter,
  testOf,
} from "../../document/filter.ts";
import type { ColumnDirectory } from "../../format/segment-root.ts";
import type { Block } from "../../store/block.ts";
import type { Segment } from "../segment/segment.ts";
import { textIndexOf } from "../segment/text-index.ts";
import { acceptCodes, type ColumnTest, markRows, planColumnTest } from "./column-test.ts";
import { Evaluation, type FilterSteps, noFilterSteps, type TokenRows } from "./evaluation.ts";
import { evaluateIdTest, type IdTest, planIdTest } from "./id-test.ts";
import { WantedBlocks } from "./wanted-blocks.ts";

export interface FilterPlan {
  readonly blocks: readonly Block[];
  readonly segment: Segment;
  readonly test: PlannedTest;
  /** What is asked of texts that have an index. */
  readonly tokens: readonly TokenFilter[];
}

type PlannedTest =
  | { readonly kind: "all" | "none" }
  | JoinedTests
  | { readonly kind: "not"; readonly test: PlannedTest }
  | { readonly kind: "column"; readonly test: ColumnTest }
  | { readonly kind: "id"; readonly test: IdTest }
  | { readonly kind: "tokens"; readonly filter: TokenFilter };

interface JoinedTests {
  readonly kind: "and" | "or";
  readonly tests: readonly PlannedTest[];
}

export function planFilter(segment: Segment, filter: Filter): FilterPlan | undefined {
  const wanted = new WantedBlocks();
  const test = planTest(segment, filter, wanted);
  return test && { blocks: wanted.blocks, segment, test, tokens: tokensOf(test) };
}

function tokensOf(test: PlannedTest): readonly TokenFilter[] {
  switch (test.kind) {
    case "and":
    case "or":
      return test.tests.flatMap(tokensOf);
    case "not":
      return tokensOf(test.test);
    case "tokens":
      return [test.filter];
    case "all":
    case "none":
    case "column":
    case "id":
      return [];
  }
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
      return planTokens(segment, filter);
  }
}

function planTokens(segment: Segment, filter: TokenFilter): PlannedTest | undefined {
  const { attribute, analysis, tokens } = filter;
  const isKnown = segment.root.attributes.some(({ name }) => name === attribute);
  if (!isKnown || tokens.length === 0) {
    return { kind: "none" };
  }
  const text = textIndexOf(segment, attribute, analysis);
  return text && { kind: "tokens", filter };
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

/** `bytes[i]` are the verified bytes of `plan.blocks[i]`, `found` the rows of `plan.tokens`. */
export function evaluateFilter(
  plan: FilterPlan,
  bytes: readonly Uint8Array[],
  steps: FilterSteps = noFilterSteps(),
  found: TokenRows = new Map(),
): Bitmap {
  const evaluation = new Evaluation(plan.segment, bytes, steps, found);
  return toBitmap(evaluation, evaluate(evaluation, plan.test));
}

/** What matches: rows, or codes of a column that are not mapped to rows yet. */
type Matches = Bitmap | MatchingCodes;

interface MatchingCodes {
  readonly test: ColumnTest;
  /** One byte a code. */
  readonly accepted: Uint8Array;
}

function toBitmap(evaluation: Evaluation, found: Matches): Bitmap {
  return found instanceof Bitmap ? found : markRows(evaluation, found.test, found.accepted);
}

function evaluate(evaluation: Evaluation, test: PlannedTest): Matches {
  const { rows } = evaluation.segment.root;
  switch (test.kind) {
    case "all":
      return Bitmap.full(rows);
    case "none":
      return new Bitmap(rows);
    case "and":
    case "or":
      return join(evaluation, test);
    case "not": {
      const found = evaluate(evaluation, test.test);
      if (found instanceof Bitmap) return found.invert();
      return { test: found.test, accepted: found.accepted.map((each) => 1 - each) };
    }
    case "column":
      return { test: test.test, accepted: acceptCodes(evaluation, test.test) };
    case "id":
      return evaluateIdTest(evaluation, test.test);
    case "tokens":
      return evaluation.tokenRows(test.filter);
  }
}

/** Codes of one column are joined before rows are looked at: once for each column. */
function join(evaluation: Evaluation, { kind, tests }: JoinedTests): Matches {
  const byColumn = new Map<ColumnDirectory, MatchingCodes>();
  let joined: Bitmap | undefined;
  const isAnd = kind === "and";
  const add = (rows: Bitmap): void => {
    if (joined === undefined) joined = rows;
    else if (isAnd) joined.and(rows);
    else joined.or(rows);
  };
  for (const test of tests) {
    const found = evaluate(evaluation, test);
    if (found instanceof Bitmap) {
      add(found);
      continue;
    }
    const known = byColumn.get(found.test.column)?.accepted;
    if (known === undefined) {
      byColumn.set(found.test.column, found);
      continue;
    }
    joinCodes(known, found.accepted, isAnd);
  }
  const [first, ...others] = byColumn.values();
  if (joined === undefined && first !== undefined && others.length === 0) return first;
  for (const found of byColumn.values()) add(toBitmap(evaluation, found));
  const { rows } = evaluation.segment.root;
  return joined ?? (isAnd ? Bitmap.full(rows) : new Bitmap(rows));
}

function joinCodes(into: Uint8Array, from: Uint8Array, isAnd: boolean): void {
  for (let code = 0; code < into.length; code++) {
    const each = from[code] as number;
    into[code] = isAnd ? (into[code] as number) & each : (into[code] as number) | each;
  }
}
