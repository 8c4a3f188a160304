/**
 * A comparison of the elements of arrays, by the lists of the elements that pass. A row is in the
 * list of each of its elements, so lists are joined; what must not match is the complement of what
 * must. Where whole arrays and codes are less to read, these decide (column-test.ts).
 */
import type { Bitmap } from "../../bytes/bitmap.ts";
import type { CompareFilter, CompareOp } from "../../document/filter.ts";
import type { ColumnDirectory } from "../../format/segment-root.ts";
import { locateBlock } from "../../format/segment-section.ts";
import type { Segment } from "../segment/segment.ts";
import {
  bytesOf,
  holdsSome,
  invertStates,
  type ListedRows,
  markListedRows,
  planLists,
  sectionBytes,
  statesOf,
} from "./code-rows.ts";
import {
  acceptCodes,
  type ColumnTest,
  chunksFor,
  isPattern,
  planColumnTest,
} from "./column-test.ts";
import type { Evaluation } from "./evaluation.ts";
import type { WantedBlocks } from "./wanted-blocks.ts";

export interface ElementTest {
  /** Of single elements. */
  readonly test: ColumnTest;
  readonly rows: ListedRows;
  readonly inverted: boolean;
}

/** How the comparison of an array compares elements; what begins with Not is its complement. */
const elementOps: Partial<Readonly<Record<CompareOp, CompareOp>>> = {
  In: "In",
  NotIn: "In",
  Contains: "Eq",
  NotContains: "Eq",
  ContainsAny: "In",
  NotContainsAny: "In",
  AnyLt: "Lt",
  AnyLte: "Lte",
  AnyGt: "Gt",
  AnyGte: "Gte",
  // These keep their names: the same test of a text, prepared once, is theirs.
  Glob: "Glob",
  NotGlob: "NotGlob",
  IGlob: "IGlob",
  NotIGlob: "NotIGlob",
  Regex: "Regex",
  Fuzzy: "Fuzzy",
};

/** Undefined if the comparison is not one of elements, or codes are less to read. */
export function planElementTest(
  segment: Segment,
  column: ColumnDirectory,
  filter: CompareFilter,
  wanted: WantedBlocks,
): ElementTest | undefined {
  const { elements } = column;
  const op = elementOps[filter.op];
  if (elements === undefined || op === undefined || filter.value === null) return undefined;
  const own = op === filter.op ? filter : { ...filter, op };
  const inverted = filter.op.startsWith("Not");
  const chunks = new Map(Array.from(chunksFor(elements, own), (chunk) => [chunk, 0]));
  const states = statesOf({ column: elements, filter: own, chunks }, elements.lists);
  const positive = isPattern(op) && inverted ? invertStates(states) : states;
  const dictionaryBytes = [...chunks.keys()].reduce(
    (sum, chunk) => sum + locateBlock(elements.dictionary, chunk).length,
    0,
  );
  const bytes = dictionaryBytes + bytesOf(elements.lists, positive, holdsSome);
  if (bytes >= sectionBytes(column.dictionary) + sectionBytes(column.codes)) return undefined;
  return {
    test: planColumnTest(segment, elements, own, wanted),
    rows: planLists(segment, elements.lists, positive, false, wanted),
    inverted,
  };
}

export function evaluateElements(
  evaluation: Evaluation,
  { test, rows, inverted }: ElementTest,
): Bitmap {
  const found = acceptCodes(evaluation, test);
  const isComplement = inverted && isPattern(test.filter.op);
  const accepted = isComplement ? found.map((each) => 1 - each) : found;
  // Nothing is found in what is not there.
  accepted[0] = 0;
  const result = markListedRows(evaluation, rows, accepted);
  return inverted ? result.invert() : result;
}
