import { mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  openGrowthData,
  orthonormalMatrix,
  shiftImage,
  variants,
} from "../../../scripts/bench/growth-data.ts";
import type { Dataset } from "../../../scripts/datasets.ts";
import { nearest } from "../../../scripts/nearest.ts";
import { createPrng } from "../../../src/index/vector/prng.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const side = 6;
const dimensions = 8;

describe("rows for growth", () => {
  it("come in an order in which every size begins the next", async () => {
    const source = { images: images(20), dimensions, seed: 3, folder: freshFolder() };
    const small = await openGrowthData(source, 30, 4);
    const first = small.base.slice(0, 30);
    const large = await openGrowthData(source, 300, 4);
    expect(large.base.slice(0, 30)).toEqual(first);
    const anew = await openGrowthData({ ...source, folder: freshFolder() }, 300, 4);
    expect(anew.base.slice(0, 300)).toEqual(large.base.slice(0, 300));
  });

  it("are all different variants of the images, as long as there are any", async () => {
    const source = { images: images(20), dimensions, seed: 3, folder: freshFolder() };
    const all = await openGrowthData(source, 20 * variants, 1);
    const seen = new Set<string>();
    for (let row = 0; row < all.base.rows; row++) seen.add(all.base.slice(row, row + 1).join(" "));
    expect(seen.size).toBe(20 * variants);
    await expect(openGrowthData(source, 20 * variants + 1, 1)).rejects.toThrow(
      "there are 500 rows",
    );
  });

  it("depend on the seed", async () => {
    const source = { images: images(20), dimensions, seed: 3, folder: freshFolder() };
    const one = await openGrowthData(source, 10, 1);
    const two = await openGrowthData({ ...source, seed: 4 }, 10, 1);
    expect(two.base.slice(0, 10)).not.toEqual(one.base.slice(0, 10));
  });

  it("go on where an interrupted run stopped, even within a row", async () => {
    const source = { images: images(20), dimensions, seed: 3, folder: freshFolder() };
    const whole = (await openGrowthData(source, 200, 2)).base.slice(0, 200);
    const other = { ...source, folder: freshFolder() };
    await openGrowthData(other, 50, 2);
    const file = filesOf(other.folder);
    truncateSync(file, 37 * dimensions * 4 + 5);
    expect((await openGrowthData(other, 200, 2)).base.slice(0, 200)).toEqual(whole);
  });

  it("keep their neighbours' exact truth, computed once", async () => {
    const folder = freshFolder();
    const computed: string[] = [];
    const onProgress = (what: string): void => void computed.push(what);
    const source = { images: images(20), dimensions, seed: 3, folder, onProgress };
    const data = await openGrowthData(source, 250, 5);
    for (let query = 0; query < 5; query++) {
      const vector = data.queries.slice(query, query + 1);
      expect(data.truth(query)).toEqual(nearest(data.metric, data.base, 250, vector, 10));
    }
    expect(computed).toContain("truth");
    computed.length = 0;
    const again = await openGrowthData(source, 250, 5);
    expect(again.truth(4)).toEqual(data.truth(4));
    expect(computed).toEqual([]);
  });
});

describe("an image", () => {
  it("is shifted both ways, and what comes in is empty", () => {
    const image = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
    const shift = (dx: number, dy: number): readonly number[] => {
      const out = new Float32Array(9).fill(99);
      shiftImage(image, 3, dx, dy, out);
      return Array.from(out);
    };
    expect(shift(0, 0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(shift(1, 0)).toEqual([0, 1, 2, 0, 4, 5, 0, 7, 8]);
    expect(shift(-1, 0)).toEqual([2, 3, 0, 5, 6, 0, 8, 9, 0]);
    expect(shift(0, 2)).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 3]);
    expect(shift(1, -1)).toEqual([0, 4, 5, 0, 7, 8, 0, 0, 0]);
  });
});

describe("the projection", () => {
  it("has rows of length one at right angles", () => {
    const matrix = orthonormalMatrix(12, 36, 5);
    for (let a = 0; a < 12; a++) {
      for (let b = 0; b <= a; b++) {
        let sum = 0;
        for (let i = 0; i < 36; i++) sum += (matrix[a * 36 + i] ?? 0) * (matrix[b * 36 + i] ?? 0);
        expect(sum).toBeCloseTo(a === b ? 1 : 0, 6);
      }
    }
  });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "shoal-growth-"));
  folders.push(folder);
  return folder;
}

function filesOf(folder: string): string {
  return join(folder, readdirSync(folder)[0] ?? "", "base.f32");
}

/** Random images. */
function images(count: number): Dataset {
  const prng = createPrng({ low: 9, high: 0 });
  const values = Float32Array.from({ length: count * side * side }, () => prng.below(256));
  const table = {
    rows: count,
    dimensions: side * side,
    slice: (from: number, to: number) => values.slice(from * side * side, to * side * side),
  };
  return {
    name: "squares",
    metric: "euclidean_squared",
    base: table,
    queries: table,
    k: 0,
    truth: () => new Int32Array(0),
    columns: () => ({}),
    schema: {},
  };
}
