/**
 * How far a merge has come: what the next attempt needs to go on, kept with the job.
 *
 * It goes on with the same segment, the same dead rows and the same schema, so that whatever is
 * done twice gives the same objects. It begins anew after two failures without a step between them,
 * since what it goes on from may be the reason, and before what is stored could come to look like
 * an orphan.
 */
import { limits } from "../limits.ts";

export interface BuildProgress {
  /** Id of the segment in the making. */
  readonly segment: string;
  /** Under which it is built, and which dead rows of each input it leaves out. */
  readonly schemaVersion: number;
  readonly deadVersions: readonly number[];
  /** Names of the objects of the steps, in order. */
  readonly steps: readonly string[];
}

/** Of the call that notes a step: `pauses` gives the job back. */
export type StepArguments = [
  job: string,
  attempt: number,
  progress: BuildProgress,
  pauses: boolean,
];

export const stuckMax = 2;

/**
 * `begunMs`: when the owner noted the first step, by its own clock as `nowMs`; `stuck`: attempts
 * that failed since the last step.
 */
export function canGoOn(begunMs: number, stuck: number, nowMs: number): boolean {
  const ageMs = nowMs - begunMs;
  return stuck < stuckMax && ageMs >= 0 && ageMs < limits.orphanAgeMs / 4;
}
