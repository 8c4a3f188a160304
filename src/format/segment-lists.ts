/**
 * Lists: for each value of a dictionary the rows that have it, so that a filter reads those of the
 * values it is about, and not the codes of all rows.
 *
 *   list block, sized content: one list after the other, of consecutive codes
 *     varint   rows in the list
 *     varints  up to `inlineRowsMax` rows: the first, then what each is above the one before
 *     varint, bytes   more: size, and a Roaring bitmap in its portable format (bytes/roaring.ts)
 *
 * Code 0 is the list of rows without a value. Lists follow each other in the order of codes, which
 * is that of values: the rows of a range of values lie in one range of blocks. The root says for
 * each block its first code, how many rows are listed before it, which makes counts of ranges exact
 * but for the blocks at their ends, and for each but the first a separator (segment-columns.ts).
 *
 * Framed as in segment-block.ts. Golden: test/golden/v2/segment.hex.
 */
import { Bitmap } from "../bytes/bitmap.ts";
import { ByteReader } from "../bytes/byte-reader.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { decodeBitmapInto, encodeOrdinals } from "../bytes/roaring.ts";
import type { ScalarValue } from "../document/value.ts";
import { readSized } from "./segment-block.ts";
import type { Section } from "./segment-section.ts";

export interface RowLists {
  readonly blocks: Section;
  /** First code of each block, then the number of codes. */
  readonly firstCodes: Uint32Array;
  /** Rows listed before each block, then all that are listed. */
  readonly firstRows: Uint32Array;
  /** Of each block but the first. */
  readonly separators: readonly ScalarValue[];
}

/** A bitmap of so few rows would be larger. */
export const inlineRowsMax = 16;
const listBlockBytesMax = 8 * 1024;
const listBlockBytesMin = 32;
const what = "lists of rows";

/** A block ends before it grows beyond this: small columns shall be worth reading in part too. */
export function listBlockBytes(codeBytes: number): number {
  return Math.min(listBlockBytesMax, Math.max(listBlockBytesMin, Math.floor(codeBytes / 8)));
}

/** About what a list takes; no more than needed to decide where blocks end. */
export function expectedListBytes(listed: number, rows: number): number {
  return listed <= inlineRowsMax
    ? 1 + 3 * listed
    : 24 + Math.min(2 * listed, Math.ceil(rows / 8) + 16);
}

/** Content of a block. Rows of each list ascend. */
export function encodeRowLists(lists: Iterable<Uint32Array>): Uint8Array {
  const writer = new ByteWriter(1024);
  for (const rows of lists) {
    writer.varint(rows.length);
    if (rows.length > inlineRowsMax) {
      writer.prefixed(encodeOrdinals(rows));
      continue;
    }
    let before = 0;
    for (const row of rows) {
      writer.varint(row - before);
      before = row;
    }
  }
  return writer.finish();
}

type BlocksOfLists = Pick<RowLists, "firstCodes" | "firstRows">;

/** Adds the rows of the lists of a verified block whose codes `takes` says; returns how many. */
export function readRowLists(
  block: Uint8Array,
  lists: BlocksOfLists,
  index: number,
  takes: (code: number) => boolean,
  target: Bitmap,
): number {
  let taken = 0;
  walkLists(block, lists, index, target.size, (reader, code, rows) => {
    const takesRows = takes(code);
    taken += takesRows ? rows : 0;
    if (rows <= inlineRowsMax) {
      readInline(reader, rows, takesRows ? target : undefined, target.size);
    } else {
      const bytes = reader.prefixed();
      if (takesRows) addBitmap(reader, bytes, rows, target);
    }
  });
  return taken;
}

/** The rows of each list of a verified block, ascending, one list after the other. */
export function openRowLists(
  block: Uint8Array,
  lists: BlocksOfLists,
  index: number,
  size: number,
): readonly Uint32Array[] {
  const opened: Uint32Array[] = [];
  walkLists(block, lists, index, size, (reader, _, rows) => {
    if (rows <= inlineRowsMax) {
      const listed: number[] = [];
      readInline(reader, rows, { set: (row) => listed.push(row) }, size);
      opened.push(Uint32Array.from(listed));
    } else {
      const bitmap = new Bitmap(size);
      addBitmap(reader, reader.prefixed(), rows, bitmap);
      opened.push(bitmap.ordinals());
    }
  });
  return opened;
}

function walkLists(
  block: Uint8Array,
  { firstCodes, firstRows }: BlocksOfLists,
  index: number,
  size: number,
  read: (reader: ByteReader, code: number, rows: number) => void,
): void {
  const reader = new ByteReader(readSized(block, what), what);
  const to = firstCodes[index + 1] as number;
  let listed = 0;
  for (let code = firstCodes[index] as number; code < to; code++) {
    const rows = reader.varint(size);
    listed += rows;
    read(reader, code, rows);
  }
  reader.end();
  if (listed !== (firstRows[index + 1] as number) - (firstRows[index] as number)) {
    throw reader.error(`${listed} rows listed, not as many as the root says`);
  }
}

function addBitmap(reader: ByteReader, bytes: Uint8Array, rows: number, target: Bitmap): void {
  if (decodeBitmapInto(bytes, target) !== rows) {
    throw reader.error(`a list does not hold ${rows} rows`);
  }
}

function readInline(
  reader: ByteReader,
  rows: number,
  target: { readonly set: (row: number) => unknown } | undefined,
  size: number,
): void {
  let row = -1;
  for (let i = 0; i < rows; i++) {
    const step = reader.varint(size);
    if (i > 0 && step === 0) throw reader.error("a row is listed twice");
    row = i === 0 ? step : row + step;
    if (row >= size) throw reader.error(`row ${row} is beyond ${size}`);
    target?.set(row);
  }
}
