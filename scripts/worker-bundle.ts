/**
 * The Worker as it would be deployed, bundled by `wrangler deploy --dry-run` and kept under a hash
 * of everything that goes into it: the second call for the same tree costs 20 ms, the first 5 s.
 *
 * Two processes that build the same tree at once both succeed: each builds in a folder of its own
 * and renames it into place.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { digestSources } from "./source-digest.ts";

const root = dirname(import.meta.dirname);
const builds = join(root, ".shoal", "builds");
const inputs = ["src", "workers", "durable-objects", "wrangler.toml", "package-lock.json"];
/** Other builds are removed when they are this old: a server that started from one has read it. */
const keepMs = 60 * 60_000;

export interface WorkerBundle {
  /** Folder of the modules. */
  readonly directory: string;
  readonly modules: readonly BundledModule[];
}

/** The first is the entry. Paths are relative to the bundle's folder. */
export interface BundledModule {
  readonly type: "ESModule" | "CompiledWasm";
  readonly path: string;
}

export async function bundleWorker(): Promise<WorkerBundle> {
  const directory = join(builds, digestSources(root, inputs).slice(0, 32));
  if (!existsSync(directory)) await build(directory);
  const wasm = readdirSync(directory).filter((file) => file.endsWith(".wasm"));
  return {
    directory,
    modules: [
      { type: "ESModule", path: "main.js" },
      ...wasm.map((path) => ({ type: "CompiledWasm" as const, path })),
    ],
  };
}

async function build(directory: string): Promise<void> {
  mkdirSync(builds, { recursive: true });
  removeOldBuilds();
  const fresh = `${directory}.${process.pid}`;
  const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");
  const args = [wrangler, "deploy", "--dry-run", "--outdir", fresh];
  const env = { ...process.env, WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false" };
  try {
    await promisify(execFile)(process.execPath, args, { cwd: root, env });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`the Worker cannot be bundled:\n${stdout}${stderr}`, { cause: error });
  }
  try {
    renameSync(fresh, directory);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(directory)) throw error;
  }
}

function removeOldBuilds(): void {
  for (const name of readdirSync(builds)) {
    const path = join(builds, name);
    if (Date.now() - statSync(path).mtimeMs > keepMs)
      rmSync(path, { recursive: true, force: true });
  }
}
