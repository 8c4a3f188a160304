/** Where the clusters of the index lie, and which of them a search would read. */
import { useState } from "preact/hooks";
import type { IndexMap, MappedCluster } from "../model/answers.ts";
import { namespacePath } from "../model/api.ts";
import { embeddingDimensions } from "../model/encoder.ts";
import { countOf, formatCount, formatShare } from "../model/format.ts";
import { makeVector } from "../model/make-vector.ts";
import { firstForm } from "../model/query-form.ts";
import { Notice, Show, TextField } from "../parts/controls.tsx";
import { reasonOf, useLoad } from "../parts/use-load.ts";
import type { TabProps } from "./namespace.tsx";

const width = 900;
const height = 420;
const edge = 24;

interface ClusterMapProps extends Pick<TabProps, "api" | "name" | "columns"> {
  /** Its version: another has other clusters. */
  readonly manifest: number;
}

export function ClusterMap({ api, name, columns, manifest }: ClusterMapProps) {
  const form = { ...firstForm(columns, embeddingDimensions), mode: "vector" as const };
  const byMeaning = form.source === "meaning";
  const [asked, setAsked] = useState("");
  const [shown, setShown] = useState<object>({});
  const [reason, setReason] = useState<string>();
  const [map] = useLoad(
    (signal) => api.post<IndexMap>(namespacePath(name, 1, "/index/map"), shown, signal),
    [api, name, shown, manifest],
  );
  const light = async (event: Event): Promise<void> => {
    event.preventDefault();
    setReason(undefined);
    try {
      const made = await makeVector(api, name, { ...form, words: asked, document: asked });
      setShown(made === undefined ? {} : { rank_by: [form.column, "ANN", made] });
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  return (
    <section class="panel" aria-label="Clusters">
      <h2>Clusters</h2>
      <form class="row" onSubmit={(event) => void light(event)}>
        <TextField
          label={byMeaning ? "A search for" : "A search near the document"}
          type="search"
          placeholder={byMeaning ? "words" : "its id"}
          value={asked}
          onChange={setAsked}
        />
        <button type="submit">Show what it reads</button>
      </form>
      {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
      <Show of={map}>{(found) => <Picture map={found} />}</Show>
    </section>
  );
}

function Picture({ map }: { map: IndexMap }) {
  const { clusters, query } = map;
  if (clusters.length === 0) return <p class="quiet">Nothing is indexed yet.</p>;
  const most = Math.max(...clusters.map(({ rows }) => rows));
  const place = placeIn([...clusters, ...(query === undefined ? [] : [query])]);
  const cross = query && place(query);
  return (
    <figure class="map">
      <figcaption>{summaryOf(map)}</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={summaryOf(map)}>
        {clusters.map((cluster, i) => {
          const [x, y] = place(cluster);
          const r = 2.5 + 10 * Math.sqrt(cluster.rows / most);
          return (
            <circle
              key={i}
              class={cluster.probed === true ? "probed" : "cluster"}
              cx={x}
              cy={y}
              r={r}
            >
              <title>{`${formatCount(cluster.rows)} rows of ${cluster.segment.slice(0, 12)}`}</title>
            </circle>
          );
        })}
        {cross === undefined ? null : (
          <path
            class="cross"
            d={`M${cross[0] - 9} ${cross[1]}h18M${cross[0]} ${cross[1] - 9}v18`}
          />
        )}
      </svg>
    </figure>
  );
}

/** The same scale in both directions, so that near is near. */
function placeIn(points: readonly { readonly x: number; readonly y: number }[]) {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const scale = Math.min(
    (width - 2 * edge) / Math.max(right - left, 1e-9),
    (height - 2 * edge) / Math.max(high - low, 1e-9),
  );
  const finite = points.length > 1 ? scale : 0;
  return ({ x, y }: { readonly x: number; readonly y: number }): readonly [number, number] => [
    width / 2 + (x - (left + right) / 2) * finite,
    height / 2 - (y - (low + high) / 2) * finite,
  ];
}

function summaryOf({ clusters, clusters_total: total, variance_shown: share, query }: IndexMap) {
  const segments = new Set(clusters.map(({ segment }) => segment)).size;
  const of = `${countOf(total, "cluster")} of ${countOf(segments, "segment")}`;
  const left = total > clusters.length ? `, the ${formatCount(clusters.length)} largest shown` : "";
  const seen = `; this plane shows ${formatShare(share)} of what they differ by`;
  if (query === undefined) return `${of}${left}${seen}.`;
  const probed = clusters.filter((cluster) => cluster.probed === true);
  const part = sumRows(probed) / Math.max(1, sumRows(clusters));
  return `${of}${left}${seen}. A search at the cross reads ${formatCount(probed.length)} of them, ${formatShare(part)} of the rows.`;
}

function sumRows(clusters: readonly MappedCluster[]): number {
  return clusters.reduce((sum, { rows }) => sum + rows, 0);
}
