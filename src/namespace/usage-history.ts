/**
 * What work behind a namespace has cost, as its consumers report it: requests to the bucket and
 * calls of objects, by kind of work since the history began, and in all by day (UTC). Pure.
 *
 * Kept beside the jobs, in the object's own storage. Losing it, or a report, loses figures only, so
 * totals are lower bounds, and begin again at 0 when that storage is lost or the name is deleted.
 */
import type { Delta } from "../format/manifest.ts";
import type { InlineObjects, JobKind, Kept } from "./protocol.ts";

export interface WorkUsage {
  /** Requests to the bucket as it charges them: gets and heads; puts and lists. */
  readonly reads: number;
  readonly writes: number;
  /** Free of charge. */
  readonly deletes: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly objectCalls: number;
}

/** A job, or a query that is compared with the truth. */
export type WorkKind = JobKind | "recall";

/** Of the call that notes it. */
export type UsageArguments = [kind: WorkKind, usage: WorkUsage];

/** Of the calls that end a job, which tell what it has cost, themselves included. */
export type DeltaArguments = [
  job: string,
  attempt: number,
  delta: Delta,
  inline: InlineObjects,
  usage?: UsageArguments,
];
export type FinishArguments = [
  job: string,
  attempt: number,
  version: number,
  kept?: Kept,
  usage?: UsageArguments,
];

export interface UsageHistory {
  readonly totals: Partial<Readonly<Record<WorkKind, WorkUsage & { readonly runs: number }>>>;
  /** Newest last. */
  readonly days: readonly { readonly startMs: number; readonly usage: WorkUsage }[];
}

const dayMs = 86_400_000;
const daysMax = 32;

export const noUsageHistory: UsageHistory = { totals: {}, days: [] };
const none: WorkUsage = {
  reads: 0,
  writes: 0,
  deletes: 0,
  bytesRead: 0,
  bytesWritten: 0,
  objectCalls: 0,
};

export function addWork(
  { totals, days }: UsageHistory,
  kind: WorkKind,
  usage: WorkUsage,
  nowMs: number,
): UsageHistory {
  const { runs, ...before } = totals[kind] ?? { runs: 0, ...none };
  const last = days.at(-1);
  const startMs = nowMs - (nowMs % dayMs);
  // A clock that was set back adds to the newest day.
  const isSameDay = last !== undefined && startMs <= last.startMs;
  const day = isSameDay
    ? { startMs: last.startMs, usage: sum(last.usage, usage) }
    : { startMs, usage };
  return {
    totals: { ...totals, [kind]: { ...sum(before, usage), runs: runs + 1 } },
    days: [...(isSameDay ? days.slice(0, -1) : days), day].slice(-daysMax),
  };
}

function sum(a: WorkUsage, b: WorkUsage): WorkUsage {
  return {
    reads: a.reads + b.reads,
    writes: a.writes + b.writes,
    deletes: a.deletes + b.deletes,
    bytesRead: a.bytesRead + b.bytesRead,
    bytesWritten: a.bytesWritten + b.bytesWritten,
    objectCalls: a.objectCalls + b.objectCalls,
  };
}
