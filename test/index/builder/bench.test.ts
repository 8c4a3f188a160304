import { expect, test } from "vitest";
import { benchCompaction } from "../../../scripts/bench/compaction.ts";

test("the compaction benchmark gives time and size of flushes and of their merge", async () => {
  const dims = 8;
  const figures = await benchCompaction({
    rows: 60,
    dims,
    vectors: (from, to) => Float32Array.from({ length: (to - from) * dims }, (_, i) => from + i),
    segments: 3,
    runs: 1,
  });
  expect(figures.map(({ step }) => step)).toEqual(["flush", "merge"]);
  expect(figures.every(({ cpu_ms, bytes_per_row }) => cpu_ms >= 0 && bytes_per_row > 0)).toBe(true);
});
