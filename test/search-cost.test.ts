/** What queries cost: rounds, reads and rows looked at, cold and warm, on a clustered namespace. */
import { beforeAll, describe, expect, test } from "vitest";
import { isEngineError } from "../src/errors.ts";
import { explain } from "../src/explain.ts";
import { limits } from "../src/limits.ts";
import type { SearchResult } from "../src/query/result.ts";
import { measureRecall } from "../src/recall.ts";
import { type BlockPosition, blockId } from "../src/store/block.ts";
import { BlockCache } from "../src/store/block-cache.ts";
import { LatencyStore, remoteLatency } from "../src/store/latency-store.ts";
import { parseParts } from "../workers/api/query-parts.ts";
import { simdKernels } from "./kernels/simd.ts";
import { MemoryEdge } from "./memory-edge.ts";
import type { OracleDocument, OracleFilter } from "./oracle/brute-force.ts";
import { SearchRig, shown } from "./search-rig.ts";
import { SeededRandom } from "./seeded-random.ts";

const dims = 144;
const large = 12_000;
const small = 400;

let rig: SearchRig;
let numbers: () => number;

/**
 * Documents in 60 clouds of few degrees of freedom, so that neighbours and clusters mean something.
 */
function documentAt(id: number): OracleDocument {
  const cloud = id % 60;
  const latent = Float32Array.from({ length: 8 }, () => numbers() - 0.5);
  const vector = Float32Array.from({ length: dims }, (_, d) => {
    const centre = Math.sin(cloud * 7.3 + d * 1.7);
    return latent.reduce((sum, z, j) => sum + z * Math.cos(j * 3.1 + d * (j + 1) * 0.9), centre);
  });
  return {
    id,
    vector,
    attributes: { n: id % 1000, name: `cloud${cloud}`, tags: null, note: "…" },
  };
}

/** Near a document of the namespace. */
function queryNear(id: number): Float32Array {
  return (documentAt(id).vector as Float32Array).map((x) => x + (numbers() - 0.5) * 0.1);
}

function ann(vector: Float32Array, rest: object = {}): object {
  return { rank_by: ["vector", "ANN", [...vector]], limit: 10, ...rest };
}

beforeAll(async () => {
  const random = new SeededRandom(3);
  numbers = () => (random.bytes(2)[0] as number) / 256 + (random.bytes(1)[0] as number) / 65_536;
  rig = new SearchRig({ dims, kernels: simdKernels });
  await rig.put(Array.from({ length: large }, (_, i) => documentAt(i)));
  await rig.flush();
  for (let i = 0; i < 2; i++) {
    const from = large + i * small;
    await rig.put(Array.from({ length: small }, (_, j) => documentAt(from + j)));
    await rig.flush();
  }
  await rig.put([documentAt(large + 2 * small)], [5, 6]);
}, 60_000);

test("the namespace has a clustered segment, flat ones and a tail", async () => {
  const { segments, unindexedRows } = await rig.ask(rig.owner.status(rig.tenant, rig.name));
  expect(segments.map(({ rows, clusters }) => [rows, clusters > 0])).toEqual([
    [large, true],
    [small, false],
    [small, false],
  ]);
  expect(unindexedRows).toBe(3);
});

