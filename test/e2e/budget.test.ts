/**
 * The bounds that a query promises, on 60,000 rows of 784 dimensions: reads and rounds, rows looked
 * at, recall, memory. In one process over a store in memory; what is counted does not depend on
 * where the bytes lie.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { limits } from "../../src/limits.ts";
import type { SearchResult } from "../../src/query/result.ts";
import { drawDataSet } from "../budget/data-set.ts";
import {
  attributeOf,
  type Isolate,
  LargeNamespace,
  type Layers,
  type Layout,
  topK,
} from "../budget/large-namespace.ts";
import { FaultyStore } from "../faulty-store.ts";
import { MemoryEdge } from "../memory-edge.ts";
import { PausedStore } from "../store/paused-store.ts";

const mebi = 1024 * 1024;
const rows = 60_000;
const queries = Array.from({ length: 200 }, (_, i) => i);
const few = queries.slice(0, 40);

let namespace: LargeNamespace;
let layers: Layers;

beforeAll(async () => {
  namespace = new LargeNamespace(
    drawDataSet({ dims: 784, count: rows, queries: queries.length }, 1),
  );
  layers = await namespace.build();
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function recallOf(results: readonly SearchResult[], asked = queries): number {
  return mean(results.map((result, i) => namespace.recallOf(asked[i] as number, result)));
}

test("merging them holds less than one compaction step may", () => {
  expect(layers.one[0]).toMatchObject({ rows });
  expect(layers.one[0]?.bytes).toBeGreaterThan(3 * limits.compactionBytesMax);
  for (const peak of layers.mergePeaks) {
    expect(peak).toBeGreaterThan(16 * mebi);
    expect(peak).toBeLessThan(limits.compactionBytesMax);
  }
});

describe.each<Layout>(["several", "one"])("on segments merged into %s", (layout) => {
  beforeAll(() => namespace.publish(layers[layout]));

  test("a query looks at few rows and finds nearly all neighbours", async () => {
    const isolate = namespace.openIsolate({ bytesMax: 512 * mebi });
    const results = await isolate.askAll(queries, 4);
    for (const { performance } of results) {
      expect(performance.candidates / rows).toBeLessThan(0.25);
      expect(performance.clustersProbed).toBeGreaterThan(0);
    }
    expect(recallOf(results)).toBeGreaterThanOrEqual(0.97);
    // Full vectors are the dearest blocks to read and to keep: hardly more than the answer's.
    expect(mean(results.map(({ performance }) => performance.exact))).toBeLessThan(1.4 * topK);
  });

  test("a cold query that is the first takes 20 reads at most, in 2 rounds or with few bytes in 3", async () => {
    const results: SearchResult[] = [];
    let spread = 0;
    for (const index of few) {
      const isolate = namespace.openIsolate();
      const result = await isolate.ask(index);
      results.push(result);
      const { candidates, bytes } = result.performance;
      const isOnePlane = candidates === 0;
      const areFew = layers[layout].length <= 5;
      expectCold(isolate, result, isOnePlane ? 2 : 3, isOnePlane && areFew ? 16 : 20);
      if (isOnePlane) continue;
      // It lies between many clusters: a round more is the price of most of the bytes.
      spread++;
      expect(bytes).toBeLessThan(2.5 * mebi);
    }
    expect(spread).toBeLessThan(few.length / 5);
    expect(recallOf(results, few)).toBeGreaterThanOrEqual(0.97);
  });

  test("a cold query takes at most 3 rounds and 24 reads, 20 of one segment", async () => {
    const readsMax = layers[layout].length === 1 ? 20 : 24;
    for (const index of few) {
      const isolate = namespace.openIsolate();
      isolate.hasSearched();
      const result = await isolate.ask(index);
      expectCold(isolate, result, 3, readsMax);
      expect(result.performance.candidates).toBeGreaterThan(0);
    }
  });

  test("a cold query with a filter takes at most one round and 12 reads more", async () => {
    const filters = [
      ["n", "Lt", 500],
      ["n", "Gte", 900],
      ["n", "Lt", 10],
      ["n", "Eq", 7],
      [
        "Or",
        [
          ["n", "Eq", 7],
          ["n", "Gt", 700],
        ],
      ],
    ];
    for (const [i, filter] of filters.entries()) {
      for (const index of few.slice(8 * i, 8 * i + 8)) {
        const isolate = namespace.openIsolate();
        isolate.hasSearched();
        const result = await isolate.ask(index, { filters: filter });
        expectCold(isolate, result, 4, 36);
        expect(result.rows.length).toBe(topK);
        for (const { id } of result.rows) {
          const n = attributeOf(Number(id));
          const passes = [n < 500, n >= 900, n < 10, n === 7, n === 7 || n > 700];
          expect(passes[i]).toBe(true);
        }
      }
    }
  });

  test("a warm query reads nothing from the store if memory holds all blocks", async () => {
    const isolate = namespace.openIsolate({ bytesMax: 512 * mebi });
    await expectWarm(isolate, "hot");
  });

  test("a warm query reads nothing from the store if the edge cache holds what memory does not", async () => {
    const isolate = namespace.openIsolate({ bytesMax: 4 * mebi, edge: new MemoryEdge() });
    await expectWarm(isolate, "warm");
    expect(isolate.ports.cache.memory.counts().evictions).toBeGreaterThan(0);
  });
});

function expectCold(isolate: Isolate, result: SearchResult, rounds: number, reads: number): void {
  const { performance } = result;
  expect(performance.temperature).toBe("cold");
  expect(performance.rounds).toBeLessThanOrEqual(rounds);
  expect(performance.storeRequests).toBeLessThanOrEqual(reads);
  expect(isolate.reads.requests).toBe(performance.storeRequests);
  expect(isolate.reads.counts().inFlightPeak).toBeLessThanOrEqual(limits.connectionsMax);
}

async function expectWarm(isolate: Isolate, temperature: string): Promise<void> {
  const first = await isolate.askAll(few, 1);
  await isolate.askAll(few, 1);
  isolate.reads.reset();
  const warm = await isolate.askAll(few, 1);
  expect(isolate.reads.requests).toBe(0);
  for (const [i, { rows: found, performance }] of warm.entries()) {
    expect(found).toEqual(first[i]?.rows);
    expect(performance).toMatchObject({ rounds: 0, storeRequests: 0, storeBytes: 0 });
  }
  expect(new Set(warm.map(({ performance }) => performance.temperature))).toContain(temperature);
}

describe("the memory of an isolate", () => {
  const bytesMax = 16 * mebi;
  const sizes = { bytesMax, budget: { bytesMax } };

  function expectBounded({ ports }: Isolate): void {
    const { bytes, bytesPeak } = ports.cache.counts();
    expect(bytesPeak).toBeLessThanOrEqual(bytesMax);
    expect(bytes).toBeLessThanOrEqual(bytesPeak);
    const { reservedBytes, reservedBytesPeak } = ports.budget.counts();
    expect(reservedBytesPeak).toBeLessThanOrEqual(bytesMax);
    expect(reservedBytes).toBe(0);
  }

  test("stays within its bounds when many queries run at once over far more data", async () => {
    const isolate = namespace.openIsolate(sizes);
    const results = await isolate.askAll(queries, 128);
    expect(recallOf(results)).toBeGreaterThanOrEqual(0.97);
    const { reservedBytesPeak, waited, refused, expired } = isolate.ports.budget.counts();
    expect(reservedBytesPeak).toBeGreaterThan(0.9 * bytesMax);
    expect(waited).toBeGreaterThan(0);
    expect([refused, expired]).toEqual([0, 0]);
    expect(isolate.ports.cache.counts().evictions).toBeGreaterThan(1_000);
    expectBounded(isolate);
  });

  test("is given back by exact queries, which read every row", async () => {
    const isolate = namespace.openIsolate(sizes);
    const rank = { kind: "vector", exhaustive: true, column: "vector" } as const;
    const exact = few
      .slice(0, 4)
      .map((index) =>
        isolate.start(index, { rank: { ...rank, vector: namespace.queryAt(index) } }),
      );
    const results = await namespace.clock.run(Promise.all(exact));
    expect(recallOf(results, few)).toBe(1);
    expectBounded(isolate);
  });

  test("is given back by queries that fail", async () => {
    let faults: FaultyStore | undefined;
    const isolate = namespace.openIsolate(sizes, (store) => (faults = new FaultyStore(store)));
    let failed = 0;
    for (const [i, fault] of (["lost", "overloaded", "flipped", "unanswered"] as const).entries()) {
      for (const healthy of [0, 3, 9, 20]) {
        const asked = queries.slice(16 * i, 16 * i + 16);
        const running = asked.map((index) => isolate.start(index, { disableCache: true }));
        for (let get = 0; get < healthy; get++) await namespace.clock.advance(10);
        faults?.failNext("get", fault, 8);
        const settled = await namespace.clock.run(Promise.allSettled(running));
        failed += settled.filter(({ status }) => status === "rejected").length;
        expect(isolate.ports.budget.counts().reservedBytes).toBe(0);
        faults?.clear();
      }
    }
    expect(failed).toBeGreaterThan(50);
    expect(recallOf(await isolate.askAll(queries, 8))).toBeGreaterThanOrEqual(0.97);
    expectBounded(isolate);
  });

  test("is given back when requests vanish", async () => {
    let paused: PausedStore | undefined;
    const isolate = namespace.openIsolate(sizes, (store) => (paused = new PausedStore(store)));
    // Nobody ever hears of them again, nor they of the store.
    const vanished = few.map((index) => isolate.start(index));
    void Promise.allSettled(vanished);
    await namespace.clock.advance(1_000);
    expect(paused?.gets.length).toBeGreaterThan(0);
    expect(isolate.ports.budget.counts().reservedBytes).toBeGreaterThan(0);
    await namespace.clock.advance(limits.reservationLeaseMs + 10_000);
    isolate.ports.budget.tryReserve(bytesMax)?.release();
    expect(isolate.ports.budget.counts().expired).toBeGreaterThan(0);
    expectBounded(isolate);
  });
});
