/** Positions of many rows, brought together a stretch at a time. */
import { expect, it } from "vitest";
import {
  CollectedPositions,
  type PlacedPositions,
} from "../../../src/index/builder/collected-postings.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";

it.each([1, 700, 5_000, 1e6])(
  "positions are those of the rows in order, at most %i or those of a block at a time",
  async (positionsMax) => {
    const prng = createPrng({ low: 3, high: 9 });
    const from = 50;
    const rows = Uint32Array.from({ length: 1_000 }, (_, i) => from + 3 * i);
    const counts = rows.map(() => 1 + prng.below(9));
    const positionsOf = (row: number, count: number) =>
      Array.from({ length: count }, (_, k) => 1_000 * row + k);
    const asked: number[] = [];
    const run = (share: number): PlacedPositions => ({
      place: async (least, most, starts, to) => {
        let size = 0;
        rows.forEach((row, i) => {
          if (row < least || row > most) return;
          const count = counts[i] as number;
          size += count;
          if (row % 2 === share) to.set(positionsOf(row, count), starts[row - from]);
        });
        asked.push(size);
      },
    });
    const collected = new CollectedPositions(from, from + 3_000, positionsMax);
    const take = collected.begin({ rows, counts }, [run(0), run(1)]);
    const found: number[] = [];
    for (let at = 0; at < rows.length; at += 128) {
      found.push(...(await take(at, Math.min(rows.length, at + 128))));
    }
    expect(found).toEqual([...rows].flatMap((row, i) => positionsOf(row, counts[i] as number)));
    const mostOfBlock = Math.max(...asked.slice(-2), 128 * 9);
    expect(Math.max(...asked)).toBeLessThanOrEqual(Math.max(positionsMax, mostOfBlock));
  },
);