describe("a cold query", () => {
  const bounds = { rounds: 3, reads: 18 };

  function expectWithin({ performance }: SearchResult, rounds: number, reads: number): void {
    expect(performance.rounds).toBeLessThanOrEqual(rounds);
    expect(performance.storeRequests).toBeLessThanOrEqual(reads);
    expect(performance.temperature).toBe("cold");
    expect(rig.reads.counts().get).toBe(performance.storeRequests);
    expect(rig.reads.counts().inFlightPeak).toBeLessThanOrEqual(limits.connectionsMax);
  }

  test("without a filter takes at most 3 rounds and 18 reads beside one call of head", async () => {
    for (let i = 0; i < 20; i++) {
      rig.newIsolate();
      rig.heads = 0;
      expectWithin(await rig.search(ann(queryNear(i * 97))), bounds.rounds, bounds.reads);
      expect(rig.heads).toBe(1);
    }
  });

  test("with attributes and vectors takes no round more", async () => {
    rig.newIsolate();
    const result = await rig.search(ann(queryNear(11), { include_attributes: true }));
    expectWithin(result, bounds.rounds, bounds.reads);
    expect(result.rows[0]).toMatchObject({ vector: { name: "vector" } });
  });

  test("with a filter takes one round and 12 reads more", async () => {
    const filters: readonly OracleFilter[] = [
      ["n", "Lt", 500],
      ["n", "Lt", 20],
      ["n", "Eq", 7],
      ["name", "Eq", "cloud3"],
      [
        "And",
        [
          ["name", "In", ["cloud3", "cloud4"]],
          ["n", "Gte", 100],
        ],
      ],
    ];
    for (const filter of filters) {
      rig.newIsolate();
      const result = await rig.search(ann(queryNear(3), { filters: filter }));
      expectWithin(result, bounds.rounds + 1, limits.filteredReadsMax);
    }
  });

  test("in the order of ids takes a round for ids and one for documents", async () => {
    rig.newIsolate();
    const body = { rank_by: ["id", "asc"], limit: 50, include_attributes: ["name"] };
    const result = await rig.search({ ...body, filters: ["id", "Gt", 7_000] });
    expect(result.rows.map(({ id }) => id)).toEqual(
      Array.from({ length: 50 }, (_, i) => 7_001 + i),
    );
    expect(result.performance.rounds).toBe(2);
  });

  test("looks up the documents of ties where those are less to read than their ids", async () => {
    rig.newIsolate();
    const { rows, performance } = await rig.search({ rank_by: ["name", "asc"], limit: 100 });
    expect(rows.map(({ id }) => id)).toEqual(
      Array.from({ length: 100 }, (_, i) => 60 * i).slice(0, 100),
    );
    // The ids of 100 of the 213 that tie would take three times as much.
    expect(performance.storeBytes).toBeLessThan(64 * 1024);
  });

  test("finds roots that did not come with head in one round more", async () => {
    rig.newIsolate();
    const { head } = rig.target.owner;
    const owner = {
      head: async (request: Parameters<typeof head>[0]) => {
        const reply = await head(request);
        return reply.ok
          ? { ...reply, value: { ...reply.value, inline: { roots: [], dead: [] }, wal: [] } }
          : reply;
      },
    };
    const result = await rig.searchThrough(owner, ann(queryNear(8)));
    expectWithin(result, bounds.rounds + 1, bounds.reads + 4);
  });
});

describe("a warm query", () => {
  test("reads nothing, and head sends nothing that is held", async () => {
    rig.newIsolate();
    const bodies = [
      ann(queryNear(42), { include_attributes: true }),
      ann(queryNear(43), { filters: ["n", "Lt", 300] }),
      { rank_by: ["id", "desc"], limit: 20, include_attributes: true },
      { rank_by: ["vector", "kNN", [...queryNear(1)]], limit: 5, filters: ["n", "Eq", 77] },
    ];
    // Of the first search of an isolate nothing is kept.
    await rig.search(bodies[0] as object);
    const cold = [];
    for (const body of bodies) cold.push(await rig.search(body));
    rig.reads.reset();
    for (const [i, body] of bodies.entries()) {
      const { rows, performance } = await rig.search(body);
      expect(rows).toEqual(cold[i]?.rows);
      expect(performance).toMatchObject({
        rounds: 0,
        storeRequests: 0,
        storeBytes: 0,
        temperature: "hot",
        cacheHitRatio: 1,
      });
    }
    expect(rig.reads.requests).toBe(0);
    expect(rig.lastReply).toMatchObject({
      value: { wal: [], inline: { roots: [], dead: [] } },
    });
    expect(rig.lastReply).not.toHaveProperty("value.manifest");
  });

  test("with caches disabled reads as if it were the first, and leaves nothing behind", async () => {
    const body = ann(queryNear(9));
    await rig.search(body);
    rig.reads.reset();
    const first = await rig.search({ ...body, disable_cache: true });
    const second = await rig.search({ ...body, disable_cache: true });
    expect(first.performance.storeRequests).toBeGreaterThan(0);
    expect(second.performance.storeRequests).toBe(first.performance.storeRequests);
    expect(second.rows).toEqual(first.rows);
  });
});

