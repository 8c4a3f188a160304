/** Most memory that processes have held, from /proc/<pid>/status; undefined where there is none. */
import { readFileSync } from "node:fs";

/** Megabytes: the sum of the peaks of each. */
export function memoryPeakMb(pids: readonly number[]): number | undefined {
  let kilobytes = 0;
  for (const pid of pids) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      kilobytes += Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    } catch {
      return undefined;
    }
  }
  return kilobytes / 1_000;
}
