/** The job table: who still holds a lease. */
import { describe, expect, test } from "vitest";
import { limits } from "../../src/limits.ts";
import {
  claimJob,
  emptyJobTable,
  heldJob,
  type JobTable,
  renewJob,
  type UnclaimedJob,
} from "../../src/namespace/jobs.ts";

const startMs = 1_000_000_000_000;
const merge: UnclaimedJob = { id: "m1", kind: "merge", inputs: ["s1"] };

/** Renews the lease every other minute until it is refused. */
function renewFrom(claimed: JobTable, attempt: number, fromMs: number): number {
  let table = claimed;
  for (let nowMs = fromMs; ; nowMs += 120_000) {
    const job = heldJob(table, merge.id, attempt, nowMs);
    if (job === undefined) return nowMs;
    table = renewJob(table, job, nowMs);
  }
}

describe("a lease", () => {
  test("is held by the attempt it was given to, until it runs out", () => {
    const { table } = claimJob(emptyJobTable("g"), merge, startMs);
    const held = (attempt: number, ms: number): boolean =>
      heldJob(table, merge.id, attempt, startMs + ms) !== undefined;
    expect([held(1, 0), held(1, limits.leaseMs - 1), held(1, limits.leaseMs)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(held(2, 0)).toBe(false);
  });

  test("cannot be renewed until what the attempt stored looks like an orphan", () => {
    const { table } = claimJob(emptyJobTable("g"), merge, startMs);
    const lostMs = renewFrom(table, 1, startMs) - startMs;
    expect(lostMs).toBeGreaterThanOrEqual(limits.attemptMs);
    expect(lostMs).toBeLessThan(limits.orphanAgeMs / 2);
  });

  test("begins anew with the next attempt", () => {
    const first = claimJob(emptyJobTable("g"), merge, startMs);
    const lostMs = renewFrom(first.table, 1, startMs);
    const second = claimJob(first.table, merge, lostMs);
    expect(second.job.attempt).toBe(2);
    expect(heldJob(second.table, merge.id, 2, lostMs)).toBeDefined();
    expect(heldJob(second.table, merge.id, 1, lostMs)).toBeUndefined();
  });
});
