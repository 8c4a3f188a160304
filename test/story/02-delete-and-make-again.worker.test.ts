/** A namespace ends and its name begins again: nothing of the old life shows, nothing is shared. */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { Namespace, send } from "../workerd/api.ts";

const path = "/v2/namespaces/phoenix";

it("shows nothing of its past life, cached, indexed or not", async () => {
  const phoenix = new Namespace("phoenix");
  const old = [1, 2, 3].map((id) => ({ id, vector: [id, 0], colour: "red" }));
  await phoenix.write({ upsert_rows: old, distance_metric: "cosine_distance" });
  const first = await phoenix.indexNow();
  await phoenix.write({ upsert_rows: [{ id: 4, vector: [4, 0] }] });
  expect(await phoenix.rows()).toHaveLength(4);

  await phoenix.delete();
  expect((await phoenix.tryQuery({ rank_by: ["id", "asc"], limit: 1 })).status).toBe(404);
  expect((await send("DELETE", path)).status).toBe(404);
  expect((await send("GET", "/v1/namespaces?prefix=phoenix")).json).toMatchObject({
    namespaces: [],
  });

  await phoenix.write({ upsert_rows: [{ id: "egg", colour: 7 }] });
  expect(await phoenix.rows()).toEqual([{ id: "egg", colour: 7 }]);
  const second = await phoenix.index();
  expect(second.generation).not.toBe(first.generation);
  expect(second).toMatchObject({ head: 1, floor: 0, segments: [] });
});

it("leaves a grave that names what is still to be purged", async () => {
  const ghost = new Namespace("ghost");
  await ghost.write({ upsert_rows: [{ id: 1, n: 1 }] });
  const { generation } = await ghost.index();
  await ghost.delete();
  expect(await env.BUCKET.head(`t/default/graves/${generation}`)).not.toBeNull();
  expect(await ghost.keys(generation, "wal/")).toHaveLength(2);
});

it("survives being deleted and written to at the same time: each write has one clear fate", async () => {
  const flicker = new Namespace("flicker");
  await flicker.write({ upsert_rows: [{ id: 0, n: 0 }] });
  const writes = Array.from({ length: 10 }, (_, i) =>
    flicker.tryWrite({ upsert_rows: [{ id: i + 1, n: i }] }),
  );
  const removal = send("DELETE", "/v2/namespaces/flicker");
  const late = flicker.tryWrite({ upsert_rows: [{ id: 99, n: 99 }] });
  const answers = await Promise.all([...writes, late]);
  expect((await removal).status).toBe(200);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  const query = await flicker.tryQuery({ rank_by: ["id", "asc"], limit: 20 });
  // Whatever was committed after the end began a new life; what came before is gone with id 0.
  const ids = query.status === 404 ? [] : query.json.rows.map(({ id }) => id);
  expect(ids).not.toContain(0);
});
