/**
 * `npm start`: the database on this machine, with a sample to search.
 *
 * 1. An API key, made once. 2. `wrangler dev`, until it is healthy. 3. The sample namespace, once.
 * 4. A query, its result, and examples to copy. 5. Until Ctrl-C, which ends all of it: exit code 0.
 */
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { ApiClient, type Connection } from "../api-client.ts";
import { type DevServer, isPortFree, startDevServer } from "../dev-server.ts";
import { curlExample, shellExample, typescriptExample } from "../examples.ts";
import { ensureLocalKey } from "../local-key.ts";
import { port } from "../options.ts";
import { cannotRun, failed } from "../outcome.ts";
import { loadSampleOnce, sampleNamespace, sampleQuestion, searchSample } from "../sample.ts";
import { lockState } from "../state-lock.ts";
import { formatTable } from "../table.ts";

interface Options {
  readonly port: number;
  readonly state: string;
  readonly fresh: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

const root = join(import.meta.dirname, "../..");
const hits = 3;

export function startCommand(): Command {
  return new Command("start")
    .description("run the database on this machine with a sample to search")
    .option("--port <port>", "where it listens", port, 8787)
    .option("--state <folder>", "where its state is kept", join(".wrangler", "state"))
    .option("--fresh", "start from nothing: delete that state first", false)
    .option("--quiet", "print the URL and the key, nothing else", false)
    .option("--verbose", "show what the server logs", false)
    .action(start);
}

async function start(options: Options): Promise<void> {
  const stateDir = resolve(root, options.state);
  const unlock = lockState(stateDir);
  if (typeof unlock === "number") {
    throw cannotRun(
      `A server with this state runs already (process ${unlock}): end it, or choose another --state.`,
    );
  }
  try {
    await run(options, stateDir);
  } finally {
    unlock();
  }
}

async function run(options: Options, stateDir: string): Promise<void> {
  const interrupted = waitForSignal();
  const interruption = new AbortController();
  const opening = open(options, stateDir, interruption.signal);
  const server = await Promise.race([opening, interrupted]);
  if (server === "interrupted") {
    interruption.abort();
    await opening.then((opened) => opened.stop()).catch(() => undefined);
    return;
  }
  try {
    const connection = { url: server.url, apiKey: ensureLocalKey() };
    await Promise.race([greet(connection, options), interrupted]);
    const why = await Promise.race([server.ended.then(() => "ended"), interrupted]);
    if (why === "ended") throw new Error("The server ended by itself.");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failed(`${reason}\n\n${server.output()}`.trimEnd());
  } finally {
    await server.stop();
  }
}

/** From now on a signal no longer ends this process: the race it wins does. */
function waitForSignal(): Promise<"interrupted"> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => resolve("interrupted"));
    }
  });
}

async function open(
  { port, fresh, quiet, verbose }: Options,
  stateDir: string,
  interrupted: AbortSignal,
): Promise<DevServer> {
  if (!(await isPortFree(port))) {
    throw cannotRun(`Port ${port} is in use: end what uses it, or choose another with --port.`);
  }
  if (fresh) rmSync(stateDir, { recursive: true, force: true });
  ensureLocalKey();
  if (!quiet) console.error("Starting ...");
  try {
    return await startDevServer(port, stateDir, verbose, interrupted);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw cannotRun(`The server did not start. ${reason}`);
  }
}

async function greet(connection: Connection, { quiet }: Options): Promise<void> {
  const client = new ApiClient(connection);
  const written = await loadSampleOnce(client);
  if (quiet) {
    console.log(`${connection.url}\n${connection.apiKey}`);
    return;
  }
  if (written > 0) console.error(`Wrote ${written} documents to the namespace ${sampleNamespace}.`);
  const found = await searchSample(client, sampleQuestion, hits);
  const table = formatTable(
    ["$dist", "topic", "title", "text"],
    found.map(({ $dist, topic, title, text }) => [$dist.toFixed(3), topic, title, text]),
  );
  console.log(
    [
      "",
      `"${sampleQuestion}", among the documents of the namespace ${sampleNamespace}:`,
      "",
      ...table.map((line) => `  ${line}`),
      "",
      `URL      ${connection.url}`,
      `API key  ${connection.apiKey}`,
      `Console  ${connection.url}/#key=${connection.apiKey}`,
      "",
      "With the command line, from this folder:",
      "",
      shellExample(connection),
      "",
      "With curl:",
      "",
      curlExample(connection),
      "",
      "With the official TypeScript client, from this folder:",
      "",
      typescriptExample(connection),
      "",
      "Ctrl-C ends it; the state is kept.",
    ].join("\n"),
  );
}
