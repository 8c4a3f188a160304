/** Exports over HTTP: JSON lines, and pages by columns as clients once knew them. */
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { Namespace, type Row, send } from "../../workerd/api.ts";

const authorization = `Bearer ${env.SHOAL_API_KEYS}`;

function get(path: string, headers: Record<string, string> = {}, method = "GET") {
  const url = `https://shoal.test/v1/namespaces/${path}`;
  return exports.default.fetch(
    new Request(url, { method, headers: { authorization, ...headers } }),
  );
}

async function lines(path: string): Promise<Record<string, unknown>[]> {
  const response = await get(path);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  const text = new TextDecoder().decode(await response.arrayBuffer());
  return text
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

function byId(rows: readonly unknown[]): unknown[] {
  return (rows as Row[]).toSorted((a, b) => Number(a.id) - Number(b.id));
}

/** 30 rows in a segment, some of the tail; ids 1 and 2 are gone. */
async function mixed(name: string, isIndexed = true): Promise<Namespace> {
  const namespace = new Namespace(name);
  const rows = Array.from({ length: 30 }, (_, i) => ({
    id: i + 1,
    vector: [i, 0.1],
    title: `row ${i}`,
    tags: i % 2 === 0 ? ["even"] : undefined,
  }));
  await namespace.write({ upsert_rows: rows, distance_metric: "euclidean_squared" });
  if (isIndexed) await namespace.indexNow();
  await namespace.write({ upsert_rows: [{ id: 31, vector: [9, 9] }], deletes: [1] });
  await namespace.write({ upsert_rows: [{ id: 3, vector: [7, 7], title: "new" }], deletes: [2] });
  return namespace;
}

interface Page {
  readonly ids: readonly number[];
  readonly vectors?: readonly unknown[];
  readonly attributes: Readonly<Record<string, readonly unknown[]>>;
  readonly next_cursor: string | null;
}

describe("GET …/export", () => {
  it("streams every row as a query shows it, one a line", async () => {
    const namespace = await mixed("lines");
    expect(byId(await lines("lines/export"))).toEqual(await namespace.rows());
  });

  it("with a limit ends with a cursor, and later pages are of the same moment", async () => {
    const namespace = await mixed("paged");
    const before = await namespace.rows();
    const rows: unknown[] = [];
    let query = "limit=7";
    for (let page = 0; page < 10; page++) {
      const found = await lines(`paged/export?${query}`);
      const { next_cursor: cursor } = found.pop() as { next_cursor: string | null };
      rows.push(...found);
      if (cursor === null) break;
      expect(found).toHaveLength(7);
      query = `limit=7&cursor=${cursor}`;
      await namespace.write({ deletes: [10 + page], upsert_rows: [{ id: 50, vector: [1, 1] }] });
      await namespace.indexNow();
    }
    expect(byId(rows)).toEqual(before);
  });

  it("is compressed in pages, not as a whole, and writes vectors as clients ask", async () => {
    await mixed("encoded", false);
    for (const [path, coding] of [
      ["encoded/export?limit=2", "gzip"],
      ["encoded/export", null],
    ] as const) {
      const { headers, body } = await get(path, { "accept-encoding": "gzip" });
      expect(headers.get("content-encoding")).toBe(coding);
      await body?.cancel();
    }
    const [row] = await lines("encoded/export?vector_encoding=base64&limit=1");
    expect(typeof row?.["vector"]).toBe("string");
  });

  it("of an empty namespace has no line, of none is 404", async () => {
    await new Namespace("hollow").write({ deletes: [1] });
    expect(await lines("hollow/export")).toEqual([]);
    expect((await get("no-such/export")).status).toBe(404);
  });

  it("may be given up in the middle, and leaves no pin behind", async () => {
    await mixed("given-up", false);
    for (let i = 0; i < 70; i++) {
      const { body } = await get("given-up/export");
      const reader = body?.getReader();
      await reader?.read();
      await reader?.cancel();
    }
    expect((await get("given-up/export")).status).toBe(200);
  });

  it.each(["limit=0", "limit=x", "limit=10001", "vector_encoding=hex", "cursor=", "cursor=zz"])(
    "refuses ?%s",
    async (query) => {
      await new Namespace("lines-bad").write({ upsert_rows: [{ id: 1 }] });
      expect((await get(`lines-bad/export?${query}`)).status).toBe(400);
    },
  );

  it("answers 410 for a cursor whose pin has ended", async () => {
    await mixed("ended", false);
    const found = await lines("ended/export?limit=3");
    const { next_cursor: cursor } = found.at(-1) as { next_cursor: string };
    await new Namespace("ended").delete();
    await new Namespace("ended").write({ upsert_rows: [{ id: 1 }] });
    expect((await get(`ended/export?cursor=${cursor}`)).status).toBe(410);
  });
});

describe("GET /v1/namespaces/:ns", () => {
  it("has ids, vectors and attributes by column, with null where one is absent", async () => {
    const namespace = await mixed("columns");
    const { status, json } = await send<Page>("GET", "/v1/namespaces/columns");
    expect(status).toBe(200);
    expect(json.next_cursor).toBeNull();
    expect(Object.keys(json.attributes)).toEqual(["title", "tags"]);
    const rows = json.ids.map((id, i) => ({
      id,
      vector: json.vectors?.[i],
      title: json.attributes["title"]?.[i] ?? undefined,
      tags: json.attributes["tags"]?.[i] ?? undefined,
    }));
    expect(byId(rows)).toEqual(await namespace.rows());
    expect(json.attributes["title"]).toContain(null);
  });

  it("goes on by its cursor until that is null", async () => {
    const namespace = new Namespace("columns-paged");
    for (let part = 0; part < 3; part++) {
      const ids = Array.from({ length: 7_000 }, (_, i) => part * 7_000 + i);
      await namespace.write({ upsert_columns: { id: ids, n: ids } });
    }
    const first = (await send<Page>("GET", "/v1/namespaces/columns-paged")).json;
    expect(first.ids).toHaveLength(10_000);
    expect(first).not.toHaveProperty("vectors");
    const path = (cursor: string | null) => `/v1/namespaces/columns-paged?cursor=${cursor}`;
    const second = (await send<Page>("GET", path(first.next_cursor))).json;
    const third = (await send<Page>("GET", path(second.next_cursor))).json;
    expect(third.next_cursor).toBeNull();
    const all = [...first.ids, ...second.ids, ...third.ids];
    expect(all).toHaveLength(21_000);
    expect(new Set(all).size).toBe(21_000);
  });

  it("refuses a cursor it has not returned, and 404s for no namespace", async () => {
    await new Namespace("columns-bad").write({ upsert_rows: [{ id: 1 }] });
    expect((await send("GET", "/v1/namespaces/columns-bad?cursor=00")).status).toBe(400);
    expect((await send("GET", "/v1/namespaces/no-such")).status).toBe(404);
  });

  it("answers HEAD by whether it exists, and how large it is", async () => {
    await mixed("head");
    const { status, headers } = await get("head", {}, "HEAD");
    expect(status).toBe(200);
    expect(headers.get("x-turbopuffer-approx-num-vectors")).toBe("30");
    expect(headers.get("x-turbopuffer-dimensions")).toBe("2");
    expect((await get("no-such", {}, "HEAD")).status).toBe(404);
  });
});
