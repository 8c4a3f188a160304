/** The official client against this server: queries. */
import { describe, expect, it } from "vitest";
import { freshName, indexNow, openClient } from "./harness.ts";
import { openShop, shop } from "./shop.ts";

const client = openClient();

describe("queries", () => {
  it("rank by distance, nearest first, and say how far", async () => {
    const { namespace } = await openShop();
    const { rows } = await namespace.query({ rank_by: ["vector", "ANN", [0.29, 0.29]], limit: 3 });
    expect(rows).toEqual([
      { id: 3, $dist: expect.closeTo(0.0002, 6) as number },
      { id: 2, $dist: expect.closeTo(0.0162, 6) as number },
      { id: 4, $dist: expect.closeTo(0.0242, 6) as number },
    ]);
  });

  it("give the lower id first where distances are equal, before and after indexing", async () => {
    const name = freshName();
    const namespace = client.namespace(name);
    const ids = [7, 3, 11, 5, 2];
    await namespace.write({
      upsert_rows: ids.map((id) => ({ id, vector: [1, 0] })),
      distance_metric: "cosine_distance",
    });
    const ask = async () => {
      const { rows } = await namespace.query({ rank_by: ["vector", "ANN", [1, 0]], limit: 4 });
      return rows?.map(({ id }) => id);
    };
    expect(await ask()).toEqual([2, 3, 5, 7]);
    await indexNow(name);
    expect(await ask()).toEqual([2, 3, 5, 7]);
  });

  it.each([
    [["stock", "Eq", 5], [3]],
    [
      ["stock", "NotEq", 5],
      [1, 2, 4],
    ],
    [
      ["stock", "Gt", 0],
      [1, 3],
    ],
    [
      ["stock", "Gte", 0],
      [1, 2, 3],
    ],
    [["stock", "Lt", 0], [4]],
    [
      ["stock", "Lte", 0],
      [2, 4],
    ],
    [
      ["title", "In", ["one", "four", "none"]],
      [1, 4],
    ],
    [
      ["tags", "In", ["b"]],
      [1, 2],
    ],
    [["open", "Eq", null], [3]],
    [["tags", "Eq", null], [3]],
    [
      ["id", "Gt", 2],
      [3, 4],
    ],
    [
      [
        "And",
        [
          ["stock", "Gte", 0],
          ["open", "Eq", true],
        ],
      ],
      [1],
    ],
    [
      [
        "Or",
        [
          ["stock", "Lt", 0],
          ["title", "Eq", "two"],
        ],
      ],
      [2, 4],
    ],
    [
      ["Not", ["open", "Eq", true]],
      [2, 3],
    ],
  ])("filter exactly by %j, before and after indexing", async (filter, expected) => {
    const namespace = await filteredShop();
    for (const phase of [namespace.tail, namespace.indexed]) {
      const { rows } = await phase.query({
        rank_by: ["vector", "ANN", [0, 0]],
        limit: 10,
        filters: filter as never,
      });
      expect(rows?.map(({ id }) => id)).toEqual(expected);
    }
  });

  it("include the attributes asked for, all, all but some, or none", async () => {
    const { namespace } = await openShop();
    const ask = async (choice: object) => {
      const { rows } = await namespace.query({ rank_by: ["id", "asc"], limit: 1, ...choice });
      return rows?.[0];
    };
    expect(await ask({})).toEqual({ id: 1 });
    expect(await ask({ include_attributes: ["stock", "vector"] })).toEqual({
      id: 1,
      stock: 10,
      vector: [0.1, 0.1],
    });
    expect(await ask({ include_attributes: true })).toEqual(shop[0]);
    expect(await ask({ exclude_attributes: ["vector", "tags", "nothing"] })).toEqual({
      id: 1,
      title: "one",
      stock: 10,
      open: true,
    });
  });

  it("may read by id in both orders, with an offset", async () => {
    const { namespace } = await openShop();
    const ids = async (query: object) => {
      const { rows } = await namespace.query({ limit: 2, ...query } as never);
      return rows?.map(({ id }) => id);
    };
    expect(await ids({ rank_by: ["id", "desc"] })).toEqual([4, 3]);
    expect(await ids({ rank_by: ["id", "asc"], offset: 1 })).toEqual([2, 3]);
    expect(await ids({ rank_by: ["id", "asc"], filters: ["id", "Gt", 2] })).toEqual([3, 4]);
  });

  it("say what they cost, in the figures the client reads", async () => {
    const namespace = client.namespace(freshName());
    await namespace.write({
      upsert_rows: [
        { id: 1, vector: [1, 0], n: 1 },
        { id: 2, vector: [0, 1], n: 1 },
        { id: 3, vector: [1, 1], n: 2 },
      ],
      distance_metric: "cosine_distance",
    });
    const { billing, performance } = await namespace.query({
      rank_by: ["vector", "ANN", [1, 0]],
      limit: 10,
      filters: ["n", "Eq", 1],
    });
    expect(billing).toEqual({
      billable_logical_bytes_queried: 256_000_000,
      billable_logical_bytes_returned: 24,
    });
    expect(performance).toMatchObject({
      exhaustive_search_count: 3,
      approx_namespace_size: 3,
      cache_temperature: "hot",
      cache_hit_ratio: 1,
    });
    expect(performance?.server_total_ms).toBeGreaterThan(0);
    expect(performance?.query_execution_ms).toBeGreaterThan(0);
    expect(performance).toHaveProperty("client_total_ms");
  });

  it("are billed for the bytes they return", async () => {
    const namespace = client.namespace(freshName());
    await namespace.write({
      upsert_rows: [1, 2, 3, 4, 5].map((id) => ({
        id,
        vector: [id, 1],
        ...(id === 3 ? { hello: "world" } : {}),
      })),
      distance_metric: "euclidean_squared",
    });
    const { billing } = await namespace.query({
      rank_by: ["vector", "ANN", [1, 1]],
      limit: 5,
      include_attributes: true,
    });
    expect(billing?.billable_logical_bytes_returned).toBe(60 + 40 + 5);
  });

  it("may be exhaustive, given a filter", async () => {
    const { namespace } = await openShop();
    const { rows } = await namespace.query({
      rank_by: ["vector", "kNN", [0, 0]] as never,
      limit: 2,
      filters: ["stock", "Gte", 0],
    });
    expect(rows?.map(({ id }) => id)).toEqual([1, 2]);
  });

  it("may be eventually consistent", async () => {
    const { namespace } = await openShop();
    const { rows } = await namespace.query({
      rank_by: ["id", "asc"],
      limit: 1,
      consistency: { level: "eventual" },
    });
    expect(rows).toEqual([{ id: 1 }]);
  });
});

const filtered = new Map<string, ReturnType<typeof openFilteredShop>>();

/** The same documents twice, indexed and not; made once for all filters. */
function filteredShop() {
  const made = filtered.get("shop") ?? openFilteredShop();
  filtered.set("shop", made);
  return made;
}

async function openFilteredShop() {
  const { namespace: tail } = await openShop();
  const { name, namespace: indexed } = await openShop();
  await indexNow(name);
  return { tail, indexed };
}
