/** The engine's ports on this platform, for work whose cost `meter` counts. */
import type { Ports } from "../../src/ports.ts";
import { systemClock } from "./clock.ts";
import { sha256 } from "./digest.ts";
import { createLog } from "./log.ts";
import { systemRandom } from "./random.ts";
import { openStore } from "./store.ts";
import type { UsageMeter } from "./usage-meter.ts";

export function enginePorts(env: Env, meter: UsageMeter): Ports {
  return {
    store: openStore(env.BUCKET, meter, env.SHOAL_R2_LATENCY),
    clock: systemClock,
    random: systemRandom,
    digest: sha256,
    log: createLog(),
  };
}
