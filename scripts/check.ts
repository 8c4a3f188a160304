/**
 * Everything that can be said about the code without running it: types of every project, lint,
 * format. Prints one line a step, runs all of them, and exits with the number that failed.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules", ".bin");

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

/** tsconfig.json only lists the projects and tsconfig.base.json only holds their common options. */
const projects = readdirSync(root)
  .map((file) => /^tsconfig\.(\w+)\.json$/.exec(file)?.[1])
  .filter((name) => name !== undefined && name !== "base");

const steps: readonly Step[] = [
  ...projects.map(
    (name): Step => ({ name: `types ${name}`, command: ["tsc", "-p", `tsconfig.${name}.json`] }),
  ),
  { name: "lint", command: ["oxlint", "--quiet"] },
  { name: "format", command: ["biome", "check", "--reporter=summary"] },
];

const failures = steps.filter((step) => !passes(step)).length;
process.exitCode = failures;

function passes({ name, command: [tool, ...args] }: Step): boolean {
  const startedAt = performance.now();
  const result = spawnSync(tool, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` },
    shell: process.platform === "win32",
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const ok = result.status === 0;
  console.log(`${ok ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (!ok) console.log(`${result.error?.message ?? ""}${result.stdout}${result.stderr}`);
  return ok;
}
