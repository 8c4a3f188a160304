/**
 * GET /metrics: what the isolate that answers knows of itself since it began. There may be many
 * isolates at once, each short-lived, and none sees what the others did: every figure is labelled
 * with the isolate's name, which is drawn when it begins, so that the figures of different ones are
 * never taken for one that fell. What concerns a namespace as a whole, its object knows:
 * GET /v1/namespaces/:ns/metrics.
 */
import { encodeHex } from "../../src/bytes/hex.ts";
import { limits } from "../../src/limits.ts";
import { systemRandom } from "../platform/random.ts";
import { requestKinds, usageTotals } from "../platform/usage-meter.ts";
import { costOf } from "../prices.ts";
import { type Metric, renderMetrics, respondMetrics, type Sample } from "./prometheus.ts";
import { boundsMs, requestCounts } from "./request-counts.ts";
import type { IsolateMemory, Scope } from "./scope.ts";

/** Drawn by the first request: before, an isolate has no chance. */
let isolateName: string | undefined;

export async function describeIsolate(scope: Scope): Promise<Response> {
  isolateName ??= encodeHex(systemRandom.bytes(4));
  const metrics = [
    ...requestsOf(),
    ...usageOf(),
    ...cachesOf(scope.memory()),
    ...memoryOf(scope.memory()),
  ];
  return respondMetrics(renderMetrics(metrics, { isolate: isolateName }));
}

function requestsOf(): readonly Metric[] {
  const routes = requestCounts();
  return [
    {
      name: "requests_total",
      kind: "counter",
      help: "Requests by route and status.",
      samples: routes.flatMap(({ method, route, byStatus }) =>
        Array.from(
          byStatus,
          ([status, value]): Sample => ({
            labels: { method, route, status },
            value,
          }),
        ),
      ),
    },
    {
      name: "request_seconds",
      kind: "histogram",
      help: "Time until answers began, as the platform's clock shows it: what was waited for.",
      samples: routes.flatMap(({ method, route, within, count, sumMs }) => {
        const labels = { method, route };
        return [
          ...boundsMs.map(
            (bound, i): Sample => ({
              suffix: "_bucket",
              labels: { ...labels, le: bound / 1_000 },
              value: within[i] ?? 0,
            }),
          ),
          { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: count },
          { suffix: "_sum", labels, value: sumMs / 1_000 },
          { suffix: "_count", labels, value: count },
        ];
      }),
    },
  ];
}

function usageOf(): readonly Metric[] {
  const totals = [...usageTotals()];
  const requests = requestCounts().reduce((sum, { count }) => sum + count, 0);
  return [
    {
      name: "store_requests_total",
      kind: "counter",
      help: "Requests to the bucket, repeated ones included, by what they were for.",
      samples: totals.flatMap(([by, usage]) =>
        requestKinds.map((kind) => ({ labels: { by, kind }, value: usage[kind] })),
      ),
    },
    {
      name: "store_bytes_total",
      kind: "counter",
      help: "Bytes from and to the bucket.",
      samples: totals.flatMap(([by, { bytesRead, bytesWritten }]) => [
        { labels: { by, direction: "read" }, value: bytesRead },
        { labels: { by, direction: "written" }, value: bytesWritten },
      ]),
    },
    {
      name: "object_calls_total",
      kind: "counter",
      help: "Calls of namespaces' and meters' objects.",
      samples: totals.map(([by, { objectCalls }]) => ({ labels: { by }, value: objectCalls })),
    },
    {
      name: "object_writes_total",
      kind: "counter",
      help: "Writes of namespaces' objects to their own storage.",
      samples: totals.map(([by, { objectWrites }]) => ({ labels: { by }, value: objectWrites })),
    },
    {
      name: "queue_messages_total",
      kind: "counter",
      help: "Messages sent to the queue.",
      samples: totals.map(([by, { queueMessages }]) => ({ labels: { by }, value: queueMessages })),
    },
    {
      name: "dollars_total",
      kind: "counter",
      help: "What all of this costs at list prices, without CPU time.",
      samples: totals.map(([by, usage]) => {
        const { dollars } = costOf(usage, by === "request" ? requests : 0);
        return { labels: { by }, value: dollars };
      }),
    },
  ];
}

function cachesOf({ blocks, edge, heads }: IsolateMemory): readonly Metric[] {
  const asked = (tier: string, hits: number, misses: number): readonly Sample[] => [
    { labels: { tier, outcome: "hit" }, value: hits },
    { labels: { tier, outcome: "miss" }, value: misses },
  ];
  return [
    {
      name: "cache_requests_total",
      kind: "counter",
      help: "Blocks asked of the isolate's memory, and of the edge's cache.",
      samples: [
        ...asked("memory", blocks.hits, blocks.misses),
        ...asked("edge", edge.hits, edge.misses),
      ],
    },
    {
      name: "head_calls_total",
      kind: "counter",
      help: "Calls for a snapshot, by what became of them.",
      samples: Object.entries(heads).map(([kind, value]) => ({
        labels: { kind },
        value: Number(value),
      })),
    },
  ];
}

function memoryOf({ blocks, reads, bodies }: IsolateMemory): readonly Metric[] {
  const budget = (of: "waited" | "refused" | "expired"): readonly Sample[] => [
    { labels: { of: "reads" }, value: reads[of] },
    { labels: { of: "bodies" }, value: bodies[of] },
  ];
  return [
    {
      name: "memory_bytes",
      kind: "gauge",
      help: "Bytes that are kept (cache) or reserved (reads, bodies).",
      samples: [
        { labels: { of: "cache" }, value: blocks.bytes },
        { labels: { of: "reads" }, value: reads.reservedBytes },
        { labels: { of: "bodies" }, value: bodies.reservedBytes },
      ],
    },
    {
      name: "memory_bytes_max",
      kind: "gauge",
      help: "Bounds of the same.",
      samples: [
        { labels: { of: "cache" }, value: limits.cacheBytesMax },
        { labels: { of: "reads" }, value: limits.reservedBytesMax },
        { labels: { of: "bodies" }, value: limits.bodiesBytesMax },
      ],
    },
    {
      name: "memory_waits_total",
      kind: "counter",
      help: "Requests that waited for room.",
      samples: budget("waited"),
    },
    {
      name: "memory_refusals_total",
      kind: "counter",
      help: "Requests that were refused for want of room.",
      samples: budget("refused"),
    },
    {
      name: "memory_expiries_total",
      kind: "counter",
      help: "Reservations of requests that vanished.",
      samples: budget("expired"),
    },
  ];
}
