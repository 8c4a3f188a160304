/**
 * The bucket as the engine sees it. From the inside out: R2, where every request is counted;
 * waiting, if the setting asks for it, so that one machine shows cold reads as a region would;
 * retries of what is safe to repeat.
 */
import { type LatencyDraws, LatencyStore, parseLatency } from "../../src/store/latency-store.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { RetryingStore } from "../../src/store/retrying-store.ts";
import { systemClock } from "./clock.ts";
import { R2Store } from "./r2-store.ts";
import { systemRandom } from "./random.ts";
import type { UsageMeter } from "./usage-meter.ts";

/** By setting: all stores of an isolate wait as a single one would. */
const draws = new Map<string, LatencyDraws>();

/** `latency`: empty or missing for none, else as `parseLatency` reads it. */
export function openStore(bucket: R2Bucket, meter: UsageMeter, latency = ""): ObjectStore {
  const store = new R2Store(bucket, meter);
  const delayed = latency === "" ? store : delay(store, latency);
  return new RetryingStore(delayed, { clock: systemClock, random: systemRandom });
}

function delay(store: ObjectStore, text: string): ObjectStore {
  const latency = parseLatency(text);
  const shared = draws.get(text) ?? { state: latency.seed };
  draws.set(text, shared);
  return new LatencyStore(store, systemClock, latency, shared);
}
