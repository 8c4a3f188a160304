/**
 * What is due in a namespace, from the owner's state and job table alone; when to look again; and
 * what to say of it. Pure.
 *
 * Order: flush before merge before collect before purge before warm; within a kind, what failed
 * before goes first, flushes by range and none before an earlier one that has nobody.
 */
import { flushDueAtMs, planFlush, planMerge, planSplit, shardGroups } from "./compaction/policy.ts";
import { reindexBelow } from "./document/schema.ts";
import { EngineError } from "./errors.ts";
import type { DeadRecord, Manifest } from "./format/manifest.ts";
import { shardCount } from "./format/shard.ts";
import { limits } from "./limits.ts";
import {
  busySegments,
  isFailing,
  isLeased,
  isWaiting,
  type JobRecord,
  type JobTable,
  lasts,
  type UnclaimedJob,
  unownedStretch,
} from "./namespace/jobs.ts";
import type { IndexStatus, Job } from "./namespace/protocol.ts";
import { collectableAtMs, collectableBeforeMs } from "./namespace/retention.ts";
import { exists, type NamespaceState, skippedSlots } from "./namespace/state.ts";
import { noUsageHistory } from "./namespace/usage-history.ts";

/** Makes ids that are unique for ever: outputs are named after them. */
export type NewId = (kind: string, number: number) => string;

/** The job the next claim gets. */
export function dueJob(
  table: JobTable,
  state: NamespaceState,
  nowMs: number,
  newId: NewId,
): UnclaimedJob | undefined {
  if (!exists(state)) {
    return purge(table, nowMs);
  }
  const { manifest } = state;
  if (isFrozen(state)) {
    return collect(table, state, nowMs, newId) ?? purge(table, nowMs);
  }
  const retry = table.jobs.find(
    (job) => job.kind === "merge" && isWaiting(job, nowMs) && !isVoid(job, manifest),
  );
  return (
    flush(table, state, nowMs, newId) ??
    retry ??
    newMerge(table, manifest, newId, nowMs >= restsAtMs(state)) ??
    collect(table, state, nowMs, newId) ??
    purge(table, nowMs) ??
    warm(table, state, nowMs, newId)
  );
}

/** A snapshot stays what it was made of. */
function isFrozen({ manifest }: NamespaceState): boolean {
  return manifest.origin?.kind === "snapshot";
}

/**
 * Where the earliest range begins that nobody works on, among those before a flush: given back,
 * lost, or cut off an owned range by an earlier instance's manifest. No later range can be resolved
 * before it.
 */
export function neglectedFrom(table: JobTable, manifest: Manifest, nowMs: number): number {
  const { from, to } = unownedStretch(table, manifest.floor);
  const gap = to < Number.POSITIVE_INFINITY ? from : Number.POSITIVE_INFINITY;
  return Math.min(gap, idleFlush(table, manifest, nowMs)?.wal?.from ?? gap);
}

/** The earliest flush that nobody works on. */
function idleFlush(table: JobTable, manifest: Manifest, nowMs: number): JobRecord | undefined {
  return table.jobs
    .filter((job) => job.wal !== undefined && !isLeased(job, nowMs) && !isVoid(job, manifest))
    .toSorted((a, b) => (a.wal?.from ?? 0) - (b.wal?.from ?? 0))[0];
}

/** Its range is flushed, an input is gone, all is collected: there is nothing left to do. */
export function isVoid(job: JobRecord, manifest: Manifest): boolean {
  const { wal, deadBeforeMs, sweeps } = job;
  if (wal !== undefined) {
    return wal.from < manifest.floor;
  }
  if (deadBeforeMs !== undefined) {
    return sweeps !== true && !manifest.dead.some(({ sinceMs }) => sinceMs <= deadBeforeMs);
  }
  const ids = new Set(manifest.segments.map(({ id }) => id));
  return (job.inputs ?? []).some((input) => !ids.has(input));
}

/**
 * When the alarm should ring: soon while anything is due or claimed, else when age makes something
 * due.
 */
export function nextAlarmMs(
  table: JobTable,
  state: NamespaceState,
  nowMs: number,
): number | undefined {
  const soon = nowMs + limits.alarmMs;
  const times = table.graves.map(({ dueMs }) => dueMs);
  const peek = dueJob(table, state, nowMs, (kind) => kind);
  for (const job of table.jobs) {
    // One that failed is not looked after before it may be tried again.
    if (!isVoid(job, state.manifest)) {
      times.push(isLeased(job, nowMs) || isWaiting(job, nowMs) ? soon : job.notBeforeMs);
    }
  }
  if (peek !== undefined) {
    times.push(soon);
  }
  if (exists(state)) {
    const dead = state.manifest.dead.find((record) => isNews(table, record));
    const flushAtMs = isFrozen(state) ? undefined : flushDueAtMs(state.tail);
    times.push(flushAtMs ?? Number.POSITIVE_INFINITY);
    times.push(dead === undefined ? Number.POSITIVE_INFINITY : collectableAtMs(state, dead));
    times.push(table.sweepDueMs ?? Number.POSITIVE_INFINITY);
    if (!isFrozen(state) && newMerge(table, state.manifest, (kind) => kind, true) !== undefined) {
      times.push(restsAtMs(state));
    }
    if (state.settings.replicas > 0) {
      times.push(table.warmedMs + limits.warmEveryMs);
    }
  }
  const atMs = Math.max(soon, Math.min(...times));
  return Number.isFinite(atMs) ? atMs : undefined;
}

