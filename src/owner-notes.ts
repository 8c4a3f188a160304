/**
 * What others have found out about a namespace is noted beside its jobs, in the object's own
 * storage: samples of recall, and what work behind it has cost. Losing that costs figures only.
 */
import { addSample, noRecall, type RecallSample } from "./namespace/recall-history.ts";
import {
  addWork,
  noUsageHistory,
  type WorkKind,
  type WorkUsage,
} from "./namespace/usage-history.ts";
import type { OwnerJobs } from "./owner-jobs.ts";

/** False: it is of another life of the name. */
export async function noteRecall(
  jobs: OwnerJobs,
  generation: string,
  sample: Omit<RecallSample, "timeMs">,
): Promise<boolean> {
  const noted = await jobs.change((table, nowMs) =>
    table.generation === generation
      ? {
          table: {
            ...table,
            recall: addSample(table.recall ?? noRecall, { ...sample, timeMs: nowMs }),
          },
          value: true,
        }
      : undefined,
  );
  return noted === true;
}

export async function noteUsage(jobs: OwnerJobs, kind: WorkKind, usage: WorkUsage): Promise<true> {
  await jobs.change((table, nowMs) => {
    const history = addWork(table.usage ?? noUsageHistory, kind, usage, nowMs);
    return { table: { ...table, usage: history }, value: true };
  });
  return true;
}
