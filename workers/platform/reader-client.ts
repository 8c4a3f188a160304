/**
 * Readers of shards as a Worker reaches them. A call is made once: whoever asks can read for
 * itself, so a reader that is overloaded or was lost is not asked again. `meter` counts the calls,
 * and what readers used.
 */
import type { ReaderAnswer } from "../../durable-objects/reader.ts";
import type { Readers } from "../../src/reader-protocol.ts";
import { systemClock } from "./clock.ts";
import type { UsageMeter } from "./usage-meter.ts";

export function readerClient(
  env: Pick<Env, "READERS" | "SHOAL_OBJECT_LATENCY">,
  meter: UsageMeter,
): Readers {
  const latencyMs = Number(env.SHOAL_OBJECT_LATENCY ?? 0);
  return {
    read: async ({ tenant, generation, number }, request) => {
      if (latencyMs > 0) await systemClock.sleep(latencyMs);
      meter.add("objectCalls");
      // The stub has the method of Readers; its own types wrap what it returns.
      const reader = env.READERS.getByName(`${tenant}/${generation}/${number}`);
      const { reply, usage } = (await reader.read(request)) as ReaderAnswer;
      meter.include(usage);
      return reply;
    },
  };
}
