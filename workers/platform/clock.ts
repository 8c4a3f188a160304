/** The runtime's clock. In production it stands still while code runs and moves with each wait. */
import type { Clock } from "../../src/ports.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
