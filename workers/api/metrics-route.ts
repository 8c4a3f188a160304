/**
 * GET /v1/namespaces/:ns/metrics, which is this server's own: the namespace's figures in the text
 * format that Prometheus reads. Of recall and bytes written only what the object still remembers.
 */
import type { IndexStatus } from "../../src/namespace/protocol.ts";
import { replyValue } from "../../src/namespace/protocol.ts";
import { recentRecall } from "../../src/namespace/recall-history.ts";
import type { Scope } from "./scope.ts";

interface Metric {
  readonly name: string;
  readonly kind: "gauge" | "counter";
  readonly help: string;
  /** By labels besides the namespace's. */
  readonly values: readonly (readonly [labels: string, value: number])[];
}

export async function describeMetrics(scope: Scope, name: string): Promise<Response> {
  const status = replyValue(await scope.owner(name).status(scope.tenant, name));
  const headers = {
    "content-type": "text/plain; version=0.0.4; charset=utf-8",
    "cache-control": "no-store",
  };
  return new Response(renderMetrics(name, status), { headers });
}

/** Names of namespaces need no escaping. */
export function renderMetrics(namespace: string, status: IndexStatus): string {
  const lines = metricsOf(status).flatMap(({ name, kind, help, values }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${kind}`,
    ...values.map(
      ([labels, value]) => `${name}{namespace="${namespace}"${labels && `,${labels}`}} ${value}`,
    ),
  ]);
  return `${lines.join("\n")}\n`;
}

function metricsOf(status: IndexStatus): readonly Metric[] {
  const { segments, recall, written } = status;
  const sum = (of: (segment: IndexStatus["segments"][number]) => number): number =>
    segments.reduce((total, segment) => total + of(segment), 0);
  const gauge = (name: string, help: string, value: number): Metric => {
    return { name: `shoal_${name}`, kind: "gauge", help, values: [["", value]] };
  };
  const found = recall === undefined ? undefined : recentRecall(recall);
  const samples = (recall?.hours ?? []).reduce((total, { count }) => total + count, 0);
  const { flushed, merged } = written;
  return [
    ...(found === undefined
      ? []
      : [
          gauge("recall_at_10", "Share of the true ten nearest that sampled queries found.", found),
        ]),
    gauge("recall_samples", "Queries of the last week that were compared.", samples),
    gauge("probe_factor", "Rows that queries scan, in multiples of usual.", recall?.probes ?? 1),
    gauge("unindexed_rows", "Rows that are not in segments.", status.unindexedRows),
    gauge("unindexed_bytes", "Bytes of log that are not in segments.", status.unindexedBytes),
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
    {
      name: "shoal_written_bytes_total",
      kind: "counter",
      help: "Bytes of segments made.",
      values: [
        ['by="flush"', flushed],
        ['by="merge"', merged],
      ],
    },
    gauge(
      "write_amplification",
      "Bytes of segments made, in multiples of what flushes made.",
      flushed === 0 ? 1 : (flushed + merged) / flushed,
    ),
  ];
}
