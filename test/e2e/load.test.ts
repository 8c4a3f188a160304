/** `npm run load`, small, into the server that all end-to-end tests share. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ApiClient, namespacePath } from "../../scripts/api-client.ts";
import { openDataset } from "../../scripts/datasets.ts";
import { loadRows } from "../../scripts/loader.ts";
import { startCommand } from "./command.ts";
import { writeDataFolder } from "./data-folder.ts";
import { freshName, server } from "./harness.ts";

const rows = 1_200;
const { folder, name } = writeDataFolder(rows, 8, 20);
const notes = mkdtempSync(join(tmpdir(), "shoal-notes-"));
const dataset = openDataset(join(folder, name));
const client = new ApiClient({ url: server.directUrl, apiKey: server.apiKey });

afterAll(() => {
  for (const place of [folder, notes]) rmSync(place, { recursive: true, force: true });
});

async function runLoad(...args: readonly string[]) {
  const address = ["--url", server.directUrl, "--api-key", server.apiKey];
  const command = startCommand(["load", ...args, ...address], { SHOAL_DATA: folder });
  const code = await command.ended;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

async function idsIn(namespace: string): Promise<readonly number[]> {
  const { rows: found } = await client.post<{ rows: { id: number }[] }>(
    `${namespacePath(namespace)}/query`,
    { rank_by: ["id", "asc"], limit: 10_000 },
  );
  return found.map(({ id }) => id);
}

it("loads a data set, waits until it is indexed and prints one line of JSON", async () => {
  const namespace = freshName("load");
  const args = ["--namespace", namespace, "--batch", "100", "--json"];
  const { code, stdout, stderr } = await runLoad(name, ...args);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    load: "summary",
    dataset: name,
    namespace,
    rows,
    rows_sent: rows,
    rows_resumed: 0,
    segments: 1,
  });
  expect(stderr).toMatch(/loading .*1,200\/1,200 rows/);
  expect(await idsIn(namespace)).toEqual(Array.from({ length: rows }, (_, i) => i));
});

it("goes on where an interrupted run stopped, and sends nothing twice", async () => {
  const namespace = freshName("resume");
  const request = { client, namespace, rows, batchRows: 100, concurrency: 2, notes, dataset };
  const interrupted = {
    ...dataset,
    columns: (from: number, to: number) => {
      if (from >= 500) throw new Error("interrupted");
      return dataset.columns(from, to);
    },
  };
  await expect(loadRows({ ...request, dataset: interrupted })).rejects.toThrow("interrupted");
  const outcome = await loadRows(request);
  expect(outcome.rowsSkipped).toBeGreaterThanOrEqual(400);
  expect(outcome.rowsSent).toBe(rows - outcome.rowsSkipped);
  expect(await idsIn(namespace)).toHaveLength(rows);

  // The note means nothing for a namespace of the same name that came later.
  await client.send("DELETE", namespacePath(namespace), undefined);
  const again = await loadRows(request);
  expect(again.rowsSkipped).toBe(0);
  again.forget();
  expect((await loadRows(request)).rowsSkipped).toBe(0);
});

it("starts over with --fresh and takes a part with --limit", async () => {
  const namespace = freshName("fresh");
  const args = ["--namespace", namespace, "--gzip", "--no-wait", "--limit"];
  expect((await runLoad(name, ...args, "300")).code).toBe(0);
  expect((await runLoad(name, ...args, "150", "--fresh")).code).toBe(0);
  expect(await idsIn(namespace)).toHaveLength(150);
});

it("exits with 2 and says why when it cannot run", async () => {
  const absent = await runLoad("fashion-mnist-784");
  expect(absent.code).toBe(2);
  expect(absent.stderr).toMatch(/no data set in .*\n.*SHOAL_DATA.*\n.*zalandoresearch/);
  const refused = startCommand(["load", name, "--url", server.directUrl, "--api-key", "wrong"], {
    SHOAL_DATA: folder,
  });
  expect(await refused.ended).toBe(2);
  expect(refused.stderr()).toMatch(/answered 401/);
});
