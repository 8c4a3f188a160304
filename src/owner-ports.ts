/**
 * What the owner of a namespace needs besides the engine's ports. Its storage is a fence and a
 * memory aid: all of it may be lost, and everything in it is found again on object storage.
 */
import type { JobTable } from "./namespace/jobs.ts";
import type { NamespaceApi } from "./namespace/protocol.ts";
import type { NamespaceState } from "./namespace/state.ts";
import type { HintQueue, Ports } from "./ports.ts";
import type { ByteLru } from "./store/byte-lru.ts";
import type { MemoryBudget } from "./store/memory-budget.ts";

export interface OwnerRecord {
  /** Who this object is, for an alarm that does not say. */
  readonly identity: Identity;
  readonly generation: string;
  /**
   * Version of the registry entry this was written under. A generation that was minted under the
   * present one and never registered may still be registered.
   */
  readonly registryVersion: number;
  /** Epoch of the instance that wrote this. */
  readonly epoch: number;
  /** The next free slot, and the hash of the entry before it. */
  readonly next: number;
  readonly hash: Uint8Array;
  /** A slot that may have been written to; settled before any other is. */
  readonly intent: number | undefined;
  readonly manifestVersion: number;
  /** The pin under which a generation began, or may have: a repeated call is recognised by it. */
  readonly branch: { readonly pin: string; readonly generation: string } | undefined;
}

/** The part of a record that the state says. */
export function recordOf(identity: Identity, { generation, next, hash, manifest }: NamespaceState) {
  return { identity, generation, next, hash, manifestVersion: manifest.version };
}

/**
 * Durable storage of one object. Writes become durable in the order they are issued. A write throws
 * when this instance has been replaced; while one is under way, puts to object storage and replies
 * that were issued after it wait for it. That is the fence of the whole write path.
 */
export interface OwnerStorage {
  readRecord(): Promise<OwnerRecord | undefined>;
  writeRecord(record: OwnerRecord): Promise<void>;
  readJobs(): Promise<JobTable | undefined>;
  writeJobs(jobs: JobTable): Promise<void>;
  /** Fires `alarm()` once at about this time, and no longer at any time set before. */
  setAlarm(atMs: number): Promise<void>;
}

export interface OwnerPorts extends Ports {
  readonly storage: OwnerStorage;
  readonly queue: HintQueue;
  /** Bytes kept only to save readers a round; shared by all objects of the isolate. */
  readonly memory: ByteLru;
  /** Bytes of writes that are not durable yet; shared by all objects of the isolate. */
  readonly pending: MemoryBudget;
  /** The owner of another name. */
  peer(tenant: string, name: string): Pick<NamespaceApi, "renewPin">;
  /** Keeps the instance alive for work nobody waits for. */
  defer(work: Promise<unknown>): void;
  /** Ends this instance: it was replaced, or no longer knows what is true. May not return. */
  abort(reason: string): void;
}

export interface Identity {
  readonly tenant: string;
  readonly name: string;
}

/** Not more of it than this: a request is an identity too. */
export function identityOf({ tenant, name }: Identity): Identity {
  return { tenant, name };
}

export function isSame(a: Identity, b: Identity): boolean {
  return a.tenant === b.tenant && a.name === b.name;
}

/** What an owner's jobs know of the owner. */
export interface JobHost {
  identity(): Identity;
  state(): NamespaceState;
  epoch(): number;
  setState(state: NamespaceState): void;
  record(): Promise<void>;
  movePointer(): Promise<void>;
}
