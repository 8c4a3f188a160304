/**
 * A progress bar on stderr: done, total, rate and time left. Where stderr is not a terminal, one
 * line every few seconds. Standard output stays free for results.
 */
import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  update(done: number): void;
  stop(): void;
}

export function startProgress(label: string, total: number, unit: string, done = 0): Progress {
  const bar = new SingleBar(
    {
      stream: process.stderr,
      format: (_options, { startTime, value }) =>
        describe({ label, unit, total, done, value, startedMs: startTime }),
      noTTYOutput: true,
      notTTYSchedule: 5_000,
      hideCursor: true,
      clearOnComplete: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, done);
  return { update: (value) => bar.update(value), stop: () => bar.stop() };
}

interface State {
  readonly label: string;
  readonly unit: string;
  readonly total: number;
  /** What was done before the bar started. */
  readonly done: number;
  readonly value: number;
  readonly startedMs: number;
}

const barWidth = 28;

export function describe(state: State, nowMs: number = Date.now()): string {
  const { label, unit, total, done, value, startedMs } = state;
  const seconds = Math.max((nowMs - startedMs) / 1000, 0.001);
  const rate = (value - done) / seconds;
  const filled = total === 0 ? barWidth : Math.round((value / total) * barWidth);
  const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
  const left = rate > 0 ? `, ${formatSeconds((total - value) / rate)} left` : "";
  const counts = `${value.toLocaleString("en")}/${total.toLocaleString("en")} ${unit}`;
  return `${label} ${bar} ${counts}, ${Math.round(rate).toLocaleString("en")} ${unit}/s${left}`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
