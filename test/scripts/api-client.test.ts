/** The client against a server that answers as it is told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterEach, expect, it } from "vitest";
import { ApiClient, ApiError } from "../../scripts/api-client.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** The n-th request gets the n-th answer, the last of them for ever. */
async function serve(...answers: readonly Answer[]): Promise<ApiClient> {
  let count = 0;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const answer = answers[Math.min(count++, answers.length - 1)];
      answer?.(request, response, Buffer.concat(chunks));
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return new ApiClient({ url: `http://127.0.0.1:${port}/`, apiKey: "key" });
}

const ok: Answer = (request, response, body) => {
  response.end(JSON.stringify({ headers: request.headers, body: body.toString() }));
};

function refuse(status: number, headers: Record<string, string> = {}): Answer {
  return (_request, response) => {
    response.writeHead(status, headers);
    response.end(JSON.stringify({ status: "error", error: "no" }));
  };
}

it("sends JSON with the key, and counts its bytes", async () => {
  const client = await serve(ok);
  const echo = await client.post<{ headers: Record<string, string>; body: string }>("/x", { a: 1 });
  expect(echo.headers["authorization"]).toBe("Bearer key");
  expect(JSON.parse(echo.body)).toEqual({ a: 1 });
  expect(client.sentBytes).toBe(7);
});

it("compresses if asked to", async () => {
  const client = await serve((request, response, body) => {
    const text = gunzipSync(body).toString();
    response.end(JSON.stringify([request.headers["content-encoding"], text]));
  });
  expect(await client.post("/x", { a: 1 }, { gzip: true })).toEqual(["gzip", '{"a":1}']);
});

it("tries again after 429 and 503, when the server says", async () => {
  const client = await serve(refuse(429, { "retry-after": "0" }), refuse(503), ok);
  const waits: number[] = [];
  await client.post("/x", {}, { onRetry: (_reason, waitMs) => waits.push(waitMs) });
  expect(waits).toEqual([0, 500]);
});

it("tries again after a broken connection", async () => {
  const client = await serve((request) => request.socket.destroy(), ok);
  const reasons: string[] = [];
  await client.get("/x", { onRetry: (reason) => reasons.push(reason) });
  expect(reasons).toHaveLength(1);
  expect(reasons[0]).toMatch(/no answer from http/);
});

it("does not repeat what the server calls wrong", async () => {
  const client = await serve(refuse(400), ok);
  const error = await client.get("/x").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 400, message: "GET /x was answered 400: no" });
});

it("gives up when its patience is over", async () => {
  const client = await serve(refuse(503));
  await expect(client.get("/x", { patienceMs: 0 })).rejects.toMatchObject({ status: 503 });
});
