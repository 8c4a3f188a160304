/**
 * Requests that must be refused: the status, the shape of the answer, what it says, and that
 * nothing was written. Each is sent to a namespace with two known documents.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type Answer, ask, freshName, type IndexAnswer, type RawRequest } from "./harness.ts";

const name = freshName("bad");
const writePath = `/v2/namespaces/${name}`;
const queryPath = `${writePath}/query`;
const base64 = (...values: number[]): string =>
  Buffer.from(new Float32Array(values).buffer).toString("base64");

const documents = [
  { id: 1, vector: [1, 0], title: "one", stock: 1 },
  { id: 2, vector: [0, 1], title: "two", stock: 2 },
];

beforeAll(async () => {
  const body = { upsert_rows: documents, distance_metric: "cosine_distance" };
  expect((await ask(writePath, { body })).status).toBe(200);
});

async function state(): Promise<unknown> {
  const body = { rank_by: ["id", "asc"], limit: 10, include_attributes: true };
  const { rows } = (await ask(queryPath, { body })).json as { rows: unknown };
  const schema = (await ask(`/v1/namespaces/${name}/schema`)).json;
  const { head } = (await ask(`/v1/namespaces/${name}/index`)).json as IndexAnswer;
  return { rows, schema, head };
}

/** Sends it and expects: refused so, in the usual shape, and nothing changed. */
async function expectRefusal(path: string, request: RawRequest, status: number, text: RegExp) {
  const before = await state();
  const answer = await ask(path, request);
  expect({ status: answer.status, text: answer.text }).toMatchObject({
    status,
    text: expect.stringMatching(text) as string,
  });
  expectErrorBody(answer);
  expect(await state()).toEqual(before);
}

function expectErrorBody({ json, headers }: Answer): void {
  expect(headers.get("content-type")).toBe("application/json");
  expect(json).toMatchObject({ status: "error", error: expect.any(String) as string });
  expect(json).not.toHaveProperty("message");
}

type Refusal = readonly [what: string, body: unknown, status: number, text: RegExp];

const row = { id: 3, vector: [1, 1] };
const rows = (...changes: object[]) => ({
  upsert_rows: changes.map((change) => ({ ...row, ...change })),
});
const columns = (change: object) => ({
  upsert_columns: {
    id: [3, 4],
    vector: [
      [1, 1],
      [1, 2],
    ],
    ...change,
  },
});

