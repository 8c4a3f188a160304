import { describe, expect, test } from "vitest";
import { limits } from "../../src/limits.ts";
import {
  addSample,
  noRecall,
  type RecallHistory,
  recentRecall,
} from "../../src/namespace/recall-history.ts";

const hourMs = 3_600_000;
const startMs = 500_000 * hourMs;

function sampled(from: RecallHistory, count: number, recall: number, everyMs = 1_000) {
  let history = from;
  for (let i = 0; i < count; i++) {
    const { probes } = history;
    history = addSample(history, { timeMs: startMs + i * everyMs, recall, probes });
  }
  return history;
}

describe("the history", () => {
  test("has a mean for each hour, and forgets what is older than a week", () => {
    const history = sampled(noRecall, 400, 1, hourMs / 2);
    expect(history.hours.length).toBe(168);
    expect(history.hours.at(-1)).toEqual({ startMs: startMs + 199 * hourMs, count: 2, sum: 2 });
    expect(recentRecall(history)).toBe(1);
    expect(recentRecall(noRecall)).toBeUndefined();
  });

  test("goes on in its newest hour when the clock is set back", () => {
    const history = sampled(sampled(noRecall, 3, 1), 1, 0.5, 0);
    const back = addSample(history, { timeMs: startMs - 9 * hourMs, recall: 0.5, probes: 1 });
    expect(back.hours).toEqual([{ startMs, count: 5, sum: 4 }]);
  });
});

describe("a namespace", () => {
  test("below its bound scans more and more rows, up to a bound", () => {
    const below = limits.recallMin - 0.02;
    expect(sampled(noRecall, 31, below).probes).toBe(1);
    expect(sampled(noRecall, 32, below).probes).toBe(1.5);
    expect(sampled(noRecall, 64, below).probes).toBe(2.25);
    expect(sampled(noRecall, 2_000, below).probes).toBe(limits.probeFactorMax);
  });

  test("within its bound stays as it is", () => {
    expect(sampled(noRecall, 2_000, limits.recallMin + 0.01).probes).toBe(1);
  });

  test("that finds nearly everything goes back slowly, and not below the usual", () => {
    const raised = sampled(noRecall, 64, 0.9);
    expect(sampled(raised, 399, 1).probes).toBe(2.25);
    expect(sampled(raised, 400, 1).probes).toBe(1.5);
    expect(sampled(raised, 5_000, 1).probes).toBe(1);
  });

  test("does not count samples that were taken with another factor", () => {
    let history = sampled(noRecall, 32, 0.9);
    for (let i = 0; i < 100; i++) {
      history = addSample(history, { timeMs: startMs, recall: 0, probes: 1 });
    }
    expect(history.probes).toBe(1.5);
    expect(history.hours[0]?.count).toBe(132);
  });
});
