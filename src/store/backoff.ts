/**
 * Exponential backoff with full jitter: the n-th wait is uniform in 0 … base * 2^n, capped. Waits
 * are spread so that writers that failed together do not come back together.
 */
import { isEngineError } from "../errors.ts";
import type { Clock, Random } from "../ports.ts";

export interface BackoffPorts {
  readonly clock: Clock;
  readonly random: Random;
}

export interface Backoff {
  /** Attempts in all, the first included. */
  readonly attemptsMax: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/** Failures that a repetition may cure; every other kind is an answer. */
export function isTransient(error: unknown): boolean {
  return isEngineError(error, "unavailable") || isEngineError(error, "overloaded");
}

/** How long to wait after failed attempt `attempt` (from 0); never less than the error asks. */
export function backoffMs(
  backoff: Backoff,
  attempt: number,
  error: unknown,
  random: Random,
): number {
  const ceiling = Math.min(backoff.capMs, backoff.baseMs * 2 ** attempt);
  const asked = isEngineError(error) ? (error.detail.retryAfterMs ?? 0) : 0;
  return asked + uniform(random) * ceiling;
}

/** Runs `attempt` until it succeeds, fails for good, or the attempts are used up. */
export async function withRetries<T>(
  ports: BackoffPorts,
  backoff: Backoff,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failed = 0; ; failed += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error) || failed + 1 >= backoff.attemptsMax) throw error;
      await ports.clock.sleep(backoffMs(backoff, failed, error, ports.random));
    }
  }
}

/** In [0, 1), with 32 bits. */
function uniform(random: Random): number {
  const bytes = random.bytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
}
