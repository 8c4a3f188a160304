/** How much of the truth queries find, and what the work behind the namespace costs. */
import { useState } from "preact/hooks";
import { namespacePath } from "../model/api.ts";
import { formatBytes, formatCount, formatDollars } from "../model/format.ts";
import { type Figure, parseMetrics, sumOf } from "../model/metrics.ts";
import { Chart } from "../parts/chart.tsx";
import { Notice, Show, Table } from "../parts/controls.tsx";
import { reasonOf, useLoad } from "../parts/use-load.ts";
import type { TabProps } from "./namespace.tsx";

interface Measured {
  readonly avg_recall: number;
  readonly avg_exhaustive_count: number;
  readonly avg_ann_count: number;
}

export function Quality({ api, name, metadata }: TabProps) {
  const [figures] = useLoad(
    async (signal) => parseMetrics(await api.text(namespacePath(name, 1, "/metrics"), signal)),
    [api, name],
  );
  return (
    <>
      <Recall api={api} name={name} metadata={metadata} />
      <Show of={figures}>{(known) => <Cost figures={known} />}</Show>
    </>
  );
}

function Recall({ api, name, metadata }: Pick<TabProps, "api" | "name" | "metadata">) {
  const [measured, setMeasured] = useState<Measured>();
  const [reason, setReason] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const hours = metadata.recall?.hours ?? [];
  const measure = async (): Promise<void> => {
    setBusy(true);
    setReason(undefined);
    try {
      const path = namespacePath(name, 1, "/_debug/recall");
      setMeasured(await api.post<Measured>(path, { num: 10, top_k: 10 }));
    } catch (error) {
      setReason(reasonOf(error));
    }
    setBusy(false);
  };
  return (
    <section class="panel" aria-label="Recall">
      <h2>Recall</h2>
      {hours.length === 0 ? (
        <p class="quiet">
          One vector query in a hundred is asked again exhaustively; there were none yet.
        </p>
      ) : (
        <Chart
          title="Share of the true ten nearest that sampled queries found, by hour"
          points={hours.map(({ from, recall }) => ({
            label: from.slice(5, 16).replace("T", " "),
            value: recall,
          }))}
          format={(value) => value.toFixed(3)}
          min={0.8}
          max={1}
        />
      )}
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
      {measured === undefined ? null : (
        <Notice kind="good">
          {`Recall@10 of ${measured.avg_recall.toFixed(3)} for ten stored vectors.`}
        </Notice>
      )}
      <button type="button" disabled={isBusy} onClick={() => void measure()}>
        {isBusy ? "Measuring …" : "Measure now"}
      </button>
    </section>
  );
}

function Cost({ figures }: { figures: readonly Figure[] }) {
  const kinds = figures.filter(({ name }) => name === "work_runs_total");
  const days = figures.filter(({ name }) => name === "work_dollars_by_day");
  const of = (name: string, by: string, labels = {}): number =>
    sumOf(figures, name, { by, ...labels });
  return (
    <section class="panel" aria-label="Work behind it">
      <h2>Work behind it</h2>
      {kinds.length === 0 ? (
        <p class="quiet">No job has been run yet.</p>
      ) : (
        <Table
          caption="Work by kind"
          head={["Work", "#Runs", "#Reads", "#Writes", "#Read", "#Written", "#At list prices"]}
        >
          {kinds.map(({ labels: { by = "" }, value }) => (
            <tr key={by}>
              <th scope="row">{by}</th>
              <td class="number">{formatCount(value)}</td>
              <td class="number">
                {formatCount(of("work_store_requests_total", by, { class: "read" }))}
              </td>
              <td class="number">
                {formatCount(of("work_store_requests_total", by, { class: "write" }))}
              </td>
              <td class="number">
                {formatBytes(of("work_store_bytes_total", by, { direction: "read" }))}
              </td>
              <td class="number">
                {formatBytes(of("work_store_bytes_total", by, { direction: "written" }))}
              </td>
              <td class="number">{formatDollars(of("work_dollars_total", by))}</td>
            </tr>
          ))}
        </Table>
      )}
      {days.length === 0 ? null : (
        <Chart
          title="Cost by day"
          kind="bars"
          points={days.map(({ labels, value }) => ({ label: labels["day"] ?? "", value }))}
          format={formatDollars}
        />
      )}
    </section>
  );
}
