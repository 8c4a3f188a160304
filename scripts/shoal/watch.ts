/**
 * `shoal watch NS`: what is written, as it is written, one line each. Ends with Ctrl-C; the cursor
 * that it prints then, and with --once, goes on there.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { positiveInteger } from "../options.ts";
import { onServer, type ServerOptions, withServer } from "./connection.ts";
import { say } from "./output.ts";

interface Options extends ServerOptions {
  readonly after?: string;
  readonly fromStart: boolean;
  readonly once: boolean;
  readonly interval: number;
  readonly json: boolean;
}

const pageRows = 1_000;

export function watchCommand(): Command {
  return withServer(new Command("watch").description("follow what is written to a namespace"))
    .argument("<namespace>", "which")
    .option("--after <cursor>", "from where an earlier run stopped")
    .option("--from-start", "everything that is kept, then what comes", false)
    .option("--once", "end when there is nothing more for now", false)
    .option("--interval <ms>", "time between questions", positiveInteger, 1_000)
    .option("--json", "print the lines of JSON as they come", false)
    .action((name: string, options: Options) =>
      onServer(options, (client) => watch(client, name, options)),
    );
}

interface Change {
  readonly sequence: number;
  readonly at: string;
  readonly upsert?: Readonly<Record<string, unknown>>;
  readonly delete?: unknown;
  readonly next_cursor?: string;
}

async function watch(client: ApiClient, name: string, options: Options): Promise<void> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  process.stdout.on("error", () => process.exit(0));
  const isNew = options.after === undefined && !options.fromStart;
  let cursor = isNew ? await newestCursor(client, name) : options.after;
  while (!stop.signal.aborted) {
    const { lines, next } = await page(client, name, cursor);
    for (const line of lines) console.log(options.json ? line : describe(line));
    const isEnd = next === cursor || lines.length === 0;
    cursor = next;
    if (isEnd && options.once) break;
    if (isEnd) await sleep(options.interval, undefined, { signal: stop.signal }).catch(() => {});
  }
  say(`To go on from here: --after ${cursor}`);
}

/** The log of a namespace is read from a cursor on: its life, and the next entry in hex. */
async function newestCursor(client: ApiClient, name: string): Promise<string> {
  const { generation, head } = await client.get<{ generation: string; head: number }>(
    `${namespacePath(name, "v1")}/index`,
  );
  return `${generation}-${head.toString(16)}`;
}

async function page(client: ApiClient, name: string, cursor: string | undefined) {
  const params = new URLSearchParams({ limit: String(pageRows) });
  if (cursor !== undefined) params.set("after", cursor);
  const path = `${namespacePath(name)}/changes?${params.toString()}`;
  const lines = (await client.sendText("GET", path, undefined)).trimEnd().split("\n");
  const { next_cursor: next } = JSON.parse(lines.pop() ?? "{}") as Partial<Change>;
  if (next === undefined) throw new Error(`the changes of ${name} broke off`);
  return { lines, next };
}

const textMax = 100;

function describe(line: string): string {
  const { sequence, at, upsert, delete: deleted } = JSON.parse(line) as Change;
  const where = `${at}  ${String(sequence).padStart(6)}`;
  if (upsert === undefined) return `${where}  delete  ${JSON.stringify(deleted)}`;
  const { id, ...attributes } = upsert;
  const shown = Object.entries(attributes)
    .map(([name, value]) => `${name}: ${shorten(value)}`)
    .join(", ");
  return `${where}  upsert  ${JSON.stringify(id)}  ${shown}`.slice(0, 200);
}

function shorten(value: unknown): string {
  if (Array.isArray(value) && value.length > 8) return `[${value.length} values]`;
  const text = JSON.stringify(value) ?? "";
  return text.length > textMax ? `${text.slice(0, textMax)}…` : text;
}
