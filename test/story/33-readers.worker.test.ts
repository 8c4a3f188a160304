/**
 * Eight shards read by eight objects of their own, beside an unsharded twin: the same writes, the
 * same answers, also while readers are aborted again and again.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { limits } from "../../src/limits.ts";
import { Namespace, type Row, send } from "../workerd/api.ts";
import { rowsOf, vectorOf } from "./sharded-rows.ts";

const shards = 8;
const chaosMs = 1_500;
/** Until when a call must have been cut off in the middle, and another answered whole. */
const patienceMs = 20_000;

const { readersBytesMin } = limits;
beforeAll(() => {
  Object.assign(limits, { readersBytesMin: 0 });
});
afterAll(() => {
  Object.assign(limits, { readersBytesMin });
});

interface Answer {
  readonly rows: readonly Row[];
  readonly error?: string;
  readonly performance: {
    readonly readers?: number;
    readonly rounds: number;
    readonly store_requests: number;
    readonly masked: number;
  };
  readonly cost: { readonly store_reads: number; readonly object_calls: number };
}

const questions: readonly object[] = [
  { rank_by: ["vector", "ANN", vectorOf(5)], limit: 20, include_attributes: true },
  {
    rank_by: ["vector", "kNN", vectorOf(77)],
    filters: ["v", "Gte", 1],
    limit: 50,
    include_attributes: ["v"],
  },
  {
    rank_by: ["vector", "kNN", vectorOf(9)],
    filters: ["group", "Eq", "g3"],
    limit: 10,
    offset: 5,
    include_attributes: true,
  },
  { rank_by: ["id", "desc"], limit: 200, filters: ["group", "In", ["g1", "g2"]] },
];

async function ask(name: string, question: object): Promise<Answer> {
  const { status, json } = await send<Answer>("POST", `/v2/namespaces/${name}/query`, question);
  expect([status, json.error]).toEqual([200, undefined]);
  return json;
}

async function prepare(name: string): Promise<readonly [Namespace, Namespace]> {
  const sharded = new Namespace(name);
  const twin = new Namespace(`${name}-twin`);
  for (const body of [
    { upsert_rows: rowsOf(0, 400, 1) },
    { upsert_rows: rowsOf(100, 150, 2), deletes: [3, 4, 390] },
  ]) {
    const all = { distance_metric: "euclidean_squared", ...body };
    await sharded.write({ ...all, sharding: { num_shards: shards } });
    await twin.write(all);
    await sharded.indexNow();
    await twin.indexNow();
  }
  const tail = { upsert_rows: rowsOf(200, 60, 3), deletes: [5, 101, 399] };
  await sharded.write(tail);
  await twin.write(tail);
  return [sharded, twin];
}

it("readers find what one isolate finds, and say what it cost", async () => {
  const [sharded, twin] = await prepare("readers");
  for (const question of questions) {
    await sharded.purgeCaches();
    const cold = await ask(sharded.name, question);
    const warm = await ask(sharded.name, question);
    const { rows, performance } = await ask(twin.name, question);
    expect(cold.rows).toEqual(rows);
    expect(warm.rows).toEqual(rows);
    expect(performance.readers).toBeUndefined();
    expect([cold.performance.readers, warm.performance.readers]).toEqual([shards, shards]);
    expect(cold.performance.store_requests).toBeGreaterThan(0);
    expect(cold.cost.store_reads).toBeGreaterThanOrEqual(cold.performance.store_requests);
    expect(cold.cost.object_calls).toBe(1 + shards);
    expect([warm.performance.store_requests, warm.performance.rounds]).toEqual([0, 0]);
  }
  const several = await send<{ readonly performance: Answer["performance"] }>(
    "POST",
    `/v2/namespaces/${sharded.name}/query`,
    { queries: questions.slice(0, 2) },
  );
  expect([several.status, several.json.performance.readers]).toEqual([200, undefined]);
  const { cache, reads } = await sharded.memory<{
    readonly cache: { readonly bytes_peak: number; readonly bytes_max: number };
    readonly reads: { readonly bytes: number };
  }>();
  // Objects here share the Worker's isolate, and so its bounds.
  expect(cache.bytes_peak).toBeLessThanOrEqual(cache.bytes_max);
  expect(reads.bytes).toBe(0);
}, 60_000);

it("answers do not change while readers are aborted", async () => {
  const [sharded, twin] = await prepare("aborted");
  const expected = await Promise.all(questions.map((question) => ask(twin.name, question)));
  const { generation } = await sharded.index();
  const startedMs = Date.now();
  const answered = new Set<number>();
  const isOver = () => {
    const passedMs = Date.now() - startedMs;
    const isMet = Math.min(...answered) < shards && answered.has(shards);
    return passedMs > patienceMs || (passedMs > chaosMs && isMet);
  };
  const chaos = (async () => {
    while (!isOver()) {
      for (let number = 0; number < shards; number++) {
        const stub = env.READERS.getByName(`default/${generation}/${number}`);
        await runInDurableObject(stub, (_, state) => state.abort("interrupted")).catch(
          () => undefined,
        );
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  const clients = Array.from({ length: 4 }, async (_, client) => {
    for (let at = client; !isOver(); at++) {
      const { rows, performance } = await ask(sharded.name, {
        ...questions[at % questions.length],
        ...(at % 3 === 0 ? { disable_cache: true } : {}),
      });
      expect(rows).toEqual(expected[at % questions.length]?.rows);
      answered.add(performance.readers ?? 0);
    }
  });
  await Promise.all([chaos, ...clients]);
  expect(Math.max(...answered)).toBe(shards);
  expect(Math.min(...answered)).toBeLessThan(shards);
  const after = await ask(sharded.name, questions[0] ?? {});
  expect(after.performance.readers).toBe(shards);
}, 60_000);
