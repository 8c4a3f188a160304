/**
 * Planes of a vector column beside the first. Seen through `viewColumn` they are those of a segment
 * whose first column it is, so that all that scans, refines and merges does so for any column; its
 * *places* take the part of ordinals, and `placeOrdinals` says which ordinal each is.
 */
import { Bitmap } from "../../bytes/bitmap.ts";
import { corrupt } from "../../errors.ts";
import { codeBlockRows, readCodes } from "../../format/segment-columns.ts";
import { ordinalBytes } from "../../format/segment-planes-codec.ts";
import { locateBlock, type Section } from "../../format/segment-section.ts";
import type { Block } from "../../store/block.ts";
import { blockAt, type Segment } from "./segment.ts";

export interface ColumnView {
  readonly segment: Segment;
  /** Where the ordinals of places lie; undefined: places are ordinals. */
  readonly ordinals: Section | undefined;
}

/** Undefined: the segment has no planes of that column. */
export function viewColumn(segment: Segment, name: string): ColumnView | undefined {
  const planes = segment.root.further?.find((each) => each.name === name);
  if (planes === undefined) return undefined;
  const { ordinals, ...vector } = planes;
  return { segment: { ...segment, root: { ...segment.root, vector } }, ordinals };
}

export function ordinalBlocks(segment: Segment, ordinals: Section): readonly Block[] {
  return Array.from({ length: ordinals.count }, (_, index) =>
    blockAt(segment, locateBlock(ordinals, index)),
  );
}

/** The ordinal of each place, from the verified bytes of all blocks. */
export function placeOrdinals(segment: Segment, blocks: readonly Uint8Array[]): Uint32Array {
  const { rows } = segment.root;
  const ordinals = new Uint32Array(rows);
  for (const [index, bytes] of blocks.entries()) {
    const from = index * codeBlockRows;
    ordinals.set(readCodes(bytes, Math.min(codeBlockRows, rows - from), ordinalBytes), from);
  }
  if (ordinals.some((ordinal) => ordinal >= rows)) {
    throw corrupt(`segment ${segment.info.id}: a vector of a row that is not there`);
  }
  return ordinals;
}

/** The places of some ordinals. */
export function placesOf(rows: Bitmap, ordinals: Uint32Array | undefined): Bitmap {
  if (ordinals === undefined) return rows;
  const places = new Bitmap(rows.size);
  for (let place = 0; place < ordinals.length; place++) {
    if (rows.has(ordinals[place] as number)) places.set(place);
  }
  return places;
}
