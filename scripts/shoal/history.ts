/**
 * Copies, branches, snapshots and the way back:
 * `shoal copy A B`, `branch A B`, `snapshot NS NAME`, `snapshots NS`, `restore NS`.
 */
import { Command } from "commander";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { cannotRun } from "../outcome.ts";
import { onServer, type ServerOptions, withServer } from "./connection.ts";
import { printJson, printTable } from "./output.ts";

export function copyCommand(): Command {
  return cloneCommand("copy", "copy_from_namespace", "begin a namespace as a copy of another one");
}

export function branchCommand(): Command {
  const about = "begin a namespace that shares what another one has";
  return cloneCommand("branch", "branch_from_namespace", about);
}

function cloneCommand(verb: string, field: string, about: string): Command {
  return withServer(new Command(verb).description(`${about}, in constant time`))
    .argument("<source>", "namespace to begin as")
    .argument("<name>", "the new one")
    .action((source: string, name: string, options: ServerOptions) =>
      onServer(options, async (client) => {
        await client.post(namespacePath(name), { [field]: source });
        console.log(`${name} is a ${verb} of ${source}.`);
      }),
    );
}

interface SnapshotOptions extends ServerOptions {
  readonly asOf?: string;
  readonly delete: boolean;
}

export function snapshotCommand(): Command {
  return withServer(new Command("snapshot").description("give a namespace, as it is, a name"))
    .argument("<namespace>", "of which")
    .argument("<snapshot>", "what to call it")
    .option("--as-of <time>", "as it was, within its retention")
    .option("--delete", "delete this snapshot instead", false)
    .action((name: string, snapshot: string, options: SnapshotOptions) =>
      onServer(options, async (client) => {
        const path = `${namespacePath(name, "v1")}/snapshots`;
        if (options.delete) {
          await client.send("DELETE", `${path}/${encodeURIComponent(snapshot)}`, undefined);
          console.log(`The snapshot ${snapshot} of ${name} is deleted.`);
          return;
        }
        const { asOf } = options;
        const body = { name: snapshot, ...(asOf !== undefined && { as_of: momentOf(asOf) }) };
        const made = await client.post<Snapshot>(path, body);
        console.log(`${name} as of entry ${made.sequence} is the snapshot ${snapshot}.`);
      }),
    );
}

interface Snapshot {
  readonly name: string;
  readonly created_at: string;
  readonly sequence: number;
}

export function snapshotsCommand(): Command {
  return withServer(new Command("snapshots").description("list the snapshots of a namespace"))
    .argument("<namespace>", "of which")
    .option("--json", "print lines of JSON", false)
    .action((name: string, options: ServerOptions & { readonly json: boolean }) =>
      onServer(options, async (client) => {
        const snapshots: Snapshot[] = [];
        for await (const snapshot of listSnapshots(client, name)) snapshots.push(snapshot);
        if (options.json) for (const snapshot of snapshots) printJson(snapshot);
        else if (snapshots.length === 0) console.log(`${name} has no snapshots.`);
        else {
          printTable(
            ["snapshot", "created", "entry"],
            snapshots.map((each) => [each.name, each.created_at, each.sequence]),
          );
        }
      }),
    );
}

async function* listSnapshots(client: ApiClient, name: string): AsyncGenerator<Snapshot> {
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const page: { snapshots: Snapshot[]; next_cursor: string | null } = await client.get(
      `${namespacePath(name, "v1")}/snapshots${query}`,
    );
    yield* page.snapshots;
    cursor = page.next_cursor;
  } while (cursor !== null);
}

interface RestoreOptions extends ServerOptions {
  readonly snapshot?: string;
  readonly asOf?: string;
  readonly yes: boolean;
}

export function restoreCommand(): Command {
  return withServer(new Command("restore").description("go on as a namespace was"))
    .argument("<namespace>", "which")
    .option("--snapshot <name>", "as in this snapshot")
    .option("--as-of <time>", "as at a time, or after an entry of the log")
    .option("--yes", "give up all that was written since", false)
    .action((name: string, options: RestoreOptions) =>
      onServer(options, async (client) => {
        const { snapshot, asOf } = options;
        if ((snapshot === undefined) === (asOf === undefined)) {
          throw cannotRun("Say either --snapshot or --as-of.");
        }
        if (!options.yes) {
          throw cannotRun(`All that was written to ${name} since is given up: say --yes.`);
        }
        const body = { as_of: snapshot === undefined ? momentOf(asOf ?? "") : { snapshot } };
        const { sequence } = await client.post<{ sequence: number }>(
          `${namespacePath(name, "v1")}/restore`,
          body,
        );
        console.log(`${name} is as it was after entry ${sequence}.`);
      }),
    );
}

function momentOf(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}
