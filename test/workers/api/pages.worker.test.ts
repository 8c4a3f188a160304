/** Pages of a query: one snapshot from the first to the last, whatever is written meanwhile. */
import { expect, it } from "vitest";
import { Namespace, type Row, send } from "../../workerd/api.ts";

interface Page {
  readonly rows: readonly Row[];
  readonly next_cursor: string | null;
}

async function page(name: string, body: object, cursor: unknown): Promise<Page> {
  const answer = await ask(name, body, cursor);
  expect(answer.status).toBe(200);
  return answer.json as Page;
}

function ask(name: string, body: object, cursor: unknown) {
  return send<unknown>("POST", `/v2/namespaces/${name}/query`, { ...body, cursor });
}

async function all(name: string, body: object, between: () => Promise<unknown>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor: unknown = true; cursor !== null; ) {
    const { rows: more, next_cursor: next } = await page(name, body, cursor);
    rows.push(...more);
    cursor = next;
    await between();
  }
  return rows;
}

/** Even ids in a segment, odd ones in the tail; 3 and 4 replaced, 5 and 6 deleted. */
async function mixed(name: string): Promise<Namespace> {
  const namespace = new Namespace(name);
  const row = (id: number, n = id % 3) => ({ id, vector: [id, 0.5], n });
  const ids = Array.from({ length: 30 }, (_, i) => i);
  await namespace.write({
    upsert_rows: ids.filter((id) => id % 2 === 0).map((id) => row(id)),
    distance_metric: "euclidean_squared",
  });
  await namespace.indexNow();
  await namespace.write({ upsert_rows: ids.filter((id) => id % 2 === 1).map((id) => row(id)) });
  await namespace.write({ upsert_rows: [row(3, 0), row(4, 0)], deletes: [5, 6] });
  return namespace;
}

it.each([
  ["ids", { rank_by: ["id", "asc"] }],
  ["ids, descending, some left out", { rank_by: ["id", "desc"], offset: 2 }],
  ["a filter alone", { filters: ["n", "In", [0, 1]] }],
  ["an attribute", { rank_by: ["n", "desc"] }],
  ["distance", { rank_by: ["vector", "ANN", [7, 0]], filters: ["id", "NotEq", 7] }],
])("pages by %s are what one query found at first", async (what, query) => {
  const name = `pages-${what.replaceAll(/[^a-z]/g, "")}`;
  const namespace = await mixed(name);
  const body = { ...query, include_attributes: ["n"] };
  const { rows: expected } = await namespace.query({ ...body, limit: 100 });
  let id = 100;
  const rows = await all(name, { ...body, limit: 4 }, async () => {
    await namespace.write({ upsert_rows: [{ id, vector: [id, 0], n: 2 }], deletes: [id - 90] });
    if (id === 102) await namespace.indexNow();
    id += 1;
  });
  expect(rows).toEqual(expected);
  const { rows: now } = await namespace.query({ ...body, limit: 100 });
  expect(now).not.toEqual(expected);
});

it("a cursor is refused that is none, or another query's, or whose pin has ended", async () => {
  const namespace = await mixed("pages-refused");
  const body = { rank_by: ["id", "asc"], limit: 3 };
  const { next_cursor: cursor } = await page("pages-refused", body, true);
  for (const [query, wrong] of [
    [body, "abc"],
    [body, "00"],
    [body, `${cursor}00`],
    [{ ...body, limit: 4 }, cursor],
    [{ queries: [body] }, true],
    [{ ...body, as_of: 1 }, true],
    [{ aggregate_by: { count: ["Count"] } }, true],
  ] as const) {
    expect((await ask("pages-refused", query, wrong)).status, JSON.stringify(query)).toBe(400);
  }
  expect((await ask("pages-refused", body, 1)).status).toBe(422);
  await send("DELETE", "/v2/namespaces/pages-refused");
  await namespace.write({ upsert_rows: [{ id: 1 }] });
  expect((await ask("pages-refused", body, cursor)).status).toBe(410);
});

it("the last page lets go of what was pinned", async () => {
  await mixed("pages-released");
  const body = { rank_by: ["id", "asc"], limit: 20 };
  const { next_cursor: cursor } = await page("pages-released", body, true);
  const last = await page("pages-released", body, cursor);
  expect(last).toMatchObject({ next_cursor: null });
  expect(last.rows.length).toBe(8);
  expect((await ask("pages-released", body, cursor)).status).toBe(410);
});
