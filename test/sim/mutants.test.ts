/** A planted bug whose place is gone is not planted. `npm run sim -- --mutants` runs them all. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mutants } from "./mutants.ts";

test("every planted bug has its place in the sources, and a name of its own", () => {
  const lost: string[] = [];
  for (const { name, edits } of mutants) {
    for (const { file, find } of edits) {
      const source = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
      if (source.split(find).length !== 2) lost.push(`${name}: ${file}`);
    }
  }
  expect(lost).toEqual([]);
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});
