/** Every model within small bounds, and every flaw: see catalogue.ts. */
import { describe, expect, test } from "vitest";
import { models } from "./catalogue.ts";

for (const { name, promises, runs, flaws } of models) {
  describe(`${name}: ${promises}`, () => {
    test("whatever happens, within small bounds", () => {
      for (const { explore } of runs.small) {
        const { counterexample, isComplete, states } = explore();
        expect(counterexample).toBeUndefined();
        expect(isComplete).toBe(true);
        expect(states).toBeGreaterThan(1_000);
      }
    }, 60_000);

    for (const { flaw, explore } of flaws) {
      test(`but not if ${flaw}`, () => {
        const { counterexample } = explore();
        expect(counterexample?.trace.length ?? 0).toBeGreaterThan(1);
      }, 60_000);
    }
  });
}
