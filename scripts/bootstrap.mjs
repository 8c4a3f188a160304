/**
 * Makes every command work on a fresh clone. Plain JavaScript, as only shoal.mjs is besides: it
 * runs before anything is installed, under whatever Node the user has.
 *
 *   node scripts/bootstrap.mjs <command> [arguments]      a command of scripts/cli.ts
 *   node scripts/bootstrap.mjs cli [arguments]            a command of scripts/shoal.ts
 *   node scripts/bootstrap.mjs test | check [arguments]   scripts/test.ts, scripts/check.ts
 *   node scripts/bootstrap.mjs test:browser              scripts/test-browser.ts
 *   node scripts/bootstrap.mjs exec <tool> [arguments]    an installed tool, on the terminal
 *
 * 1. Refuses a Node that is too old, in one sentence, before anything is installed.
 * 2. Installs what the lockfile says, unless that was done already (stamp inside node_modules).
 * 3. Builds the kernels and the console if their sources changed.
 * 4. Runs the command under Node 24 (Linux x64: the one just installed), passes signals on to it,
 *    ends what it left running and exits as it exited.
 *
 * An interrupted install is done again: the stamp is removed first and written last. Two at once
 * wait for one another: the lock is a listening socket, which ends with its holder however it dies.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { constants, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules", ".bin");
const stampFile = join(root, "node_modules", ".shoal-installed");
const windows = process.platform === "win32";
const bringsNode = process.platform === "linux" && process.arch === "x64";
const killAfterMs = 20_000;

/** Quiet tools that call nobody: no banners, no metrics, no update checks, no local dashboards. */
const quiet = {
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_OBSERVABILITY: "false",
  X_LOCAL_EXPLORER: "false",
  NO_UPDATE_NOTIFIER: "1",
};
const env = { ...process.env, ...quiet, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` };

process.exitCode = await main(process.argv.slice(2));

async function main([command, ...args]) {
  const complaint = complainAboutNode();
  if (complaint !== undefined) {
    console.error(complaint);
    return 2;
  }
  if (command === undefined) {
    console.error("usage: node scripts/bootstrap.mjs <command> [arguments]");
    return 2;
  }
  const node = bringsNode ? join(bin, "node") : process.execPath;
  const uninstalled = await install();
  if (uninstalled) return uninstalled;
  if (command === "cli") return runShell(node, args);
  const failed = await run(node, [script("build.ts")]);
  if (failed) return failed;
  if (command === "exec") return run(args[0], args.slice(1), { onTerminal: true });
  if (command === "build") return 0;
  if (command === "test" || command === "check")
    return run(node, [script(`${command}.ts`), ...args]);
  if (command === "test:browser") return run(node, [script("test-browser.ts"), ...args]);
  return run(node, [script("cli.ts"), command, ...args]);
}

/** In the folder of whoever calls, with their input: files are theirs, and keys may be typed. */
function runShell(node, args) {
  const onTerminal = process.stdin.isTTY === true;
  const cwd = process.env.INIT_CWD ?? process.cwd();
  return run(node, [script("shoal.ts"), ...args], { onTerminal, stdin: "inherit", cwd });
}

function script(name) {
  return join(root, "scripts", name);
}

function complainAboutNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [needMajor, needMinor] = bringsNode ? [20, 20] : [22, 18];
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return undefined;
  return (
    `Shoal needs Node ${needMajor}.${needMinor} or newer on ${process.platform} ${process.arch}, ` +
    `and this is Node ${process.versions.node}.`
  );
}

async function install() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .update(`${process.platform} ${process.arch}`)
    .digest("hex");
  if (installed() === wanted) return 0;
  const unlock = await lock();
  try {
    if (installed() === wanted) return 0;
    console.error("Installing what package-lock.json lists (once, about 700 MB) ...");
    rmSync(stampFile, { force: true });
    const npm = process.env.npm_execpath;
    const [file, first] = npm === undefined ? ["npm", []] : [process.execPath, [npm]];
    const flags = ["--ignore-scripts", "--include=dev", "--include=optional", "--loglevel=error"];
    const code = await run(file, [...first, "ci", ...flags], { stdout: "ignore" });
    if (code === 0) writeFileSync(stampFile, wanted);
    else console.error(`The install did not succeed (npm ci exited with ${code}).`);
    return code;
  } finally {
    unlock();
  }
}

function installed() {
  try {
    return readFileSync(stampFile, "utf8");
  } catch {
    return undefined;
  }
}

/** Resolves with the function that releases the lock of this folder. */
async function lock() {
  const name = `shoal-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`;
  const file = join(tmpdir(), `${name}.sock`);
  const linux = process.platform === "linux";
  const address = linux ? `\0${name}` : windows ? `\\\\.\\pipe\\${name}` : file;
  for (;;) {
    const server = createServer();
    const free = await new Promise((resolve, reject) => {
      server.once("error", (error) =>
        error.code === "EADDRINUSE" ? resolve(false) : reject(error),
      );
      server.listen(address, () => resolve(true));
    });
    if (free) {
      const waiting = new Set();
      server.on("connection", (socket) => {
        waiting.add(socket);
        socket.on("error", () => {});
      });
      return () => {
        server.close();
        for (const socket of waiting) socket.destroy();
      };
    }
    // Held: stay connected until its holder closes or dies.
    // A socket file that nobody listens on was left over by a holder that died.
    await new Promise((resolve) => {
      const socket = connect(address);
      socket.once("connect", () => console.error("Waiting for another install of this folder ..."));
      socket.once("error", (error) => {
        if (error.code === "ECONNREFUSED" && address === file) rmSync(file, { force: true });
      });
      socket.once("close", resolve);
      socket.resume();
    });
  }
}

/**
 * Runs one program to its end and resolves with its exit code (128 + n for signal n).
 * Off the terminal it leads a process group of its own, so that nothing it starts outlives it.
 */
function run(file, args, options = {}) {
  const { onTerminal = false, stdout = "inherit", cwd = root } = options;
  const grouped = !onTerminal && !windows;
  const stdin = options.stdin ?? (onTerminal ? "inherit" : "ignore");
  const shell = windows && file !== process.execPath;
  const stdio = [stdin, stdout, "inherit"];
  const child = spawn(file, args, { cwd, env, stdio, shell, detached: grouped });
  return new Promise((resolve) => {
    let signalledAt = 0;
    let timer;
    const forward = (signal) => {
      // A terminal and npm both deliver Ctrl-C, so what comes at once counts once; a later one
      // insists.
      if (signalledAt !== 0 && Date.now() - signalledAt > 1000) endGroup();
      if (signalledAt !== 0) return;
      signalledAt = Date.now();
      if (!onTerminal || signal !== "SIGINT") child.kill(signal);
      timer = setTimeout(endGroup, killAfterMs);
    };
    const endGroup = () => {
      try {
        if (grouped) process.kill(-child.pid, "SIGKILL");
        else child.kill("SIGKILL");
      } catch {
        // Already gone.
      }
    };
    const finish = (code) => {
      clearTimeout(timer);
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, forward);
      resolve(code);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, forward);
    child.on("error", (error) => {
      console.error(`Cannot run ${file}: ${error.message}`);
      finish(127);
    });
    child.on("exit", (code, signal) => {
      endGroup();
      finish(code ?? 128 + constants.signals[signal]);
    });
  });
}
