import fc from "fast-check";
import { expect, test } from "vitest";
import { Survivors } from "../../src/query/survivors.ts";

interface Truth {
  readonly estimate: number;
  readonly bound: number;
  /** Within the bound of the estimate. */
  readonly distance: number;
}

const anyRow: fc.Arbitrary<Truth> = fc
  .record({
    estimate: fc.integer({ min: 0, max: 30 }),
    bound: fc.integer({ min: 0, max: 10 }),
    shift: fc.integer({ min: -10, max: 10 }),
  })
  .map(({ estimate, bound, shift }) => ({
    estimate,
    bound,
    distance: estimate + Math.max(-bound, Math.min(bound, shift)),
  }));

test("every row that may be among the nearest survives, ties included", () => {
  fc.assert(
    fc.property(
      fc.array(anyRow, { maxLength: 60 }),
      fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 10 }),
      fc.integer({ min: 1, max: 10 }),
      (rows, exact, wanted) => {
        const survivors = new Survivors(wanted, exact);
        rows.forEach(({ estimate, bound }, ordinal) => {
          if (survivors.admits(estimate, bound)) {
            survivors.add({ segment: 0, ordinal, estimate, bound, id: undefined });
          }
        });
        const kept = survivors.finish();
        const all = [...rows.map(({ distance }) => distance), ...exact].sort((a, b) => a - b);
        const last = all[wanted - 1] ?? Infinity;
        rows.forEach(({ distance }, ordinal) => {
          const isKept = kept.some((row) => row.ordinal === ordinal);
          expect(isKept || distance > last).toBe(true);
        });
        const estimates = kept.map(({ estimate }) => estimate);
        expect(estimates).toEqual([...estimates].sort((a, b) => a - b));
      },
    ),
  );
});

test("the bar is the wanted-th smallest upper end", () => {
  fc.assert(
    fc.property(
      fc.array(anyRow, { maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      (rows, wanted) => {
        const survivors = new Survivors(wanted, []);
        for (const { estimate, bound } of rows) {
          survivors.add({ segment: 0, ordinal: 0, estimate, bound, id: undefined });
        }
        const uppers = rows.map(({ estimate, bound }) => estimate + bound).sort((a, b) => a - b);
        expect(survivors.bar).toBe(uppers[wanted - 1] ?? Infinity);
      },
    ),
  );
});

test("many hopeless rows are not held", () => {
  const survivors = new Survivors(1, []);
  for (let i = 0; i < 10_000; i++) {
    const estimate = 10_000 - i;
    if (survivors.admits(estimate, 0.5)) {
      survivors.add({ segment: 0, ordinal: i, estimate, bound: 0.5, id: i });
    }
  }
  expect(survivors.finish().map(({ ordinal }) => ordinal)).toEqual([9_999, 9_998]);
});
