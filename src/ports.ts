/**
 * Everything the engine needs from outside. Production, tests and the simulation implement the same
 * ports; with a seeded clock and random source a whole run is replayable.
 */
import type { Kernels } from "./kernels/kernels.ts";
import type { BlockCache } from "./store/block-cache.ts";
import type { ObjectStore } from "./store/object-store.ts";

export interface Clock {
  /** Milliseconds since the epoch. Orders nothing: leases, grace periods and display only. */
  now(): number;
  /** Resolves after `ms`. Used for commit intervals and backoff, never to wait for an outcome. */
  sleep(ms: number): Promise<void>;
}

export interface Random {
  /** Fills and returns a fresh array of unpredictable bytes: ids, nonces, generations. */
  bytes(length: number): Uint8Array;
}

/** SHA-256. Asynchronous because Web Crypto is. */
export type Digest = (bytes: Uint8Array) => Promise<Uint8Array>;

export interface Log {
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What nearly every flow needs. Kernels and cache are only asked for by those that use them. */
export interface Ports {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  readonly log: Log;
}

export interface IndexPorts extends Ports {
  readonly kernels: Kernels;
}

export interface SearchPorts extends IndexPorts {
  readonly cache: BlockCache;
}

/** A hint that work is due; carries no state, so duplicates, losses and delays are harmless. */
export interface JobHint {
  readonly tenant: string;
  readonly name: string;
}

/** A hint that an asynchronous operation waits for somebody to run it. */
export interface OperationHint {
  readonly tenant: string;
  readonly operation: string;
  /** It is an import into the namespace of this name. */
  readonly into?: string;
}

/** A query that was answered, to be compared with the truth. */
export interface RecallSampleHint {
  readonly tenant: string;
  /** Name of the namespace. */
  readonly sampled: string;
  readonly column: string;
  /** Its f32 values in base64. */
  readonly vector: string;
  /** JSON. */
  readonly filters?: string;
}

export interface HintQueue {
  send(hint: JobHint): Promise<void>;
}
