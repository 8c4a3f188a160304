/**
 * The Meter object: one per API key with a quota. Counts what all isolates together have been
 * granted in the present minute. In memory only: losing it begins the minute anew, which is the
 * most that a quota can be missed by.
 */
import { DurableObject } from "cloudflare:workers";
import { limits } from "../src/limits.ts";

export interface Usage {
  readonly requests: number;
  readonly bytes: number;
}

export interface Grant extends Usage {
  /** When the next minute begins. */
  readonly untilMs: number;
}

export class Meter extends DurableObject<Env> {
  #window = 0;
  #requests = 0;
  #bytes = 0;

  /** What is left of the quota, at most what was asked for. A bound of 0 is none. */
  take(asked: Usage, quota: Usage): Grant {
    const nowMs = Date.now();
    const window = Math.floor(nowMs / limits.quotaWindowMs);
    if (window !== this.#window) {
      this.#window = window;
      this.#requests = 0;
      this.#bytes = 0;
    }
    const requests = granted(asked.requests, quota.requests, this.#requests);
    const bytes = granted(asked.bytes, quota.bytes, this.#bytes);
    this.#requests += requests;
    this.#bytes += bytes;
    return { requests, bytes, untilMs: (window + 1) * limits.quotaWindowMs };
  }
}

function granted(asked: number, quota: number, used: number): number {
  return quota === 0 ? asked : Math.min(asked, Math.max(0, quota - used));
}
