import { expect, test } from "vitest";
import { runTextQueries, type TextMismatch } from "./text-run.ts";

test("random questions of random texts have the ids and scores of an exhaustive search", async () => {
  const found: TextMismatch[] = [];
  const run = { count: 400, seed: 1, onMismatch: (each: TextMismatch) => found.push(each) };
  const { queries } = await runTextQueries(run);
  expect(queries).toBe(400);
  expect(found).toEqual([]);
});
