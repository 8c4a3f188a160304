/**
 * CPU time of a process and its descendants, user and system together, in milliseconds.
 *
 * Linux: /proc/<pid>/stat, in ticks of 10 ms. Elsewhere: `ps`, whose resolution is 10 ms at best.
 * Time of children that ended and were waited for is not counted: a server's live as long as it.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

interface Usage {
  readonly pid: number;
  readonly parent: number;
  readonly cpuMs: number;
}

/** The kernel's USER_HZ is 100 on every platform that Node runs on. */
const tickMs = 10;

/** The processes below `root`, without it. */
export function descendants(root: number): readonly number[] {
  const usages = listProcesses();
  const found = new Set([root]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const { pid, parent } of usages) if (found.has(parent)) found.add(pid);
  }
  found.delete(root);
  return [...found];
}

export function cpuMs(pids: readonly number[]): number {
  const wanted = new Set(pids);
  const usages =
    process.platform === "linux"
      ? pids.flatMap(readStat)
      : listProcesses().filter(({ pid }) => wanted.has(pid));
  return usages.reduce((sum, usage) => sum + usage.cpuMs, 0);
}

function listProcesses(): readonly Usage[] {
  if (process.platform !== "linux") {
    const text = execFileSync("ps", ["-axo", "pid=,ppid=,time="], { encoding: "utf8" });
    return text.split("\n").flatMap(parsePsLine);
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)));
}

/** Fields of stat after the name, which stands in parentheses and may hold anything. */
function readStat(pid: number): readonly Usage[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return [];
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number);
  return [{ pid, parent: parent ?? 0, cpuMs: ((user ?? 0) + (system ?? 0)) * tickMs }];
}

/** `pid ppid [days-][hours:]minutes:seconds[.hundredths]` */
export function parsePsLine(line: string): readonly Usage[] {
  const match = /^\s*(\d+)\s+(\d+)\s+(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s*$/.exec(line);
  if (match === null) return [];
  const [pid, parent, days, hours, minutes, seconds] = match.slice(1).map((s) => Number(s ?? 0));
  const total = (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0);
  return [{ pid: pid ?? 0, parent: parent ?? 0, cpuMs: total * 1000 }];
}
