/**
 * An object store that speaks the S3 protocol over HTTP on this machine: keeps objects in memory,
 * waits as remote storage does, and counts. What peers of a bench read from, so that everybody's
 * cold reads wait alike: the waiting is the LatencyStore that the Worker uses, the conditional
 * writes are the MemoryStore's.
 *
 *   GET, HEAD    objects, with `Range: bytes=a-b | a- | -n`
 *   PUT          objects, with If-None-Match: * or If-Match; parts of an upload
 *   GET ?list-type=2, DELETE, POST ?delete, POST ?uploads | ?uploadId (multipart uploads)
 *   POST /_traffic          takes the counts since the last call
 *   POST /_latency          body: a setting as parseLatency reads it, or nothing for no waiting
 *
 * Signatures are not checked. What is not listed is answered 501, never half done. Clients bound
 * their own connections: a program on a machine has no limit, the Worker has its gate of six.
 */
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { LatencyStore, parseLatency } from "../../../src/store/latency-store.ts";
import { MemoryStore } from "../../../src/store/memory-store.ts";
import { systemClock } from "../../../workers/platform/clock.ts";
import { controlObjectStore, type ObjectStoreControl } from "./control.ts";
import { type Answer, answerRequest, type Backend } from "./protocol.ts";
import { Traffic } from "./traffic.ts";

export interface ObjectStoreServer extends ObjectStoreControl {
  stop(): Promise<void>;
}

const host = "127.0.0.1";

/** In this process. */
export async function startObjectStore(): Promise<ObjectStoreServer> {
  const digest = async (bytes: Uint8Array): Promise<Uint8Array> =>
    Uint8Array.from(createHash("sha256").update(bytes).digest());
  const memory = new MemoryStore({ clock: systemClock, digest });
  let backend: Backend = { memory, store: memory };
  const traffic = new Traffic(() => performance.now());
  const server = createServer((request, response) => {
    const send = ({ status, headers = {}, body = "" }: Answer): void => {
      // The length of an answer to HEAD is that of the body it does not have.
      const length = headers["content-length"] ?? String(Buffer.byteLength(body));
      response.writeHead(status, { ...headers, "content-length": length });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    const answer = async (): Promise<Answer> => {
      const body = await buffer(request);
      if (request.url === "/_traffic") return json(traffic.take());
      if (request.url !== "/_latency") return answerRequest(backend, traffic, request, body);
      const setting = body.toString();
      const store =
        setting === "" ? memory : new LatencyStore(memory, systemClock, parseLatency(setting));
      backend = { memory, store };
      return json({});
    };
    answer().then(send, (error: unknown) => send({ status: 500, body: String(error) }));
  });
  // Idle connections of clients are theirs to close.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { ...controlObjectStore(`http://${host}:${port}`), stop: () => close(server) };
}

/** In a process of its own, so that its work is not counted as the client's. */
export async function spawnObjectStore(): Promise<ObjectStoreServer> {
  const child = fork(import.meta.filename, [], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const url = await new Promise<string>((resolve, reject) => {
    child.once("message", (message) => resolve(message as string));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the object store ended with ${code}`)));
  });
  return { ...controlObjectStore(url), stop: () => end(child) };
}

function json(value: unknown): Answer {
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.disconnect();
  await ended;
}

if (import.meta.main) {
  const server = await startObjectStore();
  process.on("disconnect", () => process.exit(0));
  process.send?.(server.url);
}