describe("an approximate query", () => {
  test("scores less than half of the rows and finds nearly all there is", async () => {
    let recall = 0;
    for (let i = 0; i < 15; i++) {
      recall += await rig.recall(queryNear(i * 401), 10);
      const { candidates, indexedRows, clustersProbed } = (await rig.search(ann(queryNear(i))))
        .performance;
      expect(candidates).toBeLessThan(indexedRows / 2);
      expect(clustersProbed).toBeGreaterThan(0);
    }
    expect(recall / 15).toBeGreaterThan(0.97);
  });

  test("finds nearly all under filters, frequent, rare and far from the query", async () => {
    const filters: readonly OracleFilter[] = [
      ["n", "Lt", 500],
      ["n", "Lt", 50],
      ["n", "Eq", 7],
      ["name", "Eq", "cloud40"],
      ["name", "NotEq", "cloud1"],
    ];
    for (const filter of filters) {
      let recall = 0;
      for (let i = 0; i < 5; i++) recall += await rig.recall(queryNear(i * 60 + 1), 10, filter);
      expect(recall / 5, JSON.stringify(filter)).toBeGreaterThanOrEqual(0.9);
    }
  });

  test("is explained by what its plan found, with a filter and without", async () => {
    const planOf = async (more: object): Promise<string> => {
      const { asked } = parseParts(ann(queryNear(3), more));
      const text = await rig.clock.run(explain(rig.isolate, rig.target, asked));
      return text.split("\n").find((line) => line.startsWith("plan")) ?? "";
    };
    expect(await planOf({})).toMatch(
      / of \d+ clusters with \d+ rows; at most 100 and .* actually \d+ /,
    );
    expect(await planOf({ filters: ["n", "Lt", 500] })).toMatch(
      / matches in \d+ of \d+ clusters: those that promise most, .* at most 32 and /,
    );
    const few = await planOf({
      filters: [
        "And",
        [
          ["n", "Eq", 7],
          ["name", "Eq", "cloud7"],
        ],
      ],
    });
    expect(few).toMatch(/ \d+ matches in \d+ of .*: all of them are looked at, without a scan$/);
  });

  test("still answers in full after its best rows were deleted or overwritten", async () => {
    const query = queryNear(120);
    const best = rig.oracle.nearest("euclidean_squared", query).slice(0, 120);
    const [deleted, overwritten] = [best.slice(0, 60), best.slice(60)];
    await rig.put(
      overwritten.map(({ document }) => ({ ...document, vector: new Float32Array(dims).fill(9) })),
      deleted.map(({ id }) => id),
    );
    expect(await rig.recall(query, 10)).toBeGreaterThanOrEqual(0.9);
    const { performance } = await rig.search(ann(query));
    expect(performance.masked).toBeGreaterThan(0);
    expect(await rig.recall(query, 100)).toBeGreaterThanOrEqual(0.9);
  });
});

/** Knows how often each block came from the store. */
class CountingCache extends BlockCache {
  readonly kept = new Map<string, number>();

  override keep(block: BlockPosition, bytes: Uint8Array): void {
    this.kept.set(blockId(block), (this.kept.get(blockId(block)) ?? 0) + 1);
    super.keep(block, bytes);
  }
}

describe("two hundred queries at once of an isolate that knows nothing", () => {
  /** Reads take as long as over a network, and queries arrive together. */
  async function ask(bodies: readonly object[], budgetBytes: number) {
    const isolate = rig.newIsolate({ budget: { bytesMax: budgetBytes } });
    const cache = new CountingCache();
    const store = new LatencyStore(rig.reads, rig.clock, remoteLatency);
    rig.isolate = { ...isolate, cache, store };
    const outcomes = await rig.clock.run(
      Promise.allSettled(bodies.map((body) => rig.searchUntimed(body))),
    );
    return { outcomes, budget: isolate.budget.counts(), cache, reads: rig.reads.counts() };
  }

  test("are answered, read each block about once, and stay within their memory", async () => {
    const bodies = Array.from({ length: 200 }, (_, i) => ann(queryNear(i * 53)));
    const alone = await ask(bodies.slice(0, 1), limits.reservedBytesMax);
    const { outcomes, budget, cache, reads } = await ask(bodies, limits.reservedBytesMax);
    expect(outcomes.every(({ status }) => status === "fulfilled")).toBe(true);
    const kept = [...cache.kept.values()].reduce((sum, times) => sum + times, 0);
    expect(kept).toBeLessThan(1.05 * cache.kept.size);
    // What lies between two blocks is read with them, so bytes are more than those of blocks.
    expect(reads.bytesRead).toBeLessThan(0.15 * 200 * alone.reads.bytesRead);
    expect(cache.underWay.size).toBe(0);
    expect(budget.reservedBytesPeak).toBeLessThanOrEqual(limits.reservedBytesMax);
    expect([budget.reservedBytes, budget.refused]).toEqual([0, 0]);
  });

  test("are answered or told to come back when memory is short", async () => {
    const budgetBytes = 2 * 1024 * 1024;
    const bodies = Array.from({ length: 200 }, (_, i) => ann(queryNear(i * 53)));
    const { outcomes, budget } = await ask(bodies, budgetBytes);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") {
        expect(isEngineError(outcome.reason, "overloaded")).toBe(true);
      }
    }
    expect(budget.reservedBytesPeak).toBeLessThanOrEqual(budgetBytes);
    expect(budget.reservedBytes).toBe(0);
  });
});

