import { afterAll, describe, expect, it } from "vitest";
import { spawnObjectStore, startObjectStore } from "../../../scripts/bench/object-store/server.ts";

const server = await startObjectStore();
afterAll(() => server.stop());

let buckets = 0;
const freshBucket = (): string => `${server.url}/bucket-${++buckets}`;

describe("the object store for peers: objects", () => {
  it("come back whole, with length and etag", async () => {
    const bucket = freshBucket();
    const put = await send("PUT", `${bucket}/a/b%20c`, "0123456789");
    const got = await send("GET", `${bucket}/a/b%20c`);
    expect([put.status, got.status, got.text]).toEqual([200, 200, "0123456789"]);
    expect(got.headers.get("etag")).toBe(put.headers.get("etag"));
    const head = await send("HEAD", `${bucket}/a/b%20c`);
    expect([head.status, head.headers.get("content-length"), head.text]).toEqual([200, "10", ""]);
  });

  it("come back in part: from to, from on, and the last bytes", async () => {
    const key = `${freshBucket()}/a`;
    await send("PUT", key, "0123456789");
    const read = async (range: string) => {
      const { status, text, headers } = await send("GET", key, undefined, { range });
      return [status, text, headers.get("content-range")];
    };
    expect(await read("bytes=2-4")).toEqual([206, "234", "bytes 2-4/10"]);
    expect(await read("bytes=7-")).toEqual([206, "789", "bytes 7-9/10"]);
    expect(await read("bytes=-2")).toEqual([206, "89", "bytes 8-9/10"]);
    expect(await read("bytes=8-99")).toEqual([206, "89", "bytes 8-9/10"]);
    expect((await read("bytes=10-12"))[0]).toBe(416);
  });

  it("that do not exist are 404, and may be deleted", async () => {
    const bucket = freshBucket();
    expect((await send("GET", `${bucket}/a`)).text).toContain("<Code>NoSuchKey</Code>");
    expect((await send("HEAD", `${bucket}/a`)).status).toBe(404);
    expect((await send("DELETE", `${bucket}/a`)).status).toBe(204);
  });

  it("are written under conditions: one creator, one successor", async () => {
    const key = `${freshBucket()}/a`;
    const create = { "if-none-match": "*" };
    const first = await send("PUT", key, "1", create);
    expect((await send("PUT", key, "2", create)).status).toBe(412);
    const match = { "if-match": first.headers.get("etag") ?? "" };
    expect((await send("PUT", key, "3", match)).status).toBe(200);
    expect((await send("PUT", key, "4", match)).status).toBe(412);
    expect((await send("GET", key)).text).toBe("3");
    expect((await send("PUT", key, "5")).status).toBe(200);
  });

  it("are deleted one by one and in bulk", async () => {
    const bucket = freshBucket();
    for (const key of ["a", "b&c", "d"]) await send("PUT", `${bucket}/${key}`, key);
    await send("DELETE", `${bucket}/a`);
    const body = "<Delete><Object><Key>b&amp;c</Key></Object></Delete>";
    expect((await send("POST", `${bucket}?delete`, body)).status).toBe(200);
    expect(keysIn((await send("GET", `${bucket}?list-type=2`)).text)).toEqual(["d"]);
  });

  it("of a copy, or of a signed stream, are refused, not half done", async () => {
    const key = `${freshBucket()}/a`;
    const copy = await send("PUT", key, "", { "x-amz-copy-source": "/elsewhere/b" });
    const chunked = await send("PUT", key, "x", { "content-encoding": "aws-chunked" });
    expect([copy.status, chunked.status]).toEqual([501, 501]);
  });
});

describe("the object store for peers: lists", () => {
  it("keep to a prefix and fold what lies below a delimiter", async () => {
    const bucket = freshBucket();
    for (const key of ["t/a", "t/b/1", "t/b/2", "t/c", "u"])
      await send("PUT", `${bucket}/${key}`, "x");
    const { text } = await send("GET", `${bucket}?list-type=2&prefix=t/&delimiter=/`);
    expect(keysIn(text)).toEqual(["t/a", "t/c"]);
    expect(foldersIn(text)).toEqual(["t/b/"]);
  });

  it("come in pages that miss nothing and repeat nothing", async () => {
    const bucket = freshBucket();
    const keys = ["a", "b/1", "b/2", "c/1", "d", "e"];
    for (const key of keys) await send("PUT", `${bucket}/${key}`, "x");
    for (const size of [1, 2, 3]) {
      for (const [delimiter, expected] of [
        ["", keys],
        ["/", ["a", "b/", "c/", "d", "e"]],
      ] as const) {
        const seen: string[] = [];
        let token = "";
        do {
          const url = `${bucket}/?list-type=2&max-keys=${size}&delimiter=${delimiter}`;
          const more = token === "" ? "" : `&continuation-token=${encodeURIComponent(token)}`;
          const { text } = await send("GET", url + more);
          seen.push(...[...keysIn(text), ...foldersIn(text)].sort());
          token = /<NextContinuationToken>(.*?)</.exec(text)?.[1] ?? "";
        } while (token !== "");
        expect(seen).toEqual(expected);
      }
    }
  });
});

