/** What the server answers against what the reference says it answers. */
import { env, exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { openRoutes } from "../../../../workers/api/open-routes.ts";
import { answers } from "../../../../workers/api/reference/answers.ts";
import type { JsonSchema } from "../../../../workers/api/reference/field.ts";
import type { Operation } from "../../../../workers/api/reference/operation.ts";
import { routes } from "../../../../workers/api/routes.ts";
import { Namespace } from "../../../workerd/api.ts";

const operations: readonly Operation[] = [...openRoutes, ...routes];
const reached = new Set<string>();
const found: string[] = [];

/** Sends it, and expects the success that is documented, in the form that is documented. */
async function expectDocumented(
  method: string,
  template: string,
  { name = "answers", id = "", query = "", body, prefer = "" }: Sent = {},
): Promise<unknown> {
  const operation = operations.find((each) => each.method === method && each.path === template);
  if (operation === undefined) throw new Error(`no operation ${method} ${template}`);
  const path = template.replace(":ns", name).replace(":id", id) + query;
  const request = new Request(`https://shoal.test${path}`, {
    method,
    headers: { authorization: `Bearer ${env.SHOAL_API_KEYS}`, prefer },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const response = await exports.default.fetch(request);
  const text = await response.text();
  const status = prefer === "" || template === "/v1/query" ? operation.answer.status : 202;
  expect({ path, status: response.status, text }).toMatchObject({ path, status });
  const isLines = operation.answer.media === "application/x-ndjson";
  const values: unknown[] = isLines
    ? text
        .trimEnd()
        .split("\n")
        .map((line): unknown => JSON.parse(line))
    : [operation.answer.media === "text/plain" ? text : JSON.parse(text)];
  if (status === operation.answer.status) {
    const schema: JsonSchema = answers[operation.answer.is];
    found.push(...values.flatMap((value) => faults(value, schema, template)));
    reached.add(`${method} ${template}`);
  }
  return values[0];
}

interface Sent {
  readonly name?: string;
  readonly id?: string;
  readonly query?: string;
  readonly body?: unknown;
  readonly prefer?: string;
}

/** Of the keywords that answers use; a field that is not described is a fault too. */
function faults(value: unknown, schema: JsonSchema, path: string): readonly string[] {
  const { type, const: only, enum: values, properties, required, items } = schema;
  const { additionalProperties: others } = schema;
  if (only !== undefined && value !== only) return [`${path} is ${JSON.stringify(value)}`];
  if (Array.isArray(values) && !values.some((each) => each === value)) {
    return [`${path} is ${JSON.stringify(value)}`];
  }
  const types: readonly unknown[] = Array.isArray(type) ? type : type === undefined ? [] : [type];
  if (types.length > 0 && !types.some((each) => isOf(value, each))) {
    return [`${path} is ${JSON.stringify(value)}, not ${types.join(" or ")}`];
  }
  if (Array.isArray(value)) {
    return isObject(items)
      ? value.flatMap((part, i) => faults(part, items as JsonSchema, `${path}[${i}]`))
      : [];
  }
  if (!isObject(value) || (properties === undefined && others === undefined)) return [];
  const missing = Array.isArray(required)
    ? required.filter((name) => !(String(name) in value))
    : [];
  return [
    ...missing.map((name) => `${path}.${String(name)} is missing`),
    ...Object.entries(value).flatMap(([name, part]) => {
      const known = isObject(properties) ? properties[name] : undefined;
      if (isObject(known)) return faults(part, known as JsonSchema, `${path}.${name}`);
      if (isObject(others)) return faults(part, others as JsonSchema, `${path}.${name}`);
      return others === true ? [] : [`${path}.${name} is not described`];
    }),
  ];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOf(value: unknown, type: unknown): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

async function imported(id: string): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs; ) {
    const found = await expectDocumented("GET", "/v1/namespaces/:ns/imports/:id", { id });
    if ((found as { status: string }).status === "finished") return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the import does not end");
}

const rows = [
  { id: 1, vector: [1, 0], title: "one", tags: ["a"] },
  { id: 2, vector: [0, 1], title: "two" },
];
const byVector = { rank_by: ["vector", "ANN", [1, 0]], limit: 2, include_attributes: true };

it("every answer is what the reference says it is", { timeout: 60_000 }, async () => {
  const write = { upsert_rows: rows, distance_metric: "euclidean_squared" };
  const all = { return_affected_ids: true, deletes: [9], patch_rows: [{ id: 1, title: "uno" }] };
  const ask = expectDocumented;
  await ask("POST", "/v2/namespaces/:ns", { body: write });
  await ask("POST", "/v2/namespaces/:ns", {
    body: { ...all, upsert_rows: [{ ...rows[0], id: 3 }] },
  });
  const condition = { upsert_condition: ["title", "Eq", "two"], upsert_rows: [rows[1]] };
  await ask("POST", "/v2/namespaces/:ns", { body: condition });
  await ask("POST", "/v2/namespaces/:ns", {
    name: "twig",
    body: { branch_from_namespace: "answers" },
  });
  await ask("POST", "/v2/namespaces/:ns/query", { body: byVector });
  await ask("GET", "/v2/namespaces/:ns/metadata");
  await ask("GET", "/metrics");
  await ask("POST", "/v1/namespaces/:ns/index/map", { body: { rank_by: byVector.rank_by } });
  await ask("POST", "/mcp", { body: { jsonrpc: "2.0", id: 1, method: "tools/list" } });
  await ask("POST", "/v1/namespaces/:ns/index");
  await new Namespace("answers").indexNow();
  await ask("GET", "/v1/namespaces/:ns/index");
  await ask("GET", "/v2/namespaces/:ns/metadata");
  await ask("GET", "/v2/namespaces/:ns/metadata", { name: "twig" });
  await ask("PATCH", "/v1/namespaces/:ns/metadata", { body: { pinning: true } });
  await ask("GET", "/v1/namespaces/:ns/metadata");
  await ask("GET", "/v1/namespaces/:ns");
  await ask("GET", "/v1/namespaces/:ns/export");
  await ask("GET", "/v1/namespaces/:ns/export", { query: "?limit=1" });
  await ask("PATCH", "/v1/namespaces/:ns/metadata", { body: { retention_seconds: 60 } });
  await ask("GET", "/v2/namespaces/:ns/changes");
  await ask("GET", "/v2/namespaces/:ns/changes", { query: "?limit=1" });
  await ask("POST", "/v1/namespaces/:ns/snapshots", { body: { name: "leaf" } });
  await ask("GET", "/v1/namespaces/:ns/snapshots");
  await ask("POST", "/v1/namespaces/:ns/restore", { body: { as_of: { snapshot: "leaf" } } });
  await ask("DELETE", "/v1/namespaces/:ns/snapshots/:id", { id: "leaf" });
  await ask("GET", "/v1/namespaces/:ns/schema");
  await ask("POST", "/v1/namespaces/:ns/schema", { body: { price: "float" } });
  await ask("GET", "/v1/namespaces/:ns/hint_cache_warm");
  await ask("POST", "/v1/namespaces/:ns/_debug/recall", { body: { include_ground_truth: true } });
  await ask("GET", "/v1/namespaces/:ns/metrics");
  await ask("GET", "/v1/namespaces/:ns/_debug/memory");
  await ask("POST", "/v2/namespaces/:ns/explain_query", { body: byVector });
  await ask("GET", "/v1/namespaces/:ns/_debug/warm_cache");
  await ask("GET", "/v1/namespaces/:ns/_debug/purge_cache");
  await ask("GET", "/v1/namespaces", { query: "?page_size=1" });
  await ask("GET", "/v1/limits");
  const { id } = (await ask("POST", "/v1/keys", { body: { scopes: ["read"] } })) as { id: string };
  await ask("GET", "/v1/keys");
  await ask("DELETE", "/v1/keys/:id", { id });
  const prefer = "respond-async, wait=0";
  const later = await ask("POST", "/v2/namespaces/:ns/query", { body: byVector, prefer });
  await ask("GET", "/v1/namespaces/:ns/operations/:id", { id: (later as { token: string }).token });
  await env.BUCKET.put("imports/default/answers.jsonl", '{"id":7,"title":"seven"}\n{"id":[]}');
  const wanted = { source: "answers.jsonl", error_mode: "continue" };
  const started = await ask("POST", "/v1/namespaces/:ns/imports", { body: wanted });
  const importId = (started as { id: string }).id;
  await imported(importId);
  await ask("GET", "/v1/namespaces/:ns/imports");
  await ask("GET", "/v1/namespaces/:ns/imports/:id/rejected", { id: importId });
  await ask("DELETE", "/v1/namespaces/:ns/imports/:id", { id: importId });
  await ask("GET", "/namespaces");
  await ask("POST", "/namespaces/:ns", { body: { upsert_rows: rows } });
  await ask("POST", "/namespaces/:ns/query", { body: { query_vector: [1, 0] } });
  await ask("POST", "/namespaces/:ns/metadata", { body: {} });
  await ask("GET", "/namespaces/:ns/metadata");
  const asked = { dataset: "answers", vector: [1, 0] };
  await ask("POST", "/v1/query", { body: asked });
  const job = (await ask("POST", "/v1/query", { body: asked, prefer })) as { job_id: string };
  await ask("GET", "/v1/query/status/:id", { id: job.job_id });
  await ask("GET", "/health");
  await ask("GET", "/openapi.json");
  await ask("DELETE", "/v2/namespaces/:ns");
  expect([...new Set(found)]).toEqual([]);
  // A page is no JSON, and nothing here is broken that could be skipped.
  const others = ["GET /docs", "POST /v1/namespaces/:ns/_debug/skip_entry"];
  const everything = operations.map(({ method, path }) => `${method} ${path}`);
  expect(everything.filter((each) => !reached.has(each)).toSorted()).toEqual(others.toSorted());
});
