import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { limitTable } from "../../../workers/api/limit-table.ts";

const guide = readFileSync(join(import.meta.dirname, "../../../docs/limits.md"), "utf8");

it("the guide's limits are those that the server answers", () => {
  const [, section = ""] = guide.split("\n## The table\n");
  const rows = section.matchAll(/^\| `([a-z_]+)` \| ([\d,]+)( [KM]iB)? \| (.+) \|$/gm);
  const units: Record<string, number> = { "": 1, " KiB": 1_024, " MiB": 1_024 ** 2 };
  const stated = Array.from(rows, ([, name = "", number = "", unit = "", about = ""]) => [
    name,
    { value: Number(number.replaceAll(",", "")) * (units[unit] ?? Number.NaN), about },
  ]);
  expect(Object.fromEntries(stated)).toEqual(limitTable);
});
