/**
 * Lines of `bench -- vectors`: one for each engine, setting and phase. The keys up to
 * `bytes_per_query` are those of `bench -- recall`.
 */
import type { Phase, QueryCosts } from "./http-queries.ts";

/** Where an engine's index lies while it is asked. */
export type Place = "object storage" | "local file" | "memory";

export interface VectorsLine extends QueryCosts {
  readonly bench: "vectors";
  readonly engine: string;
  readonly dataset: string;
  readonly phase: Phase;
  readonly rows: number;
  readonly recall_at_10: number;
  /** Ours counts its rounds; of others the longest chain of requests that did not overlap. */
  readonly rounds_per_query: number;
  readonly queries: number;
  readonly store_requests_max: number;
  readonly rounds_max: number;
  /** Null where an engine does not tell. */
  readonly scored_share: number | null;
  readonly segments: number | null;
  readonly seconds_load: number;
  readonly seconds_indexed: number;
  /** Waiting added to requests to object storage. */
  readonly latency: string;
  /** Waiting added to calls of our object; null for engines that have none. */
  readonly object_latency_ms: number | null;
  readonly setting: string;
  /** How our index is laid out: scanned whole, or by clusters. */
  readonly plan: "flat" | "clustered" | null;
  readonly version: string;
  readonly place: Place;
  /** Of these requests, lists. */
  readonly store_lists_per_query: number;
  /** CPU of loading and indexing; null where it was not measured. */
  readonly cpu_seconds_build: number | null;
  /** Of ours: without what the simulated bucket takes for the puts (load-cpu.ts). */
  readonly rows_per_cpu_second: number | null;
  readonly memory_peak_mb: number | null;
  /** In the process that asks, without HTTP and JSON (search-cpu.ts). Ours: null while cold. */
  readonly search_cpu_ms_per_query: number | null;
  /** See prices.ts. */
  readonly usd_per_million_queries: number;
}

/** An engine that was asked for and could not be measured. */
export interface SkippedLine {
  readonly bench: "vectors";
  readonly engine: string;
  readonly dataset: string;
  readonly skipped: string;
}

export function isMeasured(line: VectorsLine | SkippedLine): line is VectorsLine {
  return !("skipped" in line);
}
