/** Objects in the bucket become documents: asked for, read by the consumer, looked at. */
import { env, exports } from "cloudflare:workers";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import worker from "../../workers/main.ts";
import { Namespace, send } from "../workerd/api.ts";
import { QueueTap } from "../workerd/queue-tap.ts";

interface Import {
  readonly id: string;
  readonly status: string;
  readonly error?: string;
  readonly rows_read: number;
  readonly rows_written: number;
  readonly rows_rejected: number;
  readonly bytes_read: number;
  readonly bytes_total: number;
}

let queue: QueueTap;
beforeEach(() => {
  queue = new QueueTap();
});
afterEach(() => queue.close());

async function put(name: string, content: string | ArrayBuffer | ReadableStream): Promise<void> {
  const body =
    content instanceof ReadableStream ? await new Response(content).arrayBuffer() : content;
  await env.BUCKET.put(`imports/default/${name}`, body);
}

function gzip(text: string): ReadableStream {
  return new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
}

async function bytesOf(stream: ReadableStream): Promise<ArrayBuffer> {
  return await new Response(stream).arrayBuffer();
}

/** Zstandard, stored as it is: magic, its size in one byte, one raw block which is the last. */
function frame(text: string): ArrayBuffer {
  const bytes = new TextEncoder().encode(text);
  const head = [0x28, 0xb5, 0x2f, 0xfd, 0x20, bytes.length];
  const block = [((bytes.length << 3) | 1) & 255, bytes.length >> 5, 0];
  return Uint8Array.of(...head, ...block, ...bytes).buffer;
}

async function ask(namespace: string, body: object) {
  return await send<Import>("POST", `/v1/namespaces/${namespace}/imports`, body);
}

/** Asks, delivers what it takes, and returns how it ended. */
async function importInto(namespace: string, body: object): Promise<Import> {
  const { status, headers, json } = await ask(namespace, body);
  expect([status, json.status]).toEqual([202, "pending"]);
  const path = headers.get("location") ?? "";
  expect(path).toBe(`/v1/namespaces/${namespace}/imports/${json.id}`);
  return await finish(namespace, json.id);
}

