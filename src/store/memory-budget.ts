/**
 * Bytes that all requests of an isolate may hold at once for what they fetch. Nothing in the
 * runtime refuses memory; it kills the isolate, and everybody in it, later. So each fetch is
 * admitted first.
 *
 *   - A reservation is a lease: it ends with `release`, or at its deadline. A request can vanish
 *     without running its `finally`: where that is noticed, its part (RequestBudget) is closed;
 *     where not, its lease expires, and expired ones are swept at each admission.
 *   - Waiters are served in order of arrival, so that a large one is not starved by small ones.
 *     Each asks again by its own timer: no request is woken by another's, which may be gone. A
 *     waiter that has not asked for a while has vanished and loses its place.
 *   - A wait is bounded; then the answer is `overloaded`.
 */
import { assert, EngineError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Clock } from "../ports.ts";

export interface Reservation {
  readonly bytes: number;
  /** Gives the bytes back. Calling it again, or after the lease ended, does nothing. */
  release(): void;
}

/** What takes part in a budget needs of it. */
export type Budget = Pick<MemoryBudget, "tryReserve" | "reserve" | "counts">;

export interface MemoryBudgetOptions {
  readonly bytesMax?: number;
  readonly leaseMs?: number;
  /** Told whenever another amount is reserved: what is not may be lent. */
  readonly onChange?: () => void;
}

export interface MemoryBudgetCounts {
  readonly reservedBytes: number;
  readonly reservedBytesPeak: number;
  readonly admitted: number;
  /** Reservations that had to wait before they were admitted. */
  readonly waited: number;
  /** Requests told `overloaded`. */
  readonly refused: number;
  /** Leases that ended by deadline: each is a request that vanished, or one that took too long. */
  readonly expired: number;
}

interface Lease {
  readonly bytes: number;
  readonly untilMs: number;
}

interface Waiter {
  readonly bytes: number;
  readonly askedMs: number;
}

const pollMs = 10;
const vanishedMs = 250;
const waitMsDefault = 2_000;
const retryAfterMs = 1_000;

export class MemoryBudget {
  readonly #clock: Clock;
  readonly #bytesMax: number;
  readonly #leaseMs: number;
  readonly #onChange: (() => void) | undefined;
  readonly #leases = new Map<number, Lease>();
  /** In order of arrival. */
  readonly #waiters = new Map<number, Waiter>();
  #nextId = 0;
  #reserved = 0;
  #peak = 0;
  #admitted = 0;
  #waited = 0;
  #refused = 0;
  #expired = 0;

  constructor(clock: Clock, options: MemoryBudgetOptions = {}) {
    this.#clock = clock;
    this.#bytesMax = options.bytesMax ?? limits.reservedBytesMax;
    this.#leaseMs = options.leaseMs ?? limits.reservationLeaseMs;
    this.#onChange = options.onChange;
  }

  /** Undefined if it does not fit now or others wait already; throws `tooLarge` if it never can. */
  tryReserve(bytes: number): Reservation | undefined {
    this.#check(bytes);
    this.#sweep();
    return this.#waiters.size === 0 ? this.#admit(bytes) : undefined;
  }

  /** Waits up to `waitMs`, then throws `overloaded`; throws `tooLarge` if it never can fit. */
  async reserve(bytes: number, waitMs: number = waitMsDefault): Promise<Reservation> {
    const atOnce = this.tryReserve(bytes);
    if (atOnce !== undefined) return atOnce;
    const id = this.#mintId();
    const untilMs = this.#clock.now() + waitMs;
    for (;;) {
      this.#waiters.set(id, { bytes, askedMs: this.#clock.now() });
      const remainingMs = untilMs - this.#clock.now();
      if (remainingMs <= 0) break;
      await this.#clock.sleep(Math.min(pollMs, remainingMs));
      const reservation = this.#admitWaiter(id, bytes);
      if (reservation !== undefined) return reservation;
    }
    this.#waiters.delete(id);
    this.#refused += 1;
    throw new EngineError("overloaded", "too much is being read at once", { retryAfterMs });
  }

  /** Bytes that nobody has reserved. */
  get freeBytes(): number {
    return this.#bytesMax - this.#reserved;
  }

  /** As of now: leases that have ended are not among what is reserved. */
  counts(): MemoryBudgetCounts {
    this.#sweep();
    return {
      reservedBytes: this.#reserved,
      reservedBytesPeak: this.#peak,
      admitted: this.#admitted,
      waited: this.#waited,
      refused: this.#refused,
      expired: this.#expired,
    };
  }

  #admitWaiter(id: number, bytes: number): Reservation | undefined {
    this.#sweep();
    const [first] = this.#waiters.keys();
    if (first !== id && first !== undefined) return undefined;
    const reservation = this.#admit(bytes);
    if (reservation !== undefined) {
      this.#waiters.delete(id);
      this.#waited += 1;
    }
    return reservation;
  }

  #admit(bytes: number): Reservation | undefined {
    if (this.#reserved + bytes > this.#bytesMax) return undefined;
    const id = this.#mintId();
    this.#leases.set(id, { bytes, untilMs: this.#clock.now() + this.#leaseMs });
    this.#reserved += bytes;
    this.#peak = Math.max(this.#peak, this.#reserved);
    this.#admitted += 1;
    this.#onChange?.();
    return { bytes, release: () => this.#end(id) };
  }

  #end(id: number): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    this.#leases.delete(id);
    this.#reserved -= lease.bytes;
    this.#onChange?.();
  }

  #sweep(): void {
    const nowMs = this.#clock.now();
    // All leases are equally long, so the map is in order of their deadlines.
    for (const [id, lease] of this.#leases) {
      if (lease.untilMs > nowMs) break;
      this.#end(id);
      this.#expired += 1;
    }
    for (const [id, waiter] of this.#waiters) {
      if (waiter.askedMs + vanishedMs < nowMs) this.#waiters.delete(id);
    }
  }

  #check(bytes: number): void {
    assert(Number.isSafeInteger(bytes) && bytes >= 0, `reservation of ${bytes} bytes`);
    if (bytes > this.#bytesMax) {
      throw new EngineError("tooLarge", `${bytes} bytes can never be held at once`);
    }
  }

  #mintId(): number {
    this.#nextId += 1;
    return this.#nextId;
  }
}

/**
 * The part that one request has in a budget. `close`, once its client is gone: what it holds is
 * given back, and it gets no more.
 */
export class RequestBudget implements Budget {
  readonly #budget: Budget;
  readonly #held = new Set<Reservation>();
  #closed = false;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  tryReserve(bytes: number): Reservation | undefined {
    this.#mustBeOpen();
    const reservation = this.#budget.tryReserve(bytes);
    return reservation && this.#hold(reservation);
  }

  async reserve(bytes: number, waitMs?: number): Promise<Reservation> {
    this.#mustBeOpen();
    const reservation = this.#hold(await this.#budget.reserve(bytes, waitMs));
    if (this.#closed) reservation.release();
    this.#mustBeOpen();
    return reservation;
  }

  counts(): MemoryBudgetCounts {
    return this.#budget.counts();
  }

  close(): void {
    this.#closed = true;
    for (const reservation of this.#held) reservation.release();
    this.#held.clear();
  }

  #hold(reservation: Reservation): Reservation {
    const { bytes } = reservation;
    const held: Reservation = {
      bytes,
      release: () => {
        this.#held.delete(held);
        reservation.release();
      },
    };
    this.#held.add(held);
    return held;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new EngineError("unavailable", "the client is gone");
  }
}
