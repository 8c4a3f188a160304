/** The shape of the index: segments by level, what waits in the log, jobs. */
import { useRef, useState } from "preact/hooks";
import type { IndexAnswer, Segment } from "../model/answers.ts";
import { namespacePath } from "../model/api.ts";
import { countOf, formatBytes, formatCount, formatShare } from "../model/format.ts";
import { Notice, Show, Stats, Table } from "../parts/controls.tsx";
import { reasonOf, useLoad, useRepeated } from "../parts/use-load.ts";
import { ClusterMap } from "./cluster-map.tsx";
import type { TabProps } from "./namespace.tsx";

const everyMs = 2_000;

export function IndexState({ api, name, columns, reload: reloadMetadata }: TabProps) {
  const path = namespacePath(name, 1, "/index");
  const [state, reload] = useLoad((signal) => api.get<IndexAnswer>(path, signal), [api, path]);
  const [reason, setReason] = useState<string>();
  const isBusy = state.value?.indexed === false;
  // Asking again ends what was asked before: an answer that takes longer would never come.
  const isLoading = useRef(false);
  isLoading.current = state.kind === "loading";
  useRepeated(
    async () => {
      if (!isLoading.current) reload();
      await Promise.resolve();
    },
    everyMs,
    isBusy,
  );
  const indexNow = async (): Promise<void> => {
    try {
      await api.post(path, {});
      reload();
      reloadMetadata();
    } catch (error) {
      setReason(reasonOf(error));
    }
  };
  return (
    <Show of={state}>
      {(index) => (
        <>
          <Stats
            stats={[
              {
                label: "Log entries",
                value: formatCount(index.head),
                note: `${formatCount(index.head - index.floor)} not in segments`,
              },
              {
                label: "Waiting",
                value: `${formatCount(index.unindexed_rows)} rows`,
                note: formatBytes(index.unindexed_bytes),
              },
              { label: "Segments", value: index.segments.length },
              { label: "Manifest", value: `version ${index.manifest_version}` },
              {
                label: "Written",
                value: formatBytes(index.written_bytes.flush + index.written_bytes.merge),
                note: `${formatBytes(index.written_bytes.merge)} by merges`,
              },
            ]}
          />
          <Shape index={index} />
          {columns.some(({ dims }) => dims !== undefined) ? (
            <ClusterMap api={api} name={name} columns={columns} manifest={index.manifest_version} />
          ) : null}
          <Jobs index={index} />
          {reason === undefined ? null : <Notice kind="error">{reason}</Notice>}
          <button
            type="button"
            disabled={index.unindexed_rows === 0}
            onClick={() => void indexNow()}
          >
            Index now
          </button>
        </>
      )}
    </Show>
  );
}

const width = 900;
const rowHeight = 46;
const labelWidth = 90;

/** Each level a row, each segment as wide as its share of the rows; dead ones are lighter. */
function Shape({ index: { segments, unindexed_rows: waiting } }: { index: IndexAnswer }) {
  const levels = [...new Set(segments.map(({ level }) => level))].toSorted((a, b) => a - b);
  const all = segments.reduce((sum, { rows }) => sum + rows, waiting);
  const lines = [
    ...(waiting > 0
      ? [
          {
            label: "log",
            parts: [part("log", waiting, 0, `${formatCount(waiting)} rows in the log`)],
          },
        ]
      : []),
    ...levels.map((level) => ({
      label: `level ${level}`,
      parts: segments.filter((segment) => segment.level === level).map(segmentPart),
    })),
  ];
  const scale = (rows: number): number => ((width - labelWidth) * rows) / Math.max(1, all);
  return (
    <figure class="shape">
      <figcaption>
        Segments by level, as wide as their share of the rows; superseded rows are pale
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${Math.max(1, lines.length) * rowHeight}`}
        role="img"
        aria-label={`${segments.length} segments on ${levels.length} levels`}
      >
        {lines.map((line, i) => (
          <Level key={line.label} {...line} top={i * rowHeight} scale={scale} />
        ))}
      </svg>
      <SegmentTable segments={segments} />
    </figure>
  );
}

interface LevelProps {
  readonly label: string;
  readonly parts: readonly ReturnType<typeof part>[];
  readonly top: number;
  readonly scale: (rows: number) => number;
}

function Level({ label, parts, top, scale }: LevelProps) {
  let x = labelWidth;
  return (
    <g>
      <text class="axis" x={0} y={top + 24}>
        {label}
      </text>
      {parts.map(({ id, rows, dead, title }) => {
        const left = x;
        const wide = Math.max(3, scale(rows) - 2);
        const place = { y: top + 6, height: 28, rx: 4 };
        const pale = (wide * dead) / Math.max(1, rows);
        x += wide + 2;
        return (
          <g key={id}>
            <title>{title}</title>
            <rect class={id === "log" ? "tail" : "bar"} x={left} width={wide} {...place} />
            {dead > 0 ? <rect class="dead" x={left + wide - pale} width={pale} {...place} /> : null}
          </g>
        );
      })}
    </g>
  );
}

function part(id: string, rows: number, dead: number, title: string) {
  return { id, rows, dead, title };
}

function segmentPart({ id, rows, dead_rows: dead, bytes, clusters }: Segment) {
  const title = `${formatCount(rows)} rows, ${formatCount(dead)} of them superseded, ${formatBytes(bytes)}, ${countOf(clusters, "cluster")}`;
  return part(id, rows, dead, title);
}

function SegmentTable({ segments }: { segments: readonly Segment[] }) {
  if (segments.length === 0) return <p class="quiet">No segments yet.</p>;
  return (
    <Table
      caption="Segments"
      head={["Segment", "#Level", "#Rows", "#Superseded", "#Size", "#Clusters"]}
    >
      {segments.map(({ id, level, rows, dead_rows: dead, bytes, clusters }) => (
        <tr key={id}>
          <th scope="row">
            <code>{id.slice(0, 12)}</code>
          </th>
          <td class="number">{level}</td>
          <td class="number">{formatCount(rows)}</td>
          <td class="number">{rows === 0 ? "–" : formatShare(dead / rows)}</td>
          <td class="number">{formatBytes(bytes)}</td>
          <td class="number">{formatCount(clusters)}</td>
        </tr>
      ))}
    </Table>
  );
}

function Jobs({ index: { jobs } }: { index: IndexAnswer }) {
  if (jobs.length === 0) return <p class="quiet">No job is due.</p>;
  return (
    <Table caption="Jobs" head={["Job", "State", "#Attempt", "Why it failed last"]}>
      {jobs.map(({ id, kind, state, attempt, reason }) => (
        <tr key={id}>
          <th scope="row">{kind}</th>
          <td>
            <span class={`badge ${state === "failing" ? "bad" : "busy"}`}>{state}</span>
          </td>
          <td class="number">{attempt}</td>
          <td>{(reason ?? "").split("\n")[0]}</td>
        </tr>
      ))}
    </Table>
  );
}
