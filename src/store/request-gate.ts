/**
 * Lets the requests of one invocation through: a few at a time, each with its bytes reserved.
 *
 * The platform lets six requests wait for their answers and queues the rest unseen. Queueing here
 * keeps their order (first come, first served) and lets what they will bring be admitted before
 * it is asked for.
 *
 * Belongs to one invocation: its promises must never be waited for by another.
 */
import { assert } from "../errors.ts";
import type { Budget, Reservation } from "./memory-budget.ts";

/** Requests that stand or fall together: after a failure none of them starts. */
export interface Batch {
  failed: boolean;
}

export class RequestGate {
  readonly #budget: Budget;
  readonly #connectionsMax: number;
  readonly #waiting: (() => void)[] = [];
  #connections = 0;
  #reservedBytes = 0;
  #reservedBytesPeak = 0;

  constructor(budget: Budget, connectionsMax: number) {
    assert(connectionsMax >= 1, `${connectionsMax} connections`);
    this.#budget = budget;
    this.#connectionsMax = connectionsMax;
  }

  get reservedBytesPeak(): number {
    return this.#reservedBytesPeak;
  }

  /**
   * Sends one request and gives its answer to `use`, which runs in one turn. If nothing stands in
   * the way it is sent before this function first returns. `bytes` stay reserved until `use` is
   * done.
   *
   * With 0 bytes it waits for no reservation: who holds one already must not wait for another,
   * which somebody else may hold who waits too.
   */
  async run<T>(
    bytes: number,
    batch: Batch,
    request: () => Promise<T>,
    use: (answer: T) => void,
  ): Promise<void> {
    if (!this.#tryConnect()) await this.#connect();
    let reservation: Reservation | undefined;
    try {
      let answer: T;
      try {
        if (batch.failed) return;
        if (bytes > 0) {
          reservation = this.#budget.tryReserve(bytes) ?? (await this.#budget.reserve(bytes));
        }
        this.#reservedBytes += bytes;
        this.#reservedBytesPeak = Math.max(this.#reservedBytesPeak, this.#reservedBytes);
        answer = await request();
      } finally {
        this.#disconnect();
      }
      // Whoever got the connection sends its request before these bytes are worked on.
      await Promise.resolve();
      if (!batch.failed) use(answer);
    } catch (error) {
      batch.failed = true;
      throw error;
    } finally {
      if (reservation !== undefined) this.#reservedBytes -= bytes;
      reservation?.release();
    }
  }

  #tryConnect(): boolean {
    if (this.#connections >= this.#connectionsMax) return false;
    this.#connections += 1;
    return true;
  }

  #connect(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #disconnect(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#connections -= 1;
    else next();
  }
}

/** Waits for all, then throws the first failure. */
export async function settleAll(tasks: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(tasks)) {
    if (result.status === "rejected") throw result.reason;
  }
}