function flush(
  table: JobTable,
  state: NamespaceState,
  nowMs: number,
  newId: NewId,
): UnclaimedJob | undefined {
  const { manifest, tail } = state;
  const { from, to } = unownedStretch(table, manifest.floor);
  const idle = idleFlush(table, manifest, nowMs);
  if ((idle?.wal?.from ?? Number.POSITIVE_INFINITY) < from) {
    return idle !== undefined && isWaiting(idle, nowMs) ? idle : undefined;
  }
  const running = table.jobs.filter((job) => job.kind === "flush").length;
  const isGap = to < Number.POSITIVE_INFINITY;
  if (running >= limits.flushesParallelMax && !isGap) {
    return undefined;
  }
  const entries = tail.filter(({ sequence }) => sequence >= from && sequence < to);
  // Others wait for a gap, so it is due however small; and indexes for the schema that wants them.
  const wal = planFlush(
    entries,
    nowMs,
    isGap ? to : Math.max(table.flushBelow, wantedBelow(state), copiedBelow(manifest)),
  );
  return wal === undefined ? undefined : { id: newId("f", wal.from), kind: "flush", wal };
}

/**
 * The sequence below which entries are to be flushed because one of them made an attribute
 * filterable that segments hold: they are indexed only once the manifest knows.
 */
function wantedBelow({ manifest, schema, next }: NamespaceState): number {
  const below = reindexBelow(schema);
  const isNews = below > reindexBelow(manifest.schema);
  const lacks = isNews && manifest.segments.some(({ schemaVersion }) => schemaVersion < below);
  return lacks ? next : 0;
}

/** Below it lies what a copy still shares of its source's log. */
function copiedBelow({ origin, inherited }: Manifest): number {
  return origin?.kind === "copy" ? (inherited.at(-1)?.to ?? 0) : 0;
}

/** From when a namespace is at rest, unless something is written before. */
function restsAtMs({ lastWriteMs }: NamespaceState): number {
  return lastWriteMs + limits.restMs;
}

/**
 * One merge of a shard at a time: it holds its inputs, and more would only compete for memory. One
 * that cannot succeed keeps its inputs, and does not keep the others from being merged.
 */
function newMerge(
  table: JobTable,
  manifest: Manifest,
  newId: NewId,
  atRest: boolean,
): UnclaimedJob | undefined {
  const found = plans.get(manifest);
  let plan = found?.jobs === table.jobs ? found : undefined;
  if (plan === undefined) {
    const [busy, rest] = [false, true].map((resting) => mergeInputs(table, manifest, resting));
    plan = { jobs: table.jobs, busy, rest };
    plans.set(manifest, plan);
  }
  const inputs = atRest ? plan.rest : plan.busy;
  return inputs && { id: newId("m", manifest.version), kind: "merge", inputs };
}

/** What was found last: asked at every alarm, of a manifest and jobs that seldom change. */
const plans = new WeakMap<
  Manifest,
  {
    readonly jobs: JobTable["jobs"];
    readonly busy: readonly string[] | undefined;
    readonly rest: readonly string[] | undefined;
  }
>();

function mergeInputs(
  table: JobTable,
  manifest: Manifest,
  atRest: boolean,
): readonly string[] | undefined {
  const merges = table.jobs.filter(
    (job) => job.kind === "merge" && !isVoid(job, manifest) && !isFailing(job),
  );
  if (merges.length >= limits.mergesParallelMax) {
    return undefined;
  }
  const merging = new Set(merges.flatMap(({ inputs = [] }) => inputs));
  const busy = busySegments(table);
  const below = reindexBelow(manifest.schema);
  const owner = manifest.origin?.kind === "copy" ? manifest.generation : undefined;
  for (const { segments, unsorted } of shardGroups(
    manifest.segments,
    shardCount(manifest.settings),
  )) {
    if (segments.some(({ id }) => merging.has(id))) continue;
    const inputs = unsorted
      ? planSplit(segments, busy)
      : planMerge(segments, busy, { reindexBelow: below, owner, atRest });
    if (inputs !== undefined) return inputs;
  }
  return undefined;
}

