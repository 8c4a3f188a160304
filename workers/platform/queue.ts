/** Messages to the consumers of the queue; `meter` counts them. */
import type { JobHint, OperationHint, RecallSampleHint } from "../../src/ports.ts";
import type { UsageMeter } from "./usage-meter.ts";

export async function sendHint(
  env: Pick<Env, "JOBS">,
  meter: UsageMeter,
  hint: JobHint | OperationHint | RecallSampleHint,
  afterMs = 0,
): Promise<void> {
  meter.add("queueMessages");
  await env.JOBS.send(hint, { delaySeconds: Math.ceil(afterMs / 1_000) });
}
