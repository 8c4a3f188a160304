/** What only raw requests can show: bytes on the wire, bounds kept while a body still comes. */
import { once } from "node:events";
import { type IncomingMessage, request as sendRequest } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ask, freshName, indexNow, server } from "./harness.ts";

const mebibyte = 1_024 * 1_024;
const bodyBytesMax = 16 * mebibyte;

function base64(...values: number[]): string {
  return Buffer.from(new Float32Array(values).buffer).toString("base64");
}

describe("numbers", () => {
  it("are lossless: ids to 2^64-1, integers to 64 bits, in and out, indexed or not", async () => {
    const name = freshName("numbers");
    const ids = ["9007199254740991", "9007199254740993", "18446744073709551615"];
    const int = "-9223372036854775808";
    const rows = ids.map((id) => `{"id":${id},"n":${int},"u":18446744073709551615}`).join(",");
    const schema = '{"n":"int","u":"uint"}';
    const path = `/v2/namespaces/${name}`;
    const written = await ask(path, { body: `{"upsert_rows":[${rows}],"schema":${schema}}` });
    expect(written.text).toMatch(/"rows_upserted":3/);
    const query =
      '{"rank_by":["id","asc"],"limit":9,"include_attributes":true,' +
      '"filters":["id","Gte",9007199254740993]}';
    const expected = ids.slice(1).map((id) => `{"id":${id},"n":${int},"u":18446744073709551615}`);
    for (const _ of ["not indexed", "indexed"]) {
      const { text } = await ask(`${path}/query`, { body: query });
      expect(text).toContain(`{"rows":[${expected.join(",")}]`);
      await indexNow(name);
    }
    const deleted = await ask(path, { body: `{"deletes":[${ids[1]}],"return_affected_ids":true}` });
    expect(deleted.text).toContain(`"deleted_ids":[${ids[1]}]`);
    expect((await ask(`${path}/query`, { body: query })).text).toContain(
      `{"rows":[${expected.slice(1).join(",")}]`,
    );
  });

  it("of single precision are the shortest that read back as themselves", async () => {
    const name = freshName("floats");
    const path = `/v2/namespaces/${name}`;
    const body = {
      upsert_rows: [{ id: 1, vector: [0.7, 0.1] }],
      distance_metric: "cosine_distance",
    };
    await ask(path, { body });
    const query = { rank_by: ["vector", "ANN", [0.1, -0.7]], limit: 1, include_attributes: true };
    for (const _ of ["not indexed", "indexed"]) {
      const { text } = await ask(`${path}/query`, { body: query });
      expect(text).toContain('"rows":[{"id":1,"$dist":1,"vector":[0.7,0.1]}]');
      await indexNow(name);
    }
  });
});

describe("vectors in base64", () => {
  it("are the same as numbers, in rows, columns, queries and answers", async () => {
    const name = freshName("base64");
    const path = `/v2/namespaces/${name}`;
    const metric = { distance_metric: "euclidean_squared" };
    await ask(path, { body: { upsert_rows: [{ id: 1, vector: base64(0.1, 0.2) }], ...metric } });
    const columns = { id: [2, 3], vector: [base64(0.3, 0.4), base64(0.5, 0.6)] };
    await ask(path, { body: { upsert_columns: columns } });
    const query = {
      rank_by: ["vector", "ANN", base64(0.3, 0.4)],
      limit: 2,
      include_attributes: ["vector"],
    };
    const numbers = await ask(`${path}/query`, { body: query });
    expect(numbers.json).toMatchObject({
      rows: [
        { id: 2, $dist: 0, vector: [0.3, 0.4] },
        { id: 1, vector: [0.1, 0.2] },
      ],
    });
    const encoded = await ask(`${path}/query`, { body: { ...query, vector_encoding: "base64" } });
    expect(encoded.json).toMatchObject({
      rows: [{ vector: base64(0.3, 0.4) }, { vector: base64(0.1, 0.2) }],
    });
  });
});

