/** `npm run cli -- import`, small, into the server that all end-to-end tests share. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { afterAll, expect, it } from "vitest";
import { ApiClient, namespacePath } from "../../scripts/api-client.ts";
import { openDataset } from "../../scripts/datasets.ts";
import { openDatasetRows } from "../../scripts/import/dataset-source.ts";
import { importRows } from "../../scripts/import/import-rows.ts";
import { startCommand } from "./command.ts";
import { writeDataFolder } from "./data-folder.ts";
import { freshName, server } from "./harness.ts";

const rows = 1_200;
const { folder, name } = writeDataFolder(rows, 8, 20);
const notes = mkdtempSync(join(tmpdir(), "shoal-notes-"));
const source = openDatasetRows(openDataset(join(folder, name)));
const client = new ApiClient({ url: server.directUrl, apiKey: server.apiKey });

afterAll(() => {
  for (const place of [folder, notes]) rmSync(place, { recursive: true, force: true });
});

async function run(...args: readonly string[]) {
  const command = startCommand(["cli", ...args], {
    SHOAL_DATA: folder,
    SHOAL_URL: server.directUrl,
    SHOAL_API_KEY: server.apiKey,
    XDG_CONFIG_HOME: notes,
  });
  const code = await command.ended;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

async function idsIn(namespace: string): Promise<readonly unknown[]> {
  const { rows: found } = await client.post<{ rows: { id: unknown }[] }>(
    `${namespacePath(namespace)}/query`,
    { rank_by: ["id", "asc"], limit: 10_000 },
  );
  return found.map(({ id }) => id);
}

it("imports a data set, waits until it is indexed and prints one line of JSON", async () => {
  const namespace = freshName("import");
  const args = ["import", name, "--namespace", namespace, "--batch", "100", "--json"];
  const { code, stdout, stderr } = await run(...args);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    import: "summary",
    source: name,
    namespace,
    rows,
    rows_sent: rows,
    rows_resumed: 0,
    segments: 1,
  });
  expect(stderr).toBe("");
  expect(await idsIn(namespace)).toEqual(Array.from({ length: rows }, (_, i) => i));
});

it("goes on where an interrupted run stopped, without loss or duplicates", async () => {
  const namespace = freshName("resume");
  const request = { client, namespace, batchRows: 100, concurrency: 2, notes, source };
  const interrupted = {
    ...source,
    stretches: async function* (from: number) {
      for await (const stretch of source.stretches(from)) {
        yield stretch.slice(0, 550);
        throw new Error("interrupted");
      }
    },
  };
  await expect(importRows({ ...request, source: interrupted })).rejects.toThrow("interrupted");
  const outcome = await importRows(request);
  expect(outcome.rowsSkipped).toBeGreaterThanOrEqual(400);
  expect(outcome.rowsSent).toBe(rows - outcome.rowsSkipped);
  expect(await idsIn(namespace)).toEqual(Array.from({ length: rows }, (_, i) => i));

  // The note means nothing for a namespace of the same name that came later.
  await client.send("DELETE", namespacePath(namespace), undefined);
  const again = await importRows(request);
  expect(again.rowsSkipped).toBe(0);
  again.forget();
  expect((await importRows(request)).rowsSkipped).toBe(0);
});

it("imports a compressed CSV, finds it by a condition, and exports it", async () => {
  const namespace = freshName("csv");
  const file = join(notes, "boats.csv.zst");
  const text = 'name,built,length,vector\nBadger,1974,30.5,"[1, 0]"\nTern,2018,12,"[0, 1]"\n';
  writeFileSync(file, zstdCompressSync(text));
  const imported = await run("import", file, "--id", "name", "--namespace", namespace, "--no-wait");
  expect(imported.code, imported.stderr).toBe(0);
  const found = await run("query", namespace, "--where", "built >= 2000");
  expect(found.code, found.stderr).toBe(0);
  expect(found.stdout).toMatch(/Tern +2018 +12/);
  expect(found.stdout).not.toMatch(/Badger/);
  const exported = await run("export", namespace);
  const lines = exported.stdout.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual({
    id: "Badger",
    built: 1974,
    length: 30.5,
    vector: [1, 0],
  });
});

it("finds by words, if there is an attribute whose words are searched", async () => {
  const namespace = freshName("words");
  const upsert_rows = [
    { id: 1, text: "a red herring" },
    { id: 2, text: "a blue whale" },
  ];
  const schema = { text: { type: "string", full_text_search: true } };
  await client.post(namespacePath(namespace), { upsert_rows, schema });
  const found = await run("query", namespace, "--text", "Whale");
  expect(found.code, found.stderr).toBe(0);
  expect(found.stdout).toMatch(/2 .*a blue \*whale\*/);
  expect(found.stdout).not.toMatch(/highlight/);
  expect(found.stdout).not.toMatch(/herring/);
  const plain = freshName("plain");
  await client.post(namespacePath(plain), { upsert_rows: [{ id: 1, text: "a whale" }] });
  const refused = await run("query", plain, "--text", "whale");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/No attribute of .* has full-text search/);
  expect((await run("query", plain, "--text", "whale", "--like", "1")).code).toBe(2);
});

it("exits with 1 for what the server refuses and with 2 if it cannot run", async () => {
  const missing = await run("query", freshName("none"));
  expect(missing.code).toBe(1);
  expect(missing.stderr).toMatch(/was not found/);
  const absent = await run("import", "fashion-mnist-784");
  expect(absent.code).toBe(2);
  expect(absent.stderr).toMatch(/no data set of this name/);
  const refused = await run("namespaces", "--api-key", "wrong");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/answered 401/);
});
