/** Namespaces as a whole over HTTP: the list, metadata, warmth, recall, plans, deletion. */
import { describe, expect, it } from "vitest";
import { Namespace, send } from "../../workerd/api.ts";

interface List {
  readonly namespaces: readonly { readonly id: string }[];
  readonly next_cursor: string | null;
}

async function made(name: string): Promise<Namespace> {
  const namespace = new Namespace(name);
  const rows = [1, 2, 3].map((id) => ({ id, vector: [id, 0.5], colour: "red" }));
  await namespace.write({ upsert_rows: rows, distance_metric: "cosine_distance" });
  return namespace;
}

async function list(query: string): Promise<{ status: number; ids: string[]; cursor: unknown }> {
  const { status, json } = await send<List>("GET", `/v1/namespaces?${query}`);
  return { status, ids: json.namespaces?.map(({ id }) => id), cursor: json.next_cursor };
}

describe("GET /v1/namespaces", () => {
  it("is sorted by name, begins with the prefix, and is consistent with writes", async () => {
    for (const name of ["list-b", "list-a", "list-B", "other"]) {
      await new Namespace(name).write({ upsert_rows: [{ id: 1 }] });
      expect((await list(`prefix=${name}`)).ids).toContain(name);
    }
    expect(await list("prefix=list-")).toMatchObject({
      ids: ["list-B", "list-a", "list-b"],
      cursor: null,
    });
    await new Namespace("list-a").delete();
    expect((await list("prefix=list-")).ids).toEqual(["list-B", "list-b"]);
  });

  it("gives a cursor with every full page, even the last; the page behind it is empty", async () => {
    for (const name of ["page-1", "page-2", "page-3", "page-4"]) {
      await new Namespace(name).write({ upsert_rows: [{ id: 1 }] });
    }
    const first = await list("prefix=page-&page_size=2");
    expect(first.ids).toEqual(["page-1", "page-2"]);
    const second = await list(`prefix=page-&page_size=2&cursor=${String(first.cursor)}`);
    expect(second.ids).toEqual(["page-3", "page-4"]);
    expect(second.cursor).toEqual(expect.any(String));
    const third = await list(`prefix=page-&page_size=2&cursor=${String(second.cursor)}`);
    expect(third).toMatchObject({ ids: [], cursor: null });
  });

  it.each(["page_size=0", "page_size=1001", "page_size=x", "cursor=", "cursor=!!"])(
    "refuses ?%s",
    async (query) => {
      expect((await list(query)).status).toBe(400);
    },
  );

  it("lists a branch and a copy as any other", async () => {
    await made("tree");
    await send("POST", "/v2/namespaces/tree-branch", { branch_from_namespace: "tree" });
    await send("POST", "/v2/namespaces/tree-copy", { copy_from_namespace: "tree" });
    expect((await list("prefix=tree")).ids).toEqual(["tree", "tree-branch", "tree-copy"]);
  });
});

describe("GET …/metadata", () => {
  it("has exactly these keys for a fresh namespace, in both versions", async () => {
    await made("fresh");
    const v2 = (await send<Record<string, unknown>>("GET", "/v2/namespaces/fresh/metadata")).json;
    expect(v2).toEqual({
      schema: expect.any(Object),
      approx_logical_bytes: 0,
      approx_row_count: 0,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
      updated_at: expect.any(String),
      last_write_at: expect.any(String),
      encryption: { mode: "default" },
      index: { status: "up-to-date" },
    });
    const v1 = (await send<Record<string, unknown>>("GET", "/v1/namespaces/fresh/metadata")).json;
    expect(v1).toEqual({ ...v2, encryption: { sse: true } });
  });

  it("moves updated_at and last_write_at together with data", async () => {
    const namespace = await made("moved");
    const read = async () =>
      (await send<Record<string, string>>("GET", "/v2/namespaces/moved/metadata")).json;
    const before = await read();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await namespace.write({ deletes: [1] });
    const after = await read();
    expect((after["updated_at"] ?? "") > (before["updated_at"] ?? "")).toBe(true);
    expect(after["last_write_at"]).toBe(after["updated_at"]);
    expect(after["created_at"]).toBe(before["created_at"]);
  });

  it("404s for a namespace that does not exist", async () => {
    const { status, json } = await send("GET", "/v2/namespaces/nothing/metadata");
    const error = "🤷 namespace 'nothing' was not found";
    expect([status, json]).toEqual([404, { status: "error", error }]);
  });
});

