/** Agents: the official client of the Model Context Protocol against the bundled Worker. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, freshName, server } from "./harness.ts";

const opened: Client[] = [];
afterAll(async () => {
  for (const client of opened) await client.close();
});

interface Opening {
  readonly key?: string;
  readonly query?: string;
  /** `legacy`: begins with `initialize`, as clients before 2026-07-28 do. */
  readonly mode?: "auto" | "legacy";
}

async function open({ key = server.apiKey, query = "", mode = "auto" }: Opening = {}) {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(new URL(`${server.directUrl}/mcp${query}`), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
  });
  // The client's type of a transport has optional members that exact types do not allow for.
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  opened.push(client);
  return client;
}

async function call(client: Client, name: string, args: Record<string, unknown>) {
  const { content, isError } = await client.callTool({ name, arguments: args });
  const [first] = content;
  const text = first?.type === "text" ? first.text : "";
  return { text, isError: isError === true, json: isError === true ? {} : parse(text) };
}

interface Answer {
  readonly rows?: readonly Record<string, unknown>[];
  /** Of fused rankings: one. */
  readonly results?: readonly { readonly rows: readonly Record<string, unknown>[] }[];
  readonly aggregations?: unknown;
  readonly schema?: unknown;
  readonly truncated?: string;
  readonly namespaces?: readonly { readonly id: string }[];
}

function parse(text: string): Answer {
  return JSON.parse(text) as Answer;
}

async function makeKey(scopes: readonly string[], prefix = ""): Promise<string> {
  const { json } = await ask("/v1/keys", { body: { scopes, namespace_prefix: prefix } });
  return (json as { key: string }).key;
}

const namesOf = async (client: Client): Promise<readonly string[]> =>
  (await client.listTools()).tools.map(({ name }) => name);

const readers = ["list_namespaces", "describe_namespace", "query", "fetch_documents"];
const all = [...readers, "write_documents", "delete_documents"];

