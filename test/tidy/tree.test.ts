/** The tidy tests see the tree through regular expressions; these say which cases those cover. */
import { expect, it } from "vitest";
import { complainAboutImport } from "./layers.ts";
import { blankComments, findImports } from "./tree.ts";

it("blanks comments and keeps lines, strings and addresses", () => {
  const text =
    '/** a\n * b */\nconst glob = "**/*.ts"; // c\nconst url = "https://x"; /* d */ call();';
  expect(blankComments(text).replace(/ +$/gm, "")).toBe(
    '\n\nconst glob = "**/*.ts";\nconst url = "https://x";         call();',
  );
});

it("finds imports over several lines, re-exports, side effects and dynamic imports", () => {
  const code = [
    'import {\n  a,\n  type B,\n} from "../bytes/reader.ts";',
    'import type { C } from "./c.ts";',
    'export { d } from "./d.ts";',
    'import "node:fs";',
    'const e = await import("@scope/name/deep");',
  ].join("\n");
  expect(findImports("src/format/x.ts", code).map((i) => [i.target, i.typeOnly])).toEqual([
    ["src/bytes/reader.ts", false],
    ["src/format/c.ts", true],
    ["src/format/d.ts", false],
    ["node:fs", false],
    ["@scope/name", false],
  ]);
});

it.each([
  ["src/search.ts", "./query/plan.ts", true],
  ["src/search.ts", "./write.ts", false],
  ["src/write.ts", "./commit.ts", true],
  ["src/limits.ts", "./write.ts", false],
  ["src/query/plan.ts", "./merge.ts", true],
  ["src/query/plan.ts", "../index/vector/probe.ts", true],
  ["src/query/plan.ts", "../compaction/policy.ts", false],
  ["src/index/vector/probe.ts", "../text/bm25.ts", false],
  ["src/index/vector/probe.ts", "../section.ts", true],
  ["src/format/wal.ts", "../store/block-cache.ts", false],
  ["src/format/wal.ts", "../bytes/reader.ts", true],
  ["src/document/id.ts", "../bytes/reader.ts", false],
  ["src/document/id.ts", "../errors.ts", true],
  ["src/bytes/reader.ts", "../search.ts", false],
  ["src/bytes/reader.ts", "node:fs", false],
  ["src/write.ts", "../workers/platform/r2.ts", false],
  ["workers/compactor.ts", "hono", false],
  ["workers/api/app.ts", "hono", true],
  ["workers/api/app.ts", "cloudflare:workers", false],
  ["durable-objects/namespace.ts", "cloudflare:workers", true],
])("%s importing %s is allowed: %s", (path, from, allowed) => {
  const code = `import { x } from "${from}";`;
  const file = { path, text: code, code, imports: findImports(path, code) };
  const complaints = file.imports.map((target) => complainAboutImport(file, target));
  expect(complaints).toHaveLength(1);
  expect(complaints[0] === undefined).toBe(allowed);
});
