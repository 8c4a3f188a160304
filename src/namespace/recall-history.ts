/**
 * How much of the truth the approximate queries of a namespace have found lately, by samples of
 * real ones, and how many rows its queries look at because of it. Pure.
 *
 *   hours    mean of each hour that has samples, newest last, a week of them
 *   probes   factor on the rows a query scans. Raised by half when enough samples taken with it
 *            stay below the bound, lowered step by step when far more samples are well above it
 *   window   samples taken with the present factor
 *
 * A sample says with which factor it was taken, so one that was under way while it changed counts
 * in the history and nowhere else. Losing all of it costs the time to find it out again.
 */
import { limits } from "../limits.ts";

export interface RecallSample {
  readonly timeMs: number;
  /** Share of the true ten nearest that were found. */
  readonly recall: number;
  /** Factor the query was answered with. */
  readonly probes: number;
}

/** Of the call that notes a sample; the time is the owner's. */
export type RecallArguments = [generation: string, sample: Omit<RecallSample, "timeMs">];

export interface RecallHistory {
  readonly hours: readonly RecallHour[];
  readonly window: { readonly count: number; readonly sum: number };
  readonly probes: number;
}

export interface RecallHour {
  readonly startMs: number;
  readonly count: number;
  readonly sum: number;
}

const hourMs = 3_600_000;
const hoursMax = 168;
const raiseFrom = 32;
const lowerFrom = 400;
const step = 1.5;
/** Share of what may be missed that is missed where fewer probes would do. */
const missedShareLow = 0.2;

export const noRecall: RecallHistory = { hours: [], window: { count: 0, sum: 0 }, probes: 1 };

export function addSample(history: RecallHistory, sample: RecallSample): RecallHistory {
  const hours = addToHours(history.hours, sample);
  const { probes } = history;
  if (sample.probes !== probes) {
    return { ...history, hours };
  }
  const count = history.window.count + 1;
  const sum = history.window.sum + sample.recall;
  const missed = 1 - sum / count;
  const may = 1 - limits.recallMin;
  const fresh = { count: 0, sum: 0 };
  if (count >= raiseFrom && missed > may) {
    return { hours, window: fresh, probes: Math.min(limits.probeFactorMax, probes * step) };
  }
  if (count >= lowerFrom) {
    const lower = missed < missedShareLow * may ? Math.max(1, probes / step) : probes;
    return { hours, window: fresh, probes: lower };
  }
  return { hours, window: { count, sum }, probes };
}

function addToHours(
  hours: readonly RecallHour[],
  { timeMs, recall }: RecallSample,
): readonly RecallHour[] {
  const startMs = timeMs - (timeMs % hourMs);
  const last = hours.at(-1);
  // A clock that was set back adds to the newest hour.
  if (last !== undefined && startMs <= last.startMs) {
    return [...hours.slice(0, -1), { ...last, count: last.count + 1, sum: last.sum + recall }];
  }
  return [...hours, { startMs, count: 1, sum: recall }].slice(-hoursMax);
}

/** Mean of the newest hours that have so many samples together; undefined without any. */
export function recentRecall({ hours }: RecallHistory): number | undefined {
  let count = 0;
  let sum = 0;
  for (const hour of hours.toReversed()) {
    count += hour.count;
    sum += hour.sum;
    if (count >= raiseFrom) break;
  }
  return count === 0 ? undefined : sum / count;
}
