import { spawn } from "node:child_process";
import { expect, it } from "vitest";
import { cpuMs, descendants, parsePsLine } from "../../scripts/process-cpu.ts";

it("finds the processes below one, and the time they took", async () => {
  // By its own clock of CPU time: on a busy machine other processes have the rest of the time.
  const busy = "while (process.cpuUsage().user < 200_000);";
  const wait = "process.stdout.write('.'); setInterval(() => {}, 1000);";
  const child = spawn(process.execPath, ["-e", busy + wait], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const pid = child.pid ?? 0;
    expect(descendants(process.pid)).toContain(pid);
    expect(descendants(pid)).toEqual([]);
    const used = cpuMs([pid]);
    expect(used).toBeGreaterThan(150);
    expect(used).toBeLessThan(5_000);
  } finally {
    child.kill("SIGKILL");
  }
});

it("counts nothing for a process that ended", () => {
  expect(cpuMs([2 ** 30])).toBe(0);
});

it.each([
  ["  12     1   0:01.25", { pid: 12, parent: 1, cpuMs: 1_250 }],
  ["12 1 01:02:03", { pid: 12, parent: 1, cpuMs: 3_723_000 }],
  ["12 1 1-00:00:01", { pid: 12, parent: 1, cpuMs: 86_401_000 }],
])("reads the line %j of ps", (line, usage) => {
  expect(parsePsLine(line)).toEqual([usage]);
});
