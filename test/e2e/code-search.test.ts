/** The example of scripts/examples/code-search, as its user runs it, with packages of its own. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startShell } from "./command.ts";
import { freshName, openClient, server } from "./harness.ts";

const root = join(import.meta.dirname, "../..");
const example = join(root, "scripts/examples/code-search");
const tree = mkdtempSync(join(tmpdir(), "shoal-code-"));
const namespace = freshName("code");
const names = ["anchor", "buoy", "compass", "dinghy", "ensign", "fender"];
const token = `ghp_${"a1B2".repeat(10)}`;
let trouble: string | undefined;

beforeAll(() => {
  trouble = installExample();
  for (const name of names) write(`src/${name}.ts`, sourceOf(name));
  write("src/log.ts", `/** Appends to the log. */\nexport function appendEntry() {}\n`);
  write("docs/tides.md", "# Tides\n\nThe moon lifts the water.\n\n# Harbour\n\nOpen at noon.\n");
  write("notes.txt", `Deploy with ${token} only.\n`);
  write(".gitignore", "built/\n");
  write("built/out.ts", "export const generatedNonsense = 1;\n");
  write(".env", "PASSWORD=whatEverItMayBe\n");
});

afterAll(() => rmSync(tree, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
}

/** Three functions long enough to be a chunk each. */
function sourceOf(name: string, changed = ""): string {
  return ["lift", "lower", "stow"]
    .map((verb) => {
      const steps = Array.from({ length: 8 }, (_, i) => `  steps.push("${verb} ${name} ${i}");`);
      const last = verb === "lower" ? changed : "";
      return `function ${verb}(steps: string[]) {\n${steps.join("\n")}\n${last}}\n`;
    })
    .join("\n");
}

/** Undefined if the packages are there, else why not. */
function installExample(): string | undefined {
  if (existsSync(join(example, "node_modules", "@vscode"))) return undefined;
  const args = ["ci", "--ignore-scripts", "--prefer-offline", "--loglevel=error"];
  const { status, stderr, error } = spawnSync("npm", args, { cwd: example, encoding: "utf8" });
  return status === 0 ? undefined : (error?.message ?? stderr.split("\n")[0]);
}

async function run(line: string) {
  const command = startShell(
    `SHOAL_URL=${server.directUrl} SHOAL_API_KEY=${server.apiKey} "${process.execPath}" ` +
      `"${join(example, "code-search.ts")}" ${line} --namespace ${namespace} --json`,
  );
  const code = await command.ended;
  const json = (code === 2 ? {} : JSON.parse(command.stdout() || "{}")) as {
    readonly hits?: readonly { readonly places: readonly string[] }[];
  } & Record<string, unknown>;
  return { code, json, stderr: command.stderr() };
}

async function index() {
  const { code, json, stderr } = await run(`index "${tree}"`);
  expect(code, stderr).toBe(0);
  return json;
}

it("uploads what changed and nothing else, keeps secrets, deletes what vanished", async () => {
  if (trouble !== undefined) {
    console.warn(`not tried: the packages of code-search cannot be installed: ${trouble}`);
    return;
  }
  const tsc = join(root, "node_modules/.bin/tsc");
  const types = spawnSync(tsc, ["-p", example], { encoding: "utf8" });
  expect(types.stdout).toBe("");

  expect((await run(`search "anything"`)).code).toBe(1);
  const first = await index();
  expect(first).toMatchObject({ files: 10, secrets: 2, files_changed: 10 });
  expect(first).toMatchObject({ chunks_uploaded: 18 + 1 + 2 + 2, writes: 1 });

  // Nothing changed: nothing is written.
  expect(await index()).toMatchObject({ files_changed: 0, chunks_uploaded: 0, writes: 0 });

  // One function in each of three files.
  for (const name of names.slice(0, 3)) {
    write(`src/${name}.ts`, sourceOf(name, "  steps.reverse();"));
  }
  expect(await index()).toMatchObject({
    files_changed: 3,
    chunks_uploaded: 3,
    chunks_moved: 0,
    chunks_deleted: 3,
  });

  // A file under another name: its chunks only move.
  renameSync(join(tree, "src/dinghy.ts"), join(tree, "src/tender.ts"));
  expect(await index()).toMatchObject({ chunks_uploaded: 0, chunks_moved: 3, chunks_deleted: 0 });

  rmSync(join(tree, "src/fender.ts"));
  expect(await index()).toMatchObject({ chunks_uploaded: 0, chunks_moved: 0, chunks_deleted: 3 });

  const found = await run(`search "where is an entry appended to the log?"`);
  expect(found.json.hits?.[0]?.places).toEqual(["src/log.ts:1-2"]);

  const client = openClient().namespace(namespace);
  const { rows = [] } = await client.query({
    rank_by: ["id", "asc"],
    limit: 100,
    include_attributes: true,
  });
  const stored = JSON.stringify(rows);
  for (const absent of [token, "whatEverItMayBe", "generatedNonsense", "fender", "dinghy.ts"]) {
    expect(stored, absent).not.toContain(absent);
  }
  expect(stored).toContain("[secret]");
  expect(stored).toContain("src/tender.ts");

  // As an interrupted run leaves it: the root has no hash, a chunk is missing, another too many.
  const treeOf = (entries: unknown) => JSON.parse(String(entries)) as { path: string };
  const top = rows.find(({ kind, entries }) => kind === "tree" && treeOf(entries).path === "");
  const chunks = rows.filter(({ kind }) => kind === "chunk");
  const stray = { ...chunks[1], id: "stray", places: ["src/gone.ts:1-9"] };
  await client.write({
    upsert_rows: [stray],
    patch_rows: [
      { id: top?.id ?? "", entries: JSON.stringify({ ...treeOf(top?.entries), hash: "" }) },
    ],
    deletes: [chunks[0]?.id ?? ""],
  });
  expect(await index()).toMatchObject({ chunks_uploaded: 1, chunks_moved: 0, chunks_deleted: 1 });
  expect(await index()).toMatchObject({ files_changed: 0, writes: 0 });
});
