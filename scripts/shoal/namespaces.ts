/** `shoal namespaces`, `shoal describe NS`, `shoal delete NS`. */
import { Command } from "commander";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { type IndexStatus, indexStatus } from "../index-status.ts";
import { cannotRun } from "../outcome.ts";
import { onServer, type ServerOptions, withServer } from "./connection.ts";
import { formatBytes, printJson, printTable } from "./output.ts";

interface Options extends ServerOptions {
  readonly json: boolean;
  readonly prefix?: string;
  readonly names: boolean;
}

export interface Metadata {
  readonly schema: Readonly<
    Record<string, { readonly type: string; readonly filterable?: boolean }>
  >;
  readonly approx_logical_bytes: number;
  readonly approx_row_count: number;
  readonly created_at: string;
  readonly last_write_at: string;
  readonly index: { readonly status: string; readonly unindexed_bytes?: number };
}

/** Namespaces described at a time. */
const describedAtOnce = 8;

export function namespacesCommand(): Command {
  return withServer(new Command("namespaces").alias("ls").description("list namespaces"))
    .option("--prefix <text>", "only names that begin with it")
    .option("--names", "only the names, one a line", false)
    .option("--json", "print lines of JSON", false)
    .action((options: Options) => onServer(options, (client) => list(client, options)));
}

async function list(client: ApiClient, options: Options): Promise<void> {
  const names: string[] = [];
  for await (const name of listNames(client, options.prefix)) names.push(name);
  if (options.names) {
    for (const name of names) console.log(name);
    return;
  }
  const described: { name: string; status: IndexStatus; metadata: Metadata }[] = [];
  for (let from = 0; from < names.length; from += describedAtOnce) {
    const some = names.slice(from, from + describedAtOnce);
    described.push(...(await Promise.all(some.map((name) => describe(client, name)))));
  }
  if (options.json) {
    for (const { name, status, metadata } of described) printJson({ name, ...metadata, status });
    return;
  }
  if (described.length === 0) console.log("There are no namespaces yet.");
  else {
    printTable(
      ["name", "rows", "size", "segments", "waiting", "index", "last write"],
      described.map(({ name, status, metadata }) => [
        name,
        rowsOf(status),
        formatBytes(metadata.approx_logical_bytes),
        status.segments.length,
        formatBytes(status.unindexed_bytes),
        status.indexed ? "done" : metadata.index.status,
        metadata.last_write_at,
      ]),
    );
  }
}

export async function* listNames(client: ApiClient, prefix?: string): AsyncGenerator<string> {
  let cursor: string | null = null;
  do {
    const params = new URLSearchParams({ page_size: "1000" });
    if (prefix !== undefined) params.set("prefix", prefix);
    if (cursor !== null) params.set("cursor", cursor);
    const page: { namespaces: { id: string }[]; next_cursor?: string | null } = await client.get(
      `/v1/namespaces?${params.toString()}`,
    );
    for (const { id } of page.namespaces) yield id;
    cursor = page.next_cursor ?? null;
  } while (cursor !== null);
}

async function describe(client: ApiClient, name: string) {
  const [status, metadata] = await Promise.all([
    indexStatus(client, name),
    client.get<Metadata>(`${namespacePath(name)}/metadata`),
  ]);
  return { name, status, metadata };
}

/** Living rows of segments, and rows that wait: an upsert of a known id counts twice. */
export function rowsOf({ segments, unindexed_rows: waiting }: IndexStatus): number {
  return segments.reduce((sum, { rows, dead_rows: dead }) => sum + rows - dead, waiting);
}

export function describeCommand(): Command {
  return withServer(new Command("describe").description("what is in a namespace"))
    .argument("<namespace>", "its name")
    .option("--json", "print JSON", false)
    .action((name: string, options: Options) =>
      onServer(options, async (client) => {
        const { status, metadata } = await describe(client, name);
        if (options.json) {
          printJson({ name, ...metadata, status });
          return;
        }
        const { schema, ...facts } = metadata;
        printTable(
          ["attribute", "type", "filterable"],
          Object.entries(schema).map(([attribute, { type, filterable }]) => [
            attribute,
            type,
            attribute === "id" || filterable === true ? "yes" : "no",
          ]),
        );
        console.log(
          [
            "",
            `${rowsOf(status).toLocaleString("en")} rows, ${formatBytes(facts.approx_logical_bytes)}` +
              ` in ${status.segments.length} segments; ${status.unindexed_rows} rows` +
              ` (${formatBytes(status.unindexed_bytes)}) wait to be indexed`,
            `created ${facts.created_at}, last write ${facts.last_write_at}`,
            ...status.jobs.map(({ kind }) => `job: ${kind}`),
          ].join("\n"),
        );
      }),
    );
}

export function deleteCommand(): Command {
  return withServer(new Command("delete").description("delete a namespace and all that is in it"))
    .argument("<namespace>", "its name")
    .option("--yes", "do not ask", false)
    .action((name: string, options: ServerOptions & { readonly yes: boolean }) =>
      onServer(options, async (client) => {
        if (!options.yes) throw cannotRun(`To delete ${name} and all that is in it, say --yes.`);
        await client.send("DELETE", namespacePath(name), undefined);
        console.log(`${name} is deleted.`);
      }),
    );
}
