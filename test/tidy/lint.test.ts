/**
 * Proves that the linter refuses what it is there for: a rule that is misspelt, or needs types it
 * does not get, is silent otherwise. Lints a small offender with the real configuration.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { root } from "./tree.ts";

const folder = mkdtempSync(join(tmpdir(), "shoal-lint-"));
let report = "";

beforeAll(() => {
  for (const file of [".oxlintrc.json", "tsconfig.json", "tsconfig.base.json"]) copy(file);
  for (const name of ["src", "workers", "node", "workerd"]) copy(`tsconfig.${name}.json`);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  write("src/store.ts", "export interface Store {\n  put(key: string): Promise<void>;\n}\n");
  write("src/offender.ts", offender);
  write("workers/object.ts", object);
  write("src/outside.ts", banned.map((name) => `void ${name};\n`).join(""));
  write("test/offender.test.ts", 'import { it } from "vitest";\nit.only("is alone", () => {});\n');
  const oxlint = join(root, "node_modules/.bin/oxlint");
  report = spawnSync(oxlint, ["-f", "unix"], { cwd: folder, encoding: "utf8" }).stdout;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const offender = `import type { Store } from "./store.ts";
export default function save(store: Store, names: any, kind: "a" | "b"): number {
  store.put("floating");
  const first = names[0]!;
  // @ts-ignore
  setTimeout(() => first, Date.now());
  switch (kind) {
    case "a":
      return Math.random();
  }
  // TODO: later
  ${"return 1;\n  ".repeat(70)}
}
`;

const object = `import { DurableObject } from "cloudflare:workers";
export class Thing extends DurableObject {
  async commit(value: number): Promise<number> {
    return value;
  }
}
export function send(things: DurableObjectNamespace<Thing>): void {
  things.getByName("a").commit(1);
}
`;

const banned = "fetch setTimeout setInterval console Buffer crypto performance process".split(" ");

it("refuses in the engine every global that reaches outside", () => {
  const refused = report.split("\n").filter((line) => line.startsWith("src/outside.ts:"));
  expect(refused.filter((line) => line.includes("no-restricted-globals"))).toHaveLength(
    banned.length,
  );
});

it.each([
  ["a promise of an imported interface left floating", "src/offender.ts:3", "no-floating-promises"],
  ["a call of a Durable Object left floating", "workers/object.ts:8", "no-floating-promises"],
  ["any", "src/offender.ts:2", "no-explicit-any"],
  ["a default export", "src/offender.ts:2", "no-default-export"],
  ["a function longer than a screen", "src/offender.ts:2", "max-lines-per-function"],
  ["a non-null assertion", "src/offender.ts:4", "no-non-null-assertion"],
  ["a silenced compiler", "src/offender.ts:5", "ban-ts-comment"],
  ["a timer in the engine", "src/offender.ts:6", "no-restricted-globals"],
  ["the wall clock in the engine", "src/offender.ts:6", "no-restricted-properties"],
  ["a case not covered", "src/offender.ts:7", "switch-exhaustiveness-check"],
  ["chance in the engine", "src/offender.ts:9", "no-restricted-properties"],
  ["a note to do something later", "src/offender.ts:11", "no-warning-comments"],
  ["a test that runs alone", "test/offender.test.ts:2", "no-focused-tests"],
])("refuses %s", (_, place, rule) => {
  const lines = report.split("\n").filter((line) => line.startsWith(`${place}:`));
  expect(lines.join("\n")).toContain(rule);
});

function copy(file: string): void {
  cpSync(join(root, file), join(folder, file));
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}
