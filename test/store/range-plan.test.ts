import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../../src/limits.ts";
import type { BlockPosition } from "../../src/store/block.ts";
import { chooseBlocks, planRanges, type RangeRead } from "../../src/store/range-plan.ts";

const at = (offset: number, length = 10, key = "a"): BlockPosition => ({ key, offset, length });
const spans = (ranges: readonly RangeRead[]) =>
  ranges.map(({ offset, length }) => [offset, offset + length]);
const total = (ranges: readonly RangeRead[]) => ranges.reduce((sum, { length }) => sum + length, 0);
const objectsOf = (blocks: readonly BlockPosition[]) => new Set(blocks.map(({ key }) => key)).size;

const anyBlock = fc.record({
  key: fc.constantFrom("a", "b", "c"),
  offset: fc.nat(400),
  length: fc.integer({ min: 1, max: 40 }),
});
const anyBounds = fc.record({ readsMax: fc.integer({ min: 1, max: 6 }), gapBytes: fc.nat(60) });

describe("range plan", () => {
  it("reads nothing for nothing", () => {
    expect(planRanges([], { readsMax: 6, gapBytes: 0 })).toEqual([]);
  });

  it("joins blocks that touch, and those with a gap cheaper to read than to skip", () => {
    const bounds = { readsMax: 6, gapBytes: 20 };
    expect(spans(planRanges([at(10), at(0), at(20)], bounds))).toEqual([[0, 30]]);
    expect(spans(planRanges([at(0), at(29)], bounds))).toEqual([[0, 39]]);
    expect(spans(planRanges([at(0), at(30)], bounds))).toEqual([
      [0, 10],
      [30, 40],
    ]);
  });

  it("joins across the smallest gaps until there are few enough", () => {
    const blocks = [at(0), at(100), at(150), at(400), at(430)];
    const plan = (readsMax: number) => spans(planRanges(blocks, { readsMax, gapBytes: 0 }));
    expect(plan(5)).toHaveLength(5);
    expect(plan(4)).toEqual([
      [0, 10],
      [100, 110],
      [150, 160],
      [400, 440],
    ]);
    expect(plan(2)).toEqual([
      [0, 160],
      [400, 440],
    ]);
    expect(plan(1)).toEqual([[0, 440]]);
  });

  it("makes a few more reads rather than join across wide gaps", () => {
    const wide = limits.wideGapBytes;
    const blocks = [at(0), at(100), at(wide + 200), at(3 * wide), at(6 * wide)];
    const plan = (readsMax: number, wideReads: number) =>
      planRanges(blocks, { readsMax, gapBytes: 0, wideReads }).length;
    expect(plan(2, 0)).toBe(2);
    expect(plan(2, 1)).toBe(3);
    expect(plan(2, 9)).toBe(4);
    expect(plan(4, 1)).toBe(4);
    expect(plan(5, 1)).toBe(5);
  });

  it("puts first the range with the most promising block", () => {
    const blocks = [at(500), at(0), at(520), at(900)];
    expect(spans(planRanges(blocks, { readsMax: 3, gapBytes: 15 }))).toEqual([
      [500, 530],
      [0, 10],
      [900, 910],
    ]);
  });

  it("never joins objects: there are as many reads as these, at least", () => {
    const blocks = [at(0, 10, "a"), at(0, 10, "b"), at(10, 10, "a"), at(90, 10, "b")];
    const plan = planRanges(blocks, { readsMax: 1, gapBytes: 0 });
    expect(plan).toEqual([
      { key: "a", offset: 0, length: 20, blocks: [0, 2] },
      { key: "b", offset: 0, length: 100, blocks: [1, 3] },
    ]);
  });

  it("cuts before a range becomes too large, but never through a block", () => {
    const blocks = [at(0, 40), at(40, 40), at(80, 40), at(200, 150), at(350, 10)];
    const plan = planRanges(blocks, { readsMax: 1, gapBytes: 0, rangeBytesMax: 100 });
    expect(spans(plan)).toEqual([
      [0, 80],
      [80, 120],
      [200, 350],
      [350, 360],
    ]);
  });

  it("leaves out what there is no room for, the least promising first", () => {
    const blocks = [at(0), at(500), at(20), at(530), at(900), at(10)];
    const chosen = (reads: number, bytes: number, sure = 1) =>
      chooseBlocks(blocks, { readsMax: reads, gapBytes: 15 }, { reads, bytes, sure });
    expect(chosen(9, 999)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(chosen(3, 999)).toEqual([0, 1, 2, 3, 4, 5]);
    // A gap is no reason to read more bytes than there may be.
    expect(chosen(2, 70)).toEqual([0, 1, 2, 3, 5]);
    expect(chosen(2, 45)).toEqual([0, 1, 2, 5]);
    expect(chosen(1, 25)).toEqual([0, 5]);
    expect(chosen(1, 25, 3)).toEqual([0, 1, 2, 5]);
  });

  it("chooses no more than may be read, whatever the blocks", () => {
    const most = { reads: 3, bytes: 200, sure: 1 };
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 30 }), (blocks) => {
        const bounds = { readsMax: 3, gapBytes: 20 };
        const chosen = chooseBlocks(blocks, bounds, most);
        expect(chosen[0]).toBe(blocks.length === 0 ? undefined : 0);
        const plan = planRanges(
          chosen.map((index) => blocks[index] as BlockPosition),
          bounds,
        );
        expect(plan.length).toBeLessThanOrEqual(most.reads);
        expect(total(plan)).toBeLessThanOrEqual(most.bytes);
      }),
    );
  });

  it("takes the same block twice, and blocks inside others", () => {
    const plan = planRanges([at(0, 100), at(20), at(20), at(95)], { readsMax: 4, gapBytes: 0 });
    expect(plan).toEqual([{ key: "a", offset: 0, length: 105, blocks: [0, 1, 2, 3] }]);
  });

  it("covers every block exactly once, in no more reads than allowed", () => {
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 30 }), anyBounds, (blocks, bounds) => {
        const plan = planRanges(blocks, bounds);
        expect(plan.length).toBeLessThanOrEqual(Math.max(bounds.readsMax, objectsOf(blocks)));
        const covered = plan.flatMap((range) => range.blocks).sort((a, b) => a - b);
        expect(covered).toEqual(Array.from(blocks.keys()));
        for (const range of plan) {
          for (const index of range.blocks) {
            const block = blocks[index] as BlockPosition;
            expect(block.key).toBe(range.key);
            expect(block.offset).toBeGreaterThanOrEqual(range.offset);
            expect(block.offset + block.length).toBeLessThanOrEqual(range.offset + range.length);
          }
        }
      }),
    );
  });

  it("covers every block with ranges within their bound, or of blocks that overlap", () => {
    const bounds = { readsMax: 1, gapBytes: 10, rangeBytesMax: 64 };
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 30 }), (blocks) => {
        const plan = planRanges(blocks, bounds);
        expect(plan.flatMap((range) => range.blocks)).toHaveLength(blocks.length);
        for (const { length } of plan) expect(length).toBeLessThanOrEqual(64);
      }),
    );
  });

  it("reads as few bytes as any choice of joins could", () => {
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 9 }), anyBounds, (blocks, bounds) => {
        expect(total(planRanges(blocks, bounds))).toBe(fewestBytes(blocks, bounds));
      }),
    );
  });
});

