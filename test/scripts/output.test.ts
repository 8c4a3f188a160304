/** What the commands print: progress, tables, summaries of measured values. */
import { expect, it } from "vitest";
import { describe as describeProgress } from "../../scripts/progress.ts";
import { mean, median, quantile, round } from "../../scripts/quantiles.ts";
import { formatTable } from "../../scripts/table.ts";

it("shows progress as a bar, counts, rate and time left", () => {
  const state = { label: "loading", unit: "rows", total: 60_000, done: 0, startedMs: 0 };
  expect(describeProgress({ ...state, value: 15_000 }, 5_000)).toBe(
    "loading ███████░░░░░░░░░░░░░░░░░░░░░ 15,000/60,000 rows, 3,000 rows/s, 15 s left",
  );
  expect(describeProgress({ ...state, value: 0 }, 5_000)).toMatch(/0\/60,000 rows, 0 rows\/s$/);
  expect(describeProgress({ ...state, value: 600 }, 5_000)).toMatch(/8 min 15 s left$/);
});

it("counts what was there before neither in the rate nor in the time left", () => {
  const state = { label: "loading", unit: "rows", total: 100, done: 50, startedMs: 0 };
  expect(describeProgress({ ...state, value: 75 }, 5_000)).toMatch(/5 rows\/s, 5 s left$/);
});

it("aligns columns, numbers at the right, and shortens long texts", () => {
  expect(
    formatTable(
      ["n", "text"],
      [
        [1, "short"],
        [12, "rather a long text"],
      ],
      10,
    ),
  ).toEqual([" n  text", "--  ---------", " 1  short", "12  rather a…"]);
});

it("takes quantiles by nearest rank", () => {
  const values = [5, 1, 4, 2, 3];
  expect([0, 0.2, 0.5, 0.99, 1].map((q) => quantile(values, q))).toEqual([1, 1, 3, 5, 5]);
  expect(median([7, 1, 3])).toBe(3);
  expect(quantile([], 0.5)).toBe(0);
  expect(mean([1, 2])).toBe(1.5);
  expect(round(1.23456, 2)).toBe(1.23);
});
