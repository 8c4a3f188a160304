/** The official client against this server: what an application does with a namespace. */
import {
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  UnprocessableEntityError,
} from "@turbopuffer/turbopuffer";
import { describe, expect, it } from "vitest";
import { freshName, indexNow, openClient, server } from "./harness.ts";
import { openShop, shop } from "./shop.ts";

const client = openClient();

describe("writing", () => {
  it("rows answers with counts and what is billed", async () => {
    const namespace = client.namespace(freshName());
    const answer = await namespace.write({
      upsert_rows: [
        { id: 1, vector: [0.1, 0.2], title: "fish" },
        { id: 2, vector: [0.3, 0.4] },
      ],
      distance_metric: "cosine_distance",
    });
    expect(answer).toMatchObject({
      status: "OK",
      message: "documents committed successfully",
      rows_affected: 2,
      rows_upserted: 2,
      billing: { billable_logical_bytes_written: 2 * (8 + 8) + 4 },
    });
    expect(answer).not.toHaveProperty("rows_deleted");
    expect(answer.performance?.server_total_ms).toBeGreaterThan(0);
  });

  it("columns is the same as writing rows", async () => {
    const namespace = client.namespace(freshName());
    await namespace.write({
      upsert_columns: {
        id: shop.map(({ id }) => id),
        vector: shop.map(({ vector }) => vector),
        title: shop.map(({ title }) => title),
        stock: shop.map(({ stock }) => stock),
        tags: shop.map(({ tags }) => tags ?? null),
        open: shop.map(({ open }) => open ?? null),
      },
      distance_metric: "euclidean_squared",
    });
    const { rows } = await namespace.query({
      rank_by: ["id", "asc"],
      limit: 10,
      include_attributes: true,
    });
    expect(rows).toEqual(shop);
  });

  it("replaces whole documents and deletes by id, existing or not", async () => {
    const { namespace } = await openShop();
    await namespace.write({ upsert_rows: [{ id: 1, vector: [9, 9], title: "uno" }] });
    const answer = await namespace.write({ deletes: [2, 77] });
    expect(answer).toMatchObject({ rows_affected: 2, rows_deleted: 2 });
    const { rows } = await namespace.query({
      rank_by: ["id", "asc"],
      limit: 10,
      include_attributes: ["title", "stock", "open"],
    });
    expect(rows).toEqual([
      { id: 1, title: "uno" },
      { id: 3, title: "three", stock: 5 },
      { id: 4, title: "four", stock: -1, open: true },
    ]);
  });

  it("upserts and deletes are one commit", async () => {
    const { namespace } = await openShop();
    const answer = await namespace.write({
      upsert_rows: [{ id: 9, vector: [0, 0] }],
      deletes: [1],
      return_affected_ids: true,
    });
    expect(answer).toMatchObject({
      rows_affected: 2,
      rows_upserted: 1,
      rows_deleted: 1,
      upserted_ids: [9],
      deleted_ids: [1],
    });
    const { rows } = await namespace.query({ rank_by: ["id", "asc"], limit: 10 });
    expect(rows?.map(({ id }) => id)).toEqual([2, 3, 4, 9]);
  });

  it("takes compressed bodies, and large answers come back compressed", async () => {
    const compressing = openClient({ compression: true });
    const namespace = compressing.namespace(freshName());
    const vector = Array.from({ length: 4_096 }, (_, i) => Math.fround(Math.sin(i)));
    await namespace.write({
      upsert_rows: [
        { id: 1, vector },
        { id: 2, vector },
      ],
      distance_metric: "cosine_distance",
    });
    const { rows } = await namespace.query({
      rank_by: ["vector", "ANN", vector],
      limit: 2,
      include_attributes: ["vector"],
    });
    for (const row of rows ?? []) {
      expect((row.vector as number[]).map(Math.fround)).toEqual(vector);
    }
    expect(rows).toHaveLength(2);
  });
});

