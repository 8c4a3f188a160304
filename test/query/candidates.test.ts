import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Candidates, refineCount } from "../../src/query/candidates.ts";

const anyRow = fc.record({
  estimate: fc.integer({ min: 0, max: 40 }),
  error: fc.integer({ min: 0, max: 5 }),
  segment: fc.nat(3),
});

describe("candidates", () => {
  test("are the rows with the best estimates, best first", () => {
    fc.assert(
      fc.property(
        fc.array(anyRow, { maxLength: 3000 }),
        fc.integer({ min: 1, max: 1500 }),
        (rows, limit) => {
          const candidates = new Candidates(limit);
          rows.forEach(({ estimate, error, segment }, i) => {
            candidates.offer(estimate, error, segment, i);
          });
          const ranked = candidates.ranked();
          const best = rows
            .map(({ estimate }) => estimate)
            .sort((a, b) => a - b)
            .slice(0, limit);
          expect([...ranked.estimates]).toEqual(best);
          ranked.ordinals.forEach((ordinal, i) => {
            const row = rows[ordinal];
            expect([ranked.estimates[i], ranked.errors[i], ranked.segments[i]]).toEqual([
              row?.estimate,
              row?.error,
              row?.segment,
            ]);
          });
          expect(new Set(ranked.ordinals).size).toBe(best.length);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("tell what an estimate has to beat", () => {
    const candidates = new Candidates(2);
    candidates.offer(5, 0, 0, 0);
    expect(candidates.worst).toBe(Infinity);
    candidates.offer(3, 0, 0, 1);
    expect(candidates.worst).toBe(5);
    candidates.offer(1, 0, 0, 2);
    expect(candidates.worst).toBe(3);
  });
});

test("few rows are refined when the estimates are sure, all of them when they are not", () => {
  const ranked = (error: number) => {
    const candidates = new Candidates(100);
    for (let i = 0; i < 100; i++) candidates.offer(i, error, 0, i);
    return candidates.ranked();
  };
  expect(refineCount(ranked(0.1), 10, 100)).toBe(20);
  expect(refineCount(ranked(5), 10, 100)).toBe(25);
  expect(refineCount(ranked(1000), 10, 100)).toBe(100);
  expect(refineCount(ranked(1000), 10, 50)).toBe(50);
  expect(refineCount(ranked(0), 200, 100)).toBe(100);
});
