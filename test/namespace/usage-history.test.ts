import { expect, it } from "vitest";
import { addWork, noUsageHistory, type WorkUsage } from "../../src/namespace/usage-history.ts";

const dayMs = 86_400_000;
const usage: WorkUsage = {
  reads: 5,
  writes: 2,
  deletes: 1,
  bytesRead: 100,
  bytesWritten: 10,
  objectCalls: 3,
};

it("adds up by kind since it began, and by day in all", () => {
  let history = addWork(noUsageHistory, "flush", usage, 5 * dayMs);
  history = addWork(history, "flush", usage, 5 * dayMs + 1);
  history = addWork(history, "recall", usage, 6 * dayMs + 1);
  expect(history.totals.flush).toEqual({
    runs: 2,
    reads: 10,
    writes: 4,
    deletes: 2,
    bytesRead: 200,
    bytesWritten: 20,
    objectCalls: 6,
  });
  expect(history.totals.recall).toEqual({ runs: 1, ...usage });
  expect(history.days.map(({ startMs, usage: of }) => [startMs / dayMs, of.reads])).toEqual([
    [5, 10],
    [6, 5],
  ]);
});

it("keeps a month of days, and takes a clock that was set back for the newest day", () => {
  let history = noUsageHistory;
  for (let day = 0; day < 40; day++) history = addWork(history, "merge", usage, day * dayMs);
  expect(history.days).toHaveLength(32);
  history = addWork(history, "merge", usage, 0);
  expect(history.days.at(-1)).toMatchObject({ startMs: 39 * dayMs, usage: { reads: 10 } });
  expect(history.totals.merge?.runs).toBe(41);
});