describe("ids", () => {
  it("may be strings, and come back in bytewise order", async () => {
    const namespace = client.namespace(freshName());
    const ids = ["b", "a", "", "B", "é"];
    await namespace.write({ upsert_rows: ids.map((id) => ({ id, n: 1 })) });
    const { rows } = await namespace.query({ rank_by: ["id", "asc"], limit: 10 });
    expect(rows?.map(({ id }) => id)).toEqual(["", "B", "a", "b", "é"]);
  });

  it("may be UUIDs, in one spelling", async () => {
    const namespace = client.namespace(freshName());
    const id = "6f0e2f0a-1d2c-4b7e-9a55-0c8a6f1b2d3e";
    await namespace.write({
      upsert_rows: [{ id: id.toUpperCase(), n: 1 }],
      schema: { id: "uuid" },
    });
    const { rows } = await namespace.query({ rank_by: ["id", "asc"], limit: 10 });
    expect(rows).toEqual([{ id }]);
  });
});

describe("a namespace", () => {
  it("shows its metadata with exactly the keys the client knows", async () => {
    const { namespace } = await openShop();
    const metadata = await namespace.metadata();
    expect(metadata).toEqual({
      schema: {
        id: { type: "uint" },
        vector: { type: "[2]f32", ann: { distance_metric: "euclidean_squared" } },
        title: { type: "string", filterable: true },
        stock: { type: "int", filterable: true },
        tags: { type: "[]string", filterable: true },
        open: { type: "bool", filterable: true },
      },
      approx_logical_bytes: 0,
      approx_row_count: 0,
      created_at: expect.any(String) as string,
      updated_at: expect.any(String) as string,
      last_write_at: expect.any(String) as string,
      encryption: { mode: "default" },
      index: { status: "up-to-date" },
    });
    expect(Math.abs(Date.parse(metadata.created_at) - Date.now())).toBeLessThan(60_000);
    expect(metadata.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  it("counts rows and bytes of what is indexed", async () => {
    const { name, namespace } = await openShop();
    await indexNow(name);
    const metadata = await namespace.metadata();
    expect(metadata.approx_row_count).toBe(4);
    expect(metadata.approx_logical_bytes).toBeGreaterThan(4 * 16);
  });

  it("shows its schema with every option", async () => {
    const { namespace } = await openShop();
    expect(await namespace.schema()).toEqual({
      id: { type: "uint", filterable: null, full_text_search: null },
      vector: { type: "[2]f32", ann: true, filterable: null, full_text_search: null },
      title: { type: "string", filterable: true, full_text_search: null },
      stock: { type: "int", filterable: true, full_text_search: null },
      tags: { type: "[]string", filterable: true, full_text_search: null },
      open: { type: "bool", filterable: true, full_text_search: null },
    });
  });

  it("takes additions to its schema", async () => {
    const { namespace } = await openShop();
    const schema = await namespace.updateSchema({
      schema: { price: "float", stock: { type: "int", filterable: false } },
    });
    expect(schema["price"]).toEqual({ type: "float", filterable: true, full_text_search: null });
    expect(schema["stock"]).toMatchObject({ filterable: false });
    expect(await namespace.schema()).toEqual(schema);
    await expect(namespace.updateSchema({ schema: { stock: "string" } })).rejects.toThrow(
      BadRequestError,
    );
    await namespace.write({ upsert_rows: [{ id: 5, vector: [1, 1], price: 1.5 }] });
  });

  it("exists from its first write until it is deleted", async () => {
    const namespace = client.namespace(freshName());
    expect(await namespace.exists()).toBe(false);
    await namespace.write({ upsert_rows: [{ id: 1, n: 1 }] });
    expect(await namespace.exists()).toBe(true);
    expect(await namespace.deleteAll()).toEqual({ status: "OK" });
    expect(await namespace.exists()).toBe(false);
  });

  it("is not found once it is deleted, by any call", async () => {
    const { namespace } = await openShop();
    await namespace.deleteAll();
    const calls = [
      () => namespace.query({ rank_by: ["id", "asc"], limit: 1 }),
      () => namespace.schema(),
      () => namespace.metadata(),
      () => namespace.recall({ num: 1, top_k: 1 }),
      () => namespace.hintCacheWarm(),
      () => namespace.updateSchema({ schema: { n: "int" } }),
      () => namespace.deleteAll(),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toThrow(NotFoundError);
    }
  });

  it("that is made again under the same name shows nothing of its past", async () => {
    const { name, namespace } = await openShop();
    await indexNow(name);
    await namespace.deleteAll();
    await namespace.write({ upsert_rows: [{ id: "a", stock: "many" }] });
    const { rows } = await namespace.query({
      rank_by: ["id", "asc"],
      limit: 10,
      include_attributes: true,
    });
    expect(rows).toEqual([{ id: "a", stock: "many" }]);
    expect(Object.keys(await namespace.schema())).toEqual(["id", "stock"]);
  });

  it("is measured: recall of approximate against exhaustive search", async () => {
    const { name, namespace } = await openShop();
    const expected = { avg_recall: 1, avg_exhaustive_count: 2, avg_ann_count: 2 };
    expect(await namespace.recall({ num: 1, top_k: 2 })).toEqual(expected);
    await indexNow(name);
    const { ground_truth: truth, ...averages } = await namespace.recall({
      num: 3,
      top_k: 2,
      include_ground_truth: true,
    });
    expect(averages).toEqual(expected);
    expect(truth).toHaveLength(3);
    for (const { query_vector: vector, nearest_neighbors: rows } of truth ?? []) {
      expect(vector).toHaveLength(2);
      expect(rows).toHaveLength(2);
      expect(rows[0]?.$dist).toBe(0);
    }
  });

  it("can be warmed", async () => {
    const { name, namespace } = await openShop();
    await indexNow(name);
    const answer = await namespace.hintCacheWarm();
    expect(answer).toEqual({ status: "ACCEPTED", message: expect.any(String) as string });
  });
});

describe("the list of namespaces", () => {
  it("selects by prefix, pages with a cursor, and follows creation and deletion at once", async () => {
    const prefix = freshName("list");
    const names = ["a", "b", "c"].map((end) => `${prefix}-${end}`);
    for (const name of names) {
      await client.namespace(name).write({ upsert_rows: [{ id: 1, n: 1 }] });
    }
    const list = async (pageSize: number) => {
      const found: string[] = [];
      for await (const { id } of client.namespaces({ prefix, page_size: pageSize })) found.push(id);
      return found;
    };
    expect(await list(100)).toEqual(names);
    expect(await list(1)).toEqual(names);
    expect(await list(3)).toEqual(names);
    await client.namespace(names[1] as string).deleteAll();
    expect(await list(2)).toEqual([names[0], names[2]]);
  });
});

describe("errors", () => {
  it("are of the class that tells what to do", async () => {
    const { name, namespace } = await openShop();
    const stranger = openClient({ apiKey: `${server.apiKey}x` }).namespace(name);
    await expect(stranger.schema()).rejects.toThrow(AuthenticationError);
    const unknown = namespace.query({ rank_by: ["id", "asc"], limit: 1, filters: ["x", "Eq", 1] });
    await expect(unknown).rejects.toThrow(BadRequestError);
    const shape = namespace.write({ upsert_rows: {} as never });
    await expect(shape).rejects.toThrow(UnprocessableEntityError);
    await expect(shape).rejects.toThrow(/upsert_rows: invalid type: map, expected a sequence/);
  });

  it("name a consistency that is not one", async () => {
    const { namespace } = await openShop();
    const ask = (consistency: unknown) =>
      namespace.query({ rank_by: ["id", "asc"], limit: 1, consistency: consistency as never });
    const expected = 'invalid type: string \\"eventual\\", expected struct Consistency';
    await expect(ask("eventual")).rejects.toThrow(expected);
    const variant = "unknown variant `none`, expected `strong` or `eventual`";
    await expect(ask({ level: "none" })).rejects.toThrow(variant);
  });
});
