/**
 * Installs the packages of scripts/bench/peers from their lockfile, once, when a bench asks for
 * them: about 240 MB, prebuilt, no install scripts. A stamp says what is installed.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const peersFolder = join(import.meta.dirname, "peers");
const stampFile = join(peersFolder, "node_modules", ".shoal-installed");

/** Undefined if the packages are there, else why not, in one line. */
export function installPeers(say: (line: string) => void): string | undefined {
  const lock = readFileSync(join(peersFolder, "package-lock.json"));
  const wanted = createHash("sha256")
    .update(lock)
    .update(`${process.platform} ${process.arch}`)
    .digest("hex");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted) return undefined;
  say("installing the peers of scripts/bench/peers (once, about 240 MB)");
  rmSync(stampFile, { force: true });
  const npm = process.env["npm_execpath"];
  const [command, first] = npm === undefined ? ["npm", []] : [process.execPath, [npm]];
  const { status, stderr, error } = spawnSync(
    command,
    [...first, "ci", "--ignore-scripts", "--include=optional", "--loglevel=error"],
    {
      cwd: peersFolder,
      encoding: "utf8",
      shell: process.platform === "win32" && first.length === 0,
    },
  );
  if (status === 0) {
    writeFileSync(stampFile, wanted);
    return undefined;
  }
  const reason = error?.message ?? stderr.split("\n").find((line) => line.trim() !== "");
  return `npm ci in scripts/bench/peers failed: ${reason ?? `it exited with ${status}`}`;
}
