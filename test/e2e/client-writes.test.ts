/** The official client against this server: patches, conditions and writes by filter. */
import { BadRequestError, UnprocessableEntityError } from "@turbopuffer/turbopuffer";
import { describe, expect, it } from "vitest";
import { ask, freshName, indexNow, openClient } from "./harness.ts";
import { openShop } from "./shop.ts";

const client = openClient();

async function idsOf(namespace: ReturnType<typeof client.namespace>) {
  const { rows = [] } = await namespace.query({ rank_by: ["id", "asc"], limit: 1_000 });
  return rows.map(({ id }) => id);
}

describe("patching", () => {
  it("rows and columns sets what is given, and leaves the rest", async () => {
    const { name, namespace } = await openShop();
    await indexNow(name);
    const rows = await namespace.write({
      patch_rows: [
        { id: 2, title: "zwei", open: null },
        { id: 99, title: "nobody" },
      ],
      return_affected_ids: true,
    });
    expect(rows).toMatchObject({ status: "OK", rows_affected: 1, rows_patched: 1 });
    expect(rows).toMatchObject({ patched_ids: [2] });
    expect(rows.billing.query).toMatchObject({ billable_logical_bytes_queried: 256_000_000 });
    const columns = await namespace.write({
      patch_columns: { id: [3, 4], stock: [50, null], colour: ["red", "blue"] },
    });
    expect(columns).toMatchObject({ rows_patched: 2 });
    const { rows: found } = await namespace.query({
      rank_by: ["id", "asc"],
      limit: 10,
      exclude_attributes: ["tags"],
    });
    expect(found).toEqual([
      { id: 1, vector: [0.1, 0.1], title: "one", stock: 10, open: true },
      { id: 2, vector: [0.2, 0.2], title: "zwei", stock: 0 },
      { id: 3, vector: [0.3, 0.3], title: "three", stock: 50, colour: "red" },
      { id: 4, vector: [0.4, 0.4], title: "four", open: true, colour: "blue" },
    ]);
  });

  it("vectors is a 400, unless the schema says that they are patchable", async () => {
    const { namespace } = await openShop();
    const patch = { patch_rows: [{ id: 1, vector: [0.9, 0.9] }] };
    await expect(namespace.write(patch)).rejects.toThrow(
      "patching vectors is currently unsupported",
    );
    await expect(
      namespace.write({ patch_by_filter: { filters: ["id", "Eq", 1], patch: { vector: null } } }),
    ).rejects.toBeInstanceOf(BadRequestError);
    const schema = { vector: { type: "[2]f32", ann: true, patchable: true } } as const;
    expect(await namespace.write({ ...patch, schema })).toMatchObject({ rows_patched: 1 });
    const { rows = [] } = await namespace.query({
      rank_by: ["vector", "ANN", [0.9, 0.9]],
      limit: 1,
    });
    expect(rows[0]).toMatchObject({ id: 1, $dist: 0 });
    expect((await namespace.schema())["vector"]).toEqual({
      type: "[2]f32",
      ann: true,
      patchable: true,
      filterable: null,
      full_text_search: null,
    });
  });
});

describe("by filter", () => {
  it("deletes and patches what matches, and upserts in the same write", async () => {
    const { namespace } = await openShop();
    const answer = await namespace.write({
      delete_by_filter: ["stock", "Lt", 0],
      patch_by_filter: { filters: ["tags", "In", ["b"]], patch: { stock: 7 } },
      upsert_rows: [{ id: 4, vector: [1, 1], title: "four again" }],
      return_affected_ids: true,
    });
    expect(answer).toMatchObject({
      rows_affected: 4,
      rows_upserted: 1,
      rows_patched: 2,
      rows_deleted: 1,
      upserted_ids: [4],
      patched_ids: [1, 2],
      deleted_ids: [4],
    });
    expect(answer).not.toHaveProperty("rows_remaining");
    const { rows } = await namespace.query({
      rank_by: ["id", "asc"],
      limit: 10,
      include_attributes: ["title", "stock"],
    });
    expect(rows).toEqual([
      { id: 1, title: "one", stock: 7 },
      { id: 2, title: "two", stock: 7 },
      { id: 3, title: "three", stock: 5 },
      { id: 4, title: "four again" },
    ]);
  });

  it("replaces the parts of a document in one write, also in a new namespace", async () => {
    const namespace = client.namespace(freshName());
    const replace = (parts: readonly string[]) =>
      namespace.write({
        delete_by_filter: ["source", "Eq", "a.txt"],
        upsert_rows: parts.map((text, i) => ({ id: `a.txt#${i}`, source: "a.txt", text })),
      });
    expect(await replace(["x", "y", "z"])).toMatchObject({ rows_upserted: 3, rows_deleted: 0 });
    expect(await replace(["u"])).toMatchObject({ rows_upserted: 1, rows_deleted: 3 });
    expect(await idsOf(namespace)).toEqual(["a.txt#0"]);
  });

  it("refuses unknown attributes, changes of the id and conditions beside it", async () => {
    const { namespace } = await openShop();
    const refused = [
      namespace.write({ delete_by_filter: ["nope", "Eq", 1] }),
      namespace.write({ patch_by_filter: { filters: ["stock", "Eq", 5], patch: { id: 9 } } }),
      namespace.write({ delete_by_filter: ["stock", "Eq", 5], delete_condition: ["id", "Eq", 1] }),
      namespace.write({ delete_by_filter: ["stock", "Eq", 5], disable_backpressure: true }),
    ];
    for (const result of await Promise.allSettled(refused)) {
      expect(result).toMatchObject({ status: "rejected" });
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(BadRequestError);
    }
    await expect(
      namespace.write({ delete_by_filter: ["stock", "Near", 5] as never }),
    ).rejects.toBeInstanceOf(UnprocessableEntityError);
    expect(await idsOf(namespace)).toEqual([1, 2, 3, 4]);
  });
});

