/**
 * `wrangler dev` as a child process: the whole Worker on this machine, bindings simulated, state in
 * a folder. Its output is kept and shown only when something goes wrong, or all along if asked.
 *
 * It stays in the process group of its parent, so that whoever ends that group ends it too.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { descendants } from "./process-cpu.ts";

const root = dirname(import.meta.dirname);
const host = "127.0.0.1";
const healthyMsMax = 90_000;
const pollMs = 100;
const stopMsMax = 8_000;
/** One that is still starting has nothing to put in order. */
const stopStartingMsMax = 1_000;
const outputCharactersKept = 20_000;

export interface DevServer {
  readonly url: string;
  /** Resolves when it ended by itself. */
  readonly ended: Promise<void>;
  output(): string;
  stop(): Promise<void>;
}

/** Quiet tools that call nobody: no banner, no metrics, no dashboards beside the Worker. */
const quiet = {
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_OBSERVABILITY: "false",
  X_LOCAL_EXPLORER: "false",
  NO_COLOR: "1",
};

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/**
 * Resolves when GET /health is answered with 200. Throws with wrangler's output if it never is, and
 * when `interrupted`; nothing is left running then.
 */
export async function startDevServer(
  port: number,
  stateDir: string,
  verbose: boolean,
  interrupted: AbortSignal,
): Promise<DevServer> {
  const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");
  const options = {
    ip: host,
    port,
    // Any free one.
    "inspector-port": 0,
    "persist-to": stateDir,
    "log-level": verbose ? "log" : "warn",
    "show-interactive-dev-session": false,
  };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, [wrangler, "dev", ...flags], {
    cwd: root,
    env: { ...process.env, ...quiet },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = collectOutput(child, verbose);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const url = `http://${host}:${port}`;
  try {
    await untilHealthy(url, child, interrupted);
  } catch (error) {
    await stopTree(child, ended, stopStartingMsMax);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${reason}\n\n${output()}`, { cause: error });
  }
  return { url, ended, output, stop: () => stopTree(child, ended, stopMsMax) };
}

function collectOutput(child: ChildProcess, verbose: boolean): () => string {
  let kept = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      kept = (kept + text).slice(-outputCharactersKept);
      if (verbose) process.stderr.write(text);
    });
  }
  return () => kept.trim();
}

async function untilHealthy(
  url: string,
  child: ChildProcess,
  interrupted: AbortSignal,
): Promise<void> {
  const endMs = performance.now() + healthyMsMax;
  while (performance.now() < endMs) {
    interrupted.throwIfAborted();
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error("wrangler dev ended before it was ready.");
    }
    if (await isHealthy(url, interrupted)) return;
    await sleep(pollMs);
  }
  throw new Error(`${url}/health gave no answer within ${healthyMsMax / 1000} s.`);
}

async function isHealthy(url: string, interrupted: AbortSignal): Promise<boolean> {
  try {
    const signal = AbortSignal.any([AbortSignal.timeout(5_000), interrupted]);
    const response = await fetch(`${url}/health`, { signal });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** Asks first, then kills what is left, the runtime below it included. */
async function stopTree(
  child: ChildProcess,
  ended: Promise<void>,
  patienceMs: number,
): Promise<void> {
  const pid = child.pid;
  if (pid === undefined) return;
  const below = descendants(pid);
  child.kill("SIGINT");
  const wait = new AbortController();
  const timeout = sleep(patienceMs, undefined, { signal: wait.signal }).catch(() => undefined);
  await Promise.race([ended, timeout]);
  wait.abort();
  // Asked again: one that was starting has started more meanwhile.
  for (const each of new Set([pid, ...below, ...descendants(pid)])) {
    try {
      process.kill(each, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}