describe.each(["auto", "legacy"] as const)("a client that connects in the mode %s", (mode) => {
  const name = freshName("mcp");
  let client: Client;
  beforeAll(async () => {
    client = await open({ mode });
  });

  it("agrees on a version, and is told who answers", () => {
    const version = mode === "auto" ? "2026-07-28" : "2025-11-25";
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    expect(client.getServerVersion()?.name).toBe("shoal");
    expect(client.getInstructions()).toContain("list_namespaces");
  });

  it("lists every tool with a schema of its arguments", async () => {
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(all);
    for (const { inputSchema, annotations, description } of tools) {
      expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
      expect(description?.length).toBeGreaterThan(20);
      expect(typeof annotations?.readOnlyHint).toBe("boolean");
    }
  });

  it("writes, describes and lists", async () => {
    const written = await call(client, "write_documents", {
      namespace: name,
      distance_metric: "cosine_distance",
      schema: { title: { type: "string", full_text_search: true } },
      upsert_rows: [
        { id: 1, vector: [1, 0], title: "red herring", kind: "fish" },
        { id: 2, vector: [0, 1], title: "blue whale", kind: "mammal" },
        { id: 3, vector: [0.9, 0.1], title: "red snapper", kind: "fish" },
      ],
    });
    expect(written).toMatchObject({ isError: false, json: { rows_affected: 3 } });
    const { json } = await call(client, "describe_namespace", { namespace: name });
    expect(json.schema).toMatchObject({ kind: { type: "string" }, vector: { type: "[2]f32" } });
    const listed = await call(client, "list_namespaces", { prefix: name });
    expect(listed.json.namespaces).toEqual([{ id: name }]);
  });

  it("finds by words, by vector, by both, by filters, and counts", async () => {
    const query = async (args: Record<string, unknown>) =>
      (await call(client, "query", { namespace: name, ...args })).json;
    const idsOf = ({ rows, results = [] }: Answer) =>
      (rows ?? results[0]?.rows ?? []).map(({ id }) => id);

    const byWords = await query({ text: "whale" });
    expect(byWords.rows).toEqual([
      { id: 2, $dist: expect.any(Number) as number, title: "blue whale", kind: "mammal" },
    ]);
    expect((await query({ text: "whale", highlight: true })).rows).toEqual([
      {
        id: 2,
        $dist: expect.any(Number) as number,
        kind: "mammal",
        title_highlight: [{ text: "blue whale" }],
      },
    ]);
    expect(idsOf(await query({ vector: [1, 0], limit: 2 }))).toEqual([1, 3]);
    expect(idsOf(await query({ text: "red", vector: [0, 1], limit: 3 }))).toHaveLength(3);
    expect(idsOf(await query({ filters: ["kind", "Eq", "fish"] }))).toEqual([1, 3]);
    expect(idsOf(await query({ rank_by: ["title", "desc"], limit: 1 }))).toEqual([3]);
    const counted = await query({
      aggregate_by: { n: ["Count"] },
      filters: ["kind", "Eq", "fish"],
    });
    expect(counted.aggregations).toEqual({ n: 2 });
    expect((await query({ include_attributes: ["vector"], limit: 1 })).rows).toEqual([
      { id: 1, vector: [1, 0] },
    ]);
  });

  it("fetches, patches and deletes by id and by filter", async () => {
    const fetched = await call(client, "fetch_documents", { namespace: name, ids: [3, 99, 1] });
    expect(fetched.json.rows?.map(({ id }) => id)).toEqual([1, 3]);
    const patch = { namespace: name, patch_rows: [{ id: 1, title: "green herring" }] };
    expect((await call(client, "write_documents", patch)).isError).toBe(false);
    const [patched] = (await call(client, "fetch_documents", { namespace: name, ids: [1] })).json
      .rows ?? [undefined];
    expect(patched).toMatchObject({ title: "green herring", kind: "fish" });
    await call(client, "delete_documents", { namespace: name, ids: [1] });
    await call(client, "delete_documents", { namespace: name, filters: ["kind", "Eq", "mammal"] });
    const { json } = await call(client, "query", { namespace: name });
    expect(json.rows?.map(({ id }) => id)).toEqual([3]);
  });

  it("answers mistakes as results that say what is wrong", async () => {
    const missing = await call(client, "query", { namespace: freshName("nowhere") });
    expect(missing).toMatchObject({ isError: true });
    expect(missing.text).toContain("not found");
    const unknown = await call(client, "query", { namespace: name, filter: [] });
    expect(unknown.text).toContain("unknown field `filter`");
    const wrong = await call(client, "delete_documents", { namespace: name });
    expect(wrong.text).toContain("`ids` or `filters`");
    const many = await call(client, "query", { namespace: name, limit: 1_000 });
    expect(many.text).toContain("between 1 and 200");
  });

  it("is refused tools that do not exist, as an error of the protocol", async () => {
    await expect(client.callTool({ name: "drop_everything" })).rejects.toMatchObject({
      code: -32_602,
    });
  });
});

describe("what a key may not do", () => {
  const name = freshName("mcp-guarded");
  beforeAll(async () => {
    const rows = Array.from({ length: 150 }, (_, id) => ({ id, body: "word ".repeat(400) }));
    await ask(`/v2/namespaces/${name}`, { body: { upsert_rows: rows } });
  });
  const upsert = { namespace: name, upsert_rows: [{ id: 1_000 }] };

  it("cannot be done by an agent: a key that reads sees and uses no tool that writes", async () => {
    const client = await open({ key: await makeKey(["read"]) });
    expect(await namesOf(client)).toEqual(readers);
    const call = client.callTool({ name: "write_documents", arguments: upsert });
    await expect(call).rejects.toThrow(/lacks the scope `write`/);
    const erase = { namespace: name, filters: ["id", "Gte", 0] };
    const deletion = client.callTool({ name: "delete_documents", arguments: erase });
    await expect(deletion).rejects.toThrow(/lacks the scope `write`/);
    const body = { aggregate_by: { n: ["Count"] } };
    const { json } = await ask(`/v2/namespaces/${name}/query`, { body });
    expect(json).toMatchObject({ aggregations: { n: 150 } });
  });

  it("is not done in a read-only connection, whatever the key may do", async () => {
    const client = await open({ query: "?read_only=true" });
    expect(await namesOf(client)).toEqual(readers);
    const call = client.callTool({ name: "write_documents", arguments: upsert });
    await expect(call).rejects.toThrow(/read_only=true/);
  });

  it("is not done in namespaces of other prefixes", async () => {
    const client = await open({ key: await makeKey(["read", "write"], "theirs-") });
    const denied = await call(client, "query", { namespace: name });
    expect(denied).toMatchObject({ isError: true });
    expect(denied.text).toContain("begin with `theirs-`");
    expect((await call(client, "write_documents", upsert)).text).toContain("`theirs-`");
    // Not even whether there is such a namespace, and what a query of it would lack.
    const absent = await call(client, "query", { namespace: freshName("nowhere") });
    expect(absent.text).toContain("begin with `theirs-`");
    const unsearchable = await call(client, "query", { namespace: name, vector: [1] });
    expect(unsearchable.text).toContain("begin with `theirs-`");
    const mine = { namespace: `theirs-${name}`, upsert_rows: [{ id: 1 }] };
    expect((await call(client, "write_documents", mine)).isError).toBe(false);
    expect((await call(client, "list_namespaces", {})).json.namespaces).toEqual([
      { id: `theirs-${name}` },
    ]);
  });

  it("cuts an answer to what a model can read, and says so", async () => {
    const { text, json } = await call(await open(), "query", { namespace: name, limit: 150 });
    expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(48 * 1_024);
    expect(json.rows).toHaveLength(18);
    expect(json.truncated).toContain("18 of 150");
  });
});

