/**
 * What others have found out about a namespace is noted beside its jobs, in the object's own
 * storage: samples of recall, and what work behind it has cost. Losing that costs figures only.
 */
import type { JobTable } from "./namespace/jobs.ts";
import { addSample, noRecall, type RecallSample } from "./namespace/recall-history.ts";
import { addWork, noUsageHistory, type UsageArguments } from "./namespace/usage-history.ts";
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

/** Of work that does not end with a call of its own that says so. */
export async function noteUsage(jobs: OwnerJobs, ...usage: UsageArguments): Promise<true> {
  await jobs.change((table, nowMs) => ({ table: withUsage(table, usage, nowMs), value: true }));
  return true;
}

export function withUsage(table: JobTable, [kind, usage]: UsageArguments, nowMs: number): JobTable {
  return { ...table, usage: addWork(table.usage ?? noUsageHistory, kind, usage, nowMs) };
}
