/** Queries over a tail too large to be kept decoded: each streams it, within one reservation. */
import { expect, test } from "vitest";
import type { SchemaAddition } from "../../src/document/schema.ts";
import { limits } from "../../src/limits.ts";
import type { NamespaceDescription } from "../../src/namespace/protocol.ts";
import { noAttributes, type Query } from "../../src/query/query.ts";
import type { SearchResult } from "../../src/query/result.ts";
import { search } from "../../src/search.ts";
import { createSearchMemory, type SearchPorts } from "../../src/search-ports.ts";
import { BlockCache } from "../../src/store/block-cache.ts";
import { LatencyStore } from "../../src/store/latency-store.ts";
import { MemoryBudget } from "../../src/store/memory-budget.ts";
import { write } from "../../src/write.ts";
import { simdKernels } from "../kernels/simd.ts";
import { OwnerRig } from "../owner-rig.ts";
import { drawDataSet } from "./data-set.ts";

const dims = 256;
/** Some travel inside their entries, some as attachments. */
const batches = [900, 1_500, 900, 2_500, 700, 2_500, 900];
const data = drawDataSet({ dims, count: 9_900, queries: 8 }, 5);
const addition: SchemaAddition = {
  idKind: "uint",
  metric: "euclidean_squared",
  attributes: new Map([["vector", { type: `[${dims}]f32`, filterable: false, ann: true }]]),
};

async function load(rig: OwnerRig): Promise<void> {
  const { owner, tenant, name, clock } = rig;
  const descriptions = new Map<string, NamespaceDescription>();
  const memory = {
    recall: (key: string) => descriptions.get(key),
    remember: (key: string, value: NamespaceDescription) => descriptions.set(key, value),
  };
  let from = 0;
  for (const upserts of batches) {
    const ids = Array.from({ length: upserts }, (_, i) => from + i);
    const vectors = data.rows.slice(from * dims, (from + upserts) * dims);
    const batch = {
      idKind: "uint",
      upserts,
      deletes: 0,
      ids,
      dims,
      vectors,
      attributes: [],
    } as const;
    const build = ({ version }: { version: number }) => ({
      batch,
      addition: version > 0 ? undefined : addition,
    });
    const target = { tenant, name, owner, memory };
    await clock.run(write(rig.ports(), target, build, { disableBackpressure: false }));
    from += upserts;
  }
}

function openIsolate(rig: OwnerRig): SearchPorts {
  const quick = { p50Ms: 10, p99Ms: 60 };
  const latency = { get: quick, put: quick, bytesPerSecond: 50_000_000, seed: 1 };
  return {
    ...rig.ports(),
    store: new LatencyStore(rig.store, rig.clock, latency),
    kernels: simdKernels,
    cache: new BlockCache(),
    budget: new MemoryBudget(rig.clock),
    memory: createSearchMemory(),
    defer: () => {},
  };
}

function ask(rig: OwnerRig, isolate: SearchPorts, index: number): Promise<SearchResult> {
  const { tenant, name, owner } = rig;
  const vector = data.queries.slice(index * dims, (index + 1) * dims);
  const query: Query = {
    rank: { kind: "vector", exhaustive: false, column: "vector", vector },
    limit: 10,
    offset: 0,
    filters: undefined,
    attributes: noAttributes,
    metric: undefined,
    consistency: "strong",
    disableCache: false,
  };
  return search(isolate, { tenant, name, owner }, query);
}

test("many at once take their turns, and none waits for what another holds", async () => {
  const rig = new OwnerRig();
  await load(rig);
  const { unindexedBytes } = await rig.ask(rig.owner.status(rig.tenant, rig.name));
  expect(unindexedBytes).toBeGreaterThan(limits.tailHeldBytesMax);
  const all = Array.from({ length: 8 }, (_, index) => index);
  const alone = [];
  for (const index of all)
    alone.push((await rig.clock.run(ask(rig, openIsolate(rig), index))).rows);

  const isolate = openIsolate(rig);
  // The first leaves a snapshot behind, so that the others are not sent the newest entries.
  await rig.clock.run(ask(rig, isolate, 0));
  isolate.cache.memory.clear();
  const startedMs = rig.clock.now();
  const together = await rig.clock.run(Promise.all(all.map((index) => ask(rig, isolate, index))));
  expect(together.map(({ rows }) => rows)).toEqual(alone);
  expect(rig.clock.now() - startedMs).toBeLessThan(2_000);
  const { reservedBytes, reservedBytesPeak, refused, waited } = isolate.budget.counts();
  expect(reservedBytesPeak).toBeLessThanOrEqual(limits.reservedBytesMax);
  expect(waited).toBeGreaterThan(0);
  expect([reservedBytes, refused]).toEqual([0, 0]);
});
