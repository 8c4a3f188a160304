/** The past over HTTP: as of, snapshots, restores and the change feed. */
import { env, exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { Namespace, send } from "../workerd/api.ts";

const row = (id: number, n: number) => ({ id, vector: [id, n], n });
const list = { rank_by: ["id", "asc"], limit: 100, include_attributes: ["n"] };

async function numbers(ns: Namespace, more: object = {}): Promise<Record<string, unknown>> {
  const { rows } = await ns.query({ ...list, ...more });
  return Object.fromEntries(rows.map((each) => [each.id, each["n"]]));
}

async function begun(name: string): Promise<Namespace> {
  const ns = new Namespace(name);
  await ns.write({ distance_metric: "euclidean_squared", upsert_rows: [row(1, 1), row(2, 1)] });
  await send("PATCH", `/v1/namespaces/${name}/metadata`, { retention_seconds: 3_600 });
  return ns;
}

async function lines(path: string): Promise<Record<string, unknown>[]> {
  const request = new Request(`https://shoal.test${path}`, {
    headers: { authorization: `Bearer ${env.SHOAL_API_KEYS}`, "accept-encoding": "identity" },
  });
  const response = await exports.default.fetch(request);
  expect(response.status, path).toBe(200);
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const all = text.trim().split("\n");
  return all.map((line) => JSON.parse(line) as Record<string, unknown>);
}

it("can be asked for by time and by sequence, and no further than it is kept", async () => {
  const ns = await begun("past-query");
  const sequence = (await ns.index()).head - 1;
  const time = new Date().toISOString();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await ns.write({ upsert_rows: [row(1, 2)], deletes: [2] });
  await ns.indexNow();
  expect(await numbers(ns)).toEqual({ 1: 2 });
  expect(await numbers(ns, { as_of: sequence })).toEqual({ 1: 1, 2: 1 });
  expect(await numbers(ns, { as_of: time })).toEqual({ 1: 1, 2: 1 });
  const ann = { rank_by: ["vector", "ANN", [2, 1]], top_k: 1, as_of: sequence };
  expect((await ns.query(ann)).rows).toMatchObject([{ id: 2, $dist: 0 }]);
  const exported = await lines(`/v1/namespaces/past-query/export?as_of=${sequence}`);
  expect(exported).toMatchObject([
    { id: 1, n: 1 },
    { id: 2, n: 1 },
  ]);
  expect((await ns.tryQuery({ ...list, as_of: "2020-01-01T00:00:00Z" })).status).toBe(410);
  expect((await ns.tryQuery({ ...list, as_of: 99 })).status).toBe(400);
  expect((await ns.tryQuery({ ...list, as_of: "yesterday" })).status).toBe(400);
  expect((await ns.tryQuery({ ...list, as_of: true })).status).toBe(422);
  const metadata = await send<Record<string, number>>("GET", "/v2/namespaces/past-query/metadata");
  expect(metadata.json["retention_seconds"]).toBe(3_600);
  expect(metadata.json["retained_bytes"]).toBeGreaterThan(100);
});

it("has snapshots, which are hidden, asked, restored and deleted", async () => {
  const ns = await begun("past-named");
  const path = "/v1/namespaces/past-named/snapshots";
  const sequence = (await ns.index()).head - 1;
  await ns.write({ upsert_rows: [row(3, 3)] });
  expect(await send("POST", path, { name: "three" })).toMatchObject({ status: 201 });
  expect(await send("POST", path, { name: "two", as_of: sequence })).toMatchObject({ status: 201 });
  expect((await send("POST", path, { name: "two" })).status).toBe(409);
  expect((await send("POST", path, { name: "no/name" })).status).toBe(400);
  await ns.write({ deletes: [1, 2, 3], upsert_rows: [row(4, 4)] });
  expect(await numbers(ns, { as_of: { snapshot: "two" } })).toEqual({ 1: 1, 2: 1 });
  expect(await numbers(ns, { as_of: { snapshot: "three" } })).toEqual({ 1: 1, 2: 1, 3: 3 });
  expect((await ns.tryQuery({ ...list, as_of: { snapshot: "none" } })).status).toBe(404);
  expect((await send("GET", path)).json).toMatchObject({
    snapshots: [{ name: "three" }, { name: "two", sequence }],
    next_cursor: null,
  });
  const { json } = await send<{ namespaces: { id: string }[] }>("GET", "/v1/namespaces");
  expect(json.namespaces.map(({ id }) => id)).not.toContain("past-named@two");
  const restored = await send("POST", "/v1/namespaces/past-named/restore", {
    as_of: { snapshot: "two" },
  });
  expect(restored).toMatchObject({ status: 200, json: { sequence } });
  expect(await numbers(ns)).toEqual({ 1: 1, 2: 1 });
  await ns.write({ upsert_rows: [row(5, 5)] });
  expect(await numbers(ns)).toEqual({ 1: 1, 2: 1, 5: 5 });
  await ns.delete();
  await send("POST", "/v1/namespaces/past-named/restore", { as_of: { snapshot: "three" } });
  expect(await numbers(ns)).toEqual({ 1: 1, 2: 1, 3: 3 });
  expect((await send("DELETE", `${path}/two`)).status).toBe(200);
  expect((await send("DELETE", `${path}/two`)).status).toBe(404);
  expect((await send("GET", path)).json).toMatchObject({ snapshots: [{ name: "three" }] });
});

it("is restored to a moment within the retention", async () => {
  const ns = await begun("past-undo");
  const sequence = (await ns.index()).head - 1;
  await ns.write({ deletes: [1, 2], upsert_rows: [row(9, 9)] });
  const answer = await send("POST", "/v1/namespaces/past-undo/restore", { as_of: sequence });
  expect(answer.status).toBe(200);
  expect(await numbers(ns)).toEqual({ 1: 1, 2: 1 });
  const gone = await send("POST", "/v1/namespaces/past-undo/restore", {
    as_of: "2020-01-01T00:00:00Z",
  });
  expect(gone.status).toBe(410);
});

it("is a feed of changes, in pages that follow one another", async () => {
  const ns = await begun("past-feed");
  await ns.write({ upsert_rows: [row(1, 2)], deletes: [2] });
  await ns.indexNow();
  await ns.write({ upsert_rows: [row(3, 3)] });
  const path = "/v2/namespaces/past-feed/changes";
  const all = await lines(path);
  expect(all.slice(0, -1)).toMatchObject([
    { sequence: 0, upsert: { id: 1, n: 1, vector: [1, 1] } },
    { sequence: 0, upsert: { id: 2, n: 1 } },
    { upsert: { id: 1, n: 2 } },
    { delete: 2 },
    { upsert: { id: 3, n: 3 } },
  ]);
  const found: unknown[] = [];
  let after = "";
  for (let page = 0; page < 4; page++) {
    const some = await lines(`${path}?limit=1${after}`);
    found.push(...some.slice(0, -1));
    after = `&after=${String(some.at(-1)?.["next_cursor"])}`;
  }
  expect(found).toEqual(all.slice(0, -1));
  expect(await lines(`${path}?limit=1${after}`)).toHaveLength(1);
  await ns.write({ deletes: [1] });
  expect(await lines(`${path}?limit=1${after}`)).toMatchObject([{ delete: 1 }, {}]);
  expect((await send("GET", `${path}?after=nonsense`)).status).toBe(400);
  await ns.delete();
  expect((await send("GET", `${path}?${after.slice(1)}`)).status).toBe(404);
  await ns.write({ distance_metric: "euclidean_squared", upsert_rows: [row(1, 1)] });
  expect((await send("GET", `${path}?${after.slice(1)}`)).status).toBe(410);
});
