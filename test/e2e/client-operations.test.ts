/** The official client waits for what is answered later, and its callers notice nothing. */
import { Turbopuffer } from "@turbopuffer/turbopuffer";
import { expect, it } from "vitest";
import { freshName, indexNow, openClient } from "./harness.ts";

const later = { headers: { prefer: "respond-async, wait=0" } };

const rows = Array.from({ length: 50 }, (_, id) => ({ id, vector: [id, 1], n: id % 5 }));

it("asks for an answer until it is there", async () => {
  const name = freshName("later");
  const namespace = openClient().namespace(name);
  await namespace.write({ distance_metric: "euclidean_squared", upsert_rows: rows });
  await indexNow(name);
  const question = {
    rank_by: ["vector", "kNN", [7, 1]],
    filters: ["n", "Eq", 2],
    top_k: 3,
    include_attributes: ["n"],
  } satisfies Turbopuffer.NamespaceQueryParams;
  const [now, then] = [await namespace.query(question), await namespace.query(question, later)];
  expect(then.rows).toEqual(now.rows);
  expect(then.rows?.map(({ id }) => id)).toEqual([7, 2, 12]);
  expect((await namespace.recall({ num: 3, top_k: 2 }, later)).avg_recall).toBe(1);
});

it("waits for a copy", async () => {
  const [from, to] = [freshName("from"), freshName("to")];
  const client = openClient();
  await client.namespace(from).write({ distance_metric: "euclidean_squared", upsert_rows: rows });
  const copied = await client.namespace(to).copyFrom({ source_namespace: from }, later);
  expect(copied).toMatchObject({ status: "OK", rows_affected: rows.length });
  expect((await client.namespace(to).metadata()).schema).toHaveProperty("n");
});

it("learns what went wrong as if it had been answered at once", async () => {
  const namespace = openClient().namespace(freshName("wrong"));
  await namespace.write({ distance_metric: "euclidean_squared", upsert_rows: rows });
  const failing = namespace.query(
    { rank_by: ["vector", "ANN", [1, 1]], filters: ["none", "Eq", 1], top_k: 1 },
    later,
  );
  await expect(failing).rejects.toThrow(Turbopuffer.BadRequestError);
  await expect(failing).rejects.toThrow(/none/);
});
