/**
 * Runs the bundled Worker on this machine, with the simulators of wrangler.toml's bindings: the
 * bucket, the objects, the queues, the cache, the static assets. For tests, benches and whoever
 * needs a server without the development tools around it.
 *
 *   startShoal   in this process; ends with it
 *   spawnShoal   in a process group of its own, which can be killed whole: `kill(-pid, "SIGKILL")`
 *
 * Each server listens twice. `url` goes through the simulated edge: static assets, compression as
 * the edge does it. `directUrl` goes straight into the Worker, by an entry of its own: before the
 * socket of its first entry stand the simulator's two Workers for static assets. What the Worker
 * answers comes byte for byte, for a quarter of the CPU. The API is the same on both.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { freePort } from "./free-port.ts";
import { bundleWorker } from "./worker-bundle.ts";

const root = dirname(import.meta.dirname);
const host = "127.0.0.1";
const startMsMax = 60_000;
/** The Worker's module, with its handlers under a second name. */
const entries =
  'export * from "./main.js"; export { default, default as direct } from "./main.js";';

export interface ShoalOptions {
  /** Of `url`; a free one if not given. */
  readonly port?: number;
  /** Of `directUrl`; a free one if not given. */
  readonly directPort?: number;
  /** Where the state is kept between runs; without one it is temporary. */
  readonly stateDir?: string;
  /** Random if not given. */
  readonly apiKey?: string;
  /** More variables for the Worker. */
  readonly env?: Readonly<Record<string, string>>;
  /** Waiting added to each request to the bucket, such as `get=60/180 put=100/250`, or `remote`. */
  readonly latency?: string;
  /** Waiting added to each call of a namespace's object. */
  readonly objectLatencyMs?: number;
  /** False: messages of the queues are never delivered, as if their consumer were down. */
  readonly consumesQueue?: boolean;
  /** Shows what the Worker logs. */
  readonly verbose?: boolean;
}

export interface Shoal {
  readonly url: string;
  readonly directUrl: string;
  readonly apiKey: string;
  /** Of the process that runs the server; with spawnShoal it leads a process group. */
  readonly pid: number;
  /** Ends the server and removes its state if that was temporary. */
  readonly stop: () => Promise<void>;
}

export async function startShoal(options: ShoalOptions = {}): Promise<Shoal> {
  const apiKey = options.apiKey ?? randomBytes(24).toString("base64url");
  const temporary =
    options.stateDir === undefined ? mkdtempSync(join(tmpdir(), "shoal-")) : undefined;
  const port = options.port ?? (await freePort());
  const directPort = options.directPort ?? (await freePort());
  const { directory, modules } = await bundleWorker();
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml"));
  const log = new Log(options.verbose === true ? LogLevel.INFO : LogLevel.NONE);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host,
      port,
      cf: false,
      log,
      logRequests: false,
      telemetry: { enabled: false },
      handleStructuredLogs: ({ level, message }) => {
        if (options.verbose === true) console.error(`[${level}] ${message}`);
      },
      resourcePersistencePath: options.stateDir ?? temporary ?? "",
      workers: [
        {
          ...workerOptions,
          ...(options.consumesQueue === false ? { queueConsumers: [] } : {}),
          name: "shoal",
          modulesRoot: directory,
          modules: [
            { type: "ESModule", path: join(directory, "entries.js"), contents: entries },
            ...modules.map(({ type, path }) => ({ type, path: join(directory, path) })),
          ],
          bindings: {
            ...options.env,
            SHOAL_API_KEYS: apiKey,
            ...(options.latency === undefined ? {} : { SHOAL_R2_LATENCY: options.latency }),
            SHOAL_OBJECT_LATENCY: String(options.objectLatencyMs ?? 0),
          },
          unsafeDirectSockets: [{ host, port: directPort, entrypoint: "direct" }],
        },
      ],
    }),
  );
  try {
    await miniflare.ready;
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
  return {
    url: `http://${host}:${port}`,
    directUrl: `http://${host}:${directPort}`,
    apiKey,
    pid: process.pid,
    stop: async () => {
      await miniflare.dispose();
      if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
    },
  };
}

/** The same in a child process. It ends when this process does. */
export async function spawnShoal(options: ShoalOptions = {}): Promise<Shoal> {
  const child = fork(import.meta.filename, [JSON.stringify(options)], {
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // Keeps wrangler from telling where it found settings that are not used here.
    env: { ...process.env, WRANGLER_LOG: "error" },
  });
  const { pid } = child;
  const started = await startedOf(child);
  return {
    ...started,
    pid: pid as number,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.disconnect();
      await ended;
    },
  };
}

type Started = Pick<Shoal, "url" | "directUrl" | "apiKey">;

function startedOf(child: ChildProcess): Promise<Started> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`the server did not start within ${startMsMax} ms`));
    }, startMsMax);
    const settle = (use: () => void): void => {
      clearTimeout(timer);
      use();
    };
    child.once("message", (message) => settle(() => resolve(message as Started)));
    child.once("error", (error) => settle(() => reject(error)));
    child.once("exit", (code) =>
      settle(() => reject(new Error(`the server ended with ${code} before it was ready`))),
    );
  });
}

async function serve(options: ShoalOptions): Promise<void> {
  const { stop, url, directUrl, apiKey } = await startShoal(options);
  let stopping = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    void stop().finally(() => process.exit(0));
  };
  process.on("disconnect", end);
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  process.send?.({ url, directUrl, apiKey } satisfies Started);
}

if (import.meta.main) await serve(JSON.parse(process.argv[2] ?? "{}") as ShoalOptions);
