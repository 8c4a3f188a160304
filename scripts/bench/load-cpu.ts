/** CPU time of loading and indexing, with and without what the simulated bucket takes for puts. */
import { cpuMs, descendants } from "../process-cpu.ts";
import { round } from "../quantiles.ts";
import { replayPuts } from "./put-replay.ts";

export interface LoadCpu {
  /** User and system time of the runtime, from the first write until all is indexed. */
  readonly cpu_seconds_load: number;
  /** Of the same puts from an empty Worker, and how many bytes they have (put-replay.ts). */
  readonly cpu_seconds_puts: number;
  readonly put_bytes: number;
  /** The difference. */
  readonly cpu_seconds_own: number;
}

/** `pid`: of the server. */
export async function measureCpu<T>(
  pid: number,
  load: () => Promise<T>,
): Promise<{ readonly loaded: T; readonly cpuSeconds: number }> {
  const runtime = descendants(pid);
  const before = cpuMs(runtime);
  const loaded = await load();
  return { loaded, cpuSeconds: (cpuMs(runtime) - before) / 1000 };
}

/** `stateDir`: of the server, which has stopped. */
export async function ownCpu(cpuSeconds: number, stateDir: string): Promise<LoadCpu> {
  const { cpuSeconds: putSeconds, bytes } = await replayPuts(stateDir);
  return {
    cpu_seconds_load: round(cpuSeconds, 2),
    cpu_seconds_puts: round(putSeconds, 2),
    put_bytes: bytes,
    cpu_seconds_own: round(cpuSeconds - putSeconds, 2),
  };
}
