/** Queue messages are hints: late, twice, for nobody, or with an alarm only, all ends the same. */
import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  runDurableObjectAlarm,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { JobHint } from "../../src/ports.ts";
import worker from "../../workers/main.ts";
import { Namespace, send } from "../workerd/api.ts";

async function deliver(...names: readonly string[]) {
  const messages = names.map((name, i) => ({
    id: `${name}-${i}`,
    timestamp: Date.now(),
    attempts: 1,
    body: { tenant: "default", name },
  }));
  const batch = createMessageBatch<JobHint>("shoal-jobs", messages);
  const context = createExecutionContext();
  await worker.queue(batch, env);
  return await getQueueResult(batch, context);
}

function countRows({ segments }: { segments: readonly { rows: number; dead_rows: number }[] }) {
  return segments.reduce((sum, { rows, dead_rows }) => sum + rows - dead_rows, 0);
}

it("delivered twice, before and after the work is done, change nothing more", async () => {
  const echo = new Namespace("echo");
  await echo.write({ upsert_rows: [1, 2, 3].map((id) => ({ id, n: id })) });
  await send("POST", "/v1/namespaces/echo/index");
  await deliver("echo", "echo");
  const { outcome } = await deliver("echo");
  expect(outcome).toBe("ok");
  const status = await echo.untilIndexed();
  expect(countRows(status)).toBe(3);
  expect((await deliver("echo")).outcome).toBe("ok");
  expect(await echo.index()).toEqual(status);
});

it("about namespaces that do not exist are taken and forgotten", async () => {
  const { outcome, retryMessages } = await deliver("nobody", "nothing");
  expect(outcome).toBe("ok");
  expect(retryMessages).toEqual([]);
  expect((await send("GET", "/v1/namespaces/nobody/schema")).status).toBe(404);
});

it("that nobody sent are made up for by the object's alarm", async () => {
  const clock = new Namespace("clock");
  const rows = Array.from({ length: 5_000 }, (_, id) => ({ id, n: id }));
  await clock.write({ upsert_rows: rows });
  await runDurableObjectAlarm(clock.stub());
  const status = await clock.untilIndexed();
  expect(countRows(status)).toBe(5_000);
});
