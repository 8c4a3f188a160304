/** Figures in the text format that Prometheus reads, version 0.0.4. */

export interface Metric {
  readonly name: string;
  readonly kind: "gauge" | "counter" | "histogram";
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** Behind the metric's name: `_bucket`, `_sum`, `_count` of a histogram. */
  readonly suffix?: string;
  readonly labels?: Labels;
  readonly value: number;
}

export type Labels = Readonly<Record<string, string | number>>;

/** `labels`: of every sample, before its own. A metric without samples is left out. */
export function renderMetrics(metrics: readonly Metric[], labels: Labels): string {
  const lines = metrics
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, kind, help, samples }) => [
      `# HELP shoal_${name} ${help}`,
      `# TYPE shoal_${name} ${kind}`,
      ...samples.map(
        ({ suffix = "", labels: own = {}, value }) =>
          `shoal_${name}${suffix}${renderLabels({ ...labels, ...own })} ${value}`,
      ),
    ]);
  return `${lines.join("\n")}\n`;
}

export function respondMetrics(text: string): Response {
  const headers = {
    "content-type": "text/plain; version=0.0.4; charset=utf-8",
    "cache-control": "no-store",
  };
  return new Response(text, { headers });
}

function renderLabels(labels: Labels): string {
  const each = Object.entries(labels).map(
    ([name, value]) => `${name}="${String(value).replaceAll(/["\\\n]/g, escapeOf)}"`,
  );
  return each.length === 0 ? "" : `{${each.join()}}`;
}

function escapeOf(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}

export function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, kind: "counter", help, samples };
}

export function gaugeOf(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, kind: "gauge", help, samples };
}

/** One number. */
export function gauge(name: string, help: string, value: number): Metric {
  return gaugeOf(name, help, [{ value }]);
}
