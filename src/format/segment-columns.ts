/**
 * Columns: for each filterable attribute a dictionary of its distinct values and a code a row.
 *
 *   dictionary chunk, sized content: bytes/compress.ts of CBOR [values, ascending]
 *   code block: codes of `codeBlockRows` consecutive rows (fewer in the last), 1, 2 or 4 bytes each
 *
 * Code 0 = absent; code c = value c - 1 of the dictionary, counted through all chunks. Values are
 * whole attribute values in the order of `compareValues`: an array is one value. The root holds,
 * for each chunk, the index of its first value and, for scalars, a *separator*: above every value
 * before the chunk, not above its first. So comparisons touch one chunk, and most of them no more
 * than that.
 *
 * Framed as in segment-block.ts. Golden: test/golden/v2/segment.hex.
 */
import { compressBlock, decompressBlock } from "../bytes/compress.ts";
import { u16View, u32View } from "../bytes/typed-view.ts";
import type { ComparableValue, ScalarValue } from "../document/value.ts";
import { corrupt } from "../errors.ts";
import { limits } from "../limits.ts";
import { type CborValue, decodeCbor, encodeCbor } from "./cbor.ts";
import { blockBytes, readSized } from "./segment-block.ts";

/** A value of a dictionary: an attribute value that is present. */
export type ColumnValue = ComparableValue;
export type CodeBytes = 1 | 2 | 4;
export type Codes = Uint8Array | Uint16Array | Uint32Array;

/** Encoded values of one chunk; a larger value has a chunk to itself. */
export const dictionaryChunkBytes = 16 * 1024;
export const codeBlockRows = 65_536;

export function encodeDictionary(values: readonly ColumnValue[]): Uint8Array {
  return compressBlock(encodeCbor(values));
}

/** Opens a verified chunk of `length` values. */
export function readDictionary(block: Uint8Array, length: number): readonly ColumnValue[] {
  const what = "dictionary";
  const bytesMax = dictionaryChunkBytes + limits.documentBytesMax;
  const values = decodeCbor(decompressBlock(readSized(block, what), bytesMax), what);
  if (!Array.isArray(values) || values.length !== length || !values.every(isColumnValue)) {
    throw corrupt(`${what}: not a list of ${length} values`);
  }
  return values;
}

function isColumnValue(value: CborValue): value is ColumnValue {
  return Array.isArray(value) ? value.every(isScalar) : isScalar(value);
}

function isScalar(value: CborValue): value is ScalarValue {
  return value !== null && typeof value !== "object";
}

/** Bytes of a code that tells `distinct` values and absence apart. */
export function codeBytesFor(distinct: number): CodeBytes {
  return distinct < 2 ** 8 ? 1 : distinct < 2 ** 16 ? 2 : 4;
}

export function codeBlockBytes(rows: number, codeBytes: CodeBytes): number {
  return blockBytes(rows * codeBytes);
}

export function allocateCodes(length: number, codeBytes: CodeBytes): Codes {
  switch (codeBytes) {
    case 1:
      return new Uint8Array(length);
    case 2:
      return new Uint16Array(length);
    case 4:
      return new Uint32Array(length);
  }
}

/** View of a verified block of `rows` codes. */
export function readCodes(block: Uint8Array, rows: number, codeBytes: CodeBytes): Codes {
  if (block.length !== codeBlockBytes(rows, codeBytes)) {
    throw corrupt(`code block: ${block.length} bytes do not hold ${rows} codes`);
  }
  switch (codeBytes) {
    case 1:
      return block.subarray(0, rows);
    case 2:
      return u16View(block, 0, rows);
    case 4:
      return u32View(block, 0, rows);
  }
}

/**
 * The separator between two neighbouring values: texts are cut behind the first difference, because
 * chunks of long texts would otherwise fill the root.
 */
export function separate(before: ScalarValue, first: ScalarValue): ScalarValue {
  if (typeof before !== "string" || typeof first !== "string") {
    return first;
  }
  let i = 0;
  while (i < before.length && before.charCodeAt(i) === first.charCodeAt(i)) {
    i++;
  }
  const unit = first.charCodeAt(i);
  const pair = unit >= 0xd800 && unit < 0xdc00;
  return first.slice(0, i + (pair ? 2 : 1));
}
