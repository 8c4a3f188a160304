/** The explorer itself, on puzzles whose answers are known. */
import { describe, expect, test } from "vitest";
import { explore, type Model } from "./explorer.ts";
import { StateSet } from "./state-set.ts";

interface Jugs {
  readonly small: number;
  readonly large: number;
}

/** Two jugs, of three and five litres: four litres are six steps away. */
function jugs(forbidden: number, mayRest = true): Model<Jugs> {
  return {
    initial: () => ({ small: 0, large: 0 }),
    steps({ small, large }, take) {
      take({ small: 3, large }, "fill the jug of #", 3);
      take({ small, large: 5 }, "fill the jug of #", 5);
      take({ small: 0, large }, "empty the jug of #", 3);
      take({ small, large: 0 }, "empty the jug of #", 5);
      const up = Math.min(small, 5 - large);
      take({ small: small - up, large: large + up }, "pour # into #", 3, 5);
      const down = Math.min(large, 3 - small);
      take({ small: small + down, large: large - down }, "pour # into #", 5, 3);
    },
    fault: ({ large }) => (large === forbidden ? `${forbidden} litres` : undefined),
    mayRest: () => mayRest,
  };
}

describe("the explorer", () => {
  test("finds every state once", () => {
    const { states, transitions, counterexample, isComplete } = explore(jugs(6));
    expect({ states, transitions, counterexample, isComplete }).toEqual({
      states: 16,
      transitions: 96,
      counterexample: undefined,
      isComplete: true,
    });
  });

  test("tells the shortest way to a fault in words", () => {
    expect(explore(jugs(4)).counterexample).toEqual({
      fault: "4 litres",
      trace: [
        "fill the jug of 5",
        "pour 5 into 3",
        "empty the jug of 3",
        "pour 5 into 3",
        "fill the jug of 5",
        "pour 5 into 3",
      ],
    });
  });

  test("finds where nothing can happen any more", () => {
    const stairs = (mayRest: boolean): Model<number> => ({
      initial: () => 0,
      steps: (at, take) => at < 2 && take(at + 1, "a step"),
      fault: () => undefined,
      mayRest: () => mayRest,
    });
    expect(explore(stairs(true)).counterexample).toBeUndefined();
    expect(explore(stairs(false)).counterexample?.trace).toEqual(["a step", "a step"]);
  });

  test("takes states that differ in names for one", () => {
    const coins: Model<readonly number[]> = {
      initial: () => [0, 0, 0],
      steps: (coins, take) =>
        coins.forEach((side, at) => take(coins.with(at, 1 - side), "turn coin #", at)),
      fault: () => undefined,
      mayRest: () => true,
    };
    expect(explore(coins).states).toBe(8);
    const canonical = (state: readonly number[]): readonly number[] =>
      state.toSorted((a, b) => a - b);
    expect(explore({ ...coins, canonical }).states).toBe(4);
  });

  test("stops where it is told to, and says so", () => {
    const { states, isComplete } = explore(jugs(6), { statesMax: 5 });
    expect({ isComplete, enough: states >= 5 }).toEqual({ isComplete: false, enough: true });
  });
});

describe("a set of states", () => {
  test("keeps apart what differs in any value, and knows what it has", () => {
    const set = new StateSet();
    const values = [0, -1, 2 ** 40, 2 ** 40 + 1, "", "a", "ab", true, false, undefined];
    const states = values.flatMap((a) => values.flatMap((b) => [{ a, b }, [a, b], [[a], b]]));
    for (const state of states) expect(set.add(state, 0, 0)).toBe(true);
    for (const state of states) expect(set.add(state, 0, 0)).toBe(false);
    expect(set.size).toBe(states.length);
  });

  test("grows, and still knows the way to each state", () => {
    const set = new StateSet();
    for (let i = 0; i < 100_000; i++) set.add({ i }, Math.max(0, i - 1) >> 1, i % 7);
    expect(set.size).toBe(100_000);
    const path = set.pathTo(99_999);
    expect(path.at(-1)).toBe(99_999 % 7);
    expect(path.length).toBe(16);
  });
});
