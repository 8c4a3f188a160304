/**
 * Requests that this isolate has answered since it began: how many, how they ended, and how long it
 * took until their answers began. The platform's clock stands still while a request computes, so a
 * time is that of what was waited for.
 */

export interface CountedRequest {
  readonly method: string;
  /** Path of the route, or `other`. */
  readonly route: string;
  readonly status: number;
  readonly tookMs: number;
}

export interface RouteCounts {
  readonly method: string;
  readonly route: string;
  readonly byStatus: ReadonlyMap<number, number>;
  /** Requests that took at most so many milliseconds, as `boundsMs`. */
  readonly within: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

export const boundsMs = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

interface Counts {
  readonly byStatus: Map<number, number>;
  readonly within: number[];
  count: number;
  sumMs: number;
}

/** By method and route; both come from the list of routes, so there are few. */
const counts = new Map<string, Counts>();

export function countRequest({ method, route, status, tookMs }: CountedRequest): void {
  const key = `${method} ${route}`;
  const found = counts.get(key) ?? newCounts();
  counts.set(key, found);
  found.byStatus.set(status, (found.byStatus.get(status) ?? 0) + 1);
  found.count += 1;
  found.sumMs += tookMs;
  for (const [i, bound] of boundsMs.entries()) {
    if (tookMs <= bound) found.within[i] = (found.within[i] ?? 0) + 1;
  }
}

export function requestCounts(): readonly RouteCounts[] {
  return Array.from(counts, ([key, { byStatus, within, count, sumMs }]) => {
    const [method = "", route = ""] = key.split(" ");
    return { method, route, byStatus, within, count, sumMs };
  });
}

function newCounts(): Counts {
  return { byStatus: new Map(), within: boundsMs.map(() => 0), count: 0, sumMs: 0 };
}