describe("the object store for peers: uploads", () => {
  it("in parts become one object when they are completed, in the order given", async () => {
    const bucket = freshBucket();
    const upload = await startUpload(`${bucket}/a`);
    await send("PUT", `${bucket}/a?partNumber=2&uploadId=${upload}`, "world");
    await send("PUT", `${bucket}/a?partNumber=1&uploadId=${upload}`, "hello ");
    expect((await send("GET", `${bucket}/a`)).status).toBe(404);
    expect(keysIn((await send("GET", `${bucket}?list-type=2`)).text)).toEqual([]);
    const completed = await send("POST", `${bucket}/a?uploadId=${upload}`, partsBody(1, 2));
    expect(completed.text).toContain("<CompleteMultipartUploadResult>");
    expect((await send("GET", `${bucket}/a`)).text).toBe("hello world");
  });

  it("cannot be completed with parts that never came, and can be given up", async () => {
    const bucket = freshBucket();
    const upload = await startUpload(`${bucket}/a`);
    await send("PUT", `${bucket}/a?partNumber=1&uploadId=${upload}`, "x");
    const missing = await send("POST", `${bucket}/a?uploadId=${upload}`, partsBody(1, 2));
    expect([missing.status, missing.text.includes("InvalidPart")]).toEqual([400, true]);
    expect((await send("DELETE", `${bucket}/a?uploadId=${upload}`)).status).toBe(204);
    const gone = await send("POST", `${bucket}/a?uploadId=${upload}`, partsBody(1));
    expect(gone.status).toBe(400);
  });
});

describe("the object store for peers: traffic", () => {
  it("is counted by kind and in bytes, phase by phase", async () => {
    const key = `${freshBucket()}/a`;
    await server.takeTraffic();
    await send("PUT", key, "0123456789");
    await send("GET", key, undefined, { range: "bytes=0-3" });
    await send("HEAD", key);
    expect(await server.takeTraffic()).toEqual({
      get: 1,
      head: 1,
      put: 1,
      list: 0,
      delete: 0,
      requests: 3,
      bytesRead: 4,
      bytesWritten: 10,
      inFlightPeak: 1,
      rounds: 3,
    });
    expect((await server.takeTraffic()).requests).toBe(0);
  });

  it("of requests at once is one round, and waits as it is told to", async () => {
    const key = `${freshBucket()}/a`;
    await send("PUT", key, "x");
    await server.setLatency("get=40/40 put=1/1");
    await server.takeTraffic();
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: 5 }, () => send("GET", key)));
    expect(performance.now() - startedMs).toBeGreaterThan(35);
    await server.setLatency("");
    expect(await server.takeTraffic()).toMatchObject({ get: 5, inFlightPeak: 5, rounds: 1 });
  });

  it("goes to a process of its own just as well", async () => {
    const own = await spawnObjectStore();
    await send("PUT", `${own.url}/b/a`, "x");
    expect((await own.takeTraffic()).put).toBe(1);
    await own.stop();
    await expect(send("GET", `${own.url}/b/a`)).rejects.toThrow("fetch failed");
  });
});

async function send(
  method: string,
  url: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await fetch(url, { method, headers, body: body ?? null });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function startUpload(key: string): Promise<string> {
  const { text } = await send("POST", `${key}?uploads`);
  return /<UploadId>(.*?)</.exec(text)?.[1] ?? "";
}

function partsBody(...numbers: readonly number[]): string {
  const parts = numbers.map((n) => `<Part><PartNumber>${n}</PartNumber><ETag>x</ETag></Part>`);
  return `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
}

function keysIn(xml: string): readonly string[] {
  return Array.from(xml.matchAll(/<Key>(.*?)<\/Key>/g), ([, key]) => key ?? "");
}

function foldersIn(xml: string): readonly string[] {
  const pattern = /<CommonPrefixes><Prefix>(.*?)<\/Prefix>/g;
  return Array.from(xml.matchAll(pattern), ([, prefix]) => prefix ?? "");
}
