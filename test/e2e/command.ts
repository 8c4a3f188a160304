/** Runs a command as `npm run` does, and what such tests need besides. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Exit code; 128 and more for a signal. */
  readonly ended: Promise<number>;
}

export function startCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningCommand {
  const child = spawn(process.execPath, [join(root, "scripts", "bootstrap.mjs"), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { child, ...collect(child) };
}

export function occupyPort(): Promise<{ readonly port: number; readonly close: () => void }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      resolve({ port, close: () => server.close() });
    });
  });
}

/** A zombie that nobody has waited for yet is not alive. */
export function isAlive(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return /^[^Z\s]/.test(stdout.trim());
}

/** A line for a shell, in the folder of the repository. */
export function startShell(line: string): RunningCommand {
  const child = spawn("sh", ["-c", line], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  return { child, ...collect(child) };
}

function collect(child: ChildProcess): Omit<RunningCommand, "child"> {
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  }
  return {
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    ended: new Promise((resolve) => child.once("close", (code) => resolve(code ?? 128))),
  };
}
