/**
 * `npm test`: types, lint and format first, then every test: unit, workerd, end to end, and the
 * console in a browser if there is one.
 * Arguments go to vitest (`npm test -- test/bytes`). The last line is `N passed, N failed`, summed
 * over all kinds of tests; a failed check, a file that does not load and an error outside of any
 * test count as failed. Exits with 1 if anything failed.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseCLI, startVitest, type TestModule } from "vitest/node";
import { findChromium, installLine } from "./chromium.ts";

const { passed, failed } = await main(process.argv.slice(2));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

async function main(args: readonly string[]): Promise<Outcome> {
  const check = spawnSync(process.execPath, [join(import.meta.dirname, "check.ts")], {
    stdio: "inherit",
  });
  if (check.status !== 0) {
    console.log("No test was run.");
    return { passed: 0, failed: check.status ?? 1 };
  }
  if (findChromium() === undefined) {
    console.log(`The console is not tested: there is no Chromium (${installLine}).`);
  }
  const { filter, options } = parseCLI(["vitest", "run", ...args]);
  const vitest = await startVitest("test", filter, { ...options, watch: false });
  const modules = vitest.state.getTestModules();
  const outcome = { passed: 0, failed: vitest.state.getUnhandledErrors().length };
  for (const module of modules) {
    const { passed, failed } = count(module);
    outcome.passed += passed;
    outcome.failed += failed;
  }
  await vitest.close();
  if (modules.length === 0) outcome.failed += 1;
  return outcome;
}

function count(module: TestModule): Outcome {
  const states = Array.from(module.children.allTests(), (test) => test.result().state);
  const passed = states.filter((state) => state === "passed").length;
  const failed = states.filter((state) => state === "failed").length;
  // A suite or module can fail without a failed test: an import, a hook.
  return { passed, failed: failed === 0 && !module.ok() ? 1 : failed };
}
