/**
 * The job table of a namespace: who works on what, until when. Pure; kept in the object's own
 * storage only, since losing it wastes work and never data.
 *
 *   claimed ──lease runs out, or fail()──▶ waiting ──claim()──▶ claimed (attempt + 1)
 *      └── delta committed ──▶ forgotten
 *
 * Rules: a WAL range belongs to one job from its first claim to its commit, so ranges never
 * overlap; an input belongs to one merge; one ticket at a time; whoever has no live lease cannot
 * commit, and no attempt keeps one for longer than `limits.attemptMs`. Leases, tickets and backoffs
 * are never longer than their span, whatever the clock does.
 */
import type { Delta, WalRange } from "../format/manifest.ts";
import { limits } from "../limits.ts";
import { type BuildProgress, canGoOn, stuckMax } from "./build-progress.ts";
import type { Pin } from "./pins.ts";
import type { JobKind } from "./protocol.ts";
import type { RecallHistory } from "./recall-history.ts";
import type { UsageHistory } from "./usage-history.ts";

/** Longest waits after failures that may pass, and after so many that they hardly will. */
const backoffSoonMs = 60_000;
const backoffMaxMs = 3_600_000;
const soonFailures = 12;
/** After a result that broke an invariant. The next attempt may run repaired code, or not. */
const barMs = 30 * 60_000;
/** From so many failures on others need not wait for the job. */
const failingFrom = 3;
const reasonLengthMax = 300;

export interface JobRecord {
  readonly id: string;
  readonly kind: JobKind;
  readonly attempt: number;
  readonly failures: number;
  /** Why it failed last. */
  readonly reason?: string;
  /** When this attempt got it. */
  readonly claimedMs: number;
  /** Claimed while in the future. */
  readonly leaseUntilMs: number;
  /** A failed job is not handed out before. */
  readonly notBeforeMs: number;
  /** Its last result must never be committed. */
  readonly isBarred?: boolean;
  readonly wal?: WalRange;
  readonly inputs?: readonly string[];
  /** Merge: steps that are done, unless it has to begin anew. */
  readonly progress?: BuildProgress;
  /** When the first of them was noted. */
  readonly begunMs?: number;
  /** Attempts that failed since the last step. */
  readonly stuck?: number;
  /** Collect: what was dead at this time may go. */
  readonly deadBeforeMs?: number;
  /** Collect: there may be orphans by now, even if nothing is dead. */
  readonly sweeps?: boolean;
  /** Purge: the deleted generation. */
  readonly grave?: string;
}

/** What a job is, before anybody has it. */
export type UnclaimedJob = Omit<
  JobRecord,
  "attempt" | "failures" | "reason" | "claimedMs" | "leaseUntilMs" | "notBeforeMs"
>;

export interface Ticket {
  readonly job: string;
  readonly attempt: number;
  readonly untilMs: number;
}

export interface JobTable {
  /** The life of the name that the jobs belong to. */
  readonly generation: string;
  readonly jobs: readonly JobRecord[];
  readonly ticket: Ticket | undefined;
  /** Tail entries below this sequence were asked to be flushed now. */
  readonly flushBelow: number;
  /** Deleted generations and when their objects may go. */
  readonly graves: readonly { readonly generation: string; readonly dueMs: number }[];
  /** When a collection should look for what nobody knows of: the next time, and the last. */
  readonly sweepDueMs: number | undefined;
  readonly sweepLastMs: number | undefined;
  /** What died up to then and is still there is held by pins and refs: left to the sweeps. */
  readonly keptBeforeMs: number;
  /** When the last warm job was done. */
  readonly warmedMs: number;
  /** Of this generation. */
  readonly pins: readonly Pin[];
  readonly recall?: RecallHistory;
  /** Bytes of segments made by flushes and by merges. */
  readonly written?: WrittenBytes;
  readonly usage?: UsageHistory;
}

export interface WrittenBytes {
  readonly flushed: number;
  readonly merged: number;
}

export function emptyJobTable(generation: string): JobTable {
  return {
    generation,
    jobs: [],
    ticket: undefined,
    flushBelow: 0,
    graves: [],
    sweepDueMs: undefined,
    sweepLastMs: undefined,
    keptBeforeMs: 0,
    warmedMs: 0,
    pins: [],
  };
}

/**
 * The table of the name's present life: jobs of an earlier one are void, its graves are not. One
 * without a generation is of no life.
 */
export function tableFor(table: JobTable | undefined, generation: string, nowMs: number): JobTable {
  if (table === undefined || table.generation === "") {
    return emptyJobTable(generation);
  }
  if (table.generation === generation) {
    // One that an older version of us wrote may lack some fields.
    return { ...emptyJobTable(generation), ...table };
  }
  const grave = { generation: table.generation, dueMs: nowMs + limits.collectGraceMs };
  return { ...emptyJobTable(generation), graves: [...table.graves, grave] };
}

