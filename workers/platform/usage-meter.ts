/**
 * What work costs, counted where requests leave the Worker: each call of the bucket, retries and
 * pages of lists included; each call of an object, and each write to its own storage; each message
 * to the queue. These are what the platform charges beside CPU time, so a sum of them is a bill.
 *
 * A meter counts one piece of work (a request, a job), and adds to the total of its kind that this
 * isolate has kept since it began. Isolates come and go and know nothing of one another, so totals
 * are of one isolate, and say of which.
 */

export const requestKinds = ["get", "head", "put", "list", "delete"] as const;
export type RequestKind = (typeof requestKinds)[number];

export interface Usage {
  readonly get: number;
  readonly head: number;
  readonly put: number;
  readonly list: number;
  readonly delete: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly objectCalls: number;
  /** Writes of objects to their own storage. */
  readonly objectWrites: number;
  readonly queueMessages: number;
}

/**
 * What the work was for. `object`: what namespaces' objects do themselves, commits above all;
 * `reader`: what readers of shards read for queries.
 */
export const usageKinds = [
  "request",
  "object",
  "reader",
  "flush",
  "merge",
  "collect",
  "purge",
  "warm",
  "claim",
  "recall",
  "operation",
  "cron",
] as const;
export type UsageKind = (typeof usageKinds)[number];

export const noUsage: Usage = {
  get: 0,
  head: 0,
  put: 0,
  list: 0,
  delete: 0,
  bytesRead: 0,
  bytesWritten: 0,
  objectCalls: 0,
  objectWrites: 0,
  queueMessages: 0,
};

export class UsageMeter {
  readonly #total: UsageMeter | undefined;
  #usage: { -readonly [K in keyof Usage]: number } = { ...noUsage };

  constructor(total?: UsageMeter) {
    this.#total = total;
  }

  add(what: keyof Usage, number = 1): void {
    this.#usage[what] += number;
    this.#total?.add(what, number);
  }

  /** What others did for this piece of work, who have counted it in a total of their own. */
  include(usage: Usage): void {
    for (const what of Object.keys(this.#usage) as (keyof Usage)[]) {
      this.#usage[what] += usage[what];
    }
  }

  /** A copy: later requests do not change it. */
  usage(): Usage {
    return { ...this.#usage };
  }
}

const totals = new Map<UsageKind, UsageMeter>(usageKinds.map((kind) => [kind, new UsageMeter()]));

/** For one piece of work of that kind. */
export function openMeter(kind: UsageKind): UsageMeter {
  return new UsageMeter(totals.get(kind));
}

/** What this isolate has used since it began. */
export function usageTotals(): ReadonlyMap<UsageKind, Usage> {
  return new Map(Array.from(totals, ([kind, meter]) => [kind, meter.usage()]));
}
