/**
 * The rows of a set of codes, by whichever is less to read: the codes of all rows; the lists of the
 * codes of the set; or those of all other codes, since every row has one. Which blocks of lists
 * hold what is known from the root, before any value is: a block has codes of the set only, none of
 * them, or both, and And, Or and Not join these states as they join the sets.
 */
import { Bitmap } from "../../bytes/bitmap.ts";
import { type CompareFilter, testOf } from "../../document/filter.ts";
import type { ScalarValue } from "../../document/value.ts";
import { assert } from "../../errors.ts";
import { type Codes, codeBlockRows, readCodes } from "../../format/segment-columns.ts";
import { type RowLists, readRowLists } from "../../format/segment-lists.ts";
import type { ColumnDirectory } from "../../format/segment-root.ts";
import { locateBlock, type Section } from "../../format/segment-section.ts";
import { blockAt, blockOfRow, type Segment } from "../segment/segment.ts";
import { type ColumnTest, chunkOf, isPattern } from "./column-test.ts";
import type { Evaluation } from "./evaluation.ts";
import type { WantedBlocks } from "./wanted-blocks.ts";

/** Of each block of lists: 1 may hold codes of the set, 2 may hold others. */
export type BlockStates = Uint8Array;
export const holdsSome = 1;
export const lacksSome = 2;
const holdsBoth = holdsSome | lacksSome;

/** Where the rows of a set of codes are taken from. */
export type CodeRows =
  | { readonly kind: "codes"; readonly column: ColumnDirectory; readonly blocks: readonly number[] }
  | ListedRows;

export interface ListedRows {
  readonly kind: "lists";
  readonly lists: RowLists;
  /** Whether the lists are those of the codes that the set lacks. */
  readonly inverted: boolean;
  /** Numbers of blocks, by block of lists. */
  readonly blocks: ReadonlyMap<number, number>;
}

// ---- Planning
// -----------------------------------------------------------------------------------

export function statesOf({ column, filter, chunks }: ColumnTest, lists: RowLists): BlockStates {
  const { op, value } = filter;
  const states = new Uint8Array(lists.blocks.count);
  if (value !== null && isPattern(op)) {
    states.fill(testOf(filter)(null) ? holdsSome : lacksSome);
    for (const chunk of chunks.keys()) {
      const from = 1 + (column.firstValues[chunk] as number);
      const to = column.firstValues[chunk + 1] as number;
      const last = blockOfRow(lists.firstCodes, to);
      states.fill(holdsBoth, blockOfRow(lists.firstCodes, from), last + 1);
    }
    return states;
  }
  const blockOf = (each: ScalarValue): number => chunkOf(lists.separators, each) + 1;
  if (op === "In" || op === "NotIn") {
    states.fill(op === "In" ? lacksSome : holdsSome);
    const list = value === null ? [] : typeof value === "object" ? value : [value];
    for (const each of list) states[blockOf(each)] = holdsBoth;
    return states;
  }
  const at = value === null ? 0 : blockOf(value as ScalarValue);
  const [below, above] = besides(filter);
  return states
    .fill(below, 0, at)
    .fill(holdsBoth, at, at + 1)
    .fill(above, at + 1);
}

/** States of blocks below and above that of the value. */
function besides({ op }: CompareFilter): readonly [number, number] {
  if (op === "Lt" || op === "Lte") return [holdsSome, lacksSome];
  if (op === "Gt" || op === "Gte") return [lacksSome, holdsSome];
  return op === "NotEq" ? [holdsSome, holdsSome] : [lacksSome, lacksSome];
}

export function joinStates(into: BlockStates, from: BlockStates, isAnd: boolean): void {
  const narrowed = isAnd ? holdsSome : lacksSome;
  for (let block = 0; block < into.length; block++) {
    const [a, b] = [into[block] as number, from[block] as number];
    into[block] = (a & b & narrowed) | ((a | b) & (holdsBoth ^ narrowed));
  }
}

export function invertStates(states: BlockStates): BlockStates {
  return states.map((state) => ((state & holdsSome) << 1) | (state >> 1));
}

/** `states`: of the column's lists, if it has any. */
export function planRows(
  segment: Segment,
  column: ColumnDirectory,
  states: BlockStates | undefined,
  wanted: WantedBlocks,
): CodeRows {
  const { lists, codes } = column;
  if (lists !== undefined && states !== undefined) {
    const [own, others] = [holdsSome, lacksSome].map((state) => bytesOf(lists, states, state));
    if (Math.min(own as number, others as number) < sectionBytes(codes)) {
      const inverted = (others as number) < (own as number);
      return planLists(segment, lists, states, inverted, wanted);
    }
  }
  const blocks = Array.from({ length: codes.count }, (_, i) =>
    wanted.add(blockAt(segment, locateBlock(codes, i))),
  );
  return { kind: "codes", column, blocks };
}

