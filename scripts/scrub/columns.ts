/**
 * The columns of a segment whose blocks are whole:
 *
 *   dictionaries   decode; those of elements ascend
 *   codes          one a row, of a value that there is
 *   lists          each holds the rows that have its value, or in whose arrays its element stands,
 *                  and no others
 *
 * Memory: some 12 bytes a row, 4 for each element of each row, and the dictionary of a column.
 */
import { compareScalars, type ScalarValue } from "../../src/document/value.ts";
import {
  type ColumnValue,
  codeBlockRows,
  readCodes,
  readDictionary,
} from "../../src/format/segment-columns.ts";
import { openRowLists, type RowLists } from "../../src/format/segment-lists.ts";
import type {
  ColumnDirectory,
  DictionaryDirectory,
  ElementDirectory,
} from "../../src/format/segment-root.ts";
import { locateBlock, type Section } from "../../src/format/segment-section.ts";
import { blockAt, type Segment } from "../../src/index/segment/segment.ts";
import type { Block } from "../../src/store/block.ts";
import { lesson, mixedUp, readBlock } from "./blocks.ts";
import type { Ledger } from "./ledger.ts";

export async function checkColumns(ledger: Ledger, segment: Segment): Promise<void> {
  for (const { name, column } of segment.root.attributes) {
    if (column === undefined) continue;
    const values = await readValues(ledger, segment, column);
    const codeOf = await readAllCodes(ledger, segment, name, column);
    if (values === undefined || codeOf === undefined) continue;
    const { lists, elements } = column;
    if (lists !== undefined) {
      const rows = groupRows(values.length + 1, (each) =>
        codeOf.forEach((code, row) => each(row, code)),
      );
      await checkLists(ledger, segment, name, lists, rows);
    }
    if (elements !== undefined) {
      await checkElements(ledger, { segment, name, elements, values, codeOf });
    }
  }
}

/** All values of a dictionary; undefined if it does not decode. */
async function readValues(
  ledger: Ledger,
  segment: Segment,
  { dictionary, firstValues }: DictionaryDirectory,
): Promise<readonly ColumnValue[] | undefined> {
  const values: ColumnValue[] = [];
  let isWhole = true;
  await eachBlock(ledger, segment, dictionary, async (bytes, index, { key }) => {
    const length = (firstValues[index + 1] as number) - (firstValues[index] as number);
    const read = await ledger.open(key, lesson, () => readDictionary(bytes, length));
    isWhole &&= read !== undefined;
    for (const value of read ?? []) values.push(value);
  });
  return isWhole ? values : undefined;
}

async function readAllCodes(
  ledger: Ledger,
  segment: Segment,
  name: string,
  { codes, codeBytes, firstValues }: ColumnDirectory,
): Promise<Uint32Array | undefined> {
  const { rows } = segment.root;
  const distinct = firstValues.at(-1) ?? 0;
  const codeOf = new Uint32Array(rows);
  let isWhole = true;
  await eachBlock(ledger, segment, codes, async (bytes, index, { key }) => {
    const count = Math.min(codeBlockRows, rows - index * codeBlockRows);
    const read = await ledger.open(key, lesson, () => readCodes(bytes, count, codeBytes));
    if (read?.some((code) => code > distinct) === true) {
      ledger.fault(key, `the column of ${name} names a value that it does not have`, mixedUp);
      isWhole = false;
    }
    isWhole &&= read !== undefined;
    if (read !== undefined) codeOf.set(read, index * codeBlockRows);
  });
  return isWhole ? codeOf : undefined;
}

/** Rows of each code, ascending. */
interface RowsOfCodes {
  /** Where those of each code begin, and where the last of them end. */
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
}

/** `visit` is called twice: it names each row with each code that it has, rows ascending. */
function groupRows(
  codes: number,
  visit: (each: (row: number, code: number) => void) => void,
): RowsOfCodes {
  const starts = new Uint32Array(codes + 1);
  visit((_, code) => {
    starts[code + 1] = (starts[code + 1] as number) + 1;
  });
  for (let code = 0; code < codes; code++) {
    starts[code + 1] = (starts[code + 1] as number) + (starts[code] as number);
  }
  const next = starts.slice();
  const rows = new Uint32Array(starts.at(-1) as number);
  visit((row, code) => {
    rows[next[code] as number] = row;
    next[code] = (next[code] as number) + 1;
  });
  return { starts, rows };
}

interface ElementsOfColumn {
  readonly segment: Segment;
  readonly name: string;
  readonly elements: ElementDirectory;
  /** The arrays of the column, and which of them rows have. */
  readonly values: readonly ColumnValue[];
  readonly codeOf: Uint32Array;
}

async function checkElements(
  ledger: Ledger,
  { segment, name, elements, values, codeOf }: ElementsOfColumn,
): Promise<void> {
  const known = (await readValues(ledger, segment, elements)) as ScalarValue[] | undefined;
  if (known === undefined) return;
  const { key } = blockAt(segment, locateBlock(elements.dictionary, 0));
  const codes = new Map(known.map((element, i) => [element, i + 1]));
  const isSorted = known.every(
    (each, i) => i === 0 || compareScalars(known[i - 1] as ScalarValue, each) < 0,
  );
  const members = values.map((array) => [...new Set(array as readonly ScalarValue[])]);
  if (!isSorted || !members.flat().every((element) => codes.has(element))) {
    ledger.fault(key, `the elements of ${name} are not those of its arrays`, mixedUp);
    return;
  }
  const rows = groupRows(known.length + 1, (each) =>
    codeOf.forEach((code, row) => {
      for (const element of members[code - 1] ?? []) each(row, codes.get(element) as number);
    }),
  );
  await checkLists(ledger, segment, `elements of ${name}`, elements.lists, rows);
}

async function checkLists(
  ledger: Ledger,
  segment: Segment,
  name: string,
  lists: RowLists,
  { starts, rows: expected }: RowsOfCodes,
): Promise<void> {
  await eachBlock(ledger, segment, lists.blocks, async (bytes, index, { key }) => {
    const first = lists.firstCodes[index] as number;
    const read = await ledger.open(key, lesson, () =>
      openRowLists(bytes, lists, index, segment.root.rows),
    );
    const isRight = read?.every((rows, i) => {
      const wanted = expected.subarray(starts[first + i], starts[first + i + 1]);
      return rows.length === wanted.length && rows.every((row, at) => row === wanted[at]);
    });
    if (isRight === false) {
      ledger.fault(key, `lists of ${name} name rows that have other values`, mixedUp);
    }
  });
}

async function eachBlock(
  ledger: Ledger,
  segment: Segment,
  section: Section,
  check: (bytes: Uint8Array, index: number, block: Block) => Promise<void>,
): Promise<void> {
  for (let index = 0; index < section.count; index++) {
    const block = blockAt(segment, locateBlock(section, index));
    // Their checksums were right a moment ago.
    await check((await readBlock(ledger, block)) as Uint8Array, index, block);
  }
}
