import { expect, test } from "vitest";
import { type QueryMismatch, runQueries } from "./query/run.ts";

const count = 5_000;

test("random queries on random data are answered as brute force answers them", async () => {
  const mismatches: QueryMismatch[] = [];
  const onMismatch = (mismatch: QueryMismatch): void => {
    mismatches.push(mismatch);
  };
  const totals = await runQueries({ count, seed: 1, onMismatch });
  expect(mismatches).toEqual([]);
  expect(totals).toMatchObject({ queries: count, mismatches: 0 });
}, 120_000);
