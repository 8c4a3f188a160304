/** `shoal move`: from a server that speaks the API, which here is our own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { ApiClient, namespacePath } from "../../scripts/api-client.ts";
import { importRows } from "../../scripts/import/import-rows.ts";
import { openWireSource } from "../../scripts/import/wire-source.ts";
import { startCommand, startShell } from "./command.ts";
import { freshName, server } from "./harness.ts";

const client = new ApiClient({ url: server.directUrl, apiKey: server.apiKey });
const notes = mkdtempSync(join(tmpdir(), "shoal-move-"));
afterAll(() => rmSync(notes, { recursive: true, force: true }));

async function run(...args: readonly string[]) {
  const command = startCommand(["cli", ...args], {
    SHOAL_URL: server.directUrl,
    SHOAL_API_KEY: server.apiKey,
    TURBOPUFFER_API_KEY: server.apiKey,
  });
  const code = await command.ended;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

async function linesOf(namespace: string): Promise<readonly string[]> {
  const text = await client.sendText("GET", `${namespacePath(namespace, "v1")}/export`, undefined);
  return text.trimEnd().split("\n").toSorted();
}

async function schemaOf(namespace: string): Promise<unknown> {
  return await client.get(`${namespacePath(namespace, "v1")}/schema`);
}

it("brings documents over with all that their schema says of them", async () => {
  const there = freshName("there");
  const here = freshName("here");
  await client.post(namespacePath(there), {
    distance_metric: "euclidean_squared",
    schema: {
      vector: { type: "[2]f16", ann: true },
      title: { type: "string", full_text_search: { language: "german" } },
      note: { type: "string", filterable: false },
      weight: "float",
      at: "datetime",
      blob: "bytes",
      terms: { type: "{}f16", sparse_knn: { distance_metric: "dot_product" } },
    },
    upsert_rows: [
      { id: 1, vector: [0.5, 1], title: "Ein Wal", weight: 2, tags: ["a", "b"], at: "2026-01-02" },
      { id: 2, vector: [1, 0], blob: "AAEC", terms: { 3: 0.5 }, yes: true },
      { id: 3, vector: [0, 0.25], note: "none" },
    ],
  });
  const big = `{"upsert_rows": [{"id": 18446744073709551615, "vector": [0, 1], "n": 9007199254740993}]}`;
  const sent = await fetch(server.directUrl + namespacePath(there), {
    method: "POST",
    headers: { authorization: `Bearer ${server.apiKey}` },
    body: big,
  });
  expect(sent.status).toBe(200);
  const moved = await run("move", there, "--from", server.directUrl, "--namespace", here);
  expect(moved.code, moved.stderr).toBe(0);
  expect(moved.stderr).toContain("4 documents there, 4 here");
  expect(await linesOf(here)).toEqual(await linesOf(there));
  expect(await schemaOf(here)).toEqual(await schemaOf(there));
});

it("goes on behind the last id that was written, whatever was deleted there meanwhile", async () => {
  const there = freshName("there");
  const here = freshName("here");
  const rows = Array.from({ length: 3_500 }, (_, i) => ({ id: `d${i}`, n: i }));
  await client.post(namespacePath(there), { upsert_rows: rows });
  const request = { client, namespace: here, batchRows: 200, concurrency: 2, notes };
  const source = await openWireSource(client, there);
  const interrupted = {
    ...source,
    stretches: async function* (from: number, place?: string) {
      let pages = 0;
      for await (const page of source.stretches(from, place)) {
        if (pages === 2) throw new Error("interrupted");
        pages += 1;
        yield page;
      }
    },
  };
  const first = importRows({ ...request, source: interrupted });
  await expect(first).rejects.toThrow("interrupted");
  const gone = rows
    .map(({ id }) => id)
    .toSorted()
    .slice(0, 300);
  await client.post(namespacePath(there), { deletes: gone });
  const outcome = await importRows({ ...request, source: await openWireSource(client, there) });
  expect(outcome.rowsSkipped).toBeGreaterThanOrEqual(1_000);
  const left = await linesOf(there);
  const found = new Set(await linesOf(here));
  expect(left.filter((line) => !found.has(line))).toEqual([]);
  expect(found.size).toBe(rows.length);
});

it("goes on after it was killed, and nothing is lost or there twice", async () => {
  const there = freshName("there");
  const here = freshName("here");
  const rows = Array.from({ length: 6_000 }, (_, id) => ({ id, n: id % 7, vector: [id, 1] }));
  const distance_metric = "euclidean_squared";
  await client.post(namespacePath(there), { upsert_rows: rows, distance_metric });
  const args = ["move", there, "--from", server.directUrl, "--namespace", here];
  const env = {
    SHOAL_URL: server.directUrl,
    SHOAL_API_KEY: server.apiKey,
    TURBOPUFFER_API_KEY: server.apiKey,
    XDG_CONFIG_HOME: notes,
  };
  const slow = ["--batch", "50", "--concurrency", "1"];
  // The program itself: the command around it would be killed alone.
  const variables = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
  const words = ["exec env", ...variables, `'${process.execPath}' scripts/shoal.ts`];
  const killed = startShell([...words, ...args, ...slow].join(" "));
  for (let found = 0; found < 2_200; ) {
    await sleep(50);
    found = await linesOf(here).then(
      (lines) => lines.length,
      () => 0,
    );
  }
  killed.child.kill("SIGKILL");
  expect(await killed.ended).toBeGreaterThanOrEqual(128);
  const before = await linesOf(here);
  expect(before.length).toBeLessThan(rows.length);
  const again = startCommand(["cli", ...args, "--batch", "500", "--json", "--no-wait"], env);
  expect(await again.ended, again.stderr()).toBe(0);
  const { rows_sent, rows_resumed } = JSON.parse(again.stdout()) as Record<string, number>;
  expect(rows_resumed).toBeGreaterThan(0);
  expect((rows_sent ?? 0) + (rows_resumed ?? 0)).toBe(rows.length);
  expect(await linesOf(here)).toEqual(await linesOf(there));
});

it("says what is missing", async () => {
  const none = await run("move", freshName("none"), "--from", server.directUrl);
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("was not found");
});
