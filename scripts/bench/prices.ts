/**
 * What a million queries cost at list prices: those of Cloudflare's paid plan, read in November
 * 2026, beyond what the plan includes.
 *
 * Every engine pays the same for the same: requests to object storage as R2 charges them, CPU time
 * as Workers charge it, as if an engine could rent exactly what it uses. Ours pays besides for
 * being called: one request of the Worker and one call of the object. Left out, because it is a
 * price of time and not of queries: memory that holds an index between queries, and an object
 * that is awake (4.15 dollars for a whole month). So figures of engines that keep everything in
 * memory are a lower bound.
 */
import { prices as list } from "../../workers/prices.ts";

/** Dollars for a million. */
export const prices = {
  storeReads: list.storeReads,
  /** Lists are priced like writes. */
  storeLists: list.storeWrites,
  cpuMs: list.cpuMs,
  workerRequests: list.workerRequests,
  objectCalls: list.objectCalls,
} as const;

export interface QueryUse {
  readonly storeReads: number;
  readonly storeLists: number;
  readonly cpuMs: number;
  readonly workerRequests: number;
  readonly objectCalls: number;
}

/** Dollars for a million queries that use so much each. */
export function costOfMillion(use: QueryUse): number {
  return (Object.keys(prices) as (keyof QueryUse)[]).reduce(
    // A measured CPU time less a base line may come out below nothing.
    (sum, name) => sum + Math.max(0, use[name]) * prices[name],
    0,
  );
}
