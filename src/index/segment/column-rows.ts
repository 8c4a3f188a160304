/**
 * Columns as a whole: the code of every row, and what codes stand for. Codes of a column rank as
 * their values do, absence (0) being the lowest, so rows are compared, grouped and counted by
 * codes; values are read only of those codes that an answer is about.
 */
import { type AttributeValue, type ComparableValue, compareValues } from "../../document/value.ts";
import { corrupt } from "../../errors.ts";
import {
  type Codes,
  codeBlockRows,
  readCodes,
  readDictionary,
} from "../../format/segment-columns.ts";
import type { ColumnDirectory } from "../../format/segment-root.ts";
import { locateBlock } from "../../format/segment-section.ts";
import type { Block } from "../../store/block.ts";
import { blockAt, blockOfRow, type Segment } from "./segment.ts";

/** The codes of all rows of a column. Kept between queries: nothing of it changes. */
export class ColumnCodes {
  readonly codes: Codes;
  readonly #distinct: number;
  #counts: Uint32Array | undefined;

  constructor(codes: Codes, distinct: number) {
    this.codes = codes;
    this.#distinct = distinct;
  }

  /** Rows by code, dead ones included; counted once. */
  get counts(): Uint32Array {
    this.#counts ??= countCodes(this.codes, this.#distinct);
    return this.#counts;
  }

  /** Bytes, counts included. */
  get weight(): number {
    return this.codes.byteLength + 4 * (this.#distinct + 1) + 256;
  }
}

function countCodes(codes: Codes, distinct: number): Uint32Array {
  const counts = new Uint32Array(distinct + 1);
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] as number;
    counts[code] = (counts[code] as number) + 1;
  }
  return counts;
}

/** The column of an attribute in a segment. Code 0: absent. */
export interface ColumnRows {
  /** Of every row. */
  readonly codes: Codes;
  /** Rows by code, dead ones included. Not to be changed. */
  readonly counts: Uint32Array;
  /** Values present: codes are 0 … distinct. */
  readonly distinct: number;
  /** Chunks of the dictionary that must be read before `valueOf` knows the code; -1: none. */
  readonly chunkOf: (code: number) => number;
  readonly chunkBlock: (chunk: number) => Block;
  readonly openChunk: (chunk: number, bytes: Uint8Array) => readonly ComparableValue[];
  /** What `openChunk` gave before. */
  readonly putChunk: (chunk: number, values: readonly ComparableValue[]) => void;
  readonly chunks: number;
  readonly valueOf: (code: number) => AttributeValue;
}

export function codeBlocks(segment: Segment, { codes }: ColumnDirectory): readonly Block[] {
  return Array.from({ length: codes.count }, (_, i) => blockAt(segment, locateBlock(codes, i)));
}

/** `blocks`: the verified bytes of `codeBlocks`. */
export function openCodes(
  segment: Segment,
  column: ColumnDirectory,
  blocks: readonly Uint8Array[],
): ColumnCodes {
  const distinct = column.firstValues[column.dictionary.count] as number;
  return new ColumnCodes(joinCodes(segment, column, blocks, distinct), distinct);
}

export function openColumn(
  segment: Segment,
  column: ColumnDirectory,
  held: ColumnCodes,
): ColumnRows {
  const { dictionary, firstValues } = column;
  const opened = new Map<number, readonly ComparableValue[]>();
  const chunkOf = (code: number): number => (code === 0 ? -1 : blockOfRow(firstValues, code - 1));
  const distinct = firstValues[dictionary.count] as number;
  return {
    codes: held.codes,
    get counts() {
      return held.counts;
    },
    distinct,
    chunkOf,
    chunkBlock: (chunk) => blockAt(segment, locateBlock(dictionary, chunk)),
    openChunk: (chunk, bytes) => {
      const length = (firstValues[chunk + 1] as number) - (firstValues[chunk] as number);
      const values = opened.get(chunk) ?? readDictionary(bytes, length);
      opened.set(chunk, values);
      return values;
    },
    putChunk: (chunk, values) => opened.set(chunk, values),
    chunks: dictionary.count,
    valueOf: (code) => {
      const chunk = chunkOf(code);
      return opened.get(chunk)?.[code - 1 - (firstValues[chunk] as number)] ?? unknownCode(code);
    },
  };
}

function joinCodes(
  { root }: Segment,
  { codeBytes }: ColumnDirectory,
  blocks: readonly Uint8Array[],
  distinct: number,
): Codes {
  const lengthOf = (block: number): number =>
    Math.min(codeBlockRows, root.rows - block * codeBlockRows);
  const parts = blocks.map((bytes, block) => readCodes(bytes, lengthOf(block), codeBytes));
  const codes = parts.length === 1 && parts[0] !== undefined ? parts[0] : newCodes(codeBytes, root);
  if (parts.length !== 1) {
    parts.forEach((part, block) => {
      codes.set(part, block * codeBlockRows);
    });
  }
  let highest = 0;
  for (let row = 0; row < codes.length; row++) {
    if ((codes[row] as number) > highest) highest = codes[row] as number;
  }
  if (highest > distinct) {
    throw corrupt(`code ${highest} of a column of ${distinct} values`);
  }
  return codes;
}

function newCodes(codeBytes: 1 | 2 | 4, { rows }: Segment["root"]): Codes {
  switch (codeBytes) {
    case 1:
      return new Uint8Array(rows);
    case 2:
      return new Uint16Array(rows);
    case 4:
      return new Uint32Array(rows);
  }
}

function unknownCode(code: number): null {
  if (code !== 0) {
    throw corrupt(`the value of code ${code} was not read`);
  }
  return null;
}

/** The column of an attribute that no document of a segment has. */
export function absentColumn({ root }: Segment): ColumnRows {
  return columnOfValues(Array.from({ length: root.rows }, () => null));
}

/** A column made from the value of every row, where the segment has none of the attribute. */
export function columnOfValues(values: readonly (ComparableValue | null)[]): ColumnRows {
  const present = values.filter((value): value is ComparableValue => value !== null);
  const byKey = new Map(present.map((value) => [keyOf(value), value]));
  const distinct = [...byKey.values()].sort(compareValues);
  const byValue = new Map(distinct.map((value, i) => [keyOf(value), i + 1]));
  const codes = Uint32Array.from(values, (value) =>
    value === null ? 0 : (byValue.get(keyOf(value)) ?? 0),
  );
  return {
    codes,
    counts: countCodes(codes, distinct.length),
    distinct: distinct.length,
    chunkOf: () => -1,
    chunkBlock: () => unread(),
    openChunk: () => unread(),
    putChunk: () => unread(),
    chunks: 0,
    valueOf: (code) => distinct[code - 1] ?? unknownCode(code),
  };
}

function unread(): never {
  throw corrupt("a column made from values has no dictionary to read");
}

/** Equal values have equal keys, of one type. */
function keyOf(value: ComparableValue): unknown {
  return typeof value === "object" ? JSON.stringify(value, bigintText) : value;
}

function bigintText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}
