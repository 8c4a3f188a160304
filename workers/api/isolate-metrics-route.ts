/**
 * GET /metrics: what the isolate that answers knows of itself since it began. There may be many
 * isolates at once, each short-lived, and none sees what the others did: every figure is labelled
 * with the isolate's name, which is drawn when it begins, so that the figures of different ones are
 * never taken for one that fell. What concerns a namespace as a whole, its object knows:
 * GET /v1/namespaces/:ns/metrics. An isolate works for all tenants, so its figures are shown to
 * keys of the deployment's own tenant only.
 */
import { encodeHex } from "../../src/bytes/hex.ts";
import { EngineError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { systemRandom } from "../platform/random.ts";
import { requestKinds, usageTotals } from "../platform/usage-meter.ts";
import { costOf } from "../prices.ts";
import { firstTenant } from "./auth.ts";
import {
  counter,
  gaugeOf,
  type Metric,
  renderMetrics,
  respondMetrics,
  type Sample,
} from "./prometheus.ts";
import { boundsMs, requestCounts } from "./request-counts.ts";
import type { IsolateMemory, Scope } from "./scope.ts";

/** Drawn by the first request: before, an isolate has no chance. */
let isolateName: string | undefined;

export async function describeIsolate(scope: Scope): Promise<Response> {
  if (scope.tenant !== firstTenant) {
    const text = "these figures are of all tenants: they want a key of the deployment's own";
    throw new EngineError("forbidden", text);
  }
  isolateName ??= encodeHex(systemRandom.bytes(4));
  const memory = scope.memory();
  const metrics = [...requestsOf(), ...usageOf(), ...cachesOf(memory), ...memoryOf(memory)];
  return respondMetrics(renderMetrics(metrics, { isolate: isolateName }));
}

function requestsOf(): readonly Metric[] {
  const routes = requestCounts();
  return [
    counter(
      "requests_total",
      "Requests by route and status.",
      routes.flatMap(({ method, route, byStatus }) =>
        Array.from(byStatus, ([status, value]) => ({ labels: { method, route, status }, value })),
      ),
    ),
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
    counter(
      "store_requests_total",
      "Requests to the bucket, repeated ones included, by what they were for.",
      totals.flatMap(([by, usage]) =>
        requestKinds.map((kind) => ({ labels: { by, kind }, value: usage[kind] })),
      ),
    ),
    counter(
      "store_bytes_total",
      "Bytes from and to the bucket.",
      totals.flatMap(([by, { bytesRead, bytesWritten }]) => [
        { labels: { by, direction: "read" }, value: bytesRead },
        { labels: { by, direction: "written" }, value: bytesWritten },
      ]),
    ),
    counter(
      "object_calls_total",
      "Calls of namespaces' and meters' objects.",
      totals.map(([by, { objectCalls }]) => ({ labels: { by }, value: objectCalls })),
    ),
    counter(
      "object_writes_total",
      "Writes of namespaces' objects to their own storage.",
      totals.map(([by, { objectWrites }]) => ({ labels: { by }, value: objectWrites })),
    ),
    counter(
      "queue_messages_total",
      "Messages sent to the queue.",
      totals.map(([by, { queueMessages }]) => ({ labels: { by }, value: queueMessages })),
    ),
    counter(
      "dollars_total",
      "What all of this costs at list prices, without CPU time.",
      totals.map(([by, usage]) => {
        const { dollars } = costOf(usage, by === "request" ? requests : 0);
        return { labels: { by }, value: dollars };
      }),
    ),
  ];
}

function cachesOf({ blocks, edge, heads }: IsolateMemory): readonly Metric[] {
  const asked = (tier: string, hits: number, misses: number): readonly Sample[] => [
    { labels: { tier, outcome: "hit" }, value: hits },
    { labels: { tier, outcome: "miss" }, value: misses },
  ];
  return [
    counter(
      "cache_requests_total",
      "Blocks asked of the isolate's memory, and of the edge's cache.",
      [...asked("memory", blocks.hits, blocks.misses), ...asked("edge", edge.hits, edge.misses)],
    ),
    counter(
      "head_calls_total",
      "Calls for a snapshot, by what became of them.",
      Object.entries(heads).map(([kind, value]) => ({
        labels: { kind },
        value: Number(value),
      })),
    ),
  ];
}

function memoryOf({ blocks, reads, bodies }: IsolateMemory): readonly Metric[] {
  const budget = (of: "waited" | "refused" | "expired"): readonly Sample[] => [
    { labels: { of: "reads" }, value: reads[of] },
    { labels: { of: "bodies" }, value: bodies[of] },
  ];
  return [
    gaugeOf("memory_bytes", "Bytes that are kept (cache) or reserved (reads, bodies).", [
      { labels: { of: "cache" }, value: blocks.bytes },
      { labels: { of: "reads" }, value: reads.reservedBytes },
      { labels: { of: "bodies" }, value: bodies.reservedBytes },
    ]),
    gaugeOf("memory_bytes_max", "Bounds of the same.", [
      { labels: { of: "cache" }, value: limits.cacheBytesMax + limits.lentBytesMax },
      { labels: { of: "reads" }, value: limits.reservedBytesMax },
      { labels: { of: "bodies" }, value: limits.bodiesBytesMax },
    ]),
    counter("memory_waits_total", "Requests that waited for room.", budget("waited")),
    counter(
      "memory_refusals_total",
      "Requests that were refused for want of room.",
      budget("refused"),
    ),
    counter("memory_expiries_total", "Reservations of requests that vanished.", budget("expired")),
  ];
}