export function findJob(table: JobTable, id: string): JobRecord | undefined {
  return table.jobs.find((job) => job.id === id);
}

/** The job this attempt still holds the lease of. */
export function heldJob(
  table: JobTable,
  id: string,
  attempt: number,
  nowMs: number,
): JobRecord | undefined {
  const job = findJob(table, id);
  return job?.attempt === attempt && isLeased(job, nowMs) && !isOverdue(job, nowMs)
    ? job
    : undefined;
}

/** However often it renews: what it stored must not come to look like an orphan meanwhile. */
function isOverdue({ claimedMs }: JobRecord, nowMs: number): boolean {
  return !lasts(claimedMs + limits.attemptMs, limits.attemptMs, nowMs);
}

export function isLeased(job: JobRecord, nowMs: number): boolean {
  return lasts(job.leaseUntilMs, limits.leaseMs, nowMs);
}

/** It fails again and again: something it needs may be bad for good. */
export function isFailing(job: JobRecord): boolean {
  return job.failures >= failingFrom || job.isBarred === true;
}

/** May be handed out now. */
export function isWaiting(job: JobRecord, nowMs: number): boolean {
  return (
    !isLeased(job, nowMs) && !lasts(job.notBeforeMs, job.isBarred ? barMs : backoffMaxMs, nowMs)
  );
}

/** The first stretch of the tail that no flush owns; `to` is where the next owned one begins. */
export function unownedStretch(
  table: JobTable,
  floor: number,
): { readonly from: number; readonly to: number } {
  const owned = table.jobs
    .flatMap(({ wal }) => (wal !== undefined && wal.from >= floor ? [wal] : []))
    .toSorted((a, b) => a.from - b.from);
  let from = floor;
  for (const range of owned) {
    if (range.from > from) {
      return { from, to: range.from };
    }
    from = range.to;
  }
  return { from, to: Number.POSITIVE_INFINITY };
}

export function busySegments(table: JobTable): ReadonlySet<string> {
  return new Set(table.jobs.flatMap((job) => job.inputs ?? []));
}

/** Hands the job to a new attempt, adding it if it is new. */
export function claimJob(
  table: JobTable,
  job: UnclaimedJob,
  nowMs: number,
): { readonly table: JobTable; readonly job: JobRecord } {
  const known = findJob(table, job.id);
  const { progress, ...rest } = job;
  const goesOn = progress !== undefined && canGoOn(job.begunMs ?? 0, job.stuck ?? 0, nowMs);
  const claimed: JobRecord = {
    ...rest,
    ...(goesOn ? { progress } : {}),
    attempt: (known?.attempt ?? 0) + 1,
    failures: known?.failures ?? 0,
    ...(known?.reason === undefined ? {} : { reason: known.reason }),
    claimedMs: nowMs,
    leaseUntilMs: nowMs + limits.leaseMs,
    notBeforeMs: 0,
    isBarred: false,
  };
  const again = known === undefined ? table : suspectOrphans(table, nowMs);
  return { table: replaceJob(again, claimed), job: claimed };
}

/** A step is done. `pauses`: another attempt may have the job. */
export function noteStep(
  table: JobTable,
  job: JobRecord,
  progress: BuildProgress,
  pauses: boolean,
  nowMs: number,
): JobTable {
  const leaseUntilMs = pauses ? 0 : nowMs + limits.leaseMs;
  const begunMs = job.progress === undefined ? nowMs : (job.begunMs ?? nowMs);
  const noted = replaceJob(table, { ...job, progress, begunMs, stuck: 0, leaseUntilMs });
  return suspectOrphans(pauses ? dropTicket(noted, job.id) : noted, nowMs);
}

/** An attempt came to nothing, or may, and may have stored something before it did. */
export function suspectOrphans(table: JobTable, nowMs: number): JobTable {
  return sweepAt(table, nowMs + limits.orphanAgeMs + limits.collectGraceMs);
}

/** A sweep at about this time, beside those that are due already. */
function sweepAt(table: JobTable, atMs: number): JobTable {
  const { sweepDueMs = atMs, sweepLastMs = atMs } = table;
  return {
    ...table,
    sweepDueMs: Math.min(sweepDueMs, atMs),
    sweepLastMs: Math.max(sweepLastMs, atMs),
  };
}

export function renewJob(table: JobTable, job: JobRecord, nowMs: number): JobTable {
  return replaceJob(table, { ...job, leaseUntilMs: nowMs + limits.leaseMs });
}

/** Gives a job back for which it is too early. */
export function releaseJob(table: JobTable, job: JobRecord, nowMs: number): JobTable {
  const released = replaceJob(table, { ...job, leaseUntilMs: 0 });
  return suspectOrphans(dropTicket(released, job.id), nowMs);
}

