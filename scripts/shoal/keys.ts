/** `shoal keys list | create | revoke`. */
import { Command, Option } from "commander";
import type { ApiKey } from "../../console/model/answers.ts";
import type { ApiClient } from "../api-client.ts";
import { listOf, positiveInteger } from "../options.ts";
import { onServer, type ServerOptions, withServer } from "./connection.ts";
import { printJson, printTable, say } from "./output.ts";

export function keysCommand(): Command {
  const command = new Command("keys").description("make, list and revoke API keys");
  command.addCommand(listCommand(), { isDefault: true });
  command.addCommand(createCommand());
  command.addCommand(revokeCommand());
  return command;
}

function listCommand(): Command {
  return withServer(new Command("list").description("which keys there are, without their secrets"))
    .option("--json", "print lines of JSON", false)
    .action((options: ServerOptions & { readonly json: boolean }) =>
      onServer(options, async (client) => {
        const keys: ApiKey[] = [];
        for await (const key of listKeys(client)) keys.push(key);
        if (options.json) for (const key of keys) printJson(key);
        else if (keys.length === 0) console.log("There are no keys but those of the deployment.");
        else {
          printTable(
            ["id", "scopes", "namespaces", "expires", "note"],
            keys.map((key) => [
              key.id,
              key.scopes.join(","),
              `${key.namespace_prefix}*`,
              key.expires_at ?? "never",
              key.note,
            ]),
          );
        }
      }),
    );
}

async function* listKeys(client: ApiClient): AsyncGenerator<ApiKey> {
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const page: { keys: ApiKey[]; next_cursor: string | null } = await client.get(
      `/v1/keys${query}`,
    );
    yield* page.keys;
    cursor = page.next_cursor;
  } while (cursor !== null);
}

interface CreateOptions extends ServerOptions {
  readonly scopes: readonly string[];
  readonly prefix?: string;
  readonly expires?: string;
  readonly note?: string;
  readonly requestsPerMinute?: number;
  readonly tenant?: string;
  readonly json: boolean;
}

function createCommand(): Command {
  return withServer(new Command("create").description("make a key; it is shown this once"))
    .addOption(
      new Option("--scopes <names>", "of read, write, admin, apart by commas")
        .argParser(listOf(["read", "write", "admin"]))
        .default(["read"]),
    )
    .option("--prefix <text>", "only namespaces whose names begin with it")
    .option("--expires <time>", "as 2030-01-01T00:00:00Z")
    .option("--note <text>", "what it is for")
    .option("--requests-per-minute <n>", "at most", positiveInteger)
    .option("--tenant <name>", "of another tenant")
    .option("--json", "print JSON", false)
    .action((options: CreateOptions) =>
      onServer(options, async (client) => {
        const { scopes, prefix, expires, note, requestsPerMinute, tenant } = options;
        const made = await client.post<ApiKey & { readonly key: string }>("/v1/keys", {
          scopes,
          ...(prefix !== undefined && { namespace_prefix: prefix }),
          ...(expires !== undefined && { expires_at: expires }),
          ...(note !== undefined && { note }),
          ...(requestsPerMinute !== undefined && { requests_per_minute: requestsPerMinute }),
          ...(tenant !== undefined && { tenant }),
        });
        if (options.json) printJson(made);
        else {
          console.log(made.key);
          say(`Its id is ${made.id}. It is not shown again.`);
        }
      }),
    );
}

function revokeCommand(): Command {
  return withServer(new Command("revoke").description("end a key; refused within a minute"))
    .argument("<id>", "its id, as `keys list` shows it")
    .action((id: string, options: ServerOptions) =>
      onServer(options, async (client) => {
        await client.send("DELETE", `/v1/keys/${encodeURIComponent(id)}`, undefined);
        console.log(`${id} is revoked.`);
      }),
    );
}
