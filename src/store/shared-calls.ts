/**
 * Calls that concurrent requests of an isolate share. An answer is only good for requests that
 * arrived before its call began:
 *
 *   1. Nothing is under way: the request calls at once.
 *   2. A call is under way, so it began too early: the requests that arrive gather for the next.
 *      The first of them leads; it calls when the one under way ends, at latest after
 *      `gatherMs`.
 *   3. The others wait for the leader's answer, each at most `patienceMs` by a timer of its own:
 *      a promise belongs to the request that made it and dies with it, unanswered. Whoever waited
 *      in vain calls for itself.
 *
 * Invariant: a call begins after each request that gets its answer has arrived.
 *
 * One per isolate. A failure is the answer of all who share the call.
 */
import type { Clock } from "../ports.ts";

export interface SharedCallOptions {
  readonly gatherMs: number;
  readonly patienceMs: number;
}

export interface SharedCallCounts {
  readonly made: number;
  /** Requests answered by another's call. */
  readonly shared: number;
  /** Requests that waited in vain for another's call. */
  readonly deserted: number;
}

interface SharedCall<T> {
  /** When somebody last did something about it. */
  sinceMs: number;
  readonly answer: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

interface Line<T> {
  underWay: SharedCall<T> | undefined;
  gathering: SharedCall<T> | undefined;
}

/** Leaders that vanish leave lines behind: so many are kept, and forgetting one is no harm. */
const linesMax = 1_000;

export class SharedCalls<T> {
  readonly #options: SharedCallOptions;
  readonly #lines = new Map<string, Line<T>>();
  #made = 0;
  #shared = 0;
  #deserted = 0;

  constructor(options: SharedCallOptions) {
    this.#options = options;
  }

  /** The answer of `work`, called by this request or by another that began later. */
  async call(clock: Clock, key: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lineOf(key);
    if (!this.#isAlive(clock, line.underWay)) return this.#lead(clock, key, line, work, open());
    if (this.#isAlive(clock, line.gathering)) return this.#follow(clock, line.gathering, work);
    const next = open<T>();
    next.sinceMs = clock.now();
    line.gathering = next;
    const ended = line.underWay.answer.then(
      () => undefined,
      () => undefined,
    );
    await Promise.race([ended, clock.sleep(this.#options.gatherMs)]);
    return this.#lead(clock, key, line, work, next);
  }

  counts(): SharedCallCounts {
    return { made: this.#made, shared: this.#shared, deserted: this.#deserted };
  }

  #lineOf(key: string): Line<T> {
    const found = this.#lines.get(key);
    if (found !== undefined) return found;
    const [oldest] = this.#lines.keys();
    if (this.#lines.size >= linesMax && oldest !== undefined) this.#lines.delete(oldest);
    const line: Line<T> = { underWay: undefined, gathering: undefined };
    this.#lines.set(key, line);
    return line;
  }

  /** Its request may have vanished; or it only takes long, then there are two. */
  #isAlive(clock: Clock, call: SharedCall<T> | undefined): call is SharedCall<T> {
    return call !== undefined && Math.abs(clock.now() - call.sinceMs) < this.#options.patienceMs;
  }

  async #lead(
    clock: Clock,
    key: string,
    line: Line<T>,
    work: () => Promise<T>,
    call: SharedCall<T>,
  ): Promise<T> {
    // From here on nobody may join: it begins now.
    if (line.gathering === call) line.gathering = undefined;
    call.sinceMs = clock.now();
    line.underWay = call;
    this.#made += 1;
    try {
      const value = await work();
      call.resolve(value);
      return value;
    } catch (error) {
      call.reject(error);
      throw error;
    } finally {
      if (line.underWay === call) line.underWay = undefined;
      const isIdle = line.underWay === undefined && line.gathering === undefined;
      if (isIdle && this.#lines.get(key) === line) this.#lines.delete(key);
    }
  }

  async #follow(clock: Clock, call: SharedCall<T>, work: () => Promise<T>): Promise<T> {
    const waited = clock.sleep(this.#options.patienceMs).then(() => undefined);
    const answered = call.answer.then((value) => ({ value }));
    const answer = await Promise.race([answered, waited]);
    if (answer !== undefined) {
      this.#shared += 1;
      return answer.value;
    }
    this.#deserted += 1;
    this.#made += 1;
    return work();
  }
}

function open<T>(): SharedCall<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  // Who waits for it hears of its failure; perhaps nobody does.
  promise.catch(() => undefined);
  return { sinceMs: 0, answer: promise, resolve, reject };
}
