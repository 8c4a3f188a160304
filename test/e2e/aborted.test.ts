/**
 * Clients hang up, a thousand times, in the middle of queries and writes: what their requests held
 * comes back, and everybody else is answered.
 *
 * They reset their connections: that is what the runtime notices at once, and ends the request for
 * without running another line of it. After a mere close it goes on until it has something to send.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Shoal, spawnShoal } from "../../scripts/miniflare.ts";
import { limits } from "../../src/limits.ts";

const rows = 9_000;
const dims = 64;
const aborts = 1_000;
const atOnce = 6;
/** Some before anything is read, some when nearly done. */
const abortMsMax = 80;

interface Memory {
  readonly cache: { readonly bytes: number; readonly bytes_peak: number };
  readonly reads: Budget;
  readonly bodies: Budget;
  readonly pending_writes: { readonly bytes: number };
  readonly head_calls: { readonly shared: number };
}

interface Budget {
  readonly bytes: number;
  readonly bytes_peak: number;
  readonly expired: number;
}

let server: Shoal;

beforeAll(async () => {
  // A little slow, so that there is something to abort.
  server = await spawnShoal({ latency: "get=15/40 put=20/60" });
  const upsert_rows = Array.from({ length: rows }, (_, id) => ({ id, vector: vectorOf(id) }));
  await call("POST", "/v2/namespaces/aborted", {
    upsert_rows,
    distance_metric: "euclidean_squared",
  });
  await call("POST", "/v1/namespaces/aborted/index");
  for (let ms = 0; ms < 30_000 && !(await indexed()); ms += 100) await sleep(100);
  expect(await indexed()).toBe(true);
});

afterAll(() => server.stop());

async function indexed(): Promise<boolean> {
  return (await call<{ indexed: boolean }>("GET", "/v1/namespaces/aborted/index")).indexed;
}

function vectorOf(id: number): readonly number[] {
  return Array.from({ length: dims }, (_, d) => Math.sin(id * 1.7 + d * d));
}

async function send(method: string, path: string, body?: object, signal?: AbortSignal) {
  return await fetch(server.directUrl + path, {
    method,
    headers: { authorization: `Bearer ${server.apiKey}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await send(method, path, body);
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as T;
}

const queryPath = "/v2/namespaces/aborted/query";
const query = (id: number) => ({ rank_by: ["vector", "ANN", vectorOf(id)], top_k: 3 });
const cold = (id: number) => ({ ...query(id), disable_cache: true });
const memory = () => call<Memory>("GET", "/v1/namespaces/aborted/_debug/memory");

/** False if it was answered before. */
async function abortOne(i: number): Promise<boolean> {
  const isWrite = i % 4 === 0;
  const path = isWrite ? "/v2/namespaces/aborted" : queryPath;
  // Large enough to be on its way for a while.
  const upsert_rows = Array.from({ length: 30 }, (_, j) => ({
    id: rows + ((i + j) % 400),
    vector: vectorOf(i + j),
  }));
  const body = isWrite ? { upsert_rows } : i % 4 === 1 ? query(i % rows) : cold(i % rows);
  return await hangUp(path, JSON.stringify(body), 1 + ((i * 7919) % abortMsMax));
}

function hangUp(path: string, body: string, afterMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.directUrl);
    const socket = connect({ host: hostname, port: Number(port) });
    let answered = false;
    socket.once("error", reject);
    socket.once("data", () => {
      answered = true;
    });
    socket.once("connect", () => {
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: ${hostname}\r\n` +
          `authorization: Bearer ${server.apiKey}\r\ncontent-length: ${body.length}\r\n\r\n`,
      );
      socket.write(body);
      setTimeout(() => {
        socket.resetAndDestroy();
        resolve(!answered);
      }, afterMs);
    });
  });
}

/** At once, not when leases run out: what still has to end is under way, not forgotten. */
async function allGivenBack(): Promise<Memory> {
  const endMs = Date.now() + limits.reservationLeaseMs / 4;
  for (;;) {
    const held = await memory();
    const { reads, bodies, pending_writes } = held;
    const bytes = [reads.bytes, bodies.bytes, pending_writes.bytes];
    if (bytes.every((each) => each === 0)) return held;
    if (Date.now() > endMs) throw new Error(`still held: ${bytes.join(", ")}`);
    await sleep(100);
  }
}

it("what a thousand aborted requests held comes back, and others are answered all along", async () => {
  let aborted = 0;
  let next = 0;
  const abortMany = async (): Promise<void> => {
    while (aborted < aborts) {
      if (await abortOne(next++)) aborted += 1;
      // Not faster than the server gets round to them.
      await call("GET", "/health");
    }
  };
  let asked = 0;
  const askOn = async (): Promise<void> => {
    while (aborted < aborts) {
      const id = (asked * 31) % rows;
      const response = await send("POST", queryPath, query(id));
      // Refused while others hold all there is; never anything else.
      expect([200, 429]).toContain(response.status);
      const answer = (await response.json()) as { rows: { id: number }[] };
      if (response.status === 200) expect(answer.rows[0]?.id).toBe(id);
      asked += 1;
    }
  };
  await Promise.all([...Array.from({ length: atOnce }, abortMany), askOn()]);
  expect(aborted).toBeGreaterThanOrEqual(aborts);
  expect(asked).toBeGreaterThan(2);

  const held = await allGivenBack();
  expect(held.reads.bytes_peak).toBeLessThanOrEqual(limits.reservedBytesMax);
  expect(held.bodies.bytes_peak).toBeLessThanOrEqual(limits.bodiesBytesMax);
  expect(held.cache.bytes_peak).toBeLessThanOrEqual(limits.cacheBytesMax + limits.lentBytesMax);
  const { rows: found } = await call<{ rows: { id: number }[] }>("POST", queryPath, cold(5));
  expect(found[0]?.id).toBe(5);
  await allGivenBack();
});
