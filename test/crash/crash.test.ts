/**
 * Every effect of every scenario goes wrong once, in each way that differs; and pairs of failures
 * in a whole life, at random. All pairs: `npm run crash -- --pairs`.
 */
import { describe, expect, test } from "vitest";
import { samplePairs, singles } from "./batch.ts";
import { applies, modes } from "./failures.ts";
import { run } from "./run.ts";
import { scenarios } from "./scenarios.ts";

describe("one failure", () => {
  for (const scenario of scenarios.filter(({ isLong }) => isLong !== true)) {
    test(`at each effect of ${scenario.name}`, async () => {
      const violations: string[] = [];
      let runs = 0;
      for await (const { violation } of singles(scenario)) {
        runs += 1;
        if (violation !== undefined) violations.push(violation);
      }
      expect(violations).toEqual([]);
      expect(runs).toBeGreaterThan(20);
    }, 60_000);
  }
});

test("two failures in a whole life, at random", async () => {
  const life = scenarios.filter(({ isLong }) => isLong === true);
  expect(life.length).toBe(1);
  for (const scenario of life) {
    for await (const { violation } of samplePairs(scenario, 7, 60)) {
      expect(violation).toBeUndefined();
    }
  }
}, 60_000);

test("every kind of failure applies somewhere", async () => {
  const seen = new Set<string>();
  for (const scenario of scenarios) {
    const { effects } = await run(scenario);
    for (const mode of modes) if (effects.some((what) => applies(mode, what))) seen.add(mode);
  }
  expect([...seen].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
    [...modes].toSorted((a, b) => (a < b ? -1 : 1)),
  );
});
