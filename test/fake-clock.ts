/**
 * A clock that moves only when a test says so. `advance` runs the sleepers that become due, each
 * at its own time; `run` moves time as far as a promise needs and no further.
 *
 * Between two steps everything that waits for no timer goes on. Work on other threads, such as
 * digests of Web Crypto, may still be under way when time moves: use sync-digest.ts beside this
 * clock.
 */
import type { Clock } from "../src/ports.ts";

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** 2026-01-01T00:00:00Z: far from zero, so that a forgotten conversion shows. */
export const fakeStartMs = 1_767_225_600_000;

/** Of the event loop, without anybody sleeping: enough to be sure that a promise is stuck. */
const idleTurnsMax = 100;

export class FakeClock implements Clock {
  #nowMs: number;
  /** In order of due time; of equal ones, in order of arrival. */
  readonly #sleepers: Sleeper[] = [];

  constructor(startMs = fakeStartMs) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  /** The machine's clock is set, back or forth. Whoever sleeps sleeps as long as before. */
  set(nowMs: number): void {
    for (const [i, { dueMs, wake }] of this.#sleepers.entries()) {
      this.#sleepers[i] = { dueMs: dueMs + nowMs - this.#nowMs, wake };
    }
    this.#nowMs = nowMs;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      // Whole milliseconds, as a machine's clock shows.
      const dueMs = this.#nowMs + Math.ceil(Math.max(0, ms));
      const later = this.#sleepers.findIndex((sleeper) => sleeper.dueMs > dueMs);
      this.#sleepers.splice(later < 0 ? this.#sleepers.length : later, 0, { dueMs, wake });
    });
  }

  /** How many sleep now. */
  get sleepers(): number {
    return this.#sleepers.length;
  }

  /** Moves time by `ms` and wakes whoever is due on the way. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    while ((this.#sleepers[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= untilMs) {
      await this.#wakeNext();
    }
    this.#nowMs = untilMs;
  }

  /** Moves time from one sleeper to the next until the promise has settled. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    for (let idleTurns = 0; !settled; idleTurns += 1) {
      await settle();
      if (!settled && this.#sleepers.length > 0) {
        await this.#wakeNext();
        idleTurns = 0;
      }
      if (idleTurns > idleTurnsMax) throw new Error("nobody sleeps, and still it is pending");
    }
    return promise;
  }

  async #wakeNext(): Promise<void> {
    const sleeper = this.#sleepers.shift();
    if (sleeper === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, sleeper.dueMs);
    sleeper.wake();
    await settle();
  }
}

/** Lets everything run that waits for no timer. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
