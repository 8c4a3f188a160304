/**
 * Two hundred clients ask an isolate that knows nothing, at once and each something else: they are
 * answered or told when to come back, what they want is read about once, and memory stays within
 * its bounds.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Shoal, spawnShoal } from "../../scripts/miniflare.ts";
import { limits } from "../../src/limits.ts";

const rows = 9_000;
const batchRows = 1_500;
const dims = 160;
const clients = 200;
const topK = 5;
/** One bit and one byte for each of 192 rotated coordinates, factors and id, and the vector. */
const bytesPerRow = 192 / 8 + 12 + 192 + 28 + 4 * dims;

interface Answer {
  readonly rows: readonly { readonly id: number; readonly $dist: number }[];
  readonly performance: { readonly cache_temperature: string };
}

interface Memory {
  readonly cache: { readonly bytes_peak: number };
  readonly reads: { readonly bytes: number; readonly bytes_peak: number; readonly refused: number };
}

let server: Shoal;

beforeAll(async () => {
  server = await spawnShoal({ latency: "get=30/90 put=20/60" });
  for (let from = 0; from < rows; from += batchRows) {
    await call("POST", "/v2/namespaces/crowd", {
      upsert_rows: Array.from({ length: batchRows }, (_, i) => {
        return { id: from + i, vector: vectorOf(from + i) };
      }),
      distance_metric: "euclidean_squared",
    });
  }
  await call("POST", "/v1/namespaces/crowd/index");
  for (let ms = 0; ms < 60_000 && !(await indexed()); ms += 100) await sleep(100);
  expect(await indexed()).toBe(true);
});

afterAll(() => server.stop());

/** In 90 clouds, so that neighbours lie together. */
function vectorOf(id: number): readonly number[] {
  return Array.from(
    { length: dims },
    (_, d) => Math.sin((id % 90) * 7.3 + d * 1.7) + 0.2 * Math.sin(id * 1.3 + d * d),
  );
}

const send = (method: string, path: string, body?: object): Promise<Response> =>
  fetch(server.directUrl + path, {
    method,
    headers: { authorization: `Bearer ${server.apiKey}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await send(method, path, body);
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as T;
}

async function indexed(): Promise<boolean> {
  return (await call<{ indexed: boolean }>("GET", "/v1/namespaces/crowd/index")).indexed;
}

const ask = (id: number): Promise<Response> =>
  send("POST", "/v2/namespaces/crowd/query", {
    rank_by: ["vector", "ANN", vectorOf(id)],
    top_k: topK,
  });

const purge = () => call("GET", "/v1/namespaces/crowd/_debug/purge_cache");

/** What requests have read from the bucket so far. */
async function bytesRead(): Promise<number> {
  const text = await (await send("GET", "/metrics")).text();
  const line =
    /^shoal_store_bytes_total\{(?=[^}]*by="request")(?=[^}]*direction="read")[^}]*\} (\d+)/m;
  return Number(line.exec(text)?.[1]);
}

async function countBytes(of: () => Promise<unknown>): Promise<number> {
  await purge();
  const before = await bytesRead();
  await of();
  return (await bytesRead()) - before;
}

it("two hundred queries of a cold namespace are answered or told when to come back", async () => {
  const alone = await countBytes(async () => {
    const { performance } = (await (await ask(1)).json()) as Answer;
    expect(performance.cache_temperature).toBe("cold");
  });
  expect(alone).toBeGreaterThan(100_000);
  const refusedBefore = (await memory()).reads.refused;
  const ids = Array.from({ length: clients }, (_, i) => i * 41);
  let refused = 0;
  const together = await countBytes(async () => {
    const responses = await Promise.all(ids.map(ask));
    for (const [i, response] of responses.entries()) {
      if (response.status === 200) {
        const answer = (await response.json()) as Answer;
        expect(answer.rows).toHaveLength(topK);
        expect(answer.rows[0]).toMatchObject({ id: ids[i], $dist: 0 });
      } else {
        expect([429, 503]).toContain(response.status);
        expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
        await response.text();
        refused += 1;
      }
    }
  });
  expect(refused).toBeLessThan(clients / 2);
  // All that the namespace has of codes and vectors, and gaps between what was wanted.
  expect(together).toBeLessThan(2 * rows * bytesPerRow);
  expect(together).toBeLessThan(0.5 * clients * alone);
  let held = await memory();
  // Samples of recall are still being compared, behind the answers.
  for (let ms = 0; ms < 30_000 && held.reads.bytes > 0; ms += 100) {
    await sleep(100);
    held = await memory();
  }
  expect(held.reads.bytes).toBe(0);
  expect(held.reads.bytes_peak).toBeLessThanOrEqual(limits.reservedBytesMax);
  expect(held.cache.bytes_peak).toBeLessThanOrEqual(limits.cacheBytesMax + limits.lentBytesMax);
  expect(held.reads.refused - refusedBefore).toBeLessThanOrEqual(refused);
}, 120_000);

const memory = () => call<Memory>("GET", "/v1/namespaces/crowd/_debug/memory");
