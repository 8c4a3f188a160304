/** Many first writers, each with an attribute of its own; and too many writes, until it lifts. */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { encodeBatch } from "../../src/format/batch.ts";
import { limits } from "../../src/limits.ts";
import { attachmentKey, generationRoot } from "../../src/store/keys.ts";
import { Namespace, send } from "../workerd/api.ts";

it("lets twenty first writers in, though each brings another attribute", async () => {
  const forum = new Namespace("forum");
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      forum.tryWrite({ upsert_rows: [{ id: i, [`by${i}`]: i }] }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(await forum.rows()).toEqual(answers.map((_, i) => ({ id: i, [`by${i}`]: i })));
});

it("refuses writes above the hard bound with 429 and a time, and takes them again below", async () => {
  const flood = new Namespace("flood");
  const dims = 10_000;
  const vector = Array.from({ length: dims }, (_, i) => (i % 7) - 3);
  await flood.write({ upsert_rows: [{ id: 0, vector }], distance_metric: "cosine_distance" });
  // One attachment, named by the entry as often as it takes to count as more than the bound.
  const rows = 200;
  const bytes = encodeBatch({
    idKind: "uint",
    upserts: rows,
    deletes: 0,
    ids: Array.from({ length: rows }, (_, i) => i),
    dims,
    vectors: new Float32Array(rows * dims).fill(1),
    attributes: [],
  });
  const owner = flood.stub();
  const described = await owner.describe("default", "flood");
  if (!described.ok) throw new Error(described.message);
  const { generation, schema } = described.value;
  await env.BUCKET.put(attachmentKey(generationRoot("default", generation), "flood"), bytes);
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const chunk = { kind: "part" as const, id: "flood", length: bytes.length, sha256, rows };
  const copies = Math.ceil(limits.unindexedHardBytes / bytes.length) + 1;
  const committed = await owner.commit({
    protocol: 1,
    tenant: "default",
    name: "flood",
    generation,
    schemaVersion: schema.version,
    addition: undefined,
    upserts: rows * copies,
    deletes: 0,
    chunks: Array.from({ length: copies }, () => chunk),
    disableBackpressure: false,
  });
  expect(committed).toMatchObject({ ok: true, value: { kind: "committed" } });

  const one = { upsert_rows: [{ id: 500, vector }] };
  const refused = await send<object>("POST", "/v2/namespaces/flood", one);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  const forced = await flood.tryWrite({ ...one, disable_backpressure: true });
  expect(forced.status).toBe(200);

  await flood.indexNow();
  expect((await flood.tryWrite({ upsert_rows: [{ id: 501, vector }] })).status).toBe(200);
  expect((await flood.rows({ include_attributes: false })).map(({ id }) => id)).toEqual([
    ...Array.from({ length: rows }, (_, i) => i),
    500,
    501,
  ]);
});
