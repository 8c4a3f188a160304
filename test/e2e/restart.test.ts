/** The local server is killed and started again: its queue is gone, what it acknowledged is not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Shoal, spawnShoal } from "../../scripts/miniflare.ts";
import type { IndexAnswer } from "./harness.ts";

const apiKey = "restart-key";
let stateDir = "";
let running: Shoal | undefined;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "shoal-restart-"));
});

afterEach(async () => {
  await running?.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

async function start(consumesQueue = true): Promise<void> {
  running = await spawnShoal({ stateDir, apiKey, consumesQueue });
}

async function kill(): Promise<void> {
  if (running === undefined) return;
  process.kill(-running.pid, "SIGKILL");
  await running.stop();
}

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(running?.directUrl + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as T;
}

function documents(from: number, count: number) {
  return Array.from({ length: count }, (_, i) => ({ id: from + i, n: i, vector: [from + i, 1] }));
}

const metric = { distance_metric: "euclidean_squared" };
const index = (name: string) => call<IndexAnswer>("GET", `/v1/namespaces/${name}/index`);

it("work whose message died with the server is done all the same, by alarms alone", async () => {
  await start();
  for (const name of ["asked", "silent"]) {
    await call("POST", `/v2/namespaces/${name}`, { upsert_rows: documents(0, 5_000), ...metric });
  }
  // Flushes are due and their messages wait in the queue, for a second, when everything is killed.
  await kill();
  await start();
  const startedMs = Date.now();
  await call("POST", "/v2/namespaces/asked", { upsert_rows: documents(5_000, 10) });
  let status = await index("asked");
  while (status.floor === 0 && Date.now() < startedMs + 20_000) {
    await sleep(100);
    status = await index("asked");
  }
  expect(status.floor).toBeGreaterThan(0);
  const query = { rank_by: ["id", "asc"], limit: 10_000 };
  const path = "/v2/namespaces/asked/query";
  const { rows } = await call<{ rows: readonly object[] }>("POST", path, query);
  expect(rows).toHaveLength(5_010);

  // The other one was sent nothing since: only its own alarm can have woken it.
  await sleep(Math.max(0, startedMs + 9_000 - Date.now()));
  expect((await index("silent")).unindexed_rows).toBe(0);
});

it("what is to be answered later is, by another server than was asked", async () => {
  // Nobody gets to it before everything is killed.
  await start(false);
  await call("POST", "/v2/namespaces/later", { upsert_rows: documents(0, 100), ...metric });
  const asked = await fetch(`${running?.directUrl}/v2/namespaces/later/query`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, prefer: "respond-async, wait=0" },
    body: JSON.stringify({ rank_by: ["vector", "ANN", [7, 1]], top_k: 1 }),
  });
  expect(asked.status).toBe(202);
  const location = asked.headers.get("location") ?? "";
  const poll = () => call<{ status: string; result?: object }>("GET", location);
  expect(await poll()).toEqual({ status: "running" });
  await kill();
  await start();
  const endMs = Date.now() + 20_000;
  let answer = await poll();
  while (answer.status === "running" && Date.now() < endMs) {
    await sleep(200);
    answer = await poll();
  }
  expect(answer).toMatchObject({
    status: "finished",
    result: { success: { rows: [{ id: 7, $dist: 0 }] } },
  });
  await kill();
  await start();
  expect(await poll()).toEqual(answer);
});
