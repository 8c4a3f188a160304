/** A merge notes a step with its job: one write of the table, or nothing if the lease is gone. */
import type { BuildProgress } from "./namespace/build-progress.ts";
import { heldJob, noteStep } from "./namespace/jobs.ts";
import type { OwnerJobs } from "./owner-jobs.ts";

/** `pauses`: the job is given back, and due at once. */
export async function noteProgress(
  jobs: OwnerJobs,
  id: string,
  attempt: number,
  progress: BuildProgress,
  pauses: boolean,
): Promise<boolean> {
  const noted = await jobs.change((table, nowMs) => {
    const job = heldJob(table, id, attempt, nowMs);
    return job === undefined
      ? undefined
      : { table: noteStep(table, job, progress, pauses, nowMs), value: true };
  });
  if (noted === true && pauses) {
    jobs.hint();
  }
  return noted === true;
}
