/** Answers that come later: accepted, run by the consumer, asked for until they are there. */
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import worker from "../../workers/main.ts";
import { Namespace, send } from "../workerd/api.ts";
import { QueueTap } from "../workerd/queue-tap.ts";

const later = { prefer: "respond-async, wait=0" };
let queue: QueueTap;
beforeEach(() => {
  queue = new QueueTap();
});
afterEach(() => queue.close());

async function ask(path: string, body: object, headers: Readonly<Record<string, string>> = later) {
  const request = new Request(`https://shoal.test${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${env.SHOAL_API_KEYS}`, ...headers },
    body: JSON.stringify(body),
  });
  const response = await exports.default.fetch(request);
  const location = response.headers.get("location") ?? "";
  return { response, location, json: await response.json<Record<string, unknown>>() };
}

async function poll(location: string) {
  return (await send<{ status: string; result?: Record<string, unknown> }>("GET", location)).json;
}

const rows = Array.from({ length: 20 }, (_, id) => ({ id, vector: [id, 1], n: id % 4 }));
const write = { distance_metric: "euclidean_squared", upsert_rows: rows };
const query = { rank_by: ["vector", "ANN", [3, 1]], top_k: 2, include_attributes: ["n"] };

describe("a request that may be answered later", () => {
  it("is accepted, runs on what was there when it came, and is answered until it expires", async () => {
    const slow = new Namespace("slow");
    await slow.write(write);
    const { response, location, json } = await ask("/v2/namespaces/slow/query", query);
    expect(response.status).toBe(202);
    expect(response.headers.get("preference-applied")).toBe("respond-async");
    expect(location).toBe(`/v1/namespaces/slow/operations/${String(json["token"])}`);
    expect(await poll(location)).toEqual({ status: "running" });
    await slow.write({ deletes: [3] });
    await queue.deliverOperations(3);
    const { status, result } = await poll(location);
    expect(status).toBe("finished");
    expect(result?.["success"]).toMatchObject({
      rows: [
        { id: 3, $dist: 0, n: 3 },
        { id: 2, $dist: 1, n: 2 },
      ],
    });
    expect(await poll(location)).toEqual({ status, result });
    const { status: elsewhere } = await send("GET", location.replace("slow", "other"));
    expect(elsewhere).toBe(404);
  });

  it("is answered at once if its client cannot wait for it, or it is small", async () => {
    await new Namespace("quick").write(write);
    for (const prefer of ["", "respond-async", "wait=0", "respond-async; wait=0"]) {
      const { response, json } = await ask("/v2/namespaces/quick/query", query, { prefer });
      expect([prefer, response.status]).toEqual([prefer, 200]);
      expect(json["rows"]).toHaveLength(2);
    }
  });

  it("is refused at once if it is wrong, and as an answer if only its run can tell", async () => {
    await new Namespace("wrong").write(write);
    const path = "/v2/namespaces/wrong/query";
    expect((await ask(path, { rank_by: 1, top_k: 1 })).response.status).toBe(422);
    expect((await ask(path.replace("wrong", "none"), query)).response.status).toBe(404);
    const { location } = await ask(path, { ...query, filters: ["absent", "Eq", 1] });
    await queue.deliverOperations();
    const { result } = await poll(location);
    const error = result?.["error"] as { status_code: number; detail: { error: string } };
    expect(error.status_code).toBe(400);
    expect(error.detail).toMatchObject({ status: "error" });
    expect(error.detail.error).toContain("absent");
  });

  it("may be a measurement of recall", async () => {
    await new Namespace("measured").write(write);
    const { location } = await ask("/v1/namespaces/measured/_debug/recall", { num: 2, top_k: 3 });
    await queue.deliverOperations();
    expect((await poll(location)).result?.["success"]).toMatchObject({ avg_recall: 1 });
  });

  it("may be a copy, of what was there when it came, made once however often it is run", async () => {
    const source = new Namespace("copied-later");
    await source.write(write);
    const path = "/v2/namespaces/copy-later";
    const { response, location } = await ask(path, { copy_from_namespace: "copied-later" });
    expect(response.status).toBe(202);
    expect(location).toMatch(/^\/v1\/namespaces\/copy-later\/operations\/[0-9a-f]{32}$/);
    expect((await send("GET", `${path}/metadata`)).status).toBe(404);
    await source.write({ deletes: [3] });
    await queue.deliverOperations(3);
    expect((await poll(location)).result?.["success"]).toMatchObject({
      message: "namespace cloned successfully",
      rows_affected: rows.length,
    });
    expect(await new Namespace("copy-later").rows()).toHaveLength(rows.length);
    const again = await ask(path, { copy_from_namespace: "copied-later" });
    expect(again.response.status).toBe(409);
    const missing = await ask(`${path}-2`, { copy_from_namespace: "copied-never" });
    expect(missing.response.status).toBe(404);
  });

  it("runs though its message was lost, once the cron comes by", async () => {
    await new Namespace("lost").write(write);
    const { location, json } = await ask("/v2/namespaces/lost/query", query);
    queue.operations.splice(0);
    const token = String(json["token"]);
    const key = `t/default/ops/${token}/request`;
    expect(await env.BUCKET.head(key)).not.toBeNull();
    await queue.deliverOperation({ tenant: "default", operation: token });
    expect((await poll(location)).status).toBe("finished");
    await worker.scheduled({} as ScheduledController, env);
    expect((await poll(location)).status).toBe("finished");
  });
});