/**
 * Gives a job back. Repeated failures wait longer: 1 s, 2 s, 4 s … one minute a dozen times, which
 * outlasts most outages; then two minutes, four … one hour, for what no repetition will cure.
 */
export function failJob(table: JobTable, job: JobRecord, why: string, nowMs: number): JobTable {
  const soonMs = Math.min(backoffSoonMs, 1_000 * 2 ** Math.min(job.failures, 10));
  const doublings = Math.max(0, job.failures + 1 - soonFailures);
  const waitMs = Math.min(backoffMaxMs, soonMs * 2 ** doublings);
  return giveBackJob(table, { ...job, notBeforeMs: nowMs + waitMs }, why, nowMs);
}

/** Gives a job back whose result must never be committed. */
export function barJob(table: JobTable, job: JobRecord, why: string, nowMs: number): JobTable {
  return giveBackJob(table, { ...job, notBeforeMs: nowMs + barMs, isBarred: true }, why, nowMs);
}

function giveBackJob(table: JobTable, job: JobRecord, why: string, nowMs: number): JobTable {
  const reason = (why.split("\n")[0] ?? "").slice(0, reasonLengthMax);
  const stuck = job.isBarred === true ? stuckMax : (job.stuck ?? 0) + 1;
  const failed = { ...job, failures: job.failures + 1, reason, stuck, leaseUntilMs: 0 };
  return suspectOrphans(dropTicket(replaceJob(table, failed), job.id), nowMs);
}

/**
 * A purge or warming that is done, as far as it could be: what is left of a purge is found by those
 * who visit graves.
 */
export function finishJob(table: JobTable, job: JobRecord, nowMs: number): JobTable {
  const graves = table.graves.filter(({ generation }) => generation !== job.grave);
  const warmedMs = job.kind === "warm" ? nowMs : table.warmedMs;
  return forgetJob({ ...table, graves, warmedMs }, job.id);
}

/** A collection that is done. `keptBeforeMs`: see there; `againMs`: when what is held may go. */
export function finishCollect(
  table: JobTable,
  job: JobRecord,
  nowMs: number,
  keptBeforeMs: number,
  againMs: number | undefined,
): JobTable {
  const { sweepDueMs, sweepLastMs = 0 } = table;
  // What became suspect after the job began is for a later one.
  const isSwept = job.sweeps === true && (sweepDueMs ?? 0) <= nowMs;
  const nextMs = sweepLastMs > nowMs ? sweepLastMs : undefined;
  const swept = isSwept ? { ...table, sweepDueMs: nextMs, sweepLastMs: nextMs } : table;
  const done = forgetJob({ ...swept, keptBeforeMs }, job.id);
  return againMs === undefined ? done : sweepAt(done, nowMs + againMs);
}

/** A job's delta is published, and is what it wrote. */
export function finishDelta(table: JobTable, id: string, { add, floor }: Delta): JobTable {
  const job = findJob(table, id);
  if (job === undefined) {
    return forgetJob(table, id);
  }
  const { flushed, merged } = table.written ?? { flushed: 0, merged: 0 };
  const bytes = add.reduce((sum, segment) => sum + segment.bytes, 0);
  const written =
    floor === undefined
      ? { flushed, merged: merged + bytes }
      : { flushed: flushed + bytes, merged };
  return forgetJob({ ...table, written }, id);
}

export function forgetJob(table: JobTable, id: string): JobTable {
  const jobs = table.jobs.filter((job) => job.id !== id);
  return dropTicket({ ...table, jobs }, id);
}

/** Grants or extends the ticket; undefined while another attempt holds it. */
export function takeTicket(
  table: JobTable,
  job: JobRecord,
  nowMs: number,
): { readonly table: JobTable; readonly ticket: Ticket } | undefined {
  if (isBarred(table, job, nowMs)) {
    return undefined;
  }
  const ticket = { job: job.id, attempt: job.attempt, untilMs: nowMs + limits.ticketMs };
  return { table: { ...table, ticket }, ticket };
}

/** Is it another attempt's turn to commit? A turn that ran out bars nobody until it is taken. */
export function isBarred(table: JobTable, job: JobRecord, nowMs: number): boolean {
  const { ticket } = table;
  const isMine = ticket?.job === job.id && ticket.attempt === job.attempt;
  return ticket !== undefined && !isMine && lasts(ticket.untilMs, limits.ticketMs, nowMs);
}

/** Not yet over; and not so far ahead that only a clock set back can explain it. */
export function lasts(untilMs: number, spanMs: number, nowMs: number): boolean {
  return untilMs > nowMs && untilMs <= nowMs + spanMs;
}

function dropTicket(table: JobTable, job: string): JobTable {
  return table.ticket?.job === job ? { ...table, ticket: undefined } : table;
}

function replaceJob(table: JobTable, job: JobRecord): JobTable {
  const jobs = table.jobs.filter(({ id }) => id !== job.id);
  return { ...table, jobs: [...jobs, job] };
}
