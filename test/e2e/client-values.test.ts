/** Every attribute type through the official client: written, stored, indexed, returned, shown. */
import { describe, expect, it } from "vitest";
import { ask, freshName, indexNow, openClient } from "./harness.ts";

const client = openClient();
const uuid = "123e4567-e89b-12d3-a456-426614174000";
const base64 = (...values: number[]): string =>
  Buffer.from(new Float32Array(values).buffer).toString("base64");

/** Each type with a value as sent and as it comes back, and its views without the nulls. */
const types = [
  ["string", "é", "é"],
  ["int", -5, -5],
  ["uint", 5, 5],
  ["float", 0.1, 0.1],
  ["bool", false, false],
  ["uuid", uuid.toUpperCase().replaceAll("-", ""), uuid],
  ["datetime", "2024-03-02T01:30+01:30", "2024-03-02T00:00:00.000000000Z"],
  ["bytes", "aGk=", "aGk="],
  ["[]string", ["a", ""], ["a", ""]],
  ["[]int", [1, -2], [1, -2]],
  ["[]uint", [3], [3]],
  ["[]float", [0.1, 2], [0.1, 2]],
  ["[]bool", [true, false], [true, false]],
  ["[]uuid", [`{${uuid}}`, `urn:uuid:${uuid}`], [uuid, uuid]],
  ["[]datetime", ["2024-03-02"], ["2024-03-02T00:00:00.000000000Z"]],
  ["[2]f32", [0.1, 2], [0.1, 2]],
  ["[2]f16", base64(0.123456789, -2), [0.12347412, -2]],
  ["[2]i8", [-128, 127], [-128, 127]],
  [
    "[][2]f32",
    [[0.1, 2], base64(3, 4)],
    [
      [0.1, 2],
      [3, 4],
    ],
  ],
  ["{}f16", { fish: 0.654321, "": -2 }, { "": -2, fish: 0.6542969 }],
] as const;

