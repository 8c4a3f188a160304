/**
 * Quotas of API keys: requests and bytes of bodies a minute, over all isolates together.
 *
 * The key's Meter object grants in portions, so that an isolate asks it once for many requests: a
 * twentieth of the quota at a time. What an isolate was granted and did not use lapses with the
 * minute. A meter that cannot be reached lets requests pass: a quota protects a budget, and is no
 * reason to be down.
 */
import type { Grant, Usage } from "../../durable-objects/meter.ts";
import { EngineError } from "../../src/errors.ts";
import type { ApiKey } from "../../src/format/api-key.ts";
import { limits } from "../../src/limits.ts";
import type { Clock, Log } from "../../src/ports.ts";
import { WeightedLru } from "../../src/store/weighted-lru.ts";

export type TakeGrant = (id: string, asked: Usage, quota: Usage) => Promise<Grant>;

export interface QuotaPorts {
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly take: TakeGrant;
}

const portions = 20;

export class Quotas {
  readonly #grants = new WeightedLru<Grant>(limits.apiKeysHeldMax);

  /** Throws `overloaded` when the quota of the minute is used up. */
  async spend(ports: QuotaPorts, key: ApiKey | undefined, cost: Usage): Promise<void> {
    if (key === undefined || (key.requestsMax === 0 && key.bytesMax === 0)) {
      return;
    }
    const quota = { requests: key.requestsMax, bytes: key.bytesMax };
    if (quota.bytes > 0 && cost.bytes > quota.bytes) {
      const text = `this body is larger than the ${quota.bytes} bytes a minute of the API key`;
      throw new EngineError("tooLarge", text);
    }
    const held = await this.#cover(ports, key.id, cost, quota);
    if (held === undefined) {
      return;
    }
    if (!covers(held, cost)) {
      const what = held.requests < cost.requests ? "requests" : "bytes";
      const message = `the API key has used up its quota of ${quota[what]} ${what} a minute`;
      const retryAfterMs = Math.max(1, held.untilMs - ports.clock.now());
      throw new EngineError("overloaded", message, { retryAfterMs });
    }
    const { requests, bytes, untilMs } = held;
    const left = { requests: requests - cost.requests, bytes: bytes - cost.bytes, untilMs };
    this.#grants.put(key.id, left, 1);
  }

  /** What is left of this minute's grants, with another one if that is too little. */
  async #cover(
    { clock, log, take }: QuotaPorts,
    id: string,
    cost: Usage,
    quota: Usage,
  ): Promise<Grant | undefined> {
    const now = clock.now();
    const present = (): Grant => {
      const grant = this.#grants.get(id);
      return grant !== undefined && grant.untilMs > now ? grant : { ...none, untilMs: now };
    };
    if (covers(present(), cost)) {
      return present();
    }
    const { requests, bytes } = present();
    const asked = {
      requests: missing(cost.requests, requests, quota.requests),
      bytes: missing(cost.bytes, bytes, quota.bytes),
    };
    try {
      const grant = await take(id, asked, quota);
      // Other requests may have spent or been granted some meanwhile.
      const after = present();
      const sum = {
        requests: after.requests + grant.requests,
        bytes: after.bytes + grant.bytes,
        untilMs: grant.untilMs,
      };
      this.#grants.put(id, sum, 1);
      return sum;
    } catch (error) {
      log.warn("the meter of an API key cannot be reached", { key: id, error: String(error) });
      return undefined;
    }
  }
}

const none: Usage = { requests: 0, bytes: 0 };

function covers(grant: Usage, cost: Usage): boolean {
  return grant.requests >= cost.requests && grant.bytes >= cost.bytes;
}

function missing(cost: number, held: number, quota: number): number {
  return held >= cost ? 0 : Math.max(cost - held, Math.ceil(quota / portions));
}
