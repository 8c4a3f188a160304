/** A job that cannot succeed: it costs less and less, says so, and keeps nobody else waiting. */
import { expect, test } from "vitest";
import {
  claimJob,
  emptyJobTable,
  failJob,
  isFailing,
  isWaiting,
  type JobRecord,
} from "../../src/namespace/jobs.ts";

const minuteMs = 60_000;

/** Waits between attempts of a job that always fails. */
function waits(attempts: number): { readonly ms: number[]; readonly job: JobRecord } {
  let table = emptyJobTable("g");
  let nowMs = 1_000_000;
  let job: JobRecord | undefined;
  const ms: number[] = [];
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const claimed = claimJob(table, { id: "m1", kind: "merge", inputs: ["a"] }, nowMs);
    expect(claimed.job.attempt).toBe(attempt);
    table = failJob(claimed.table, claimed.job, "segment a: not what was written\n  at x", nowMs);
    job = table.jobs[0] as JobRecord;
    ms.push(job.notBeforeMs - nowMs);
    expect(isWaiting(job, job.notBeforeMs - 1)).toBe(false);
    expect(isWaiting(job, job.notBeforeMs)).toBe(true);
    nowMs = job.notBeforeMs;
  }
  return { ms, job: job as JobRecord };
}

test("waits twice as long each time, a minute a while, and an hour in the end", () => {
  const { ms } = waits(24);
  expect(ms.slice(0, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, minuteMs]);
  expect(ms.slice(6, 12).every((each) => each === minuteMs)).toBe(true);
  expect(ms.slice(12, 15)).toEqual([2 * minuteMs, 4 * minuteMs, 8 * minuteMs]);
  expect(ms.slice(18).every((each) => each === 60 * minuteMs)).toBe(true);
});

test("an outage of a quarter of an hour costs no more than a few minutes after it", () => {
  const { ms } = waits(18);
  let sumMs = 0;
  const index = ms.findIndex((each) => {
    sumMs += each;
    return sumMs > 15 * minuteMs;
  });
  expect(ms[index]).toBeLessThanOrEqual(8 * minuteMs);
});

test("says how often it failed and why, and counts as failing from the third time on", () => {
  expect(isFailing(waits(2).job)).toBe(false);
  const { job } = waits(3);
  expect(isFailing(job)).toBe(true);
  expect(job).toMatchObject({ failures: 3, reason: "segment a: not what was written" });
});
