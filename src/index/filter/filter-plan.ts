/**
 * Exact evaluation of a filter on the columns and ids of one segment, in one round of reads.
 *
 *   1. `planFilter`: the blocks that decide it, found from the root alone; undefined if an
 *      attribute has no column in this segment, and then the filter is answered from the documents.
 *      Comparisons of one column that And, Or and Not join are one set of codes; its rows come from
 *      lists or from codes, by what is less to read (code-rows.ts).
 *   2. Read `plan.blocks`, each once; find the rows of `plan.tokens` in text indexes.
 *   3. `evaluateFilter`: the ordinals that match, dead ones included.
 *
 * Cost: a comparison decides each distinct value once. A set of codes is mapped to bits once, about
 * 1 ns a row, or 10 ns a row that is listed.
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
import {
  type BlockStates,
  boundRows,
  type CodeRows,
  invertStates,
  joinStates,
  markRows,
  planRows,
  statesOf,
} from "./code-rows.ts";
import { acceptCodes, type ColumnTest, planColumnTest } from "./column-test.ts";
import { type ElementTest, evaluateElements, planElementTest } from "./element-test.ts";
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
  | { readonly kind: "and" | "or"; readonly tests: readonly PlannedTest[] }
  | { readonly kind: "not"; readonly test: PlannedTest }
  | CodedTest
  | { readonly kind: "elements"; readonly test: ElementTest }
  | { readonly kind: "id"; readonly test: IdTest }
  | { readonly kind: "tokens"; readonly filter: TokenFilter };

/** Which codes of a column match, and where their rows are taken from. */
interface CodedTest {
  readonly kind: "codes";
  readonly test: CodeTest;
  readonly rows: CodeRows;
  /** What the root knows of their number. */
  readonly bounds: RowBounds | undefined;
}

/** Comparisons of one column, joined. */
type CodeTest =
  | { readonly kind: "compare"; readonly test: ColumnTest }
  | { readonly kind: "and" | "or"; readonly tests: readonly CodeTest[] }
  | { readonly kind: "not"; readonly test: CodeTest };

/** Codes to which others of their column may still be joined. */
interface OpenCodes {
  readonly kind: "open";
  readonly column: ColumnDirectory;
  readonly test: CodeTest;
  /** Of the column's lists, if it has any. */
  readonly states: BlockStates | undefined;
}

export interface RowBounds {
  readonly least: number;
  readonly most: number;
}

interface Planning {
  readonly segment: Segment;
  readonly wanted: WantedBlocks;
}

export function planFilter(segment: Segment, filter: Filter): FilterPlan | undefined {
  const wanted = new WantedBlocks();
  const planning = { segment, wanted };
  const found = planTest(planning, filter);
  if (found === undefined) return undefined;
  const test = close(planning, found);
  return { blocks: wanted.blocks, segment, test, tokens: tokensOf(test) };
}

/** How many rows match a filter on one column, dead ones included, as far as the root tells. */
export function boundMatches({ test, segment }: FilterPlan): RowBounds | undefined {
  if (test.kind === "none") return { least: 0, most: 0 };
  if (test.kind === "all") return { least: segment.root.rows, most: segment.root.rows };
  return test.kind === "codes" ? test.bounds : undefined;
}

/** Whether nothing passes without these tokens, whatever else is asked. */
export function isNeeded({ test }: FilterPlan, filter: TokenFilter): boolean {
  const isIn = (each: PlannedTest): boolean =>
    each.kind === "and" ? each.tests.some(isIn) : each.kind === "tokens" && each.filter === filter;
  return isIn(test);
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
    case "codes":
    case "elements":
    case "id":
      return [];
  }
}

function planTest(planning: Planning, filter: Filter): PlannedTest | OpenCodes | undefined {
  switch (filter.kind) {
    case "and":
    case "or": {
      const tests: (PlannedTest | OpenCodes)[] = [];
      for (const member of filter.filters) {
        const test = planTest(planning, member);
        if (test === undefined) {
          return undefined;
        }
        tests.push(test);
      }
      return joinTests(planning, filter.kind, tests);
    }
    case "not": {
      const test = planTest(planning, filter.filter);
      if (test?.kind === "open") {
        const states = test.states && invertStates(test.states);
        return { ...test, test: { kind: "not", test: test.test }, states };
      }
      return test && { kind: "not", test };
    }
    case "compare":
      return planComparison(planning, filter);
    case "tokens":
      return planTokens(planning.segment, filter);
  }
}