function collect(
  table: JobTable,
  state: NamespaceState,
  nowMs: number,
  newId: NewId,
): UnclaimedJob | undefined {
  const { manifest } = state;
  const running = table.jobs.find((job) => job.kind === "collect" && !isVoid(job, manifest));
  if (running !== undefined) {
    return isWaiting(running, nowMs) ? running : undefined;
  }
  const deadBeforeMs = collectableBeforeMs(state, nowMs);
  const sweeps = (table.sweepDueMs ?? Number.POSITIVE_INFINITY) <= nowMs;
  const dueBeforeMs = deadBeforeMs - limits.collectEveryMs;
  const isDue =
    sweeps ||
    manifest.dead.some((record) => isNews(table, record) && record.sinceMs <= dueBeforeMs);
  return isDue
    ? { id: newId("c", manifest.version), kind: "collect", deadBeforeMs, sweeps }
    : undefined;
}

/** No collection has looked at it yet. */
function isNews({ keptBeforeMs }: JobTable, { sinceMs }: DeadRecord): boolean {
  return sinceMs > keptBeforeMs;
}

function purge(table: JobTable, nowMs: number): UnclaimedJob | undefined {
  const running = table.jobs.filter((job) => !isWaiting(job, nowMs));
  const taken = new Set(running.map((job) => job.grave));
  const grave = table.graves.find(
    ({ generation, dueMs }) => dueMs <= nowMs && !taken.has(generation),
  )?.generation;
  return grave === undefined ? undefined : { id: `p-${grave}`, kind: "purge", grave };
}

/** Of a pinned namespace, again and again. */
function warm(
  table: JobTable,
  { settings, manifest }: NamespaceState,
  nowMs: number,
  newId: NewId,
): UnclaimedJob | undefined {
  const running = table.jobs.find(({ kind }) => kind === "warm");
  if (running !== undefined) {
    return isWaiting(running, nowMs) ? running : undefined;
  }
  const { warmEveryMs } = limits;
  return settings.replicas > 0 && !lasts(table.warmedMs + warmEveryMs, warmEveryMs, nowMs)
    ? { id: newId("w", manifest.version), kind: "warm" }
    : undefined;
}

/** What its consumer is told. */
export function jobOf(record: JobRecord, state: NamespaceState, { pins }: JobTable): Job {
  const { manifest, schema, tail, generation } = state;
  const { id, kind, attempt, leaseUntilMs, wal, inputs, progress, deadBeforeMs, grave } = record;
  const last = tail.find(({ sequence }) => sequence + 1 === wal?.to);
  const skipped = skippedSlots(tail, wal);
  if (wal !== undefined && last === undefined) {
    throw new EngineError("conflict", "the range of this job is no longer in the tail");
  }
  return {
    id,
    attempt,
    kind,
    generation,
    leaseUntilMs,
    manifest,
    schema,
    ...(wal === undefined || last === undefined
      ? {}
      : {
          wal: {
            ...wal,
            schema: last.schema,
            settings: last.settings,
            hash: last.hash,
            lastWriteMs: last.lastWriteMs,
            updatedMs: last.updatedMs,
            lastMs: last.timeMs,
            ...(skipped.length === 0 ? {} : { skipped }),
          },
        }),
    ...(inputs === undefined ? {} : { inputs }),
    ...(progress === undefined ? {} : { progress }),
    ...(deadBeforeMs === undefined ? {} : { deadBeforeMs, pins }),
    ...(grave === undefined ? {} : { grave }),
  };
}

/** What the namespace says about its index. `due`: the job the next claim would get. */
export function indexStatus(
  table: JobTable,
  state: NamespaceState,
  due: UnclaimedJob | undefined,
  nowMs: number,
): Omit<IndexStatus, "skips" | "pendingBytes"> {
  const { generation, next, manifest, unindexedRows, unindexedBytes } = state;
  const open = table.jobs.filter((job) => !isVoid(job, manifest));
  const jobs: IndexStatus["jobs"] = [
    ...open.map((job) => {
      const { id, kind, attempt, failures, reason, notBeforeMs } = job;
      const failed = { failures, ...(reason === undefined ? {} : { reason }), notBeforeMs };
      if (isLeased(job, nowMs)) {
        return { id, kind, attempt, state: "claimed", ...(failures > 0 ? failed : {}) } as const;
      }
      return failures > 0
        ? ({ id, kind, attempt, state: "failing", ...failed } as const)
        : ({ id, kind, attempt, state: "due" } as const);
    }),
    ...(due === undefined || open.some(({ id }) => id === due.id)
      ? []
      : [{ id: due.id, kind: due.kind, attempt: 0, state: "due" as const }]),
  ];
  return {
    generation,
    head: next,
    floor: manifest.floor,
    unindexedRows,
    unindexedBytes,
    manifestVersion: manifest.version,
    segments: manifest.segments.map(({ id, shard, level, rows, dead, bytes, clusters }) => {
      const isOf = shard === undefined ? {} : { shard };
      return { id, ...isOf, level, rows, deadRows: dead.rows, bytes, clusters };
    }),
    jobs,
    warmedMs: table.warmedMs,
    ...(table.recall === undefined ? {} : { recall: table.recall }),
    written: table.written ?? { flushed: 0, merged: 0 },
    usage: table.usage ?? noUsageHistory,
    indexed: manifest.floor === next && !jobs.some(({ kind }) => /flush|merge/.test(kind)),
  };
}