describe("a write is refused when", () => {
  it.each<Refusal>([
    ["it is not JSON", '{"upsert_rows":[', 400, /Failed to parse the request body as JSON/],
    ["it is empty", "", 400, /Failed to parse the request body as JSON/],
    ["more follows the JSON", "{} {}", 400, /Failed to parse the request body as JSON/],
    ["it is not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), 400, /invalid UTF-8/],
    ["it is NaN", '{"upsert_rows":[{"id":3,"vector":[NaN,1]}]}', 400, /Failed to parse/],
    ["a key stands twice", '{"deletes":[1],"deletes":[2]}', 400, /duplicate key .*deletes/],
    ["a row has a key twice", '{"upsert_rows":[{"id":3,"id":4}]}', 400, /duplicate key .*id/],
    ["a field is __proto__", '{"__proto__":{"upsert_rows":[]}}', 400, /unknown field `__proto__`/],
    ["it is nested too deep", "[".repeat(100_000), 400, /./],
    ["it is a list", [], 422, /expected a map/],
    ["it is null", null, 422, /expected a map/],
    ["rows are a map", { upsert_rows: {} }, 422, /upsert_rows: invalid type: map, expected a seq/],
    ["a row is a number", { upsert_rows: [5] }, 422, /upsert_rows\[0\]/],
    ["a row has no id", { upsert_rows: [{ n: 1 }] }, 422, /upsert_rows\[0\]: missing field `id`/],
    ["an id is a bool", rows({ id: true }), 422, /did not match any variant of untagged enum Id/],
    ["an id is null", rows({ id: null }), 422, /untagged enum Id/],
    ["an id is negative", rows({ id: -1 }), 400, /unsigned/],
    ["an id is fractional", rows({ id: 1.5 }), 400, /unsigned/],
    [
      "an id is beyond 64 bits",
      '{"upsert_rows":[{"id":18446744073709551616,"vector":[1,1]}]}',
      400,
      /id/,
    ],
    ["ids are of another kind", rows({ id: "x" }), 400, /ID type is uint, but you sent string/],
    ["an id occurs twice", rows({}, { vector: [2, 2] }), 400, /duplicate document IDs.*: 3"/],
    ["an id is upserted and deleted", { ...rows({}), deletes: [3] }, 400, /duplicate document IDs/],
    ["a delete is a map", { deletes: [{}] }, 422, /deletes\[0\]/],
    ["deletes are one id", { deletes: 1 }, 422, /deletes: invalid type/],
    ["a vector has another length", rows({ vector: [1, 2, 3] }), 400, /dimensions/],
    ["vectors differ in length", rows({}, { id: 4, vector: [1] }), 400, /same number of dimension/],
    ["a vector is empty", rows({ vector: [] }), 400, /vector cannot be empty/],
    ["a vector is null", rows({ vector: null }), 400, /vector/],
    ["a vector is missing", { upsert_rows: [{ id: 3 }] }, 400, /missing required vector/],
    ["a vector holds text", rows({ vector: ["1", 2] }), 400, /expected a number/],
    ["a vector holds null", rows({ vector: [null, 2] }), 400, /expected a number/],
    ["a component overflows f32", rows({ vector: [1e39, 0] }), 400, /finite/],
    ["base64 holds NaN", rows({ vector: base64(Number.NaN, 1) }), 400, /finite/],
    ["base64 holds Infinity", rows({ vector: base64(1, Number.POSITIVE_INFINITY) }), 400, /finite/],
    ["base64 is not base64", rows({ vector: "AAAA*AAAAAA=" }), 400, /base64/],
    ["base64 is not whole floats", rows({ vector: "AAAAAAA=" }), 400, /./],
    ["base64 has another length", rows({ vector: base64(1, 2, 3) }), 400, /dimensions/],
    ["an attribute is of another type", rows({ stock: "many" }), 400, /"attribute":"stock"/],
    ["an integer is a fraction", rows({ stock: 1.5 }), 400, /"attribute":"stock"/],
    ["a new number is a fraction", rows({ price: 1.5 }), 400, /signed 64-bit integer/],
    ["an attribute is a map", rows({ stock: {} }), 400, /stock/],
    ["an array holds null", rows({ tags: ["a", null] }), 400, /null/],
    [
      "an attribute is called __proto__",
      '{"upsert_rows":[{"id":3,"__proto__":1}]}',
      400,
      /__proto/,
    ],
    ["an attribute has no name", rows({ "": 1 }), 400, /empty/],
    ["a name begins with $", rows({ $dist: 1 }), 400, /\$/],
    ["a name is too long", rows({ ["é".repeat(65)]: 1 }), 400, /128 bytes/],
    ["a filterable value is too long", rows({ title: "x".repeat(4_097) }), 400, /4096 bytes/],
    ["columns have no id", { upsert_columns: { vector: [] } }, 400, /missing column `id`/],
    ["columns differ in length", columns({ stock: [1] }), 400, /same length/],
    ["a column is a number", columns({ stock: 1 }), 422, /upsert_columns\.stock/],
    ["patches are a map", { patch_rows: { id: 1 } }, 422, /patch_rows: invalid type: map/],
    [
      "a patch has no id",
      { patch_rows: [{ stock: 1 }] },
      422,
      /patch_rows\[0\]: missing field `id`/,
    ],
    [
      "a patch is of a vector",
      { patch_rows: [{ id: 1, vector: [1, 1] }] },
      400,
      /patching vectors/,
    ],
    ["a filter to delete by is text", { delete_by_filter: "x" }, 422, /expected a filter/],
    ["a filter to delete by knows no such name", { delete_by_filter: ["x", "Eq", 1] }, 400, /`x`/],
    [
      "a filter to patch by has no patch",
      { patch_by_filter: { filters: ["id", "Eq", 1] } },
      422,
      /missing field `patch`/,
    ],
    [
      "a patch by filter is of the id",
      { patch_by_filter: { filters: ["id", "Eq", 1], patch: { id: 2 } } },
      400,
      /`id`/,
    ],
    [
      "a filter stands beside its condition",
      { delete_by_filter: ["id", "Eq", 1], delete_condition: ["id", "Eq", 1] },
      400,
      /cannot be used together/,
    ],
    [
      "a condition refers to nothing known",
      { deletes: [1], delete_condition: ["stock", "Eq", { $ref_new: "x" }] },
      400,
      /`x`/,
    ],
    [
      "a patch goes on whatever waits",
      { patch_rows: [{ id: 1, stock: 1 }], disable_backpressure: true },
      400,
      /`disable_backpressure`/,
    ],
    ["a field is unknown", { ...rows({}), upsert: [] }, 400, /unknown field `upsert`/],
    ["there are too many shards", { sharding: { num_shards: 257 } }, 400, /num_shards/],
    [
      "the metric is another",
      { ...rows({}), distance_metric: "euclidean_squared" },
      400,
      /mismatch/,
    ],
    ["the metric is none", { ...rows({}), distance_metric: "bad" }, 422, /unknown variant `bad`/],
    ["a type changes", { schema: { stock: "string" } }, 400, /"attribute":"stock"/],
    ["a type is none", { schema: { x: "text" } }, 400, /"attribute":"x"/],
    ["an option's type is missing", { schema: { x: {} } }, 422, /missing field `type`/],
    ["a second vector comes", { schema: { v: { type: "[2]f32", ann: true } } }, 400, /vector/],
    ["a flag is text", { ...rows({}), return_affected_ids: "yes" }, 422, /return_affected_ids/],
    ["the key is malformed", { encryption: { key_name: "mykey" } }, 400, /Malformed Cloud KMS/],
    [
      "there are too many rows",
      { upsert_rows: Array.from({ length: 50_001 }, (_, id) => ({ id, vector: [1, 1] })) },
      413,
      /50000 rows/,
    ],
  ])("%s", async (_, body, status, text) => {
    await expectRefusal(writePath, { body, method: "POST" }, status, text);
  });
});

describe("a first write is refused, and creates nothing, when", () => {
  it.each<Refusal>([
    ["there is nothing in it", {}, 400, /created by its first documents/],
    ["vectors come without a metric", rows({}), 400, /distance_metric must be specified/],
    [
      "a metric comes without vectors",
      { upsert_rows: [{ id: 1 }], distance_metric: "cosine_distance" },
      400,
      /without vector indexing/,
    ],
    ["ids are to be int", { upsert_rows: [{ id: 1 }], schema: { id: "int" } }, 400, /int is not/],
    ["an id is no UUID", { upsert_rows: [{ id: "x" }], schema: { id: "uuid" } }, 400, /uuid/],
  ])("%s", async (_, body, status, text) => {
    const other = freshName("none");
    const answer = await ask(`/v2/namespaces/${other}`, { body });
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(text);
    expectErrorBody(answer);
    expect((await ask(`/v1/namespaces/${other}/schema`)).status).toBe(404);
    const list = await ask(`/v1/namespaces?prefix=${other}`);
    expect(list.json).toMatchObject({ namespaces: [] });
  });
});

const ann = ["vector", "ANN", [1, 0]];
const byId = { rank_by: ["id", "asc"], limit: 1 };

describe("a query is refused when", () => {
  it.each<Refusal>([
    ["it is not JSON", "{", 400, /Failed to parse/],
    ["it is a list", [], 422, /expected a map/],
    ["a field is unknown", { ...byId, top: 1 }, 400, /unknown field `top`/],
    ["aggregates have a limit", { ...byId, aggregate_by: { n: ["Count"] } }, 422, /aggregate_by/],
    ["there is no limit", { rank_by: ann }, 400, /must specify top_k or limit/],
    ["the limit is 0", { rank_by: ann, top_k: 0 }, 400, /between 1 and 10000/],
    ["the limit is too large", { rank_by: ann, limit: 10_001 }, 400, /between 1 and 10000/],
    ["the limit is text", { rank_by: ann, top_k: "1" }, 422, /top_k/],
    ["the limit is negative", { rank_by: ann, top_k: -1 }, 422, /top_k/],
    ["offset and limit are too large", { ...byId, offset: 10_000 }, 400, /10000/],
    ["the rank is empty", { rank_by: [], limit: 1 }, 400, /rank_by cannot be empty/],
    ["the rank has no such shape", { rank_by: ["id"], limit: 1 }, 422, /variant of RankInput/],
    ["the rank is text", { rank_by: "id", limit: 1 }, 422, /variant of RankInput/],
    ["the vector has another length", { rank_by: ["vector", "ANN", [1]], limit: 1 }, 400, /dimens/],
    ["the vector is empty", { rank_by: ["vector", "ANN", []], limit: 1 }, 400, /cannot be empty/],
    ["the vector holds text", { rank_by: ["vector", "ANN", ["a", 1]], limit: 1 }, 400, /rank_by/],
    [
      "the vector holds NaN",
      { rank_by: ["vector", "ANN", base64(Number.NaN, 0)], limit: 1 },
      400,
      /finite/,
    ],
    ["the column is none", { rank_by: ["title", "ANN", [1, 0]], limit: 1 }, 400, /title/],
    [
      "kNN has no filter",
      { rank_by: ["vector", "kNN", [1, 0]], limit: 1 },
      400,
      /requires filters/,
    ],
    ["a filter is text", { ...byId, filters: "stock" }, 422, /./],
    ["an operator is unknown", { ...byId, filters: ["stock", "Is", 1] }, 422, /Is/],
    ["a filter names nothing", { ...byId, filters: ["price", "Eq", 1] }, 400, /price/],
    [
      "a filter's value is of another type",
      { ...byId, filters: ["stock", "Gt", "1"] },
      400,
      /stock/,
    ],
    ["an attribute is unknown", { ...byId, include_attributes: ["price"] }, 400, /price/],
    ["attributes are text", { ...byId, include_attributes: "title" }, 422, /include_attributes/],
    [
      "attributes are both included and excluded",
      { ...byId, include_attributes: ["title"], exclude_attributes: ["stock"] },
      400,
      /cannot specify both/,
    ],
    ["consistency is text", { ...byId, consistency: "eventual" }, 422, /struct Consistency/],
    ["consistency is empty", { ...byId, consistency: {} }, 422, /missing field `level`/],
    ["the encoding is unknown", { ...byId, vector_encoding: "hex" }, 422, /vector_encoding/],
    ["the metric is another", { ...byId, distance_metric: "euclidean_squared" }, 400, /mismatch/],
    ["it is too large", { ...byId, filters: ["title", "Eq", "x".repeat(1 << 20)] }, 413, /1048576/],
  ])("%s", async (_, body, status, text) => {
    await expectRefusal(queryPath, { body }, status, text);
  });
});

it("keys of option objects that are not known are ignored", async () => {
  const consistency = { level: "strong", patience: 1 };
  const limit = { total: 1, more: 2 };
  const query = await ask(queryPath, { body: { rank_by: ["id", "asc"], limit, consistency } });
  expect(query.json).toMatchObject({ rows: [{ id: 1 }] });
  const schema = { title: { type: "string", colour: "red" } };
  expect((await ask(writePath, { body: { schema } })).status).toBe(200);
});

describe("other requests are refused when", () => {
  const path = `/v1/namespaces/${name}`;
  it.each<[string, string, RawRequest, number, RegExp]>([
    ["no key is sent", path, { headers: { authorization: "" } }, 401, /missing API key/],
    ["the key is wrong", path, { headers: { authorization: "Bearer x" } }, 401, /not one of/],
    ["the path is none", "/v2/nothing", {}, 404, /there is no GET \/v2\/nothing/],
    ["the path is that of no endpoint", `${writePath}/explain`, { body: byId }, 404, /there is/],
    ["the method is another", `${path}/schema`, { method: "DELETE" }, 405, /only GET and POST/],
    ["metadata is put", `${path}/metadata`, { method: "PUT", body: {} }, 405, /only GET and PATCH/],
    [
      "metadata is text",
      `${path}/metadata`,
      { method: "PATCH", body: "x" },
      400,
      /Failed to parse/,
    ],
    ["the schema is a list", `${path}/schema`, { body: [] }, 422, /expected a map/],
    ["the schema changes a type", `${path}/schema`, { body: { stock: "string" } }, 400, /stock/],
    ["recall is asked in text", `${path}/_debug/recall`, { body: { num: "1" } }, 422, /num/],
    ["recall of nothing", `${path}/_debug/recall`, { body: { num: 0 } }, 400, /between 1 and/],
    ["a page is empty", "/v1/namespaces?page_size=0", {}, 400, /between 1 and 1000/],
    ["a page is too large", "/v1/namespaces?page_size=1001", {}, 400, /between 1 and 1000/],
    ["a page is no number", "/v1/namespaces?page_size=ten", {}, 400, /between 1 and 1000/],
    ["a cursor is empty", "/v1/namespaces?cursor=", {}, 400, /cursor/],
    ["a cursor is made up", "/v1/namespaces?cursor=2e2e", {}, 400, /cursor/],
    ["a prefix is not one", "/v1/namespaces?prefix=a%2Fb", {}, 400, /prefix/],
    [
      "a body is compressed otherwise",
      queryPath,
      { body: byId, headers: { "content-encoding": "br" } },
      415,
      /only gzip/,
    ],
    [
      "a body is not what it says",
      queryPath,
      { body: byId, headers: { "content-encoding": "gzip" } },
      400,
      /gzip/,
    ],
  ])("%s", async (_, target, request, status, text) => {
    await expectRefusal(target, request, status, text);
  });

  it.each([
    ["query", "POST", "/v2/namespaces/NAME/query", byId],
    ["metadata", "GET", "/v2/namespaces/NAME/metadata", undefined],
    ["metadata of v1", "GET", "/v1/namespaces/NAME/metadata", undefined],
    ["schema", "GET", "/v1/namespaces/NAME/schema", undefined],
    ["schema update", "POST", "/v1/namespaces/NAME/schema", { n: "int" }],
    ["index", "GET", "/v1/namespaces/NAME/index", undefined],
    ["flush", "POST", "/v1/namespaces/NAME/index", undefined],
    ["warm", "GET", "/v1/namespaces/NAME/hint_cache_warm", undefined],
    ["recall", "POST", "/v1/namespaces/NAME/_debug/recall", {}],
    ["delete", "DELETE", "/v2/namespaces/NAME", undefined],
  ])("the namespace of a %s is unknown", async (_, method, template, body) => {
    const unknown = freshName("unknown");
    const path = template.replace("NAME", unknown);
    const answer = await ask(path, { method, ...(body === undefined ? {} : { body }) });
    expect(answer.status).toBe(404);
    expect(answer.json).toEqual({
      status: "error",
      error: `🤷 namespace '${unknown}' was not found`,
    });
  });

  it.each([
    ["a%20b", /contains invalid characters, must be \[A-Za-z0-9-_\.\]/],
    ["a%2Fb", /contains invalid characters/],
    ["%C3%A9", /contains invalid characters/],
    ["a%2561", /contains invalid characters/],
    ["a%", /contains invalid characters/],
    ["a".repeat(129), /Namespace `a{129}` is too long, limit is currently 128 characters/],
  ])("the name is %s, in plain text", async (bad, text) => {
    for (const path of [`/v2/namespaces/${bad}`, `/v2/namespaces/${bad}/query`]) {
      const answer = await ask(path, { body: byId });
      expect(answer.status).toBe(400);
      expect(answer.headers.get("content-type")).toMatch(/^text\/plain/);
      expect(answer.text).toMatch(/^Invalid URL: Namespace /);
      expect(answer.text).toMatch(text);
    }
  });

  it.each(["a", "A-Z_0.9", "...", "%61bc", "a".repeat(128)])(
    "but the name %s is fine",
    async (good) => {
      const path = `/v2/namespaces/${good}/metadata`;
      expect((await ask(path)).status).toBe(404);
    },
  );
});
