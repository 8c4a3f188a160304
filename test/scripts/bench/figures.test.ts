import { describe, expect, it } from "vitest";
import type { GrowthLine } from "../../../scripts/bench/growth.ts";
import { summarizeSinglePlane } from "../../../scripts/bench/http-queries.ts";
import type { VectorsLine } from "../../../scripts/bench/lines.ts";
import { Traffic } from "../../../scripts/bench/object-store/traffic.ts";
import { plotGrowth, plotVectors } from "../../../scripts/bench/plots.ts";
import { costOfMillion, prices } from "../../../scripts/bench/prices.ts";
import { sumByKind } from "../../../scripts/bench/stored-bytes.ts";
import { MemoryStore } from "../../../src/store/memory-store.ts";
import { FakeClock } from "../../fake-clock.ts";
import { syncDigest } from "../../sync-digest.ts";

describe("pictures of a comparison", () => {
  it("name every engine that was measured, in each", async () => {
    const lines = [
      vectorsLine("shoal", "cold", 0.99, 250),
      vectorsLine("shoal", "warm", 0.99, 4),
      vectorsLine("lancedb", "cold", 0.95, 1_500),
      vectorsLine("lancedb", "warm", 0.95, 80),
    ];
    const plots = await plotVectors(lines);
    expect(plots.map(({ name }) => name)).toEqual(["recall-latency", "cold-warm", "reads", "cost"]);
    for (const { name, svg } of plots) {
      expect(svg, name).toMatch(/^<svg .*<\/svg>$/s);
      expect(svg, name).toContain("shoal (clustered)");
      expect(svg, name).toContain("lancedb");
      expect(svg, name).not.toMatch(/NaN|undefined/);
    }
    expect(await plotVectors(lines)).toEqual(plots);
  });

  it("of growth show every figure", async () => {
    const lines = [10_000, 100_000].flatMap((rows) => [
      growthLine("cold", rows),
      growthLine("warm", rows),
    ]);
    const [plot] = await plotGrowth(lines);
    for (const title of ["rows scanned a query", "write amplification", "recall@10"]) {
      expect(plot?.svg).toContain(title);
    }
    expect(plot?.svg).not.toMatch(/NaN|undefined/);
  });
});

describe("queries of one plane", () => {
  const answer = (candidates: number, store_requests: number, rounds: number) => ({
    rows: [],
    performance: { rounds, round_bytes: [], store_requests, bytes: 1, candidates, rows_total: 9 },
  });

  it("are told by themselves", () => {
    const runs = [{ latenciesMs: [10, 20, 900, 30], cpuMsPerRequest: 1 }];
    const answers = [answer(0, 7, 2), answer(0, 9, 2), answer(5, 22, 3), answer(0, 8, 2)];
    expect(summarizeSinglePlane({ answers, runs })).toEqual({
      queries: 3,
      p50_ms: 20,
      store_requests_max: 9,
      rounds_max: 2,
    });
  });

  it("have no time where there are none", () => {
    const runs = [{ latenciesMs: [900], cpuMsPerRequest: 1 }];
    const none = { queries: 0, p50_ms: null, store_requests_max: 0, rounds_max: 0 };
    expect(summarizeSinglePlane({ answers: [answer(5, 22, 3)], runs })).toEqual(none);
  });
});

describe("the price of a million queries", () => {
  it("is the sum of what each uses", () => {
    const nothing = { storeReads: 0, storeLists: 0, cpuMs: 0, workerRequests: 0, objectCalls: 0 };
    expect(costOfMillion(nothing)).toBe(0);
    expect(costOfMillion({ ...nothing, storeReads: 10, cpuMs: 5 })).toBeCloseTo(3.7);
    const ours = { ...nothing, workerRequests: 1, objectCalls: 1 };
    expect(costOfMillion(ours)).toBeCloseTo(prices.workerRequests + prices.objectCalls);
  });

  it("is never below nothing, however coarse a measured CPU time is", () => {
    const use = { storeReads: 1, storeLists: 0, cpuMs: -3, workerRequests: 0, objectCalls: 0 };
    expect(costOfMillion(use)).toBeCloseTo(prices.storeReads);
  });
});

describe("traffic", () => {
  it("tells requests that waited for one another from those that did not", () => {
    let now = 0;
    const traffic = new Traffic(() => now);
    const first = traffic.begin("get");
    now = 10;
    first(100);
    const ends = [traffic.begin("get"), traffic.begin("get"), traffic.begin("list")];
    now = 20;
    for (const end of ends) end(50);
    const last = traffic.begin("put");
    now = 30;
    last(7);
    expect(traffic.take()).toMatchObject({
      requests: 5,
      rounds: 3,
      inFlightPeak: 3,
      bytesRead: 250,
      bytesWritten: 7,
    });
    expect(traffic.take()).toMatchObject({ requests: 0, rounds: 0, inFlightPeak: 0 });
  });
});

describe("bytes in a bucket", () => {
  it("are summed by kind, page after page", async () => {
    const store = new MemoryStore({ clock: new FakeClock(), digest: syncDigest });
    const put = (key: string, bytes: number) =>
      store.put(key, new Uint8Array(bytes), { kind: "create" });
    for (let i = 0; i < 1_100; i++) await put(`t/a/n/g/wal/${i}`, 2);
    await put("t/a/n/g/part/x", 100);
    await put("t/a/n/g/segment/s", 1_000);
    await put("t/a/n/g/segment/s/dead/d", 10);
    await put("t/a/n/g/manifest/1", 5);
    await put("t/a/names/segment", 3);
    expect(await sumByKind(store)).toEqual({ log: 2_300, segments: 1_010, other: 8 });
  });
});

const figures = {
  recall_at_10: 0.9,
  p50_ms: 1,
  p99_ms: 2,
  cpu_ms_per_query: 1,
  store_requests_per_query: 4,
  rounds_per_query: 2,
  bytes_per_query: 500_000,
  queries: 10,
  store_requests_max: 5,
  rounds_max: 2,
  scored_share: 0.1,
  segments: 1,
  seconds_load: 1,
  seconds_indexed: 1,
  latency: "remote",
} as const;

function vectorsLine(
  engine: string,
  phase: "cold" | "warm",
  recall: number,
  p50: number,
): VectorsLine {
  return {
    bench: "vectors",
    engine,
    dataset: "points",
    phase,
    rows: 100,
    ...figures,
    recall_at_10: recall,
    p50_ms: p50,
    object_latency_ms: 15,
    setting: "default",
    plan: engine === "shoal" ? "clustered" : null,
    version: "1.0.0",
    place: "object storage",
    store_lists_per_query: 0,
    cpu_seconds_build: 1,
    rows_per_cpu_second: 1,
    search_cpu_ms_per_query: 0.5,
    memory_peak_mb: 100,
    usd_per_million_queries: 2,
  };
}

function growthLine(phase: "cold" | "warm", rows: number): GrowthLine {
  return {
    bench: "growth",
    engine: "shoal",
    dataset: "points",
    phase,
    rows,
    ...figures,
    object_latency_ms: 15,
    rows_scanned_per_query: rows / 10,
    single_plane: null,
    seconds_build: 3,
    cpu_ms_per_row: 0.1,
    clusters: 10,
    log_bytes_written: 1_000,
    segment_bytes_written: 1_000,
    write_amplification: 2.5,
    write_amplification_flush: 1.4,
    write_amplification_merge: 1.2,
    segment_rewrites: 1,
    memory_peak_mb: 200,
  };
}
