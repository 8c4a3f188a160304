/**
 * The refine plane: which rows are really near? Pages of consecutive rows as int8, with bounds and
 * ids. `index/vector/int8.ts` scores gathered rows where they lie in their page.
 */
import { scratch } from "../../bytes/scratch.ts";
import type { DocumentId } from "../../document/id.ts";
import { idOfKey } from "../../format/segment-ids.ts";
import {
  gatherRefineRows,
  type RefineRows,
  readRefineRows,
  refinePageLength,
  refinePageRows,
  refineRowBytes,
  writeRefineRows,
} from "../../format/segment-refine.ts";
import { locateBlock } from "../../format/segment-section.ts";
import type { Block } from "../../store/block.ts";
import { blockAt, type Segment, vectorPlanes } from "./segment.ts";

/** The page of an ordinal. */
export function refinePageOf(segment: Segment, ordinal: number): number {
  return Math.floor(ordinal / refinePageRows(vectorPlanes(segment).width));
}

/** The first ordinal of a page. */
export function refinePageStart(segment: Segment, page: number): number {
  return page * refinePageRows(vectorPlanes(segment).width);
}

export function refinePage(segment: Segment, page: number): Block {
  return blockAt(segment, locateBlock(vectorPlanes(segment).refine, page));
}

/** Views of the verified bytes of a page; row i is ordinal `refinePageStart(…) + i`. */
export function readRefinePage(segment: Segment, page: number, bytes: Uint8Array): RefineRows {
  const { width } = vectorPlanes(segment);
  return readRefineRows(bytes, refinePageLength(segment.root.rows, page, width), width);
}

/** What `distanceInt8` scores. */
export interface RefineCandidates {
  readonly codes: Int8Array;
  readonly starts: Uint32Array;
  readonly scales: Float32Array;
  readonly norms: Float32Array;
  readonly errors: Float32Array;
}

const pickedStarts = scratch((length) => new Uint32Array(length));
const pickedScales = scratch((length) => new Float32Array(length));
const pickedNorms = scratch((length) => new Float32Array(length));
const pickedErrors = scratch((length) => new Float32Array(length));

/** Some rows, by their index, until it is called again; codes stay where they are. */
export function pickRefineRows(rows: RefineRows, indexes: readonly number[]): RefineCandidates {
  const width = rows.codes.length / rows.scales.length;
  const count = indexes.length;
  const starts = pickedStarts(count);
  const scales = pickedScales(count);
  const norms = pickedNorms(count);
  const errors = pickedErrors(count);
  for (let i = 0; i < count; i++) {
    const index = indexes[i] as number;
    starts[i] = index * width;
    scales[i] = rows.scales[index] as number;
    norms[i] = rows.norms[index] as number;
    errors[i] = rows.errors[index] as number;
  }
  return { codes: rows.codes, starts, scales, norms, errors };
}

/** Rows of a page that are few enough to be kept one by one rather than with the whole page. */
export function fewRefineRows(segment: Segment): number {
  return Math.floor(refinePageRows(vectorPlanes(segment).width) / 3);
}

/** One row, to be kept in memory: a page of its own without a frame. */
export function cutRefineRow(rows: RefineRows, index: number): Uint8Array {
  const width = rows.codes.length / rows.scales.length;
  const bytes = new Uint8Array(refineRowBytes(width));
  writeRefineRows(rows, index, index + 1, width, bytes);
  return bytes;
}

/** Rows that were kept, together again, as `gatherRefineRows` has them. */
export function joinRefineRows(segment: Segment, kept: readonly Uint8Array[]): RefineRows {
  return gatherRefineRows(kept, vectorPlanes(segment).width);
}

/**
 * The id of a row of a page; undefined in namespaces with text ids, of which pages hold hashes
 * only.
 */
export function refineRowId(
  segment: Segment,
  rows: RefineRows,
  index: number,
): DocumentId | undefined {
  return idOfKey(segment.root.idKind, rows.keys, index);
}