describe("conditions", () => {
  it("let newer versions pass and older ones not, whatever comes first", async () => {
    const namespace = client.namespace(freshName());
    const put = (version: number) =>
      namespace.write({
        upsert_rows: [{ id: 1, vector: [version, 0], version }],
        distance_metric: "euclidean_squared",
        upsert_condition: ["version", "Lt", { $ref_new: "version" }],
      });
    expect(await put(3)).toMatchObject({ rows_affected: 1 });
    expect(await put(2)).toMatchObject({ rows_affected: 0, rows_upserted: 0 });
    await Promise.all([7, 9, 8, 4, 6].map(put));
    const { rows = [] } = await namespace.query({
      rank_by: ["id", "asc"],
      limit: 1,
      include_attributes: ["version"],
    });
    expect(rows).toEqual([{ id: 1, version: 9 }]);
  });

  it("compare vectors as a whole, and ids with null", async () => {
    const { namespace } = await openShop();
    const same = await namespace.write({
      upsert_rows: [
        { id: 1, vector: [0.1, 0.1], title: "same" },
        { id: 2, vector: [5, 5], title: "moved" },
      ],
      upsert_condition: ["vector", "NotEq", { $ref_new: "vector" }],
      return_affected_ids: true,
    });
    expect(same).toMatchObject({ rows_affected: 1, upserted_ids: [2] });
    const fresh = await namespace.write({
      upsert_rows: [
        { id: 3, vector: [0, 0] },
        { id: 30, vector: [0, 0] },
      ],
      upsert_condition: ["id", "Eq", null],
      return_affected_ids: true,
    });
    expect(fresh).toMatchObject({ rows_affected: 1, upserted_ids: [30] });
  });

  it("of deletes count what existed and met them", async () => {
    const { namespace } = await openShop();
    const answer = await namespace.write({
      deletes: [1, 2, 77],
      delete_condition: ["open", "Eq", true],
      return_affected_ids: true,
    });
    expect(answer).toMatchObject({ rows_affected: 1, rows_deleted: 1, deleted_ids: [1] });
    expect(await idsOf(namespace)).toEqual([2, 3, 4]);
  });

  it("let 16 clients count without losing one", async () => {
    const namespace = client.namespace(freshName());
    await namespace.write({ upsert_rows: [{ id: "counter", n: 0 }] });
    const count = async (): Promise<void> => {
      for (;;) {
        const { rows = [] } = await namespace.query({
          rank_by: ["id", "asc"],
          limit: 1,
          include_attributes: ["n"],
        });
        const n = Number(rows[0]?.["n"]);
        const answer = await namespace.write({
          patch_rows: [{ id: "counter", n: n + 1 }],
          patch_condition: ["n", "Eq", n],
        });
        if (answer.rows_affected === 1) return;
      }
    };
    await Promise.all(Array.from({ length: 16 }, () => count()));
    const { rows = [] } = await namespace.query({
      rank_by: ["id", "asc"],
      limit: 1,
      include_attributes: ["n"],
    });
    expect(rows).toEqual([{ id: "counter", n: 16 }]);
  });
});

it("a conditional write repeated under its key is applied once, and told the same counts", async () => {
  const { name } = await openShop();
  const body = { patch_by_filter: { filters: ["stock", "Gt", 1], patch: { stock: 0 } } };
  const send = () =>
    ask(`/v2/namespaces/${name}`, { body, headers: { "idempotency-key": `once ${name}` } });
  const first = await send();
  expect(first).toMatchObject({ status: 200, json: { rows_affected: 2, rows_patched: 2 } });
  await indexNow(name);
  expect(await send()).toMatchObject({ status: 200, json: { rows_affected: 2, rows_patched: 2 } });
});
