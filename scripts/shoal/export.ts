/**
 * `shoal export NS`: every document of one moment as JSON lines, to standard output or a file. A
 * file has its name only once it is whole.
 */
import { once } from "node:events";
import { createWriteStream, renameSync, rmSync } from "node:fs";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { Command, Option } from "commander";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { indexStatus } from "../index-status.ts";
import { positiveInteger } from "../options.ts";
import { onServer, type ServerOptions, withServer } from "./connection.ts";
import { rowsOf } from "./namespaces.ts";
import { say, startBar } from "./output.ts";

interface Options extends ServerOptions {
  readonly to?: string;
  readonly vectors: "float" | "base64";
  readonly asOf?: string;
  readonly page: number;
}

export function exportCommand(): Command {
  return withServer(new Command("export").description("write every document as a line of JSON"))
    .argument("<namespace>", "its name")
    .option("--to <file>", "compressed if its name ends in .gz or .zst (default: standard output)")
    .addOption(
      new Option("--vectors <encoding>", "how vectors are written")
        .choices(["float", "base64"])
        .default("float"),
    )
    .option("--as-of <time>", "as the namespace was at a time, or after an entry of the log")
    .option("--page <rows>", "rows a request", positiveInteger, 2_000)
    .action((name: string, options: Options) =>
      onServer(options, (client) => exportNamespace(client, name, options)),
    );
}

async function exportNamespace(client: ApiClient, name: string, options: Options): Promise<void> {
  const bar = startBar("exporting", rowsOf(await indexStatus(client, name)), "rows");
  const output = openOutput(options.to);
  let rows = 0;
  try {
    for await (const lines of pagesOf(client, name, options)) {
      rows += lines.length;
      if (lines.length > 0) await output.write(`${lines.join("\n")}\n`);
      bar.update(rows);
    }
    bar.stop();
    await output.finish();
  } catch (error) {
    output.discard();
    throw error;
  }
  if (options.to !== undefined) say(`${name} -> ${options.to}: ${rows} rows`);
}

async function* pagesOf(
  client: ApiClient,
  name: string,
  { vectors, asOf, page }: Options,
): AsyncGenerator<readonly string[]> {
  let cursor: string | null = null;
  do {
    const params = new URLSearchParams({ limit: String(page), vector_encoding: vectors });
    if (cursor !== null) params.set("cursor", cursor);
    else if (asOf !== undefined) params.set("as_of", asOf);
    const path = `${namespacePath(name, "v1")}/export?${params.toString()}`;
    const lines = (await client.sendText("GET", path, undefined)).trimEnd().split("\n");
    // A page without its last line would be a part that looks like the whole.
    const last = JSON.parse(lines.pop() ?? "null") as { next_cursor?: string | null } | null;
    if (last?.next_cursor === undefined) throw new Error(`a page of ${name} broke off`);
    cursor = last.next_cursor;
    yield lines;
  } while (cursor !== null);
}

interface Output {
  /** Resolves when there is room for more. */
  write(text: string): Promise<void>;
  finish(): Promise<void>;
  discard(): void;
}

function openOutput(file: string | undefined): Output {
  if (file === undefined) {
    const { stdout } = process;
    // `… | head` has what it wants.
    stdout.on("error", () => process.exit(0));
    return { write: (text) => push(stdout, text), finish: async () => {}, discard: () => {} };
  }
  const part = `${file}.part`;
  const target = createWriteStream(part);
  const compressor = compressorFor(file);
  const stream = compressor ?? target;
  compressor?.pipe(target);
  const written = finished(target);
  written.catch(() => {});
  return {
    write: (text) => push(stream, text),
    finish: async () => {
      stream.end();
      await written;
      renameSync(part, file);
    },
    discard: () => {
      target.destroy();
      rmSync(part, { force: true });
    },
  };
}

function compressorFor(file: string) {
  if (/\.gz$/i.test(file)) return createGzip();
  return /\.(zst|zstd)$/i.test(file) ? createZstdCompress() : undefined;
}

async function push(stream: Writable, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, "drain");
}