test("memory stays within its bounds when the cache is far smaller than the data", async () => {
  const isolate = rig.newIsolate({ bytesMax: 512 * 1024, budget: { bytesMax: 8 * 1024 * 1024 } });
  for (let i = 0; i < 10; i++) {
    await rig.search(ann(queryNear(i * 31), { include_attributes: true }));
  }
  await rig.search({
    rank_by: ["vector", "kNN", [...queryNear(5)]],
    limit: 10,
    filters: ["n", "Gte", 0],
  });
  expect(isolate.cache.memory.counts().bytesPeak).toBeLessThanOrEqual(512 * 1024);
  const { reservedBytes, reservedBytesPeak, refused } = isolate.budget.counts();
  expect(reservedBytesPeak).toBeLessThanOrEqual(8 * 1024 * 1024);
  expect([reservedBytes, refused]).toEqual([0, 0]);
});

test("a warm query finds in the edge cache what memory has no room for, samples of recall or not", async () => {
  const cacheBytes = 1_536 * 1_024;
  const edge = new MemoryEdge();
  const isolate = rig.newIsolate({ bytesMax: cacheBytes, edge });
  const deferred: Promise<void>[] = [];
  rig.isolate = { ...isolate, defer: (work) => deferred.push(work) };
  const vectors = Array.from({ length: 30 }, (_, i) => queryNear(i * 401));
  for (let run = 0; run < 3; run++) {
    rig.reads.reset();
    for (const [i, vector] of vectors.entries()) {
      const { performance } = await rig.search(ann(vector));
      await Promise.all(deferred.splice(0));
      if (run === 2) expect(performance.storeRequests).toBe(0);
      if (i % 10 === 0 && run < 2) {
        const sample = { column: "vector", values: vector };
        const request = { count: 1, topK: 10, filters: undefined, vector: sample };
        await rig.clock.run(measureRecall(rig.isolate, rig.target, request));
      }
    }
  }
  expect(rig.reads.requests).toBe(0);
  const { bytes, evictions } = isolate.cache.memory.counts();
  expect(bytes).toBeLessThanOrEqual(cacheBytes);
  expect(evictions).toBeGreaterThan(0);
});

test("the first search of an isolate goes by one plane, unless its codes are at hand", async () => {
  const body = ann(queryNear(77));
  const edge = new MemoryEdge();
  const onePlane = { candidates: 0, rounds: 2 };
  rig.newIsolate({ edge });
  const first = await rig.search(body);
  expect(first.performance).toMatchObject(onePlane);
  const second = await rig.search(body);
  expect(second.rows.map(shown)).toEqual(first.rows.map(shown));
  expect(second.performance.candidates).toBeGreaterThan(1_000);
  expect((await rig.search({ ...body, disable_cache: true })).performance).toMatchObject(onePlane);
  rig.newIsolate({ edge });
  expect((await rig.search(body)).performance.candidates).toBeGreaterThan(1_000);
});

test("a query keeps the rows it has refined, not their pages", async () => {
  const { cache } = rig.newIsolate();
  const vectors = Array.from({ length: 40 }, (_, i) => queryNear(i * 307));
  await rig.search(ann(queryNear(1)));
  const cold = [];
  for (const vector of vectors) cold.push(await rig.search(ann(vector)));
  const refined = cold.reduce((sum, { performance }) => sum + performance.refined, 0);
  const { bytesMax } = cache;
  // Filled with other things, memory has no room for what only passes.
  for (let i = 0; i < 200; i++) {
    const block = { key: "other", offset: i, length: 1, isPassing: true };
    cache.keep(block, new Uint8Array(bytesMax / 1_000));
  }
  rig.reads.reset();
  for (const [i, vector] of vectors.entries()) {
    const { rows, performance } = await rig.search(ann(vector));
    expect(rows.map(shown)).toEqual(cold[i]?.rows.map(shown));
    expect(performance).toMatchObject({ storeRequests: 0, rounds: 0 });
    expect(performance.refined).toBe(cold[i]?.performance.refined);
  }
  expect(rig.reads.requests).toBe(0);
  expect(refined).toBeGreaterThan(40 * 20);
});
