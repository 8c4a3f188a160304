/**
 * Which ranges to read for a set of wanted blocks. A request costs far more than the bytes
 * between two blocks, so neighbours are read together, gaps included. Pure.
 *
 *   1. Sort the blocks of each object by offset.
 *   2. Join neighbours that touch or overlap, or whose gap is below `gapBytes`.
 *   3. Join across the smallest remaining gaps until at most `readsMax` ranges are left, or up to
 *      `wideReads` more where that would join across a wide gap: to wait for one of them takes
 *      longer than for a connection that is free again. Objects are never joined, so there are
 *      never fewer ranges than objects.
 *   4. Cut where a range would exceed `rangeBytesMax`: memory is bounded before the number of
 *      reads.
 *
 * Without cuts and wide gaps the bytes read are the fewest possible for that number of ranges:
 * joining across a gap costs the gap and changes no other, so the smallest gaps are the cheapest
 * set.
 */
import { assert } from "../errors.ts";
import { limits } from "../limits.ts";
import type { BlockPosition } from "./block.ts";

export interface RangeBounds {
  /** Raised to the number of objects where these are more. */
  readonly readsMax: number;
  readonly gapBytes: number;
  /** So many more than `readsMax` instead of wide gaps; none if it is not said. */
  readonly wideReads?: number;
  /** A single block that is larger is a range of its own. */
  readonly rangeBytesMax?: number;
}

export interface RangeRead {
  readonly key: string;
  readonly offset: number;
  readonly length: number;
  /** Indexes of the blocks that lie inside, ascending. */
  readonly blocks: readonly number[];
}

/** Where not all blocks need be read. */
export interface ReadCap {
  readonly reads: number;
  readonly bytes: number;
  /** So many of the blocks, the first, are read whatever that takes. */
  readonly sure: number;
}

export interface ToldCap extends ReadCap {
  /** Called for each block that is not read. */
  readonly onLeftOut: (index: number) => void;
}

interface Gap {
  /** Position in the sorted order of the block behind the gap. */
  readonly before: number;
  readonly bytes: number;
}

/** Blocks come in order of promise, and so do ranges: by the first block each one brings. */
export function planRanges(blocks: readonly BlockPosition[], bounds: RangeBounds): RangeRead[] {
  assert(bounds.readsMax >= 1, `at most ${bounds.readsMax} reads`);
  const order = Array.from(blocks.keys()).sort((a, b) =>
    comparePositions(blocks[a] as BlockPosition, blocks[b] as BlockPosition),
  );
  const joined = chooseJoins(blocks, order, bounds);
  return cutRanges(blocks, order, joined, bounds.rangeBytesMax ?? Number.POSITIVE_INFINITY).sort(
    (a, b) => (a.blocks[0] as number) - (b.blocks[0] as number),
  );
}

/** What it takes to read them, gaps included. */
export function rangeBytes(blocks: readonly BlockPosition[], bounds: RangeBounds): number {
  return bytesOf(planRanges(blocks, bounds));
}

/**
 * Which blocks to read, ascending, so that no more than `most` is: each, the most promising first,
 * that there is room for beside those before it, and whatever lies in the same ranges. (Dropping
 * ranges by what they are worth for their bytes found less: the promise of a block is a guess.)
 */
export function chooseBlocks(
  blocks: readonly BlockPosition[],
  bounds: RangeBounds,
  most: ReadCap,
): readonly number[] {
  const all = Array.from(blocks.keys());
  const rangesOf = (indexes: readonly number[]): readonly RangeRead[] =>
    planRanges(
      indexes.map((index) => blocks[index] as BlockPosition),
      bounds,
    );
  const fits = (ranges: readonly RangeRead[]): boolean =>
    ranges.length <= most.reads && bytesOf(ranges) <= most.bytes;
  if (fits(rangesOf(all))) return all;
  let chosen: readonly number[] = [];
  for (const index of all) {
    const more = [...chosen, index];
    if (index < most.sure || fits(rangesOf(more))) chosen = more;
  }
  const ranges = rangesOf(chosen);
  return all.filter((index) => {
    const { key, offset, length } = blocks[index] as BlockPosition;
    const isIn = (range: RangeRead): boolean =>
      range.key === key && range.offset <= offset && offset + length <= range.offset + range.length;
    return ranges.some(isIn);
  });
}

function bytesOf(ranges: readonly RangeRead[]): number {
  return ranges.reduce((sum, { length }) => sum + length, 0);
}

/** The same of some of the blocks, by their indexes. */
export function chooseAmong(
  blocks: readonly BlockPosition[],
  indexes: readonly number[],
  bounds: RangeBounds,
  most: ToldCap,
): readonly number[] {
  const positions = indexes.map((index) => blocks[index] as BlockPosition);
  const sure = indexes.filter((index) => index < most.sure).length;
  const chosen = new Set(chooseBlocks(positions, bounds, { ...most, sure }));
  return indexes.filter((index, at) => {
    if (!chosen.has(at)) most.onLeftOut(index);
    return chosen.has(at);
  });
}

/** Per position of the sorted order: whether this block is joined to the one before it. */
function chooseJoins(
  blocks: readonly BlockPosition[],
  order: readonly number[],
  bounds: RangeBounds,
): boolean[] {
  const joined = order.map(() => false);
  const gaps: Gap[] = [];
  let ranges = 0;
  let key: string | undefined;
  let end = 0;
  for (const [position, index] of order.entries()) {
    const block = blocks[index] as BlockPosition;
    if (block.key !== key) {
      key = block.key;
      end = 0;
      ranges += 1;
    } else if (block.offset <= end || block.offset - end < bounds.gapBytes) {
      joined[position] = true;
    } else {
      ranges += 1;
      gaps.push({ before: position, bytes: block.offset - end });
    }
    end = Math.max(end, block.offset + block.length);
  }
  gaps.sort((a, b) => a.bytes - b.bytes);
  const excess = Math.max(0, ranges - bounds.readsMax);
  for (const [nth, gap] of gaps.slice(0, excess).entries()) {
    const isWorthRead = gap.bytes >= limits.wideGapBytes && nth >= excess - (bounds.wideReads ?? 0);
    if (!isWorthRead) joined[gap.before] = true;
  }
  return joined;
}

function cutRanges(
  blocks: readonly BlockPosition[],
  order: readonly number[],
  joined: readonly boolean[],
  rangeBytesMax: number,
): RangeRead[] {
  const ranges: { key: string; offset: number; length: number; blocks: number[] }[] = [];
  for (const [position, index] of order.entries()) {
    const block = blocks[index] as BlockPosition;
    const range = ranges.at(-1);
    if (range !== undefined && joined[position] === true) {
      const end = Math.max(range.offset + range.length, block.offset + block.length);
      if (end - range.offset <= Math.max(rangeBytesMax, range.length)) {
        range.length = end - range.offset;
        range.blocks.push(index);
        continue;
      }
    }
    ranges.push({ key: block.key, offset: block.offset, length: block.length, blocks: [index] });
  }
  for (const range of ranges) range.blocks.sort((a, b) => a - b);
  return ranges;
}

function comparePositions(a: BlockPosition, b: BlockPosition): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.offset - b.offset;
}
