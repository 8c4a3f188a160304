/**
 * GET /v1/namespaces/:ns/metrics, which is this server's own: what the namespace's object knows. It
 * is one for all isolates, so these figures add up. Of recall, bytes written and cost only what the
 * object still remembers.
 */
import type { IndexStatus } from "../../src/namespace/protocol.ts";
import { replyValue } from "../../src/namespace/protocol.ts";
import { recentRecall } from "../../src/namespace/recall-history.ts";
import type { WorkUsage } from "../../src/namespace/usage-history.ts";
import { costOfWork } from "../prices.ts";
import {
  counter,
  gauge,
  gaugeOf,
  type Metric,
  renderMetrics,
  respondMetrics,
  type Sample,
} from "./prometheus.ts";
import type { Scope } from "./scope.ts";

export async function describeMetrics(scope: Scope, name: string): Promise<Response> {
  const status = replyValue(await scope.owner(name).status(scope.tenant, name));
  const metrics = [...stateOf(status), ...segmentsOf(status), ...usageOf(status)];
  return respondMetrics(renderMetrics(metrics, { namespace: name }));
}

function stateOf(status: IndexStatus): readonly Metric[] {
  const { recall, jobs } = status;
  const found = recall === undefined ? undefined : recentRecall(recall);
  const samples = (recall?.hours ?? []).reduce((total, { count }) => total + count, 0);
  const states = new Map<string, Sample>();
  for (const { kind, state } of jobs) {
    const value = (states.get(`${kind} ${state}`)?.value ?? 0) + 1;
    states.set(`${kind} ${state}`, { labels: { kind, state }, value });
  }
  return [
    ...(found === undefined
      ? []
      : [
          gauge("recall_at_10", "Share of the true ten nearest that sampled queries found.", found),
        ]),
    gauge("recall_samples", "Queries of the last week that were compared.", samples),
    gauge("probe_factor", "Rows that queries scan, in multiples of usual.", recall?.probes ?? 1),
    counter("log_entries_total", "Entries of the log: groups of writes that were committed.", [
      { value: status.head },
    ]),
    gauge("unindexed_entries", "Entries that are not in segments.", status.head - status.floor),
    gauge("unindexed_rows", "Rows that are not in segments.", status.unindexedRows),
    gauge("unindexed_bytes", "Bytes of log that are not in segments.", status.unindexedBytes),
    gaugeOf("jobs", "Jobs by state.", [...states.values()]),
    gauge(
      "pending_write_bytes",
      "Bytes of writes that are not durable yet, of all namespaces in the isolate.",
      status.pendingBytes,
    ),
    gauge("quarantined", "1: something cannot be read.", status.quarantine === undefined ? 0 : 1),
  ];
}

function segmentsOf({ segments, written }: IndexStatus): readonly Metric[] {
  const sum = (of: (segment: IndexStatus["segments"][number]) => number): number =>
    segments.reduce((total, segment) => total + of(segment), 0);
  const { flushed, merged } = written;
  return [
    gauge("segments", "Segments.", segments.length),
    gauge(
      "segment_rows",
      "Rows of segments, dead ones included.",
      sum(({ rows }) => rows),
    ),
    gauge(
      "segment_dead_rows",
      "Dead rows of segments.",
      sum(({ deadRows }) => deadRows),
    ),
    gauge(
      "segment_bytes",
      "Bytes of segments.",
      sum(({ bytes }) => bytes),
    ),
    counter("written_bytes_total", "Bytes of segments made.", [
      { labels: { by: "flush" }, value: flushed },
      { labels: { by: "merge" }, value: merged },
    ]),
    gauge(
      "write_amplification",
      "Bytes of segments made, in multiples of what flushes made.",
      flushed === 0 ? 1 : (flushed + merged) / flushed,
    ),
  ];
}

/** What is done behind requests, as consumers have reported it. */
function usageOf({ usage: { totals, days } }: IndexStatus): readonly Metric[] {
  const kinds = Object.entries(totals).map(([by, work]) => ({ by, work }));
  const sampled = (of: (usage: WorkUsage & { readonly runs: number }) => number) =>
    kinds.map(({ by, work }): Sample => ({ labels: { by }, value: of(work) }));
  return [
    counter(
      "work_runs_total",
      "Jobs and samples of recall that were run.",
      sampled(({ runs }) => runs),
    ),
    counter(
      "work_store_requests_total",
      "Requests to the bucket by such work.",
      kinds.flatMap(({ by, work: { reads, writes, deletes } }) => [
        { labels: { by, class: "read" }, value: reads },
        { labels: { by, class: "write" }, value: writes },
        { labels: { by, class: "delete" }, value: deletes },
      ]),
    ),
    counter(
      "work_store_bytes_total",
      "Bytes from and to the bucket by such work.",
      kinds.flatMap(({ by, work: { bytesRead, bytesWritten } }) => [
        { labels: { by, direction: "read" }, value: bytesRead },
        { labels: { by, direction: "written" }, value: bytesWritten },
      ]),
    ),
    counter(
      "work_object_calls_total",
      "Calls of the namespace's object by such work.",
      sampled(({ objectCalls }) => objectCalls),
    ),
    counter(
      "work_dollars_total",
      "What these requests and calls have cost at list prices; other charges are not in it.",
      sampled(costOfWork),
    ),
    gaugeOf(
      "work_dollars_by_day",
      "The same of the last days, by the day's begin.",
      days.slice(-7).map(({ startMs, usage }) => ({
        labels: { day: new Date(startMs).toISOString().slice(0, 10) },
        value: costOfWork(usage),
      })),
    ),
  ];
}
