/** Programs written against VecPuff or RosalindDB: the requests and answers of their documents. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ask, freshName, indexNow } from "./harness.ts";

const document = { id: "doc1", vector: [0.1, 0.2, 0.3], text: "Sample document", category: "tech" };

describe("VecPuff's API", () => {
  const name = freshName("puff");
  const path = `/namespaces/${name}`;

  it("says that the server runs", async () => {
    const { status, text } = await ask("/health", { headers: { authorization: "" } });
    expect(status).toBe(200);
    expect(text).toContain("OK");
  });

  it("writes documents, with a metric or without, and counts the upserts", async () => {
    const { json } = await ask(path, { body: { upsert_rows: [{ ...document, score: 42 }] } });
    expect(json).toEqual({ upserted_count: 1 });
    const more = await ask(path, {
      body: {
        distance_metric: "cosine_distance",
        upsert_rows: [{ id: "doc2", vector: [0.3, 0.2, 0.1] }],
        deletes: ["doc9"],
      },
    });
    expect(more.json).toEqual({ upserted_count: 1 });
    const patched = await ask(path, { body: { patch_rows: [{ id: "doc1", score: 43 }] } });
    expect(patched.json).toEqual({ upserted_count: 0 });
  });

  it("refuses another metric than the namespace has, and what it does not know", async () => {
    const other = { distance_metric: "euclidean_squared", upsert_rows: [document] };
    expect(await ask(path, { body: other })).toMatchObject({ status: 400 });
    const unknown = await ask(path, { body: { upsert_columns: {} } });
    expect(unknown.status).toBe(400);
    expect(unknown.text).toContain("`upsert_columns`");
  });

  it("begins a namespace without vectors, too", async () => {
    const body = { upsert_rows: [{ id: "a", text: "no vector" }] };
    expect((await ask(`/namespaces/${freshName("puff")}`, { body })).json).toEqual({
      upserted_count: 1,
    });
  });

  it("finds the nearest, with vector and attributes and nothing else", async () => {
    const body = { query_vector: [0.1, 0.2, 0.3], top_k: 10 };
    const { json } = await ask(`${path}/query`, { body });
    expect(json).toEqual({
      results: [
        { ...document, score: 43 },
        { id: "doc2", vector: [0.3, 0.2, 0.1] },
      ],
      total_count: 2,
    });
    const one = await ask(`${path}/query`, { body: { ...body, top_k: 1 } });
    expect(one.json).toMatchObject({ total_count: 1 });
    expect((await ask(`${path}/query`, { body: { top_k: 1 } })).text).toContain("query_vector");
  });

  it.each(["POST", "GET"])("tells what is in a namespace (%s)", async (method) => {
    const fresh = await ask(`${path}/metadata`, { method });
    const nowSeconds = Date.now() / 1_000;
    const created = (fresh.json as { created_at: number }).created_at;
    expect(Math.abs(created - nowSeconds)).toBeLessThan(60);
    expect(fresh.json).toMatchObject({
      index: { status: "up_to_date" },
      created_at: expect.any(Number) as number,
      updated_at: expect.any(Number) as number,
    });
    await indexNow(name);
    const { json } = await ask(`${path}/metadata`, { method });
    expect(json).toMatchObject({
      approx_row_count: 2,
      index: {
        status: "up_to_date",
        indexed_row_count: 2,
        ann_index_file: expect.stringMatching(/^segment\//) as string,
      },
    });
  });

  it("lists all namespaces", async () => {
    const { json } = await ask("/namespaces");
    const { namespaces } = json as { namespaces: unknown[] };
    expect(namespaces).toContainEqual({ id: name });
    expect((await ask("/namespaces?page_size=1")).json).toHaveProperty("next_cursor");
  });

  it("says so when there is no such namespace", async () => {
    for (const part of ["query", "metadata"]) {
      const body = part === "query" ? { query_vector: [1] } : {};
      const answer = await ask(`/namespaces/${freshName("none")}/${part}`, { body });
      expect(answer.status).toBe(404);
    }
  });
});

describe("RosalindDB's query API", () => {
  const dataset = freshName("rosalind");
  const rows = Array.from({ length: 5 }, (_, i) => ({
    id: `v${i}`,
    vector: [i, 0],
    kind: i % 2 === 0 ? "even" : "odd",
  }));

  it("answers with raw squared distances and metadata, from what was just written", async () => {
    const body = { upsert_rows: rows, distance_metric: "euclidean_squared" };
    expect((await ask(`/v2/namespaces/${dataset}`, { body })).status).toBe(200);
    const { json } = await ask("/v1/query", {
      body: { dataset, vector: [0, 0], top_k: 2, nprobe: 64 },
    });
    expect(json).toEqual({
      matches: [
        { id: "v0", score: 0, metadata: { kind: "even" } },
        { id: "v1", score: 1, metadata: { kind: "odd" } },
      ],
      latency_ms: expect.any(Number) as number,
      mode: "recall",
    });
  });

  it("filters by equality, once indexed too", async () => {
    await indexNow(dataset);
    const body = { dataset, vector: [0, 0], filter: { kind: "odd", id: "v3" } };
    expect((await ask("/v1/query", { body })).json).toMatchObject({
      matches: [{ id: "v3", score: 9 }],
    });
    // Warm, nothing comes from the bucket.
    expect((await ask("/v1/query", { body })).json).toMatchObject({ mode: "hot" });
  });

  it("takes a query as a job, whose status tells the matches", async () => {
    const body = { dataset, vector: [4, 0], top_k: 1 };
    const headers = { prefer: "respond-async, wait=0" };
    const submitted = await ask("/v1/query", { body, headers });
    const { job_id: job } = submitted.json as { job_id: string };
    expect(submitted.json).toMatchObject({ matches: [], mode: "ephemeral" });
    const status = async () => (await ask(`/v1/query/status/${job}`)).json as { status: string };
    const endMs = Date.now() + 30_000;
    while ((await status()).status === "running" && Date.now() < endMs) await sleep(100);
    expect(await status()).toEqual({
      job_id: job,
      status: "completed",
      matches: [{ id: "v4", score: 0, metadata: { kind: "even" } }],
      latency_ms: expect.any(Number) as number,
      mode: "ephemeral",
    });
  });

  it("tells of a job that failed, and knows no other", async () => {
    const body = { dataset, vector: [4, 0, 1], top_k: 1 };
    const headers = { prefer: "respond-async, wait=0" };
    const submitted = await ask("/v1/query", { body, headers });
    const { job_id: job } = submitted.json as { job_id: string };
    const status = async () => (await ask(`/v1/query/status/${job}`)).json as { status: string };
    const endMs = Date.now() + 30_000;
    while ((await status()).status === "running" && Date.now() < endMs) await sleep(100);
    expect(await status()).toMatchObject({
      status: "failed",
      error: expect.stringContaining("dimensions") as string,
    });
    expect((await ask("/v1/query/status/none")).status).toBe(404);
  });

  it.each([
    [{ vector: [1, 0] }, 422, "dataset"],
    [{ dataset: "a/b", vector: [1, 0] }, 400, "dataset"],
    [{ dataset: freshName("none"), vector: [1, 0] }, 404, "was not found"],
    [{ dataset, vector: [1, 0], top_k: 1_001 }, 400, "top_k must be between 1 and 1000"],
    [{ dataset, vector: [1, 0], nprobe: 1_025 }, 400, "nprobe must be between 1 and 1024"],
    [{ dataset, vector: [1, 0], filter: { colour: "red" } }, 400, "colour"],
    [{ dataset, vector: [1, 0], filter: ["kind", "Eq", "odd"] }, 422, "filter"],
  ])("refuses %j", async (body, status, text) => {
    const answer = await ask("/v1/query", { body });
    expect({ status: answer.status, text: answer.text }).toEqual({
      status,
      text: expect.stringContaining(text) as string,
    });
  });

  it("keeps a key to the names it may use, though they are not in the path", async () => {
    const made = await ask("/v1/keys", { body: { scopes: ["read"], namespace_prefix: "shop-" } });
    const { key } = made.json as { key: string };
    const headers = { authorization: `Bearer ${key}` };
    const body = { dataset, vector: [1, 0] };
    expect((await ask("/v1/query", { body, headers })).status).toBe(403);
  });
});