const isDense = (type: string): boolean => /^\[\d/.test(type);
const isSparse = (type: string): boolean => type === "{}f16";

function schemaEntry(type: string) {
  return {
    type,
    ...(isDense(type) ? { ann: true } : {}),
    ...(isSparse(type) ? { sparse_knn: { distance_metric: "dot_product" as const } } : {}),
  };
}

const schema = {
  vector: { type: "[2]f16", ann: true },
  ...Object.fromEntries(types.map(([type]) => [`a ${type}`, schemaEntry(type)])),
};
const row = {
  id: 1,
  vector: [1, 0.1],
  ...Object.fromEntries(types.map(([type, sent]) => [`a ${type}`, sent])),
};
/** Only what a document must have. */
const bare = {
  id: 2,
  vector: [0, 1],
  ...Object.fromEntries(
    types.filter(([type]) => isDense(type)).map(([t, sent]) => [`a ${t}`, sent]),
  ),
};
const shown = {
  id: 1,
  vector: [1, 0.099975586],
  ...Object.fromEntries(types.map(([type, , value]) => [`a ${type}`, value])),
};

describe.each(["rows", "columns"] as const)("every type, written by %s", (form) => {
  it("comes back as it is stored, from the log and from a segment", async () => {
    const name = freshName();
    const namespace = client.namespace(name);
    const names = Object.keys(row);
    const columns = Object.fromEntries(
      names.map((name) => [
        name,
        [row, bare].map((each) => (each as Record<string, unknown>)[name] ?? null),
      ]),
    ) as { id: number[] };
    await namespace.write({
      ...(form === "rows" ? { upsert_rows: [row, bare] } : { upsert_columns: columns }),
      schema,
      distance_metric: "cosine_distance",
    });
    for (const _ of ["log", "segment"]) {
      const { rows } = await namespace.query({
        rank_by: ["id", "asc"],
        limit: 10,
        include_attributes: true,
      });
      expect(rows?.[0]).toEqual(shown);
      expect(Object.keys(rows?.[1] ?? {}).sort()).toEqual(Object.keys(bare).sort());
      const nearest = await namespace.query({
        rank_by: ["vector", "ANN", [1, 0]],
        limit: 1,
        include_attributes: ["vector", "a [2]i8", "a {}f16"],
        vector_encoding: "base64",
      });
      expect(nearest.rows).toEqual([
        {
          id: 1,
          $dist: expect.closeTo(0.00496, 4) as number,
          vector: Buffer.from([0x00, 0x3c, 0x66, 0x2e]).toString("base64"),
          "a [2]i8": Buffer.from([0x80, 0x7f]).toString("base64"),
          "a {}f16": { "": -2, fish: 0.6542969 },
        },
      ]);
      await indexNow(name);
    }
  });

  it("has exactly the views that clients know", async () => {
    const namespace = client.namespace(freshName());
    await namespace.write({
      upsert_rows: [row],
      schema,
      distance_metric: "cosine_distance",
    });
    const filterable = (type: string) => !isDense(type) && !isSparse(type) && type !== "bytes";
    expect(await namespace.schema()).toEqual({
      id: { type: "uint", filterable: null, full_text_search: null },
      vector: { type: "[2]f16", ann: true, filterable: null, full_text_search: null },
      ...Object.fromEntries(
        types.map(([type]) => [
          `a ${type}`,
          {
            type,
            filterable: filterable(type),
            full_text_search: null,
            ...(isDense(type) ? { ann: true } : {}),
          },
        ]),
      ),
    });
    const ann = { distance_metric: "cosine_distance" };
    expect((await namespace.metadata()).schema).toEqual({
      id: { type: "uint" },
      vector: { type: "[2]f16", ann },
      ...Object.fromEntries(
        types.map(([type]) => [
          `a ${type}`,
          {
            type,
            filterable: filterable(type),
            ...(isDense(type) ? { ann } : {}),
            ...(isSparse(type) ? { sparse_knn: { distance_metric: "dot_product" } } : {}),
          },
        ]),
      ),
    });
  });
});

describe("a schema", () => {
  it("that makes an attribute filterable is followed at once and by the index soon after", async () => {
    const name = freshName();
    const namespace = client.namespace(name);
    await namespace.write({
      upsert_rows: [{ id: 1, note: "x".repeat(5_000) }, { id: 2, note: "y" }, { id: 3 }],
      schema: { note: { type: "string", filterable: false } },
    });
    await indexNow(name);
    const find = async () => {
      const { rows } = await namespace.query({
        rank_by: ["id", "asc"],
        limit: 9,
        filters: ["note", "NotEq", "y"],
      });
      return rows?.map(({ id }) => id);
    };
    await expect(find()).rejects.toThrow("attribute is not filterable");
    const changed = await namespace.updateSchema({
      schema: { note: { type: "string", filterable: true } },
    });
    expect(changed["note"]).toEqual({ type: "string", filterable: true, full_text_search: null });
    expect(await find()).toEqual([1, 3]);
    await indexNow(name);
    expect(await find()).toEqual([1, 3]);
  });

  it.each([
    ["a type that changes", { title: "int" }, 400, /cannot become int/],
    ["bytes that are filterable", { b: { type: "bytes", filterable: true } }, 400, /filterable/],
    ["a sparse vector without an index", { s: "{}f16" }, 400, /must have `sparse_knn` set/],
    [
      "a sparse vector of another metric",
      { s: { type: "{}f16", sparse_knn: { distance_metric: "cosine_distance" } } },
      422,
      /unknown variant `cosine_distance`, expected `dot_product`/,
    ],
    ["a vector that comes late", { v: { type: "[2]i8", ann: true } }, 400, /Vector provided/],
    ["a vector array of too many dimensions", { v: "[][3073]f32" }, 400, /3072 dimensions/],
    [
      "late interaction",
      { v: { type: "[][2]f32", ann: { late_interaction: true } } },
      400,
      /late_interaction/,
    ],
    ["an unknown type", { v: "[2]f64" }, 400, /is not an attribute type/],
    ["a type that is no text", { v: 5 }, 422, /invalid type/],
    [
      "full-text search of numbers",
      { t: { type: "int", full_text_search: true } },
      400,
      /full_text_search/,
    ],
  ])("with %s is refused, and nothing changes", async (_, change, status, text) => {
    const name = freshName();
    await client.namespace(name).write({ upsert_rows: [{ id: 1, title: "x" }] });
    const before = await client.namespace(name).schema();
    const alone = await ask(`/v1/namespaces/${name}/schema`, { body: change });
    const body = { upsert_rows: [{ id: 2 }], schema: change };
    const along = await ask(`/v2/namespaces/${name}`, { body });
    for (const answer of [alone, along]) {
      expect({ status: answer.status, text: answer.text }).toMatchObject({
        status,
        text: expect.stringMatching(text) as string,
      });
    }
    expect(await client.namespace(name).schema()).toEqual(before);
    const { rows } = await client.namespace(name).query({ rank_by: ["id", "asc"], limit: 9 });
    expect(rows).toHaveLength(1);
  });
});

describe("a value", () => {
  it.each([
    ["1.5 in a vector of i8", { "a [2]i8": [1.5, 0] }],
    ["128 in a vector of i8", { "a [2]i8": [128, 0] }],
    ["65520 in a vector of f16", { "a [2]f16": [65_520, 0] }],
    ["Infinity in base64", { "a [2]f32": base64(1, Number.POSITIVE_INFINITY) }],
    ["another number of dimensions", { "a [2]f32": [1, 2, 3] }],
    ["null for a vector", { "a [2]f32": null }],
    ["unequal vectors", { "a [][2]f32": [[1, 2], [1]] }],
    ["a number for bytes", { "a bytes": 5 }],
    ["text that is no base64", { "a bytes": "a" }],
    ["a list for a sparse vector", { "a {}f16": [1] }],
    ["text for a weight", { "a {}f16": { a: "1" } }],
    ["a fraction for an int", { "a int": 1.5 }],
    ["a negative uint", { "a uint": -1 }],
    ["a uuid that is none", { "a uuid": "x" }],
    ["a time that is none", { "a datetime": "2024-13-01" }],
    ["null in an array", { "a []int": [null] }],
    ["mixed elements", { "a []string": ["a", 1] }],
  ])("that is %s is a 400 and nothing is written", async (_, change) => {
    const name = freshName();
    const path = `/v2/namespaces/${name}`;
    const body = {
      upsert_rows: [{ ...row, ...change }],
      schema,
      distance_metric: "cosine_distance",
    };
    const answer = await ask(path, { body });
    expect(answer.status, answer.text).toBe(400);
    expect(answer.json).toMatchObject({ status: "error" });
    expect((await ask(`/v1/namespaces/${name}/schema`)).status).toBe(404);
  });
});
