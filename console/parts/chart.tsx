/** Charts in SVG, each with its figures as a table for whoever cannot see it. */
import { useId } from "preact/hooks";

export interface Point {
  readonly label: string;
  readonly value: number;
}

interface ChartProps {
  readonly title: string;
  readonly points: readonly Point[];
  readonly format: (value: number) => string;
  /** Of the axis; otherwise from 0 to the largest. */
  readonly min?: number;
  readonly max?: number;
  readonly kind?: "line" | "bars";
}

const width = 480;
const height = 150;
const left = 72;
const bottom = 20;
const top = 10;

export function Chart({ title, points, format, min = 0, max, kind = "line" }: ChartProps) {
  const id = useId();
  const most = max ?? Math.max(...points.map(({ value }) => value), min + Number.EPSILON);
  const y = (value: number): number =>
    top + (height - top - bottom) * (1 - (value - min) / (most - min || 1));
  const step = (width - left) / Math.max(1, points.length);
  const x = (i: number): number => left + step * (i + 0.5);
  const barWidth = Math.min(40, step * 0.8);
  const last = points.at(-1);
  return (
    <figure class="chart">
      <figcaption>
        {title}
        {last === undefined ? null : <strong>{format(last.value)}</strong>}
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-labelledby={id}>
        <title
          id={id}
        >{`${title}: ${points.length} values, last ${last === undefined ? "none" : format(last.value)}`}</title>
        {ticks([min, (min + most) / 2, most], format).map((value) => (
          <g key={value}>
            <line class="grid" x1={left} x2={width} y1={y(value)} y2={y(value)} />
            <text class="axis" x={left - 8} y={y(value) + 4} text-anchor="end">
              {format(value)}
            </text>
          </g>
        ))}
        {kind === "bars" ? (
          points.map(({ label, value }, i) => (
            <rect
              key={label}
              class="bar"
              x={x(i) - barWidth / 2}
              width={barWidth}
              y={y(value)}
              height={Math.max(0, y(min) - y(value))}
            />
          ))
        ) : (
          <Line points={points.map(({ value }, i) => [x(i), y(value)])} />
        )}
        {labelled(points).map(({ label, i }) => (
          <text
            key={i}
            class="axis"
            x={x(i)}
            y={height - 4}
            text-anchor={points.length === 1 ? "middle" : i === 0 ? "start" : "end"}
          >
            {label}
          </text>
        ))}
      </svg>
      <details>
        <summary>As a table</summary>
        <table>
          <tbody>
            {points.map(({ label, value }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{format(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

function Line({ points }: { points: readonly (readonly [number, number])[] }) {
  const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const [end] = points.slice(-1);
  return (
    <>
      <polyline class="line" points={path} />
      {end === undefined ? null : <circle class="dot" cx={end[0]} cy={end[1]} r={3.5} />}
    </>
  );
}

/** None that reads like the one below it. */
function ticks(values: readonly number[], format: (value: number) => string): readonly number[] {
  return values.filter((value, i) => i === 0 || format(value) !== format(values[i - 1] as number));
}

/** The first and the last. */
function labelled(points: readonly Point[]) {
  const all = points.map(({ label }, i) => ({ label, i }));
  return all.length < 2 ? all : [...all.slice(0, 1), ...all.slice(-1)];
}
