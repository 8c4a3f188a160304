/** A sample of recall is noted in the object's own storage: losing it costs nothing but samples. */
import { addSample, noRecall, type RecallSample } from "./namespace/recall-history.ts";
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
