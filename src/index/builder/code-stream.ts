/**
 * Rotated vectors in bounded memory: int8 rows are gathered some megabytes at a time and turned
 * into f32 a slice at a time.
 */
import {
  allocateRefineRows,
  type RefineRows,
  refineRowBytes,
} from "../../format/segment-refine.ts";
import { decodeInt8 } from "../vector/int8.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { VectorSource } from "./row-source.ts";

/** Where codes come from, and what counts the memory they take. */
export interface CodeInput {
  readonly source: VectorSource;
  /** Of a rotated vector. */
  readonly width: number;
  readonly ledger: MemoryLedger;
}

const gatherBytes = 8 * 1024 * 1024;
const sliceBytes = 2 * 1024 * 1024;

/** Rows that are gathered at once. */
export function gatherRowsMax(width: number): number {
  return Math.max(1, Math.floor(gatherBytes / refineRowBytes(width)));
}

/** Gathers rows a stretch at a time; `stretches` are ends of stretches, ascending. */
export async function forEachStretch(
  { source, width, ledger }: CodeInput,
  rows: Uint32Array,
  stretches: Iterable<number>,
  visit: (codes: RefineRows, from: number, to: number) => void | Promise<void>,
): Promise<void> {
  let from = 0;
  let out = allocateRefineRows(0, width);
  let release = ledger.hold(0);
  for (const to of stretches) {
    if (to - from > out.scales.length) {
      release();
      // The old one goes before the new one comes.
      out = allocateRefineRows(0, width);
      release = ledger.hold((to - from) * refineRowBytes(width));
      out = allocateRefineRows(to - from, width);
    }
    await source.gatherCodes(rows.subarray(from, to), out);
    await visit(out, from, to);
    from = to;
  }
  release();
}

/** Ends of stretches of as many rows as are gathered at once, in multiples of `multiple`. */
export function* evenStretches(rows: number, width: number, multiple = 1): Generator<number> {
  const step = Math.max(1, Math.floor(gatherRowsMax(width) / multiple)) * multiple;
  for (let to = step; to < rows; to += step) {
    yield to;
  }
  yield rows;
}

/**
 * Ends of stretches of whole blocks: as many as are gathered at once, at least one. `firstRows` has
 * the first row of each block, then the number of rows.
 */
export function* blockStretches(firstRows: Uint32Array, width: number): Generator<number> {
  let from = 0;
  for (let block = 1; block < firstRows.length; block++) {
    const end = firstRows[block] as number;
    const next = firstRows[block + 1];
    if (next === undefined || next - from > gatherRowsMax(width)) {
      yield end;
      from = end;
    }
  }
}

/** Rows `from` … `to`-1 of gathered codes as f32, a slice at a time; `visit` may overwrite them. */
export function forEachSlice(
  { width, ledger }: CodeInput,
  codes: RefineRows,
  from: number,
  to: number,
  visit: (vectors: Float32Array, from: number, to: number) => void,
): void {
  const step = Math.max(1, Math.min(to - from, Math.floor(sliceBytes / (4 * width))));
  const release = ledger.hold(step * width * 4);
  const vectors = new Float32Array(step * width);
  for (let start = from; start < to; start += step) {
    const end = Math.min(to, start + step);
    visit(decodeRows(codes, start, end, vectors, width), start, end);
  }
  release();
}

/** Fills `out` with the vectors of some rows. */
export async function loadVectors(
  input: CodeInput,
  rows: Uint32Array,
  out: Float32Array,
): Promise<void> {
  const { width } = input;
  await forEachStretch(input, rows, evenStretches(rows.length, width), (codes, from, to) => {
    decodeRows(codes, 0, to - from, out.subarray(from * width), width);
  });
}

function decodeRows(
  codes: RefineRows,
  from: number,
  to: number,
  vectors: Float32Array,
  width: number,
): Float32Array {
  return decodeInt8(
    codes.codes.subarray(from * width, to * width),
    codes.scales.subarray(from, to),
    vectors.subarray(0, (to - from) * width),
  );
}
