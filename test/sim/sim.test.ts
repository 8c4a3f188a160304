/** A small run of the simulation; `npm run sim` is the large one. */
import { describe, expect, test } from "vitest";
import { runBatch } from "./batch.ts";
import { runSeed } from "./world.ts";

describe("the simulated world", () => {
  test("loses nothing, shows no mixture and comes to rest, whatever goes wrong", async () => {
    const wrong: string[] = [];
    const summary = await runBatch({
      seeds: 200,
      seed: 1,
      operations: 120,
      mode: "both",
      onSeed: ({ seed, violations }) => {
        for (const { kind, detail } of violations) wrong.push(`seed ${seed}: ${kind}: ${detail}`);
      },
    });
    expect(wrong).toEqual([]);
    expect(summary.acknowledged).toBeGreaterThan(4_000);
    // That every kind and every turn of the protocol happened is for the larger run to say.
    expect(Object.keys(summary.faults).length).toBeGreaterThan(20);
  }, 120_000);

  test("runs the same way twice under the same seed, and another way under another", async () => {
    const run = (seed: number) => runSeed({ seed, operations: 60, mode: "safety" });
    const { traceHash } = await run(7);
    expect((await run(7)).traceHash).toBe(traceHash);
    expect((await run(8)).traceHash).not.toBe(traceHash);
  }, 20_000);
});
