/**
 * API key records as an isolate remembers them.
 *
 *   up to 30 s old    served
 *   up to 60 s old    served, and read again behind the request
 *   older, or unknown read first: one request to the bucket
 *
 * So a key that was revoked is refused everywhere within a minute, and one in use never waits. That
 * an id has no record is remembered too, as long as a record would be: guessing costs one read.
 */
import type { ApiKey } from "../../src/format/api-key.ts";
import { limits } from "../../src/limits.ts";
import type { Clock } from "../../src/ports.ts";
import { WeightedLru } from "../../src/store/weighted-lru.ts";

interface Held {
  readonly key: ApiKey | undefined;
  readonly readMs: number;
  /** When somebody set out to read it again. */
  readonly renewedMs: number;
}

export interface KeyMemoryPorts {
  readonly clock: Pick<Clock, "now">;
  read(tenant: string, id: string): Promise<ApiKey | undefined>;
  defer(work: Promise<unknown>): void;
}

export interface KeyFinder {
  find(tenant: string, id: string): Promise<ApiKey | undefined>;
}

export class KeyMemory {
  readonly #held = new WeightedLru<Held>(limits.apiKeysHeldMax);

  /** As one request sees it: what it reads, it reads through its own ports. */
  view(ports: KeyMemoryPorts): KeyFinder {
    return { find: (tenant, id) => this.#find(ports, tenant, id) };
  }

  forget(id: string): void {
    this.#held.delete(id);
  }

  async #find(ports: KeyMemoryPorts, tenant: string, id: string): Promise<ApiKey | undefined> {
    const held = this.#held.get(id);
    const now = ports.clock.now();
    const ageMs = held === undefined ? Number.POSITIVE_INFINITY : now - held.readMs;
    if (held === undefined || ageMs >= 2 * limits.apiKeyAgeMs) {
      return await this.#read(ports, tenant, id);
    }
    if (ageMs >= limits.apiKeyAgeMs && now - held.renewedMs >= limits.apiKeyAgeMs / 10) {
      this.#held.put(id, { ...held, renewedMs: now }, 1);
      // If it fails, the next request tries again, until it has to wait for it.
      ports.defer(this.#read(ports, tenant, id).catch(() => undefined));
    }
    return held.key;
  }

  async #read(ports: KeyMemoryPorts, tenant: string, id: string): Promise<ApiKey | undefined> {
    const readMs = ports.clock.now();
    const key = await ports.read(tenant, id);
    this.#held.put(id, { key, readMs, renewedMs: readMs }, 1);
    return key;
  }
}
