/** What the isolate that answers says of itself, read every few seconds. */
import { useRef, useState } from "preact/hooks";
import type { Api } from "../model/api.ts";
import { formatBytes, formatCount, formatDollars, formatShare } from "../model/format.ts";
import { type Figure, parseMetrics, quantileMs, sumOf } from "../model/metrics.ts";
import { Chart } from "../parts/chart.tsx";
import { Notice, Stats } from "../parts/controls.tsx";
import { reasonOf, useRepeated } from "../parts/use-load.ts";

const everyMs = 3_000;
const kept = 100;
const longestMs = 30_000;

interface Reading {
  readonly atMs: number;
  readonly isolate: string;
  readonly figures: readonly Figure[];
}

interface Sample {
  readonly label: string;
  readonly perSecond: number;
  readonly p95Ms: number;
  readonly dollars: number;
}

export function Server({ api }: { api: Api }) {
  const [reading, setReading] = useState<Reading>();
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [reason, setReason] = useState<string>();
  const before = useRef<Reading | undefined>(undefined);
  const read = async (): Promise<void> => {
    try {
      const figures = parseMetrics(await api.text("/metrics"));
      const now = { atMs: Date.now(), isolate: figures[0]?.labels["isolate"] ?? "", figures };
      const { current } = before;
      before.current = now;
      setReading(now);
      setReason(undefined);
      // Figures of another isolate are not comparable.
      if (current === undefined || current.isolate !== now.isolate) return;
      setSamples((known) => [...known, compare(current, now)].slice(-kept));
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  useRepeated(read, everyMs);
  return (
    <>
      <h1>Server</h1>
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
      {reading === undefined ? null : <State reading={reading} />}
      {samples.length === 0 ? (
        <p class="quiet">Charts begin with the second reading.</p>
      ) : (
        <Charts samples={samples} />
      )}
    </>
  );
}

function Charts({ samples }: { samples: readonly Sample[] }) {
  const of = (value: (sample: Sample) => number) =>
    samples.map((sample) => ({ label: sample.label, value: value(sample) }));
  return (
    <div class="charts">
      <Chart
        title="Requests a second"
        points={of(({ perSecond }) => perSecond)}
        format={(value) => value.toFixed(1)}
      />
      <Chart
        title="95 of 100 answers began within"
        points={of(({ p95Ms }) => p95Ms)}
        format={(value) => `${Math.round(value)} ms`}
      />
      <Chart
        title="Dollars an hour, without CPU time"
        points={of(({ dollars }) => dollars)}
        format={formatDollars}
      />
    </div>
  );
}

function compare(from: Reading, to: Reading): Sample {
  const seconds = Math.max(0.001, (to.atMs - from.atMs) / 1_000);
  const grown = (name: string): number => sumOf(to.figures, name) - sumOf(from.figures, name);
  return {
    label: new Date(to.atMs).toLocaleTimeString("en-GB"),
    perSecond: grown("requests_total") / seconds,
    // Beyond the last bound nobody knows.
    p95Ms: Math.min(longestMs, quantileMs(from.figures, to.figures, 0.95) ?? 0),
    dollars: (grown("dollars_total") / seconds) * 3_600,
  };
}

function State({ reading: { isolate, figures } }: { reading: Reading }) {
  const cache = (tier: string, outcome: string): number =>
    sumOf(figures, "cache_requests_total", { tier, outcome });
  const ratio = (tier: string): string => {
    const [hits, misses] = [cache(tier, "hit"), cache(tier, "miss")];
    return hits + misses === 0 ? "–" : formatShare(hits / (hits + misses));
  };
  const memory = (of: string): string => {
    const [now, max] = ["memory_bytes", "memory_bytes_max"].map((name) =>
      sumOf(figures, name, { of }),
    );
    return `${formatBytes(now ?? 0)} of ${formatBytes(max ?? 0)}`;
  };
  return (
    <>
      <p class="quiet">
        Of the isolate <code>{isolate}</code> that answered, since it began. Others keep figures of
        their own.
      </p>
      <Stats
        stats={[
          { label: "Requests", value: formatCount(sumOf(figures, "requests_total")) },
          {
            label: "Requests to the bucket",
            value: formatCount(sumOf(figures, "store_requests_total")),
          },
          {
            label: "Read from it",
            value: formatBytes(sumOf(figures, "store_bytes_total", { direction: "read" })),
          },
          { label: "Found in memory", value: ratio("memory") },
          { label: "Found at the edge", value: ratio("edge") },
          { label: "Cache", value: memory("cache") },
          { label: "Reserved for reads", value: memory("reads") },
          {
            label: "At list prices",
            value: formatDollars(sumOf(figures, "dollars_total")),
            note: "without CPU time",
          },
        ]}
      />
    </>
  );
}
