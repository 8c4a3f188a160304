/**
 * Writes one column: the dictionaries of the source are merged, values that no living row has are
 * left out, and codes are translated on the way. Behind the dictionary come lists of the rows of
 * each value, or, of arrays, elements with lists of theirs; then the codes.
 *
 * Memory: 8 bytes a row, 12 a distinct value, one chunk of each dictionary; of arrays what
 * element-lists.ts takes.
 */
import { bytesOf } from "../../bytes/typed-view.ts";
import { compareValues } from "../../document/value.ts";
import { codeSection } from "../../format/counted-sections.ts";
import {
  allocateCodes,
  type CodeBytes,
  type ColumnValue,
  codeBlockBytes,
  codeBlockRows,
  codeBytesFor,
} from "../../format/segment-columns.ts";
import type { ColumnDirectory } from "../../format/segment-root.ts";
import { DictionaryBlocks } from "./dictionary-blocks.ts";
import { ElementLists } from "./element-lists.ts";
import { ListBlocks } from "./list-writer.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PartWriter } from "./part-writer.ts";
import type { ColumnSource, DictionarySource } from "./row-source.ts";
import { mergeSorted } from "./sorted-merge.ts";

export interface ColumnWriterInput {
  readonly column: ColumnSource;
  /** Row number of each ordinal. */
  readonly order: Uint32Array;
  /** Whether values are scalars, which have separators. */
  readonly scalar: boolean;
  readonly writer: PartWriter;
  readonly ledger: MemoryLedger;
}

export async function writeColumn(input: ColumnWriterInput): Promise<ColumnDirectory> {
  const { column, order, writer, ledger, scalar } = input;
  const total = column.dictionaries.reduce((sum, { length }) => sum + length, 0);
  const release = ledger.hold(column.codes.byteLength + 8 * total);
  const listed = countCodes(column.codes, order, total);
  const translated = new Uint32Array(total + 1);
  const dictionary = new DictionaryBlocks(writer, scalar);
  // Of one byte a code, whatever their number turns out to be: that is known too late.
  const lists = new ListBlocks(order.length, order.length, listed[0] as number);
  const elements = scalar ? undefined : new ElementLists(ledger);
  for await (const { value, rows } of distinctValues(column, listed, translated)) {
    await dictionary.add(value);
    if (typeof value !== "object") lists.add(value, rows);
    elements?.add(value, rows);
  }
  const directory = await dictionary.finish();
  const codeOf = (ordinal: number): number =>
    translated[column.codes[order[ordinal] as number] as number] as number;
  const visit = (each: (row: number, code: number) => void): void => {
    for (let row = 0; row < order.length; row++) each(row, codeOf(row));
  };
  const rows = scalar ? await lists.write(visit, writer, ledger) : undefined;
  const inArrays = await elements?.write(
    { codeOf, rows: order.length, columnBytes: order.length },
    writer,
  );
  const codeBytes = codeBytesFor(dictionary.length);
  await writeCodes(input, codeOf, codeBytes);
  const codes = codeSection(writer.endSection(), order.length, codeBytes);
  release();
  return {
    ...directory,
    codes,
    codeBytes,
    ...(rows === undefined ? {} : { lists: rows }),
    ...(inArrays === undefined ? {} : { elements: inArrays }),
  };
}

/** Living rows of each code of the source. */
function countCodes(codes: Uint32Array, order: Uint32Array, total: number): Uint32Array {
  const counts = new Uint32Array(total + 1);
  for (const row of order) {
    const code = codes[row] as number;
    counts[code] = (counts[code] as number) + 1;
  }
  return counts;
}

/** Each value that living rows have, ascending; `translated` is complete once all have passed. */
async function* distinctValues(
  { dictionaries }: ColumnSource,
  listed: Uint32Array,
  translated: Uint32Array,
): AsyncGenerator<{ readonly value: ColumnValue; readonly rows: number }> {
  let last: { readonly value: ColumnValue; rows: number } | undefined;
  let length = 0;
  for await (const items of mergeSorted(itemsOf(dictionaries), compareItems)) {
    for (const { value, code } of items) {
      const rows = listed[code] as number;
      if (rows === 0) continue;
      if (last !== undefined && compareValues(last.value, value) === 0) {
        last.rows += rows;
      } else {
        if (last !== undefined) yield last;
        last = { value, rows };
        length += 1;
      }
      translated[code] = length;
    }
  }
  if (last !== undefined) yield last;
}

interface DictionaryItem {
  readonly value: ColumnValue;
  readonly code: number;
}

function compareItems(a: DictionaryItem, b: DictionaryItem): number {
  return compareValues(a.value, b.value);
}

function itemsOf(
  dictionaries: readonly DictionarySource[],
): AsyncIterable<readonly DictionaryItem[]>[] {
  let base = 0;
  return dictionaries.map((dictionary) => {
    const first = base + 1;
    base += dictionary.length;
    return numberValues(dictionary, first);
  });
}

async function* numberValues(
  dictionary: DictionarySource,
  first: number,
): AsyncGenerator<readonly DictionaryItem[]> {
  let code = first;
  for await (const values of dictionary.values()) {
    yield values.map((value) => ({ value, code: code++ }));
  }
}

async function writeCodes(
  { order, writer }: ColumnWriterInput,
  codeOf: (ordinal: number) => number,
  codeBytes: CodeBytes,
): Promise<void> {
  for (let from = 0; from < order.length; from += codeBlockRows) {
    const rows = Math.min(codeBlockRows, order.length - from);
    const codes = allocateCodes(rows, codeBytes);
    for (let i = 0; i < rows; i++) {
      codes[i] = codeOf(from + i);
    }
    await writer.add(codeBlockBytes(rows, codeBytes), (block) => {
      block.set(bytesOf(codes));
    });
  }
}
