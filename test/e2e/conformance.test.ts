/** `npm run conformance`, small, on a bucket of its own. */
import { expect, it } from "vitest";
import { startCommand } from "./command.ts";

it("finds that the local bucket keeps every promise, and says what it measured", async () => {
  const sizes = ["--racers", "12", "--keys", "2", "--late-ms", "200"];
  const command = startCommand(["conformance", ...sizes, "--json"]);
  const code = await command.ended;
  const lines = command.stdout().trimEnd().split("\n");
  const summary = JSON.parse(lines.at(-1) ?? "") as { cases: number; reported: object };
  expect(summary, command.stderr()).toMatchObject({ conformance: "summary", failed: 0 });
  expect(summary.cases).toBe(lines.length - 1);
  expect(summary.cases).toBeGreaterThan(40);
  expect(Object.keys(summary.reported).length).toBeGreaterThan(3);
  expect(code).toBe(0);
});