export function planLists(
  segment: Segment,
  lists: RowLists,
  states: BlockStates,
  inverted: boolean,
  wanted: WantedBlocks,
): ListedRows {
  const blocks = new Map<number, number>();
  for (const block of blocksWith(states, inverted ? lacksSome : holdsSome)) {
    blocks.set(block, wanted.add(blockAt(segment, locateBlock(lists.blocks, block))));
  }
  return { kind: "lists", lists, inverted, blocks };
}

/** Bytes of the blocks of lists that are in the state. */
export function bytesOf({ blocks }: RowLists, states: BlockStates, state: number): number {
  return blocksWith(states, state).reduce((sum, i) => sum + locateBlock(blocks, i).length, 0);
}

export function sectionBytes(section: Section): number {
  const blocks = Array.from({ length: section.count }, (_, i) => locateBlock(section, i).length);
  return blocks.reduce((sum, length) => sum + length, 0);
}

/** Fewest and most rows that the codes of a set can have: exact but for blocks that hold both. */
export function boundRows({ firstRows }: RowLists, states: BlockStates) {
  const rowsOf = (block: number): number =>
    (firstRows[block + 1] as number) - (firstRows[block] as number);
  const sum = (blocks: readonly number[]): number =>
    blocks.reduce((total, block) => total + rowsOf(block), 0);
  const most = blocksWith(states, holdsSome);
  return { least: sum(most.filter((block) => states[block] === holdsSome)), most: sum(most) };
}

function blocksWith(states: BlockStates, state: number): readonly number[] {
  return [...states.keys()].filter((block) => ((states[block] as number) & state) !== 0);
}

// ---- Evaluation
// -----------------------------------------------------------------------------------

/** The rows whose code is accepted: one byte a code. */
export function markRows(evaluation: Evaluation, rows: CodeRows, accepted: Uint8Array): Bitmap {
  return rows.kind === "codes"
    ? markCodedRows(evaluation, rows, accepted)
    : markListedRows(evaluation, rows, accepted);
}

export function markListedRows(
  { segment, bytes, steps }: Evaluation,
  { lists, inverted, blocks }: ListedRows,
  accepted: Uint8Array,
): Bitmap {
  const result = new Bitmap(segment.root.rows);
  const taken = inverted ? 0 : 1;
  assert(isCovered(lists, blocks, accepted, taken), "every list that is asked for was planned");
  for (const [block, number] of blocks) {
    const takes = (code: number): boolean => accepted[code] === taken;
    steps.rows += readRowLists(bytes[number] as Uint8Array, lists, block, takes, result);
  }
  return inverted ? result.invert() : result;
}

/** A list that was not read must not be missed. */
function isCovered(
  { firstCodes }: RowLists,
  blocks: ReadonlyMap<number, number>,
  accepted: Uint8Array,
  taken: number,
): boolean {
  for (let block = 0; block < firstCodes.length - 1; block++) {
    if (blocks.has(block)) continue;
    const [from, to] = [firstCodes[block] as number, firstCodes[block + 1] as number];
    if (accepted.subarray(from, to).includes(taken)) return false;
  }
  return true;
}

function markCodedRows(
  { segment, bytes, steps }: Evaluation,
  { column, blocks }: Extract<CodeRows, { kind: "codes" }>,
  accepted: Uint8Array,
): Bitmap {
  const { rows } = segment.root;
  const result = new Bitmap(rows);
  blocks.forEach((number, block) => {
    const from = block * codeBlockRows;
    const length = Math.min(codeBlockRows, rows - from);
    const codes = readCodes(bytes[number] as Uint8Array, length, column.codeBytes);
    markCodes(codes, accepted, result.words.subarray(from / 32));
  });
  steps.rows += rows;
  return result;
}

/** Sets bit i for every code i that is accepted. */
function markCodes(codes: Codes, accepted: Uint8Array, words: Uint32Array): void {
  for (let start = 0; start < codes.length; start += 32) {
    const end = Math.min(start + 32, codes.length);
    let word = 0;
    for (let i = start; i < end; i++) {
      word |= (accepted[codes[i] as number] as number) << (i - start);
    }
    words[start / 32] = word;
  }
}
