/**
 * Adds the waiting that a local store does not have, so that cold reads look on one machine as
 * they do against remote storage. Every request first waits a time drawn from a log-normal
 * distribution given by its median and 99th percentile, and then the time its bytes take.
 *
 * The draw is seeded: the n-th request of a run always waits alike. get, head and list wait as
 * reads; put and delete as writes. Requests do not slow one another: the platform's own bound on
 * connections is applied by the reader.
 */
import { invalid } from "../errors.ts";
import type { Clock } from "../ports.ts";
import type {
  ByteRange,
  ListOptions,
  ListPage,
  ObjectInfo,
  ObjectStore,
  PutMode,
  PutOptions,
  PutResult,
  StoredObject,
} from "./object-store.ts";

export interface LatencyQuantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Latency {
  readonly get: LatencyQuantiles;
  readonly put: LatencyQuantiles;
  /** Of one request; the body comes after the wait for its first byte. */
  readonly bytesPerSecond: number;
  readonly seed: number;
}

/** What object storage in the same region is reported to do. */
export const remoteLatency: Latency = {
  get: { p50Ms: 60, p99Ms: 180 },
  put: { p50Ms: 100, p99Ms: 250 },
  bytesPerSecond: 50_000_000,
  seed: 1,
};

/** Position of the 99th percentile of a normal distribution, in standard deviations. */
const deviationsAtP99 = 2.326_347_874;

/** Where a run of draws has got to. Stores that share one wait as a single store would. */
export interface LatencyDraws {
  state: number;
}

export class LatencyStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #clock: Clock;
  readonly #latency: Latency;
  readonly #draws: LatencyDraws;

  constructor(
    inner: ObjectStore,
    clock: Clock,
    latency: Latency,
    draws: LatencyDraws = { state: latency.seed },
  ) {
    this.#inner = inner;
    this.#clock = clock;
    this.#latency = latency;
    this.#draws = draws;
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    await this.#wait(this.#latency.get);
    const object = await this.#inner.get(key, range);
    await this.#transfer(object?.bytes.length ?? 0);
    return object;
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    await this.#wait(this.#latency.get);
    return this.#inner.head(key);
  }

  async put(
    key: string,
    bytes: Uint8Array,
    mode: PutMode,
    options?: PutOptions,
  ): Promise<PutResult> {
    const copy = bytes.slice();
    await this.#wait(this.#latency.put);
    await this.#transfer(copy.length);
    return this.#inner.put(key, copy, mode, options);
  }

  async list(prefix: string, options?: ListOptions): Promise<ListPage> {
    await this.#wait(this.#latency.get);
    return this.#inner.list(prefix, options);
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#wait(this.#latency.put);
    await this.#inner.delete(keys);
  }

  #wait({ p50Ms, p99Ms }: LatencyQuantiles): Promise<void> {
    const spread = Math.log(p99Ms / p50Ms) / deviationsAtP99;
    return this.#clock.sleep(p50Ms * Math.exp(spread * this.#normal()));
  }

  async #transfer(bytes: number): Promise<void> {
    if (bytes > 0) await this.#clock.sleep((bytes / this.#latency.bytesPerSecond) * 1_000);
  }

  /** Standard normal (Box and Muller). */
  #normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.#uniform()));
    return radius * Math.cos(2 * Math.PI * this.#uniform());
  }

  /** In [0, 1): splitmix32. */
  #uniform(): number {
    this.#draws.state = (this.#draws.state + 0x9e3779b9) | 0;
    let mixed = this.#draws.state ^ (this.#draws.state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }
}

/**
 * Reads a setting such as `get=60/180 put=100/250 mbps=50 seed=7`: median and 99th percentile in
 * milliseconds, megabytes per second. What is left out is as in `remoteLatency`; `remote` alone
 * is all of it. Throws `invalid`.
 */
export function parseLatency(setting: string): Latency {
  let latency = remoteLatency;
  for (const word of setting.trim().split(/\s+/)) {
    if (word === "remote") continue;
    const match = /^(get|put|mbps|seed)=(\d+(?:\.\d+)?)(?:\/(\d+(?:\.\d+)?))?$/.exec(word);
    const name = match?.[1];
    const first = Number(match?.[2]);
    const second = match?.[3] === undefined ? undefined : Number(match[3]);
    if (name === "mbps" && second === undefined && first > 0) {
      latency = { ...latency, bytesPerSecond: first * 1_000_000 };
    } else if (name === "seed" && second === undefined) {
      latency = { ...latency, seed: first };
    } else if ((name === "get" || name === "put") && second !== undefined && first > 0) {
      if (second < first) throw invalid(`latency setting: p99 below p50 in "${word}"`);
      latency = { ...latency, [name]: { p50Ms: first, p99Ms: second } };
    } else {
      throw invalid(`latency setting: "${word}" is not understood`);
    }
  }
  return latency;
}