describe("answers", () => {
  const vector = Array.from({ length: 4_096 }, (_, i) => i / 4_096);
  const large = { rank_by: ["id", "asc"], limit: 2, include_attributes: true };

  it("are compressed when large and asked for, never otherwise", async () => {
    const path = `/v2/namespaces/${freshName("gzip")}`;
    const rows = [1, 2].map((id) => ({ id, vector }));
    await ask(path, { body: { upsert_rows: rows, distance_metric: "cosine_distance" } });
    const encodingOf = async (body: object, accepted: string, throughEdge = false) => {
      const headers = { "accept-encoding": accepted };
      const answer = await ask(`${path}/query`, { body, headers, throughEdge });
      expect(answer.status).toBe(200);
      return answer.headers.get("content-encoding");
    };
    expect(await encodingOf(large, "gzip")).toBe("gzip");
    expect(await encodingOf(large, "gzip", true)).toBe("gzip");
    expect(await encodingOf(large, "identity")).toBeNull();
    expect(await encodingOf(large, "identity", true)).toBeNull();
    const small = { rank_by: ["id", "asc"], limit: 1 };
    expect(await encodingOf(small, "gzip")).toBeNull();
    expect(await encodingOf(small, "identity", true)).toBeNull();
  });

  it("do not depend on parameters that clients attach", async () => {
    const path = `/v2/namespaces/${freshName("overload")}`;
    await ask(`${path}?stainless_overload=write`, { body: { upsert_rows: [{ id: 1, n: 1 }] } });
    const body = { rank_by: ["id", "asc"], limit: 1 };
    const { json } = await ask(`${path}/query?stainless_overload=query`, { body });
    expect(json).toMatchObject({ rows: [{ id: 1 }] });
  });

  it("about health need no key and no storage", async () => {
    for (const throughEdge of [false, true]) {
      const answer = await ask("/health", { headers: { authorization: "" }, throughEdge });
      expect(answer.status).toBe(200);
      expect(answer.json).toEqual({ status: "OK" });
    }
  });

  it("to the root are a page, for people and for clients that measure the way", async () => {
    const answer = await ask("/", { headers: { authorization: "" }, throughEdge: true });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^text\/html/);
    // The page is the edge's. Straight from the Worker there is none.
    expect(await ask("/", { headers: { authorization: "" } })).toMatchObject({ status: 401 });
  });
});

describe("a body", () => {
  it("may be compressed", async () => {
    const path = `/v2/namespaces/${freshName("gzip")}`;
    const body = gzipSync(JSON.stringify({ upsert_rows: [{ id: 1, n: 1 }] }));
    const answer = await ask(path, { body, headers: { "content-encoding": "gzip" } });
    expect(answer.json).toMatchObject({ rows_upserted: 1 });
  });

  it("over the limit is refused before any of it was sent", async () => {
    const name = freshName("large");
    const answer = await speak(name, bodyBytesMax + 1);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain(`{"status":"error","error":"the request body is larger than`);
    expect((await ask(`/v1/namespaces/${name}/schema`)).status).toBe(404);
  });

  it("a little over the limit is refused in a way that a slow sender can read", async () => {
    const path = `/v2/namespaces/${freshName("late")}/query`;
    for (let i = 0; i < 3; i++) expect(await pour(path, 1.5 * mebibyte, true)).toBe(413);
  });

  it("over the limit is refused while it comes, when it does not say how long it is", async () => {
    const path = `/v2/namespaces/${freshName("endless")}`;
    expect(await pour(path, bodyBytesMax + 1)).toBe(413);
  });

  it("is measured decompressed", async () => {
    const path = `/v2/namespaces/${freshName("bomb")}`;
    const bomb = gzipSync(Buffer.alloc(bodyBytesMax + 1, " "));
    const answer = await ask(path, { body: bomb, headers: { "content-encoding": "gzip" } });
    expect(answer.status).toBe(413);
    const allowed = gzipSync(`{"upsert_rows":[{"id":1,"n":1}]}${" ".repeat(bodyBytesMax - 100)}`);
    const fine = await ask(path, { body: allowed, headers: { "content-encoding": "gzip" } });
    expect(fine.status).toBe(200);
  });
});

/** Announces a body, sends none of it, and resolves with the answer. */
async function speak(name: string, contentLength: number): Promise<string> {
  const { hostname, port } = new URL(server.directUrl);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST /v2/namespaces/${name} HTTP/1.1\r\nhost: ${hostname}\r\n` +
      `authorization: Bearer ${server.apiKey}\r\ncontent-length: ${contentLength}\r\n\r\n`,
  );
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  try {
    for (let i = 0; i < 100 && !answer.includes("\r\n\r\n{"); i++) await sleep(50);
    return answer;
  } finally {
    socket.destroy();
  }
}

/**
 * Sends so much of a body that never ends, or that declares its length and then comes slowly, and
 * resolves with the status of the answer.
 */
async function pour(path: string, bytes: number, isSlow = false): Promise<number | undefined> {
  const request = sendRequest(server.directUrl + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${server.apiKey}`,
      ...(isSlow ? { "content-length": bytes } : {}),
    },
  });
  const response = once(request, "response");
  const chunk = Buffer.alloc(isSlow ? mebibyte / 4 : mebibyte, " ");
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    const isFull = !request.write(chunk.subarray(0, bytes - sent));
    if (isFull) await once(request, "drain");
    if (isSlow) await sleep(10);
  }
  const [answer] = (await response) as [IncomingMessage];
  request.destroy();
  return answer.statusCode;
}
