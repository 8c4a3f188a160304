/**
 * What a client asked of the object store: requests by kind, bytes both ways, and how it waited.
 *
 * `rounds` is the longest chain of requests of which each began after the one before had ended:
 * what a client waits for one after another, whether because it must or because it will. A client
 * that sends everything at once has one round.
 */

export type RequestKind = "get" | "head" | "put" | "list" | "delete";

export interface TrafficSummary {
  readonly get: number;
  readonly head: number;
  readonly put: number;
  readonly list: number;
  readonly delete: number;
  readonly requests: number;
  /** Of bodies. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly inFlightPeak: number;
  readonly rounds: number;
}

interface Span {
  readonly kind: RequestKind;
  readonly startedMs: number;
  endedMs: number;
  bytes: number;
}

export class Traffic {
  readonly #now: () => number;
  #spans: Span[] = [];
  #inFlight = 0;
  #inFlightPeak = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Returns what is to be called at the request's end, with the bytes of its body. */
  begin(kind: RequestKind): (bytes: number) => void {
    const startedMs = this.#now();
    const span: Span = { kind, startedMs, endedMs: Number.POSITIVE_INFINITY, bytes: 0 };
    this.#spans.push(span);
    this.#inFlight += 1;
    this.#inFlightPeak = Math.max(this.#inFlightPeak, this.#inFlight);
    return (bytes) => {
      span.endedMs = this.#now();
      span.bytes = bytes;
      this.#inFlight -= 1;
    };
  }

  /** What came since the last call. A request under way belongs to the phase it began in. */
  take(): TrafficSummary {
    const spans = this.#spans;
    const inFlightPeak = this.#inFlightPeak;
    this.#spans = [];
    this.#inFlightPeak = this.#inFlight;
    const count = (kind: RequestKind): number => spans.filter((span) => span.kind === kind).length;
    const sum = (writes: boolean): number =>
      spans.reduce((n, span) => n + ((span.kind === "put") === writes ? span.bytes : 0), 0);
    return {
      get: count("get"),
      head: count("head"),
      put: count("put"),
      list: count("list"),
      delete: count("delete"),
      requests: spans.length,
      bytesRead: sum(false),
      bytesWritten: sum(true),
      inFlightPeak,
      rounds: longestChain(spans),
    };
  }
}

/** Most spans that do not overlap: always take the one that ends first among those still free. */
function longestChain(spans: readonly Span[]): number {
  const byEnd = spans.toSorted((a, b) => a.endedMs - b.endedMs);
  let chain = 0;
  let endedMs = Number.NEGATIVE_INFINITY;
  for (const span of byEnd) {
    if (span.startedMs < endedMs) continue;
    chain += 1;
    endedMs = span.endedMs;
  }
  return chain;
}
