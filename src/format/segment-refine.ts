/**
 * Refine page: `refinePageRows(P)` consecutive rows as int8 with what exact bounds need; the last
 * page of a segment may hold fewer.
 *
 *   offset  size     field
 *        0  n × P    codes, i8, row after row
 *       ..  n × 4    scale, f32
 *       ..  n × 4    |scale × codes|², f32
 *       ..  n × 4    bound on what quantising lost, f32
 *       ..  n × 16   id key (segment-ids.ts)
 *
 * Framed as in segment-block.ts; the width P is a multiple of 64. Golden:
 * test/golden/v2/segment.hex.
 */
import { scratch } from "../bytes/scratch.ts";
import { bytesOf, f32View, i8View } from "../bytes/typed-view.ts";
import { corrupt } from "../errors.ts";
import { limits } from "../limits.ts";
import { blockBytes } from "./segment-block.ts";

/** Rows as int8, in arrays of their own or as views of a page. */
export interface RefineRows {
  /** n × P, or more where rows are further apart: all equally far. */
  readonly codes: Int8Array;
  readonly scales: Float32Array;
  readonly norms: Float32Array;
  readonly errors: Float32Array;
  /** n × 16. */
  readonly keys: Uint8Array;
}

export const idKeyBytes = 16;
const factorBytes = 12;

export function refineRowBytes(width: number): number {
  return width + factorBytes + idKeyBytes;
}

export function refinePageBytes(rows: number, width: number): number {
  return blockBytes(rows * refineRowBytes(width));
}

/** Rows of every page but the last. */
export function refinePageRows(width: number): number {
  const rows = Math.floor(limits.refinePageBytes / refineRowBytes(width));
  return Math.min(limits.refinePageRowsMax, Math.max(1, rows));
}

export function refinePages(rows: number, width: number): number {
  return Math.ceil(rows / refinePageRows(width));
}

/** Rows of a page of a segment of `rows` rows. */
export function refinePageLength(rows: number, page: number, width: number): number {
  const each = refinePageRows(width);
  return Math.min(each, rows - page * each);
}

export function allocateRefineRows(rows: number, width: number): RefineRows {
  return {
    codes: new Int8Array(rows * width),
    scales: new Float32Array(rows),
    norms: new Float32Array(rows),
    errors: new Float32Array(rows),
    keys: new Uint8Array(rows * idKeyBytes),
  };
}

/** Copies one row to index `at` of others of the same width. */
export function copyRefineRow(from: RefineRows, row: number, out: RefineRows, at: number): void {
  const width = from.codes.length / from.scales.length;
  out.codes.set(from.codes.subarray(row * width, (row + 1) * width), at * width);
  out.scales[at] = from.scales[row] as number;
  out.norms[at] = from.norms[row] as number;
  out.errors[at] = from.errors[row] as number;
  const key = row * idKeyBytes;
  out.keys.set(from.keys.subarray(key, key + idKeyBytes), at * idKeyBytes);
}

/** Writes rows `from` … `to`-1 as the content of a page. */
export function writeRefineRows(
  rows: RefineRows,
  from: number,
  to: number,
  width: number,
  page: Uint8Array,
): void {
  let at = 0;
  const put = (values: Int8Array | Uint8Array | Float32Array, perRow: number): void => {
    const part = bytesOf(values.subarray(from * perRow, to * perRow));
    page.set(part, at);
    at += part.length;
  };
  put(rows.codes, width);
  put(rows.scales, 1);
  put(rows.norms, 1);
  put(rows.errors, 1);
  put(rows.keys, idKeyBytes);
}

/** Views of a verified page. */
export function readRefineRows(page: Uint8Array, rows: number, width: number): RefineRows {
  if (page.length !== refinePageBytes(rows, width)) {
    throw corrupt(`refine page: ${page.length} bytes do not hold ${rows} rows`);
  }
  const factorsAt = rows * width;
  const keysAt = factorsAt + rows * factorBytes;
  return {
    codes: i8View(page, 0, rows * width),
    scales: f32View(page, factorsAt, rows),
    norms: f32View(page, factorsAt + rows * 4, rows),
    errors: f32View(page, factorsAt + rows * 8, rows),
    keys: page.subarray(keysAt, keysAt + rows * idKeyBytes),
  };
}

const wholeRows = scratch((length) => new Uint8Array(length));
const rowScales = scratch((length) => new Float32Array(length));
const rowNorms = scratch((length) => new Float32Array(length));
const rowErrors = scratch((length) => new Float32Array(length));
const rowKeys = scratch((length) => new Uint8Array(length));

/**
 * Rows of one row each, without a frame (`writeRefineRows`), together, until it is called again:
 * codes stay where they are in their row, so they are `refineRowBytes` apart.
 */
export function gatherRefineRows(rows: readonly Uint8Array[], width: number): RefineRows {
  const each = refineRowBytes(width);
  const count = rows.length;
  const bytes = wholeRows(count * each);
  const floats = f32View(bytes, 0, bytes.length / 4);
  const out = {
    codes: i8View(bytes, 0, bytes.length),
    scales: rowScales(count),
    norms: rowNorms(count),
    errors: rowErrors(count),
    keys: rowKeys(count * idKeyBytes),
  };
  for (const [i, row] of rows.entries()) {
    bytes.set(row, i * each);
    const factors = (i * each + width) / 4;
    out.scales[i] = floats[factors] as number;
    out.norms[i] = floats[factors + 1] as number;
    out.errors[i] = floats[factors + 2] as number;
    out.keys.set(row.subarray(width + factorBytes), i * idKeyBytes);
  }
  return out;
}