describe("messages that are not as the protocol wants them", () => {
  const modern = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list" };
  const stateless = { ...list, params: { _meta: modern } };

  it.each([
    ["no message", {}, {}, 400, -32_600],
    ["a batch", [list], {}, 400, -32_600],
    ["an answer", { jsonrpc: "2.0", id: 1, result: {} }, {}, 400, -32_600],
    ["an unknown method of the handshake", { ...list, method: "x" }, {}, 200, -32_601],
    ["an unknown version in the header", list, { "mcp-protocol-version": "1999" }, 400, -32_022],
    ["no version in the body", list, headers, 400, -32_602],
    ["no header", stateless, {}, 400, -32_020],
    ["another method in the header", stateless, { ...headers, "mcp-method": "x" }, 400, -32_020],
    [
      "an unknown method",
      { ...stateless, method: "resources/list" },
      { ...headers, "mcp-method": "resources/list" },
      404,
      -32_601,
    ],
    [
      "another tool in the header",
      { ...stateless, method: "tools/call", params: { _meta: modern, name: "query" } },
      { ...headers, "mcp-method": "tools/call", "mcp-name": "list_namespaces" },
      400,
      -32_020,
    ],
  ])("%s is an error of JSON-RPC", async (_what, body, sent, status, code) => {
    const answer = await ask("/mcp", { body, headers: sent });
    expect(answer).toMatchObject({ status, json: { jsonrpc: "2.0", error: { code } } });
  });

  it("names the versions there are to who asks for another", async () => {
    const _meta = { ...modern, "io.modelcontextprotocol/protocolVersion": "2031-01-01" };
    const { json } = await ask("/mcp", { body: { ...list, params: { _meta } } });
    const supported = ["2026-07-28", "2025-11-25", "2025-06-18"];
    expect(json).toMatchObject({ error: { data: { supported, requested: "2031-01-01" } } });
  });

  it("takes a tool's name that came in base64", async () => {
    const name = `=?base64?${Buffer.from("list_namespaces").toString("base64")}?=`;
    const body = {
      ...stateless,
      method: "tools/call",
      params: { _meta: modern, name: "list_namespaces" },
    };
    const sent = { ...headers, "mcp-method": "tools/call", "mcp-name": name };
    expect(await ask("/mcp", { body, headers: sent })).toMatchObject({ status: 200 });
  });

  it("takes notifications without an answer, and wants a key and POST", async () => {
    const body = { jsonrpc: "2.0", method: "notifications/initialized" };
    expect(await ask("/mcp", { body })).toMatchObject({ status: 202, text: "" });
    const nobody = await ask("/mcp", { body, headers: { authorization: "" } });
    expect(nobody.status).toBe(401);
    expect(await ask("/mcp")).toMatchObject({ status: 405 });
    const foreign = await ask("/mcp", { body, headers: { origin: "https://evil.test" } });
    expect(foreign.status).toBe(403);
  });
});
