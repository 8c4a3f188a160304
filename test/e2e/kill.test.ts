/** `npm run kill`, small: kills under load, with a tail that waits, with wiped objects. */
import { assert, expect, it } from "vitest";
import { startCommand } from "./command.ts";

interface Summary {
  readonly kills: number;
  readonly acknowledged: number;
  readonly unflushed_min: number;
  readonly wiped: number;
}

async function runKill(...options: readonly string[]): Promise<Summary> {
  const command = startCommand(["kill", "--clients", "4", "--json", ...options]);
  const code = await command.ended;
  const lines = command.stdout().split("\n").filter(Boolean);
  const rounds = lines.map((line): unknown => JSON.parse(line));
  const summary = rounds.pop() as Summary | undefined;
  assert(summary !== undefined, command.stderr());
  expect(summary, command.stderr()).toMatchObject({ kill: "summary", kills: rounds.length });
  for (const [i, round] of rounds.entries()) {
    expect(round).toMatchObject({ kill: i + 1, lost: 0, duplicated: 0, torn: 0 });
  }
  expect(summary).toMatchObject({ lost: 0, duplicated: 0, torn: 0 });
  expect(code).toBe(0);
  return summary;
}

it("finds every acknowledged write after each kill, though the objects forget all", async () => {
  const summary = await runKill("--kills", "2", "--seed", "152", "--wipe");
  expect(summary).toMatchObject({ kills: 2, wiped: 2 });
  expect(summary.acknowledged).toBeGreaterThan(100);
});

it("finds them too while nobody indexes", async () => {
  const summary = await runKill("--kills", "1", "--seed", "153", "--unflushed", "20");
  expect(summary.unflushed_min).toBeGreaterThanOrEqual(20);
});