/** The queue delivers a message twice, and again as long as the isolate is busy. */
async function finish(into: string, operation: string): Promise<Import> {
  const hint = { tenant: "default", operation, into };
  for (let attempt = 0; attempt < 100; attempt++) {
    await Promise.all([queue.deliverOperation(hint), queue.deliverOperation(hint)]);
    const { json } = await send<Import>("GET", `/v1/namespaces/${into}/imports/${operation}`);
    if (!["pending", "running", "cancelling"].includes(json.status)) return json;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the import does not end");
}

describe("an object in the bucket", () => {
  it("becomes documents, of a namespace that it makes", async () => {
    const lines = Array.from({ length: 3_000 }, (_, id) =>
      JSON.stringify({ id, vector: [id, 1], title: `row ${id}`, price: id / 4 }),
    );
    await put("shop.jsonl", lines.join("\n"));
    const ended = await importInto("imported", { source: "shop.jsonl" });
    expect(ended).toMatchObject({ status: "finished", rows_read: 3_000, rows_written: 3_000 });
    expect(ended.bytes_read).toBe(ended.bytes_total);
    const imported = new Namespace("imported");
    const { rows } = await imported.query({
      rank_by: ["vector", "ANN", [1, 0]],
      limit: 1,
      filters: ["price", "Lt", 1],
      include_attributes: ["title"],
    });
    expect(rows).toMatchObject([{ id: 3, title: "row 3" }]);
    expect(await imported.rows()).toHaveLength(3_000);
  });

  it("may be CSV, whose types the first rows tell, and compressed", async () => {
    const text = 'show_id,title,year,score\ns1,"Jaws, the film",1975,8.1\ns2,Splash,1984,6\n';
    await put("films/a.csv", text);
    await put("films/b.csv.gz", gzip("show_id,title,year,score\ns3,Moana,2016,7.6\n"));
    const heading = await bytesOf(gzip("show_id,title,year,score\n"));
    const members = [heading, await bytesOf(gzip("s4,Alien,1979,8.5\n"))];
    await put("films/c.csv.gz", await new Blob(members).arrayBuffer());
    await put("films/d.csv.zst", frame("show_id,title,year,score\ns5,Tenet,2020,7.3\n"));
    const ended = await importInto("films", { source: "films/", id: "show_id" });
    expect(ended).toMatchObject({ status: "finished", rows_written: 5, objects: 4 });
    expect(await new Namespace("films").rows()).toEqual([
      { id: "s1", title: "Jaws, the film", year: 1975, score: 8.1 },
      { id: "s2", title: "Splash", year: 1984, score: 6 },
      { id: "s3", title: "Moana", year: 2016, score: 7.6 },
      { id: "s4", title: "Alien", year: 1979, score: 8.5 },
      { id: "s5", title: "Tenet", year: 2020, score: 7.3 },
    ]);
  });

  it.each(["UNCOMPRESSED", "SNAPPY"] as const)("may be Parquet (%s)", async (codec) => {
    const count = 5_000;
    const ids = Array.from({ length: count }, (_, i) => BigInt(i));
    const file = parquetWriteBuffer({
      columnData: [
        { name: "key", data: ids, type: "INT64" },
        { name: "name", data: ids.map((id) => `n${id % 10n}`), type: "STRING" },
        { name: "weight", data: ids.map((id) => Number(id) / 2), type: "DOUBLE" },
      ],
      codec,
      rowGroupSize: 2_048,
    });
    const name = codec.toLowerCase();
    await put(`${name}.parquet`, file);
    const ended = await importInto(name, { source: `${name}.parquet`, id: "key" });
    expect(ended).toMatchObject({ status: "finished", rows_written: count });
    const { rows } = await new Namespace(name).query({
      rank_by: ["id", "desc"],
      limit: 1,
      include_attributes: true,
    });
    expect(rows).toEqual([{ id: 4_999, name: "n9", weight: 2_499.5 }]);
  });

  it("is set aside row by row where it is wrong, if it may be", async () => {
    await put("some.jsonl", '{"id":1,"n":1}\n{"id":2,"n":"x"}\n{"id":3,"n":3}\n{"n":4}\n');
    const ended = await importInto("some", { source: "some.jsonl", error_mode: "continue" });
    expect(ended).toMatchObject({ status: "finished", rows_written: 2, rows_rejected: 2 });
    const path = `https://shoal.test/v1/namespaces/some/imports/${ended.id}/rejected`;
    const headers = { authorization: `Bearer ${env.SHOAL_API_KEYS}` };
    const response = await exports.default.fetch(new Request(path, { headers }));
    const text = new TextDecoder().decode(await response.arrayBuffer());
    const lines = text.trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { row: number }).row)).toEqual([1, 3]);
    const stopped = await importInto("stopped", { source: "some.jsonl" });
    expect(stopped).toMatchObject({ status: "failed", rows_written: 1 });
    expect(stopped.error).toContain("row 1: ");
  });

  it("is read no further once its import is cancelled", async () => {
    await put("long.jsonl", '{"id":1}\n'.repeat(10));
    const { json } = await ask("cancelled", { source: "long.jsonl" });
    const path = `/v1/namespaces/cancelled/imports/${json.id}`;
    expect((await send<Import>("DELETE", path)).json.status).toBe("cancelling");
    expect(await finish("cancelled", json.id)).toMatchObject({
      status: "cancelled",
      rows_written: 0,
    });
    expect((await send("GET", "/v2/namespaces/cancelled/metadata")).status).toBe(404);
    const list = await send<{ imports: Import[] }>("GET", "/v1/namespaces/cancelled/imports");
    expect(list.json.imports.map(({ id }) => id)).toEqual([json.id]);
  });

  it("is read though the message was lost, once somebody asks or the cron comes by", async () => {
    await put("lost.jsonl", '{"id":1}\n');
    const { json } = await ask("lost-import", { source: "lost.jsonl" });
    queue.operations.splice(0);
    await worker.scheduled({} as ScheduledController, env);
    expect((await finish("lost-import", json.id)).status).toBe("finished");
  });

  it("must be there, of a known format, and not the database's own", async () => {
    await put("what.bin", "?");
    await put("big.parquet.gz", "?");
    const refusals = [
      [404, { source: "absent.csv" }],
      [404, { source: "../../t/default/names/imported", format: "jsonl" }],
      [400, { source: "what.bin" }],
      [400, { source: "big.parquet.gz" }],
      [400, { source: "/what.csv" }],
      [400, { source: "what.bin", format: "csv", delimiter: "ab" }],
      [422, { source: "what.bin", format: "xml" }],
      [422, {}],
    ] as const;
    for (const [status, body] of refusals) {
      expect([body, (await ask("refused", body)).status]).toEqual([body, status]);
    }
    const unknown = await send("GET", `/v1/namespaces/refused/imports/${"0".repeat(32)}`);
    expect(unknown.status).toBe(404);
  });
});
