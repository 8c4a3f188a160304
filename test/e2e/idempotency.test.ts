/** Writes that carry an Idempotency-Key, over HTTP. */
import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { ask, freshName, indexNow, openClient } from "./harness.ts";

const row = { id: 1, title: "tern" };

function writeTo(name: string, body: unknown, key: string, headers: Record<string, string> = {}) {
  const all = { "idempotency-key": key, ...headers };
  return ask(`/v2/namespaces/${name}`, { body, headers: all });
}

test("a write repeated under its key does not undo what came after it", async () => {
  const name = freshName();
  const key = randomUUID();
  const first = await writeTo(name, { upsert_rows: [row] }, key);
  expect(first).toMatchObject({ status: 200, json: { rows_upserted: 1 } });
  await ask(`/v2/namespaces/${name}`, { body: { upsert_rows: [{ id: 1, title: "gull" }] } });
  const bytes = gzipSync(JSON.stringify({ upsert_rows: [row] }));
  const repeats = [
    await writeTo(name, { upsert_rows: [row] }, key),
    await writeTo(name, new Uint8Array(bytes), key, { "content-encoding": "gzip" }),
  ];
  await indexNow(name);
  repeats.push(await writeTo(name, { upsert_rows: [row] }, key));
  for (const repeat of repeats) {
    expect(repeat).toMatchObject({ status: 200, json: { rows_affected: 1, rows_upserted: 1 } });
  }
  const { rows } = await openClient()
    .namespace(name)
    .query({ rank_by: ["id", "asc"], limit: 10, include_attributes: true });
  expect(rows).toEqual([{ id: 1, title: "gull" }]);
});

test("another body under the key is 409, not to be repeated, and changes nothing", async () => {
  const name = freshName();
  const key = "order 66";
  await writeTo(name, { upsert_rows: [row] }, key);
  const other = await writeTo(name, { upsert_rows: [{ id: 2 }] }, key);
  expect(other.status).toBe(409);
  expect(other.headers.get("x-should-retry")).toBe("false");
  expect(other.json).toMatchObject({
    status: "error",
    error: expect.stringContaining("Idempotency-Key") as string,
  });
  const { rows } = await openClient()
    .namespace(name)
    .query({ rank_by: ["id", "asc"], limit: 10 });
  expect(rows).toHaveLength(1);
});

test("a key that is empty, too long or not printable is 400 and named", async () => {
  const name = freshName();
  for (const key of ["", "k".repeat(65), "schlüssel"]) {
    const answer = await writeTo(name, { upsert_rows: [row] }, key);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("Idempotency-Key must be 1 to 64 printable ASCII characters");
  }
  expect((await writeTo(name, { upsert_rows: [row] }, "k".repeat(64))).status).toBe(200);
});
