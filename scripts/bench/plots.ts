/**
 * Pictures of `bench -- vectors` as SVG, drawn by Vega, which needs neither a browser nor native
 * code.
 *
 *   recall-latency     recall@10 against latency: a line for each engine and phase, a point for
 *                      each setting
 *   cold-warm          what a cold cache costs each engine on object storage
 *   reads              requests to object storage and bytes of a cold query
 *   cost               dollars for a million queries at list prices (prices.ts)
 *
 * and of `bench -- growth`:
 *
 *   growth             figures of a query, and of loading, against the number of rows
 *
 * Pure but for the layout of text, which Vega estimates: the same lines give the same picture.
 */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { GrowthLine } from "./growth.ts";
import type { VectorsLine } from "./lines.ts";

export interface Plot {
  readonly name: string;
  readonly svg: string;
}

export async function plotVectors(lines: readonly VectorsLine[]): Promise<readonly Plot[]> {
  // Vega reads plain objects, and splits names at dots.
  const values = lines.map((line) => ({
    ...line,
    plan: line.plan ?? "",
    series: nameSeries(line),
    label: `${nameSeries(line)}, ${line.setting}`,
    megabytes: line.bytes_per_query / 1e6,
  }));
  // Engines keep their colours from picture to picture.
  const series = [...new Set(values.map((value) => value.series))].sort();
  const cold = values.filter(({ phase }) => phase === "cold");
  const stored = values.filter(({ place }) => place === "object storage");
  const specs: Readonly<Record<string, TopLevelSpec>> = {
    "recall-latency": recallLatency(values),
    "cold-warm": coldWarm(stored),
    reads: reads(cold, series),
    cost: cost(values, series),
  };
  return draw(specs);
}

export function plotGrowth(lines: readonly GrowthLine[]): Promise<readonly Plot[]> {
  const values = lines.map((line) => ({ ...line, megabytes: line.bytes_per_query / 1e6 }));
  return draw({ growth: growth(values) });
}

async function draw(specs: Readonly<Record<string, TopLevelSpec>>): Promise<readonly Plot[]> {
  const plots: Plot[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    const view = new View(parse(compile(spec).spec), { renderer: "none" });
    plots.push({ name, svg: await view.toSVG() });
    view.finalize();
  }
  return plots;
}

function nameSeries({ engine, plan }: VectorsLine): string {
  return plan === null ? engine : `${engine} (${plan})`;
}

type Values = readonly Readonly<Record<string, unknown>>[];

const base = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  background: "white",
  config: { font: "sans-serif", view: { stroke: null } },
} as const;

function recallLatency(values: Values): TopLevelSpec {
  return {
    ...base,
    title: "Recall against latency (median, one query at a time)",
    width: 620,
    height: 380,
    data: { values: [...values] },
    mark: { type: "line", point: { size: 60 } },
    encoding: {
      x: {
        field: "recall_at_10",
        type: "quantitative",
        scale: { zero: false },
        title: "recall@10",
      },
      y: { field: "p50_ms", type: "quantitative", scale: { type: "log" }, title: "p50, ms" },
      order: { field: "recall_at_10", type: "quantitative" },
      color: { field: "series", type: "nominal", title: "engine" },
      strokeDash: { field: "phase", type: "nominal", title: "caches" },
      // The same title joins both legends: a legend of dashes alone shows none.
      shape: { field: "phase", type: "nominal", title: "caches" },
    },
  };
}

function coldWarm(values: Values): TopLevelSpec {
  return {
    ...base,
    title: "Cold and warm on object storage (median latency)",
    width: 520,
    data: { values: [...values] },
    mark: { type: "point", filled: true, size: 90 },
    encoding: {
      y: { field: "label", type: "nominal", sort: null, title: null, axis: { labelLimit: 320 } },
      x: { field: "p50_ms", type: "quantitative", scale: { type: "log" }, title: "p50, ms" },
      color: {
        field: "phase",
        type: "nominal",
        scale: { domain: ["cold", "warm"], range: ["#3b6fb6", "#d1603d"] },
        title: "caches",
      },
    },
  };
}

function reads(values: Values, series: readonly string[]): TopLevelSpec {
  return {
    ...base,
    title: "What a cold query reads from object storage",
    hconcat: [
      bars(values, series, "store_requests_per_query", "requests a query"),
      bars(values, series, "megabytes", "MB a query"),
    ],
  };
}

function cost(values: Values, series: readonly string[]): TopLevelSpec {
  return {
    ...base,
    title: "Dollars for a million queries, requests and CPU at list prices",
    hconcat: ["cold", "warm"].map((phase) =>
      bars(
        values.filter((value) => value["phase"] === phase),
        series,
        "usd_per_million_queries",
        `${phase}: dollars`,
      ),
    ),
  };
}

function bars(values: Values, series: readonly string[], field: string, title: string) {
  return {
    width: 300,
    data: { values: [...values] },
    mark: { type: "bar" as const },
    encoding: {
      y: {
        field: "label",
        type: "nominal" as const,
        sort: null,
        title: null,
        axis: { labelLimit: 320 },
      },
      x: { field, type: "quantitative" as const, title },
      color: {
        field: "series",
        type: "nominal" as const,
        scale: { domain: [...series] },
        legend: null,
      },
    },
  };
}

/** One small picture a figure, cold and warm in each. */
const growthFigures: readonly (readonly [string, string])[] = [
  ["p50_ms", "p50, ms"],
  ["cpu_ms_per_query", "CPU a query, ms"],
  ["rows_scanned_per_query", "rows scanned a query"],
  ["megabytes", "MB read a query"],
  ["store_requests_per_query", "requests a query"],
  ["rounds_per_query", "rounds a query"],
  ["recall_at_10", "recall@10"],
  ["seconds_build", "seconds until indexed"],
  ["write_amplification", "write amplification"],
];

function growth(values: Values): TopLevelSpec {
  return {
    ...base,
    title: "Cost as the number of rows grows",
    columns: 3,
    concat: growthFigures.map(([field, title]) => ({
      width: 240,
      height: 160,
      data: { values: [...values] },
      mark: { type: "line" as const, point: true },
      encoding: {
        x: {
          field: "rows",
          type: "quantitative" as const,
          scale: { type: "log" as const },
          title: "rows",
          axis: { format: "~s" },
        },
        y: {
          field,
          type: "quantitative" as const,
          title,
          scale: { zero: field !== "recall_at_10" },
        },
        color: { field: "phase", type: "nominal" as const, title: "caches" },
      },
    })),
  };
}
