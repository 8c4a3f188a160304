/** A log entry goes bad for good: the namespace says so, and an operator goes on without it. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { Namespace, send } from "../workerd/api.ts";

/** Flips a bit of the newest log entry of the only generation that `head` entries are in. */
async function rot(generation: string, sequence: number): Promise<string> {
  const key = `t/default/n/${generation}/wal/${sequence.toString(16).padStart(16, "0")}`;
  const stored = await env.BUCKET.get(key);
  const bytes = new Uint8Array((await stored?.arrayBuffer()) ?? new ArrayBuffer(0));
  bytes[120] = (bytes[120] as number) ^ 1;
  await env.BUCKET.delete(key);
  await env.BUCKET.put(key, bytes);
  return key;
}

interface Refusal {
  readonly error: string;
}

const order = { rank_by: ["id", "asc"], limit: 10 };

it("is in quarantine until it is told to go on, and remembers that for ever", async () => {
  const vault = new Namespace("vault");
  const path = "/v1/namespaces/vault";
  for (const id of [1, 2, 3]) await vault.write({ upsert_rows: [{ id, n: id }] });
  const { generation } = (await send<{ generation: string }>("GET", `${path}/index`)).json;
  const key = await rot(generation, 1);
  await evictDurableObject(vault.stub());

  const query = await send<Refusal>("POST", "/v2/namespaces/vault/query", order);
  expect(query.status).toBe(500);
  expect(query.json.error).toContain(`log entry 1 (${key}) cannot be read`);
  expect(query.json.error).toContain("skip_entry");
  const rows = { upsert_rows: [{ id: 4, n: 4 }] };
  expect((await send("POST", "/v2/namespaces/vault", rows)).status).toBe(500);
  const metadata = await send<object>("GET", "/v2/namespaces/vault/metadata");
  expect(metadata.json).toMatchObject({ quarantine: { sequence: 1, key } });
  expect((await send<object>("GET", `${path}/index`)).json).toMatchObject({
    quarantine: { sequence: 1, key },
  });
  expect((await send("GET", `${path}/schema`)).status).toBe(500);

  const skip = (body: object) => send<object>("POST", `${path}/_debug/skip_entry`, body);
  expect((await skip({ sequence: 1 })).status).toBe(422);
  expect((await skip({ sequence: 2, reason: "wrong one" })).status).toBe(409);
  const skipped = await skip({ sequence: 1, reason: "no copy is left" });
  expect(skipped.status).toBe(200);
  expect(skipped.json).toMatchObject({ skipped: { sequence: 1, reason: "no copy is left" } });

  expect((await vault.rows()).map(({ id }) => id)).toEqual([1, 3]);
  await vault.write(rows);
  await vault.indexNow();
  expect((await vault.rows()).map(({ id }) => id)).toEqual([1, 3, 4]);
  const after = await send<{ quarantine?: object; skipped_entries: readonly object[] }>(
    "GET",
    "/v2/namespaces/vault/metadata",
  );
  expect(after.json.quarantine).toBeUndefined();
  expect(after.json.skipped_entries).toHaveLength(1);
});