/** By trying every subset of the joins that are not compulsory. */
function fewestBytes(
  blocks: readonly BlockPosition[],
  { readsMax, gapBytes }: { readonly readsMax: number; readonly gapBytes: number },
): number {
  const sorted = blocks.toSorted((a, b) =>
    a.key === b.key ? a.offset - b.offset : a.key < b.key ? -1 : 1,
  );
  const choices: number[] = [];
  let ranges = 0;
  let bytes = 0;
  let end = 0;
  for (const [i, block] of sorted.entries()) {
    const newObject = i === 0 || sorted[i - 1]?.key !== block.key;
    const blockEnd = block.offset + block.length;
    const gap = newObject ? 0 : block.offset - end;
    if (newObject) {
      ranges += 1;
      bytes += block.length;
    } else if (gap <= 0 || gap < gapBytes) {
      bytes += Math.max(0, blockEnd - end);
    } else {
      ranges += 1;
      bytes += block.length;
      choices.push(gap);
    }
    end = newObject ? blockEnd : Math.max(end, blockEnd);
  }
  let fewest = Number.POSITIVE_INFINITY;
  for (let subset = 0; subset < 1 << choices.length; subset += 1) {
    const joins = choices.filter((_, i) => (subset >> i) & 1);
    if (ranges - joins.length > Math.max(readsMax, objectsOf(blocks))) continue;
    fewest = Math.min(fewest, bytes + joins.reduce((sum, gap) => sum + gap, 0));
  }
  return blocks.length === 0 ? 0 : fewest;
}