describe("warming", () => {
  it.each(["hint_cache_warm", "_debug/warm_cache"])("%s answers 202 ACCEPTED", async (path) => {
    await made("warm");
    const { status, json, headers } = await send("GET", `/v1/namespaces/warm/${path}`);
    expect([status, json]).toEqual([202, { status: "ACCEPTED", message: expect.any(String) }]);
    expect(headers.has("preference-applied")).toBe(false);
    expect((await send("GET", `/v1/namespaces/cold/${path}`)).status).toBe(404);
  });

  it("purge_cache answers OK", async () => {
    const { status, json } = await send("GET", "/v1/namespaces/warm/_debug/purge_cache");
    expect([status, json]).toEqual([200, { status: "OK" }]);
  });
});

describe("_debug/recall", () => {
  it("of 3 vectors with num 1 and top_k 2 is 1, 2, 2; the body may be empty", async () => {
    await made("recall");
    const path = "/v1/namespaces/recall/_debug/recall";
    expect((await send("POST", path, { num: 1, top_k: 2 })).json).toEqual({
      avg_recall: 1,
      avg_exhaustive_count: 2,
      avg_ann_count: 2,
    });
    expect((await send("POST", path)).status).toBe(200);
    expect((await send("POST", "/v1/namespaces/no/_debug/recall", {})).status).toBe(404);
  });

  it("with rank_by takes num null or 1 only, and shows the ground truth when asked", async () => {
    await made("recall-2");
    const path = "/v1/namespaces/recall-2/_debug/recall";
    const ask = { rank_by: ["vector", "ANN", [1, 0]], top_k: 1, include_ground_truth: true };
    const { json } = await send<{ ground_truth: object[] }>("POST", path, { ...ask, num: null });
    expect(json.ground_truth).toHaveLength(1);
    expect((await send("POST", path, { ...ask, num: 2 })).status).toBe(400);
  });
});

describe("explain_query", () => {
  const body = {
    rank_by: ["vector", "ANN", [1, 0]],
    top_k: 2,
    filters: ["colour", "Eq", "red"],
    include_attributes: ["colour"],
  };

  it("says in words how a query is answered", async () => {
    const namespace = await made("plan");
    await namespace.indexNow();
    await namespace.write({ deletes: [1] });
    const path = "/v2/namespaces/plan/explain_query";
    const { status, json } = await send<{ plan_text: string }>("POST", path, body);
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(["plan_text"]);
    for (const line of [
      /^snapshot +strong; manifest \d+ and the log up to entry 2$/m,
      /^tail +1 entries, 1 rows in \d+ bytes/m,
      /^segments +\S+: 3 rows, 0 of them dead, flat$/m,
      /^filter +decided from columns and ids in 1 segments$/m,
      /^ +colour Eq red: \d of 3 rows, [\d.]+ %; roots said \d to \d$/m,
      /^plan +segments are flat: scanned whole$/m,
      /^rank +ANN: /m,
      /^rows +2 from 0 on, with id, colour$/m,
      /^cost +/m,
    ]) {
      expect(json.plan_text).toMatch(line);
    }
  });

  it("400s where nothing is indexed, and as the query itself would", async () => {
    await made("no-plan");
    const path = "/v2/namespaces/no-plan/explain_query";
    const { status, json } = await send<{ error: string }>("POST", path, body);
    expect([status, json.error]).toEqual([400, "💔 index does not exist, cannot explain"]);
    expect((await send("POST", path, { top_k: 1, rank_by: ["none", "ANN", [1]] })).status).toBe(
      400,
    );
    expect((await send("POST", "/v2/namespaces/no/explain_query", body)).status).toBe(404);
  });
});

describe("DELETE /v2/namespaces/:ns", () => {
  it("answers OK, frees the name at once, and 404s for what is not there", async () => {
    const namespace = await made("gone");
    const { status, json } = await namespace.tryDelete();
    expect([status, json]).toEqual([200, { status: "OK" }]);
    expect((await namespace.tryDelete()).status).toBe(404);
    await namespace.write({ upsert_rows: [{ id: "text" }] });
    expect(await namespace.rows()).toEqual([{ id: "text" }]);
  });

  it("ends a namespace that is read-only too", async () => {
    const namespace = await made("locked");
    await send("PATCH", "/v1/namespaces/locked/metadata", { read_only: true });
    expect((await namespace.tryDelete()).status).toBe(200);
  });
});