/** Codes of one column are joined before rows are looked at: once for each column. */
function joinTests(
  planning: Planning,
  kind: "and" | "or",
  tests: readonly (PlannedTest | OpenCodes)[],
): PlannedTest | OpenCodes {
  const byColumn = new Map<ColumnDirectory, OpenCodes[]>();
  const others: PlannedTest[] = [];
  for (const test of tests) {
    if (test.kind !== "open") others.push(test);
    else byColumn.set(test.column, [...(byColumn.get(test.column) ?? []), test]);
  }
  const joined = Array.from(byColumn.values(), (members) => joinCodeTests(kind, members));
  const [only, ...more] = joined;
  if (only !== undefined && more.length === 0 && others.length === 0) return only;
  return { kind, tests: [...others, ...joined.map((each) => close(planning, each))] };
}

function joinCodeTests(kind: "and" | "or", members: readonly OpenCodes[]): OpenCodes {
  const [first, ...others] = members as readonly [OpenCodes, ...OpenCodes[]];
  if (others.length === 0) return first;
  const states = first.states?.slice();
  for (const each of others) {
    if (states !== undefined && each.states !== undefined) {
      joinStates(states, each.states, kind === "and");
    }
  }
  const test: CodeTest = { kind, tests: members.map((each) => each.test) };
  return { kind: "open", column: first.column, test, states };
}

/** Nothing is joined to the codes any more: their rows are planned. */
function close({ segment, wanted }: Planning, test: PlannedTest | OpenCodes): PlannedTest {
  if (test.kind !== "open") return test;
  const { column, states } = test;
  const rows = planRows(segment, column, states, wanted);
  const bounds = column.lists && states && boundRows(column.lists, states);
  return { kind: "codes", test: test.test, rows, bounds };
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
  { segment, wanted }: Planning,
  filter: CompareFilter,
): PlannedTest | OpenCodes | undefined {
  if (filter.attribute === "id") {
    return { kind: "id", test: planIdTest(segment, filter, wanted) };
  }
  const attribute = segment.root.attributes.find(({ name }) => name === filter.attribute);
  if (attribute === undefined) {
    // The attribute is younger than the segment: absent in all of its documents.
    return { kind: testOf(filter)(null) ? "all" : "none" };
  }
  const { column } = attribute;
  if (column === undefined) {
    return undefined;
  }
  const elements = planElementTest(segment, column, filter, wanted);
  if (elements !== undefined) {
    return { kind: "elements", test: elements };
  }
  const test = planColumnTest(segment, column, filter, wanted);
  const states = column.lists && statesOf(test, column.lists);
  return { kind: "open", column, test: { kind: "compare", test }, states };
}

/** `bytes[i]` are the verified bytes of `plan.blocks[i]`, `found` the rows of `plan.tokens`. */
export function evaluateFilter(
  plan: FilterPlan,
  bytes: readonly Uint8Array[],
  steps: FilterSteps = noFilterSteps(),
  found: TokenRows = new Map(),
): Bitmap {
  return evaluate(new Evaluation(plan.segment, bytes, steps, found), plan.test);
}

function evaluate(evaluation: Evaluation, test: PlannedTest): Bitmap {
  const { rows } = evaluation.segment.root;
  switch (test.kind) {
    case "all":
      return Bitmap.full(rows);
    case "none":
      return new Bitmap(rows);
    case "and":
    case "or":
      return join(evaluation, test.kind === "and", test.tests);
    case "not":
      return evaluate(evaluation, test.test).invert();
    case "codes":
      return markRows(evaluation, test.rows, accept(evaluation, test.test));
    case "elements":
      return evaluateElements(evaluation, test.test);
    case "id":
      return evaluateIdTest(evaluation, test.test);
    case "tokens":
      return evaluation.tokenRows(test.filter);
  }
}

/** Two bitmaps at a time, however many members there are. */
function join(evaluation: Evaluation, isAnd: boolean, members: readonly PlannedTest[]): Bitmap {
  const { rows } = evaluation.segment.root;
  let joined: Bitmap | undefined;
  for (const member of members) {
    const found = evaluate(evaluation, member);
    if (joined === undefined) joined = found;
    else if (isAnd) joined.and(found);
    else joined.or(found);
  }
  return joined ?? (isAnd ? Bitmap.full(rows) : new Bitmap(rows));
}

/** One byte a code, 1 if documents with this code match. */
function accept(evaluation: Evaluation, test: CodeTest): Uint8Array {
  switch (test.kind) {
    case "compare":
      return acceptCodes(evaluation, test.test);
    case "not":
      return accept(evaluation, test.test).map((each) => 1 - each);
    case "and":
    case "or": {
      const [first, ...others] = test.tests as readonly [CodeTest, ...CodeTest[]];
      const accepted = accept(evaluation, first);
      for (const each of others) {
        joinCodes(accepted, accept(evaluation, each), test.kind === "and");
      }
      return accepted;
    }
  }
}

function joinCodes(into: Uint8Array, from: Uint8Array, isAnd: boolean): void {
  for (let code = 0; code < into.length; code++) {
    const each = from[code] as number;
    into[code] = isAnd ? (into[code] as number) & each : (into[code] as number) | each;
  }
}
