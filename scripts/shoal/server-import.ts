/**
 * `shoal import KEY --server`: the server reads an object that lies in its bucket. This command
 * asks for it and watches; it goes on without the command. `shoal imports` lists and cancels.
 */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import type { ImportState } from "../../clients/typescript/shoal-client.ts";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { failed } from "../outcome.ts";
import { onServer, type ServerOptions, withServer } from "./connection.ts";
import { printJson, printTable, say, startBar } from "./output.ts";

const pollMs = 500;

export interface ServerImportOptions {
  readonly wait: boolean;
  readonly json: boolean;
  /** File for what was refused. */
  readonly rejected: string | undefined;
}

/** Returns how it ended, or began if nobody waits. */
export async function importOnServer(
  client: ApiClient,
  namespace: string,
  body: object,
  { wait, json, rejected }: ServerImportOptions,
): Promise<ImportState> {
  const path = `${namespacePath(namespace, "v1")}/imports`;
  let state = await client.post<ImportState>(path, body);
  const own = `${path}/${state.id}`;
  if (!wait) {
    if (json) printJson(state);
    else console.log(`import ${state.id} has begun; see: shoal imports ${namespace}`);
    return state;
  }
  say(`import ${state.id}; it goes on on the server without this command`);
  const bar = startBar("importing", state.bytes_total, "bytes");
  while (["pending", "running", "cancelling"].includes(state.status)) {
    bar.update(state.bytes_read);
    await sleep(pollMs);
    state = await client.get<ImportState>(own);
  }
  bar.update(state.bytes_read);
  bar.stop();
  if (rejected !== undefined && state.rows_rejected > 0) {
    writeFileSync(rejected, await client.sendText("GET", `${own}/rejected`, undefined));
  }
  const rows = `${state.rows_written} rows written, ${state.rows_rejected} rejected`;
  if (json) printJson(state);
  else console.log(`${state.source} -> ${namespace}: ${state.status}, ${rows}`);
  if (state.status !== "finished") throw failed(state.error ?? `The import was ${state.status}.`);
  if (state.rows_rejected > 0) throw failed(`${state.rows_rejected} rows are in ${rejected}.`);
  return state;
}

interface ListOptions extends ServerOptions {
  readonly cancel?: string;
  readonly json: boolean;
}

export function importsCommand(): Command {
  return withServer(new Command("imports").description("imports that the server does itself"))
    .argument("<namespace>")
    .option("--cancel <id>", "end one; what it has written stays")
    .option("--json", "print lines of JSON", false)
    .action((namespace: string, options: ListOptions) =>
      onServer(options, async (client) => {
        const path = `${namespacePath(namespace, "v1")}/imports`;
        const imports =
          options.cancel === undefined
            ? await listAll(client, path)
            : [await client.send<ImportState>("DELETE", `${path}/${options.cancel}`, undefined)];
        if (options.json) for (const each of imports) printJson(each);
        else printTable(columns, imports.map(cellsOf));
      }),
    );
}

const columns = ["id", "source", "status", "created", "written", "rejected"];

function cellsOf(each: ImportState): string[] {
  const { id, source, status, created_at: created } = each;
  return [id, source, status, created, String(each.rows_written), String(each.rows_rejected)];
}

async function listAll(client: ApiClient, path: string): Promise<readonly ImportState[]> {
  const found: ImportState[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `?cursor=${cursor}`;
    const page = await client.get<Page>(path + query);
    found.push(...page.imports);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return found;
}

interface Page {
  readonly imports: readonly ImportState[];
  readonly next_cursor: string | null;
}
