/**
 * The bucket as the engine sees it. From the inside out: R2; waiting, if the setting asks for it,
 * so that one machine shows cold reads as a region would; retries of what is safe to repeat.
 *
 * Whoever wants to know what one request cost wraps the result in a CountingStore of its own.
 */
import { LatencyStore, parseLatency } from "../../src/store/latency-store.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { RetryingStore } from "../../src/store/retrying-store.ts";
import { systemClock } from "./clock.ts";
import { R2Store } from "./r2-store.ts";
import { systemRandom } from "./random.ts";

/** `latency`: empty or missing for none, else as `parseLatency` reads it. */
export function openStore(bucket: R2Bucket, latency?: string): ObjectStore {
  const store = new R2Store(bucket);
  const delayed =
    latency === undefined || latency === ""
      ? store
      : new LatencyStore(store, systemClock, parseLatency(latency));
  return new RetryingStore(delayed, { clock: systemClock, random: systemRandom });
}
