/**
 * The texts that clients' own tests and their users know, word for word, each with its status; and
 * what else an error answer must carry.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { ask, freshName, type RawRequest } from "./harness.ts";

const name = freshName("errors");
const path = `/v2/namespaces/${name}`;
const deserialize = "Failed to deserialize the JSON body into the target type: ";

beforeAll(async () => {
  const upsert_rows = [
    { id: 1, vector: [1, 0], title: "one", n: 1 },
    { id: 2, vector: [0, 1], title: "two", n: 2 },
  ];
  await ask(path, { body: { upsert_rows, distance_metric: "cosine_distance" } });
});

const byId = { rank_by: ["id", "asc"], limit: 1 };
const row = { id: 3, vector: [1, 1] };

describe("a write is told", () => {
  it.each<[number, string, object]>([
    [
      422,
      `${deserialize}upsert_rows: invalid type: map, expected a sequence`,
      { upsert_rows: { id: [1] } },
    ],
    [422, `${deserialize}upsert_rows[0]: missing field \`id\``, { upsert_rows: [{ n: 1 }] }],
    [
      422,
      `${deserialize}upsert_rows[0].id: data did not match any variant of untagged enum Id`,
      { upsert_rows: [{ id: [1] }] },
    ],
    [
      422,
      `${deserialize}distance_metric: unknown variant \`bad\`, expected one of \`Unknown\`, ` +
        "`euclidean_squared`, `cosine_distance`, `euclidean`, `Query`",
      { upsert_rows: [row], distance_metric: "bad" },
    ],
    [
      400,
      "💔 distance metric mismatch, expected cosine_distance, got euclidean_squared",
      { upsert_rows: [row], distance_metric: "euclidean_squared" },
    ],
    [400, "💔 Malformed Cloud KMS crypto key: mykey", { encryption: { key_name: "mykey" } }],
    [
      400,
      "💔 patching vectors is currently unsupported",
      { patch_rows: [{ id: 1, vector: [1, 1] }] },
    ],
    [
      400,
      "💔 This upsert contains duplicate document IDs and was not written. You should ensure that " +
        "individual upserts do not include duplicate documents. The duplicated IDs in this batch " +
        "were the following: 3",
      { upsert_rows: [row, row] },
    ],
    [
      400,
      "💔 namespace ID type is uint, but you sent string; you are not allowed to mix ID types in " +
        "the same namespace",
      { deletes: ["a"] },
    ],
    [
      400,
      "All nested vectors must have the same number of dimensions, got: 2 and 3",
      { upsert_rows: [row, { id: 4, vector: [1, 2, 3] }] },
    ],
  ])("%i %s", async (status, error, body) => {
    const answer = await ask(path, { body });
    expect(answer).toMatchObject({ status, json: { status: "error", error } });
  });
});

it("a first write with vectors needs a metric, and says so", async () => {
  const answer = await ask(`/v2/namespaces/${freshName("new")}`, { body: { upsert_rows: [row] } });
  expect(answer).toMatchObject({
    status: 400,
    json: {
      error: "💔 distance_metric must be specified for write to namespace with a vector",
    },
  });
});

describe("a query is told", () => {
  it.each<[number, string, object]>([
    [
      422,
      `${deserialize}consistency: invalid type: string "eventual", expected struct Consistency`,
      { ...byId, consistency: "eventual" },
    ],
    [
      422,
      `${deserialize}consistency.level: unknown variant \`nonexistentvalue\`, expected ` +
        "`strong` or `eventual`",
      { ...byId, consistency: { level: "nonexistentvalue" } },
    ],
    [422, `${deserialize}consistency: missing field \`level\``, { ...byId, consistency: {} }],
    [400, "💔 rank_by queries must specify top_k or limit", { rank_by: ["id", "asc"] }],
    [400, "💔 top_k must be between 1 and 10000", { rank_by: ["id", "asc"], top_k: 0 }],
    [400, "💔 rank_by cannot be empty", { rank_by: [], limit: 1 }],
    [
      400,
      "💔 cannot specify both include_attributes and exclude_attributes",
      { ...byId, include_attributes: ["n"], exclude_attributes: ["n"] },
    ],
    [
      400,
      '💔 attribute "x" not found in schema, cannot be part of `include_attributes`. consider ' +
        "passing `include_attributes=True` to return all attribute data instead",
      { ...byId, include_attributes: ["x"] },
    ],
  ])("%i %s", async (status, error, body) => {
    const answer = await ask(`${path}/query`, { body });
    expect(answer).toMatchObject({ status, json: { status: "error", error } });
  });
});

it("a read-only namespace refuses writes and schema updates in the known words", async () => {
  const other = freshName("closed");
  await ask(`/v2/namespaces/${other}`, { body: { upsert_rows: [{ id: 1 }] } });
  const metadata = `/v1/namespaces/${other}/metadata`;
  await ask(metadata, { method: "PATCH", body: { read_only: true } });
  for (const [target, body] of [
    [`/v2/namespaces/${other}`, { upsert_rows: [{ id: 2 }] }],
    [`/v1/namespaces/${other}/schema`, { n: "int" }],
  ] as const) {
    expect(await ask(target, { body })).toMatchObject({
      status: 400,
      json: { error: "💔 Writes not permitted. This namespace is read-only." },
    });
  }
});

describe("every refusal", () => {
  const requests: readonly [string, string, RawRequest, number][] = [
    ["invalid", `${path}/query`, { body: {} }, 400],
    ["malformed", path, { body: [] }, 422],
    ["not JSON", path, { body: "{" }, 400],
    ["without a key", path, { body: {}, headers: { authorization: "" } }, 401],
    ["not there", `${path}-none/query`, { body: byId }, 404],
    ["no such path", "/v3", {}, 404],
    ["no such method", "/v1/limits", { method: "PUT" }, 405],
    ["too large", `${path}/query`, { body: "x".repeat(2 ** 20 + 1) }, 413],
    ["compressed otherwise", path, { body: "x", headers: { "content-encoding": "br" } }, 415],
  ];

  it.each(requests)("(%s) has a request id and tells nothing of the inside", async (...given) => {
    const [, target, request, status] = given;
    const answer = await ask(target, request);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{16,36}$/);
    expect(answer.text).not.toMatch(/\bat [\w./]+:\d+|\.ts\b|EngineError|TypeError|t\/default\//);
  });

  it("that is a conflict for good tells clients not to repeat it", async () => {
    const headers = { "idempotency-key": freshName("key") };
    const write = (id: number) => ({ headers, body: { upsert_rows: [{ ...row, id }] } });
    expect((await ask(path, write(50))).status).toBe(200);
    const conflict = await ask(path, write(51));
    expect(conflict.status).toBe(409);
    expect(conflict.headers.get("x-should-retry")).toBe("false");
    const branch = await ask(path, { body: { branch_from_namespace: name } });
    expect([400, 409]).toContain(branch.status);
    const taken = freshName("taken");
    await ask(`/v2/namespaces/${taken}`, { body: { upsert_rows: [{ id: 1 }] } });
    const occupied = await ask(`/v2/namespaces/${taken}`, {
      body: { branch_from_namespace: name },
    });
    expect(occupied.status).toBe(409);
    expect(occupied.headers.get("x-should-retry")).toBe("false");
  });
});
