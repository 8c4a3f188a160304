/**
 * The columns of a root:
 *
 *   CBOR  [place of dictionary, place of codes, bytes of a code, separators or null]
 *         and, of columns with lists, behind these: lists; with elements: null, elements
 *
 *   lists     [place, separators]
 *   elements  [place of dictionary, separators, lists]
 *
 * and the arrays named in segment-root.ts.
 */
import type { ByteReader } from "../bytes/byte-reader.ts";
import type { ScalarValue } from "../document/value.ts";
import { codeSection } from "./counted-sections.ts";
import type { RowLists } from "./segment-lists.ts";
import type { ColumnDirectory, DictionaryDirectory, ElementDirectory } from "./segment-root.ts";
import { RootFields } from "./segment-root-fields.ts";
import {
  lengthsOf,
  placeFromCbor,
  placeToCbor,
  type Section,
  unevenSection,
} from "./segment-section.ts";

export function columnHead(column: ColumnDirectory): unknown {
  const { dictionary, codes, codeBytes, separators, lists, elements } = column;
  const head = [placeToCbor(dictionary), placeToCbor(codes), codeBytes, separators ?? null];
  if (elements !== undefined) {
    const { separators: own = [], lists: rows } = elements;
    return [...head, null, [placeToCbor(elements.dictionary), own, listsHead(rows)]];
  }
  return lists === undefined ? head : [...head, listsHead(lists)];
}

function listsHead({ blocks, separators }: RowLists): unknown {
  return [placeToCbor(blocks), separators];
}

export function columnArrays({ lists, elements, ...column }: ColumnDirectory): ArrayBufferView[] {
  return [
    ...dictionaryArrays(column),
    ...(lists === undefined ? [] : listArrays(lists)),
    ...(elements === undefined
      ? []
      : [...dictionaryArrays(elements), ...listArrays(elements.lists)]),
  ];
}

function dictionaryArrays({ dictionary, firstValues }: DictionaryDirectory): ArrayBufferView[] {
  return [lengthsOf(dictionary), firstValues];
}

function listArrays({ blocks, firstCodes, firstRows }: RowLists): ArrayBufferView[] {
  return [lengthsOf(blocks), firstCodes, firstRows];
}

/** Every section, with the name that people know it by. */
export function columnSections(name: string, column: ColumnDirectory): [string, Section][] {
  const { dictionary, codes, lists, elements } = column;
  return [
    [`dictionary of ${name}`, dictionary],
    ...(lists === undefined ? [] : [[`lists of ${name}`, lists.blocks] as [string, Section]]),
    ...(elements === undefined ? [] : elementSections(name, elements)),
    [`codes of ${name}`, codes],
  ];
}

function elementSections(name: string, elements: ElementDirectory): [string, Section][] {
  return [
    [`elements of ${name}`, elements.dictionary],
    [`lists of elements of ${name}`, elements.lists.blocks],
  ];
}

export function readColumn(reader: ByteReader, value: unknown, rows: number): ColumnDirectory {
  const [dictionary, codes, bytes, separators, lists, elements, ...more] = RootFields.list(value);
  if (bytes !== 1 && bytes !== 2 && bytes !== 4) {
    throw reader.error("unknown width of codes");
  }
  if (more.length > 0 || (elements !== undefined && lists !== null)) {
    throw reader.error("a column with more than is known");
  }
  const values = readValues(reader, dictionary, separators);
  const distinct = values.firstValues.at(-1) as number;
  return {
    ...values,
    codes: codeSection(placeFromCbor(codes), rows, bytes),
    codeBytes: bytes,
    ...(lists === undefined || lists === null
      ? {}
      : { lists: readLists(reader, lists, distinct, rows) }),
    ...(elements === undefined ? {} : { elements: readElements(reader, elements) }),
  };
}

function readElements(reader: ByteReader, value: unknown): ElementDirectory {
  const [dictionary, separators, lists] = RootFields.list(value, 3);
  const values = readValues(reader, dictionary, RootFields.list(separators));
  return { ...values, lists: readLists(reader, lists, values.firstValues.at(-1) as number) };
}

function readValues(reader: ByteReader, dictionary: unknown, separators: unknown) {
  const place = placeFromCbor(dictionary);
  reader.alignTo(16);
  const lengths = reader.u32s(place.count);
  reader.alignTo(16);
  const firstValues = readFirsts(reader, place.count);
  return {
    dictionary: unevenSection(place, lengths),
    firstValues,
    separators:
      separators === null
        ? undefined
        : (RootFields.list(separators, place.count) as readonly ScalarValue[]),
  };
}

/** `listed`: how many rows there must be in all lists together. */
function readLists(
  reader: ByteReader,
  value: unknown,
  distinct: number,
  listed?: number,
): RowLists {
  const [at, separators] = RootFields.list(value, 2);
  const place = placeFromCbor(at);
  if (place.count === 0) throw reader.error("a column without lists");
  reader.alignTo(16);
  const lengths = reader.u32s(place.count);
  reader.alignTo(16);
  const firstCodes = readFirsts(reader, place.count, distinct + 1);
  reader.alignTo(16);
  const firstRows = reader.u32s(place.count + 1);
  const ascending = firstRows.every((rows, i) => i === 0 || rows >= (firstRows[i - 1] as number));
  if (firstRows[0] !== 0 || !ascending || (listed ?? firstRows.at(-1)) !== firstRows.at(-1)) {
    throw reader.error("lists do not cover the rows");
  }
  return {
    blocks: unevenSection(place, lengths),
    firstCodes,
    firstRows,
    separators: RootFields.list(separators, place.count - 1) as readonly ScalarValue[],
  };
}

/** Ascending numbers of the first member of each block, from 0, then the total. */
export function readFirsts(reader: ByteReader, blocks: number, total?: number): Uint32Array {
  const firsts = reader.u32s(blocks + 1);
  for (let i = 0; i < blocks; i++) {
    if ((firsts[i] as number) >= (firsts[i + 1] as number)) {
      throw reader.error("an empty block");
    }
  }
  if (firsts[0] !== 0 || (total !== undefined && firsts[blocks] !== total)) {
    throw reader.error("blocks do not cover the rows");
  }
  return firsts;
}
