/**
 * One comparison on one column. Codes are ranks of values, absence being the lowest, so for scalars
 * each comparison is a few ranges of codes, whose ends one or two dictionary chunks tell. Arrays
 * are compared, and texts matched with patterns, value by value over the whole dictionary, or over
 * the part of it that begins as the pattern does.
 */
import { type CompareFilter, type CompareOp, globOps, testOf } from "../../document/filter.ts";
import { globPrefix } from "../../document/glob.ts";
import { compareScalars, type ScalarValue } from "../../document/value.ts";
import type { ColumnValue } from "../../format/segment-columns.ts";
import type { DictionaryDirectory } from "../../format/segment-root.ts";
import { locateBlock } from "../../format/segment-section.ts";
import { blockAt, type Segment } from "../segment/segment.ts";
import type { Evaluation } from "./evaluation.ts";
import type { WantedBlocks } from "./wanted-blocks.ts";

export interface ColumnTest {
  /** Of a column, or of the elements of one. */
  readonly column: DictionaryDirectory;
  readonly filter: CompareFilter;
  /** Numbers of blocks, by dictionary chunk. */
  readonly chunks: ReadonlyMap<number, number>;
}

export function planColumnTest(
  segment: Segment,
  column: DictionaryDirectory,
  filter: CompareFilter,
  wanted: WantedBlocks,
): ColumnTest {
  const chunks = new Map<number, number>();
  for (const chunk of chunksFor(column, filter)) {
    chunks.set(chunk, wanted.add(blockAt(segment, locateBlock(column.dictionary, chunk))));
  }
  return { column, filter, chunks };
}

/** Chunks of the dictionary that tell which codes the comparison accepts. */
export function chunksFor(column: DictionaryDirectory, filter: CompareFilter): Iterable<number> {
  const { separators, dictionary } = column;
  const { op, value } = filter;
  if (value === null) {
    return [];
  }
  if (separators === undefined) {
    return Array.from({ length: dictionary.count }, (_, chunk) => chunk);
  }
  if (isPattern(op)) {
    return chunksWithPrefix(separators, prefixOf(filter));
  }
  const values = typeof value === "object" ? value : [value];
  return values.map((each) => chunkOf(separators, each)).filter((chunk) => chunk >= 0);
}

/** Whether values are tested one by one. */
export function isPattern(op: CompareOp): boolean {
  return op === "Regex" || op === "Fuzzy" || (globOps as readonly CompareOp[]).includes(op);
}

/** What all texts begin with that the pattern tells from others. */
function prefixOf({ op, value }: CompareFilter): string {
  return op === "Glob" || op === "NotGlob" ? globPrefix(String(value)) : "";
}

/** Chunks that may hold texts that begin so. */
function chunksWithPrefix(separators: readonly ScalarValue[], prefix: string): readonly number[] {
  const first = Math.max(0, chunkOf(separators, prefix));
  const chunks: number[] = [];
  for (let chunk = first; chunk < separators.length; chunk++) {
    const separator = separators[chunk] as string;
    // A separator is cut short: it may be less than the prefix, or the beginning of it.
    const isBeyond = compareScalars(separator, prefix) > 0 && !separator.startsWith(prefix);
    if (isBeyond) break;
    chunks.push(chunk);
  }
  return chunks;
}

/** The chunk a value is in if any is; -1 if it is below all. */
export function chunkOf(separators: readonly ScalarValue[], value: ScalarValue): number {
  let low = 0;
  let high = separators.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareScalars(separators[middle] as ScalarValue, value) <= 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}

/** One byte a code, 1 if documents with this code match. */
export function acceptCodes(evaluation: Evaluation, test: ColumnTest): Uint8Array {
  const { steps } = evaluation;
  const { column } = test;
  const { op, value } = test.filter;
  const distinct = column.firstValues[column.dictionary.count] as number;
  const accepted = new Uint8Array(distinct + 1);
  const dictionary = (chunk: number): readonly ColumnValue[] =>
    evaluation.dictionary(column, chunk, test.chunks.get(chunk) as number);
  if (value !== null && (column.separators === undefined || isPattern(op))) {
    const matches = testOf(test.filter);
    // Values in chunks that are not read match nothing, like absent ones.
    accepted.fill(matches(null) ? 1 : 0);
    for (const chunk of test.chunks.keys()) {
      const candidates = dictionary(chunk);
      steps.values += candidates.length;
      candidates.forEach((candidate, i) => {
        accepted[1 + (column.firstValues[chunk] as number) + i] = matches(candidate) ? 1 : 0;
      });
    }
    return accepted;
  }
  acceptRanges(test, accepted, (each) => {
    steps.values += 1;
    return findCode(column, each, dictionary);
  });
  return accepted;
}

interface CodeRange {
  /** The lowest code whose value is not below the one looked for. */
  readonly from: number;
  /** The lowest code whose value is above it. */
  readonly to: number;
}

/** Operators that accept one range of codes, or all but one. */
type RangeOp = "Eq" | "NotEq" | "Lt" | "Lte" | "Gt" | "Gte";

function acceptRanges(
  { filter: { op, value } }: ColumnTest,
  accepted: Uint8Array,
  find: (value: ScalarValue) => CodeRange,
): void {
  if (op === "In" || op === "NotIn") {
    accepted.fill(op === "In" ? 0 : 1);
    const list = value === null ? [] : typeof value === "object" ? value : [value];
    for (const each of list) {
      const { from, to } = find(each);
      accepted.fill(op === "In" ? 1 : 0, from, to);
    }
    return;
  }
  const { from, to } = value === null ? { from: 0, to: 1 } : find(value as ScalarValue);
  switch (op as RangeOp) {
    case "Eq":
      accepted.fill(1, from, to);
      break;
    case "NotEq":
      accepted.fill(1).fill(0, from, to);
      break;
    case "Lt":
      accepted.fill(1, 0, from);
      break;
    case "Lte":
      accepted.fill(1, 0, to);
      break;
    case "Gt":
      accepted.fill(1, to);
      break;
    case "Gte":
      accepted.fill(1, from);
      break;
  }
}

function findCode(
  column: DictionaryDirectory,
  value: ScalarValue,
  dictionary: (chunk: number) => readonly ColumnValue[],
): CodeRange {
  const chunk = chunkOf(column.separators ?? [], value);
  if (chunk < 0) {
    return { from: 1, to: 1 };
  }
  const values = dictionary(chunk) as readonly ScalarValue[];
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareScalars(values[middle] as ScalarValue, value) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const found = low < values.length && compareScalars(values[low] as ScalarValue, value) === 0;
  const from = 1 + (column.firstValues[chunk] as number) + low;
  return { from, to: found ? from + 1 : from };
}
