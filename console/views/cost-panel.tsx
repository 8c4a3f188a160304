/**
 * What the query cost: the time from outside to inside, the funnel of rows from all there are to
 * those that were returned, requests and bytes, and what a million of such queries would cost.
 */
import { useState } from "preact/hooks";
import type { QueryAnswer } from "../model/answers.ts";
import { type Api, namespacePath } from "../model/api.ts";
import { formatBytes, formatCount, formatDollars, formatShare } from "../model/format.ts";
import { printJson } from "../model/json.ts";
import { Chart } from "../parts/chart.tsx";
import { Notice, Stats } from "../parts/controls.tsx";
import { reasonOf } from "../parts/use-load.ts";

export interface Run {
  /** As this page has waited. */
  readonly browserMs: number;
  readonly answer: QueryAnswer;
}

interface CostPanelProps {
  readonly api: Api;
  readonly name: string;
  readonly runs: readonly Run[];
  readonly body: object;
}

const tiers = {
  hot: "all from the isolate's memory",
  warm: "from memory and the edge's cache",
  cold: "read from the bucket",
} as const;

export function CostPanel({ api, name, runs, body }: CostPanelProps) {
  const last = runs.at(-1);
  if (last === undefined) return null;
  const { performance: of, cost } = last.answer;
  return (
    <section aria-label="What it cost" class="panel">
      <h2>
        What it cost <span class={`badge ${of.cache_temperature}`}>{of.cache_temperature}</span>
      </h2>
      <p class="quiet">{tiers[of.cache_temperature]}</p>
      <Waterfall run={last} />
      <Stats
        stats={[
          { label: "Rounds to the bucket", value: of.rounds },
          { label: "Requests", value: cost?.store_reads ?? of.store_requests },
          { label: "From the bucket", value: formatBytes(of.store_bytes) },
          { label: "Blocks cached", value: formatShare(of.cache_hit_ratio) },
          { label: "Clusters probed", value: formatCount(of.clusters_probed) },
          {
            label: "A million of these",
            value: cost === undefined ? "–" : formatDollars(1e6 * cost.dollars),
            note: "without CPU time",
          },
        ]}
      />
      <Explanation key={printJson(body)} api={api} name={name} body={body} />
      {runs.length > 1 ? (
        <Chart
          title="Time in the server, of the queries made here"
          points={runs.map(({ answer }, i) => {
            return { label: `query ${i + 1}`, value: answer.performance.server_total_ms };
          })}
          format={(ms) => `${Math.round(ms)} ms`}
        />
      ) : null}
    </section>
  );
}

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
}

function Waterfall({ run: { browserMs, answer } }: { run: Run }) {
  const { performance: of } = answer;
  const found = answer.rows?.length ?? answer.results?.[0]?.rows?.length ?? 0;
  const times: readonly Bar[] = [
    ["This page waited", browserMs],
    ["Server", of.server_total_ms],
    ["Search", of.query_execution_ms],
  ].map(([label, ms]) => ({
    label: String(label),
    value: Number(ms),
    text: `${Math.round(Number(ms))} ms`,
  }));
  const rows: readonly Bar[] = [
    ["Rows", of.rows_total],
    ["1-bit estimates", of.candidates],
    ["int8 distances", of.refined],
    ["exact distances", of.exact],
    ["returned", found],
  ]
    .filter(([label, count]) => label === "Rows" || label === "returned" || Number(count) > 0)
    .map(([label, count]) => ({
      label: String(label),
      // Logarithmic: each step leaves a small share.
      value: Math.log2(1 + Number(count)),
      text: formatCount(Number(count)),
    }));
  return (
    <div>
      <Bars title="Time" bars={times} />
      <Bars title="Rows, from all to those returned" bars={rows} />
    </div>
  );
}

function Bars({ title, bars }: { title: string; bars: readonly Bar[] }) {
  const most = Math.max(...bars.map(({ value }) => value), 1e-9);
  return (
    <table class="bars">
      <caption>{title}</caption>
      <tbody>
        {bars.map(({ label, value, text }) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <td>
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect
                  class="bar"
                  width={Math.max(0.5, (100 * value) / most)}
                  height={10}
                  rx={1.5}
                />
              </svg>
            </td>
            <td class="number">{text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** How it was answered, in the server's words. */
function Explanation({ api, name, body }: { api: Api; name: string; body: object }) {
  const [text, setText] = useState<string>();
  const [reason, setReason] = useState<string>();
  const explain = async (): Promise<void> => {
    try {
      const path = namespacePath(name, 2, "/explain_query");
      setText((await api.post<{ plan_text: string }>(path, body)).plan_text);
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  if (text !== undefined) {
    return (
      <pre class="plan" tabIndex={0}>
        {text}
      </pre>
    );
  }
  return (
    <>
      <button type="button" class="small" onClick={() => void explain()}>
        How was it answered?
      </button>
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
    </>
  );
}
