/** `npm run kill`, small: two kills under load. */
import { expect, it } from "vitest";
import { startCommand } from "./command.ts";

it("finds every acknowledged write after each kill", async () => {
  const command = startCommand([
    "kill",
    "--kills",
    "2",
    "--clients",
    "4",
    "--seed",
    "152",
    "--json",
  ]);
  const code = await command.ended;
  const lines = command.stdout().trimEnd().split("\n");
  const [first, second, summary] = lines.map((line): unknown => JSON.parse(line));
  expect(lines, command.stderr()).toHaveLength(3);
  expect(first).toMatchObject({ kill: 1, lost: 0, duplicated: 0 });
  expect(second).toMatchObject({ kill: 2, lost: 0, duplicated: 0 });
  expect(summary).toMatchObject({ kill: "summary", kills: 2, lost: 0, duplicated: 0, torn: 0 });
  expect((summary as { acknowledged: number }).acknowledged).toBeGreaterThan(100);
  expect(code).toBe(0);
});
