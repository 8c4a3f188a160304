/**
 * What the commands print. Results go to standard output: tables for people, JSON with --json.
 * All else goes to standard error. Progress is drawn on a terminal only.
 */
import { startProgress } from "../progress.ts";
import { type Cell, formatTable } from "../table.ts";

export function printJson(value: unknown): void {
  console.log(JSON.stringify(value));
}

export function printTable(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  widthMax?: number,
): void {
  console.log(formatTable(headings, rows, widthMax).join("\n"));
}

export function say(line: string): void {
  console.error(line);
}

export interface Bar {
  update(done: number): void;
  stop(): void;
}

const silent: Bar = { update: () => {}, stop: () => {} };

/** `total`: undefined if nobody knows; then `share` may say how far it is. */
export function startBar(
  label: string,
  total: number | undefined,
  unit: string,
  share?: () => number,
): Bar {
  if (process.stderr.isTTY !== true) return silent;
  return total === undefined
    ? startCounter(label, unit, share)
    : lazily((done) => startProgress(label, total, unit, done));
}

/** The rate counts from the first update on. */
function lazily(start: (done: number) => Bar): Bar {
  let bar: Bar | undefined;
  return {
    update: (done) => {
      bar ??= start(done);
      bar.update(done);
    },
    stop: () => bar?.stop(),
  };
}

const redrawMs = 100;

function startCounter(label: string, unit: string, share: (() => number) | undefined): Bar {
  const startedMs = performance.now();
  let drawnMs = Number.NEGATIVE_INFINITY;
  let first: number | undefined;
  const draw = (done: number): void => {
    first ??= done;
    const seconds = Math.max((performance.now() - startedMs) / 1000, 0.001);
    const rate = Math.round((done - first) / seconds).toLocaleString("en");
    const part = share?.();
    const far = part === undefined ? "" : `, ${Math.floor(part * 100)} %`;
    const left =
      part === undefined || part < 0.01
        ? ""
        : `, ${Math.ceil((seconds / part) * (1 - part))} s left`;
    const counts = `${done.toLocaleString("en")} ${unit}`;
    process.stderr.write(`\r\u001b[K${label} ${counts}${far}, ${rate} ${unit}/s${left}`);
  };
  let last = 0;
  return {
    update: (done) => {
      last = done;
      if (performance.now() - drawnMs < redrawMs) return;
      drawnMs = performance.now();
      draw(done);
    },
    stop: () => {
      draw(last);
      process.stderr.write("\n");
    },
  };
}

/** 1234567 -> "1.2 MB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A value of a document for a cell of a table. */
export function showValue(value: unknown): Cell {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "string") return value;
  return JSON.stringify(value);
}
