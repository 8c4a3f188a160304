/**
 * Where the blocks of a section lie. Blocks follow each other without gaps; where the writer went
 * on to the next object of the segment, a new *extent* begins. Blocks are of one size (the last may
 * be shorter), so that finding one is arithmetic, or of many, whose sizes are stored or follow from
 * counts in the root.
 *
 *   CBOR  [number of blocks, [[part, offset, first block] of each extent, ascending]]
 */
import { corrupt } from "../errors.ts";
import type { SectionRange } from "./manifest.ts";

export interface Extent {
  readonly part: number;
  readonly offset: number;
  /** The block that begins at `offset`. */
  readonly first: number;
}

export interface SectionPlace {
  readonly count: number;
  readonly extents: readonly Extent[];
}

export type BlockSizes =
  | { readonly kind: "even"; readonly stride: number; readonly last: number }
  | {
      readonly kind: "uneven";
      readonly lengths: Uint32Array;
      /** Offset of each block in its object. */
      readonly offsets: Uint32Array;
    };

export interface Section extends SectionPlace {
  readonly sizes: BlockSizes;
}

/** Sizes that are stored; none where they follow from counts. */
export function lengthsOf({ sizes }: Section): Uint32Array {
  return sizes.kind === "uneven" ? sizes.lengths : new Uint32Array(0);
}

/** Blocks of `stride` bytes, the last of `last`. */
export function evenSection(place: SectionPlace, stride: number, last: number): Section {
  return { ...place, sizes: { kind: "even", stride, last } };
}

export function unevenSection(place: SectionPlace, lengths: Uint32Array): Section {
  if (lengths.length !== place.count) {
    throw corrupt(`segment root: ${lengths.length} sizes of ${place.count} blocks`);
  }
  const offsets = new Uint32Array(place.count);
  place.extents.forEach((extent, i) => {
    const end = place.extents[i + 1]?.first ?? place.count;
    let offset = extent.offset;
    for (let block = extent.first; block < end; block++) {
      offsets[block] = offset;
      offset += lengths[block] as number;
    }
  });
  return { ...place, sizes: { kind: "uneven", lengths, offsets } };
}

/**
 * Where a block lies. Throws `corrupt` when there is none: the number came from other stored bytes.
 */
export function locateBlock(section: Section, block: number): SectionRange {
  if (!(block >= 0 && block < section.count)) {
    throw corrupt(`segment: there is no block ${block} of ${section.count}`);
  }
  const { sizes, extents } = section;
  const { part, offset, first } = extents[extentOf(extents, block)] as Extent;
  if (sizes.kind === "uneven") {
    const length = sizes.lengths[block] as number;
    return { part, offset: sizes.offsets[block] as number, length };
  }
  const length = block === section.count - 1 ? sizes.last : sizes.stride;
  return { part, offset: offset + (block - first) * sizes.stride, length };
}

function extentOf(extents: readonly Extent[], block: number): number {
  let low = 0;
  let high = extents.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((extents[middle] as Extent).first <= block) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

export function placeToCbor(place: SectionPlace): unknown {
  return [place.count, place.extents.map(({ part, offset, first }) => [part, offset, first])];
}

export function placeFromCbor(value: unknown): SectionPlace {
  const [count, list] = tuple(value, 2);
  if (!Array.isArray(list)) {
    throw malformed();
  }
  const extents = list.map((item): Extent => {
    const extent = tuple(item, 3);
    return { part: size(extent[0]), offset: size(extent[1]), first: size(extent[2]) };
  });
  const blocks = size(count);
  const ascending = extents.every(({ first }, i) => first > (extents[i - 1]?.first ?? -1));
  if (!ascending || blocks > 0 !== (extents[0]?.first === 0)) {
    throw malformed();
  }
  if ((extents.at(-1)?.first ?? 0) > Math.max(0, blocks - 1)) {
    throw malformed();
  }
  return { count: blocks, extents };
}

/** Every block lies inside its object. */
export function checkSection(section: Section, partBytes: readonly number[]): void {
  section.extents.forEach((extent, i) => {
    const last = (section.extents[i + 1]?.first ?? section.count) - 1;
    const { offset, length } = locateBlock(section, last);
    const size = partBytes[extent.part];
    if (size === undefined || offset + length > size || offset < extent.offset) {
      throw corrupt("segment root: a section lies outside its object");
    }
  });
}

function tuple(value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) {
    throw malformed();
  }
  return value;
}

function size(value: unknown): number {
  if (typeof value !== "number" || !(value >= 0 && value < 2 ** 32) || !Number.isInteger(value)) {
    throw malformed();
  }
  return value;
}

function malformed(): Error {
  return corrupt("segment root: malformed section");
}
