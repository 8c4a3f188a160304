/** The engine's ports on this platform. */
import type { Ports } from "../../src/ports.ts";
import { systemClock } from "./clock.ts";
import { sha256 } from "./digest.ts";
import { createLog } from "./log.ts";
import { systemRandom } from "./random.ts";
import { openStore } from "./store.ts";

export function enginePorts(env: Env): Ports {
  return {
    store: openStore(env.BUCKET, env.SHOAL_R2_LATENCY),
    clock: systemClock,
    random: systemRandom,
    digest: sha256,
    log: createLog(),
  };
}
