/**
 * Virtual time. Everything that happens is an event; between two events all that waits for none
 * runs to its end. So a run is a list of events, and its hash says whether two runs were the same.
 */

/** 2026-01-01T00:00:00Z */
const startMs = 1_767_225_600_000;

/**
 * Node ends all that waits for none between two immediates, but looks at the operating system
 * only after the last of those that are there: many at once are that much cheaper.
 */
const turnsAtOnce = 256;

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly label: string;
  readonly run: () => void;
}

export class Scheduler {
  #nowMs = startMs;
  #order = 0;
  #hash = 0x811c9dc5;
  /** Binary heap by time, then order of arrival. */
  readonly #heap: Event[] = [];
  events = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  get elapsedMs(): number {
    return this.#nowMs - startMs;
  }

  after(delayMs: number, label: string, run: () => void): void {
    const event = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, label, run };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  /** Runs events until `isDone`, the time is up, or nothing is left to happen. */
  run(untilMs: number, isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let ended = false;
      const turn = (): void => {
        if (ended) return;
        try {
          if (!isDone() && this.#next(untilMs)) return;
          ended = true;
          resolve();
        } catch (error) {
          ended = true;
          reject(error);
        }
      };
      const turns = (): void => {
        if (ended) return;
        for (let i = 0; i < turnsAtOnce; i++) setImmediate(turn);
        setImmediate(turns);
      };
      turns();
    });
  }

  /** False when nothing is left to happen until then. */
  #next(untilMs: number): boolean {
    const event = this.#heap[0];
    if (event === undefined || event.atMs > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, Math.min(untilMs, Number.MAX_SAFE_INTEGER));
      return false;
    }
    this.#pop();
    this.#nowMs = event.atMs;
    this.events += 1;
    this.note(event.label);
    this.#mix(Math.round((event.atMs - startMs) * 16));
    event.run();
    return true;
  }

  /** Makes a fact part of the trace. */
  note(text: string): void {
    let hash = this.#hash;
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    }
    this.#hash = hash;
  }

  #mix(value: number): void {
    const high = Math.imul(this.#hash ^ (value / 2 ** 32), 0x01000193);
    this.#hash = Math.imul(high ^ value, 0x01000193);
  }

  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    const size = heap.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
