#!/usr/bin/env node
/**
 * The command line: `index PATH`, `search "question"`, `status [PATH]`.
 * Answers go to standard output, progress to standard error. Exit code: 0 done, 1 nothing found or
 * refused, 2 cannot run.
 */
import { parseArgs } from "node:util";
import { Turbopuffer } from "@turbopuffer/turbopuffer";
import { readLocalKey } from "../../local-key.ts";
import { compare, formatOf, indexTree } from "./code-index.ts";
import { type Hit, searchCode } from "./code-query.ts";
import { nameOf, readTree, type SourceTree } from "./source-tree.ts";
import { type Namespace, readRoot } from "./stored-tree.ts";
import { openEncoder } from "./words.ts";

const usage = `Usage:
  code-search.ts index [PATH]         brings the namespace to the state of the tree
  code-search.ts search "question"    the pieces of code that answer it best
  code-search.ts status [PATH]        what is indexed, and what has changed since

  --namespace NAME   default: code-<name of PATH, or of the working folder>
  --url URL          default: $SHOAL_URL, or http://127.0.0.1:8787
  --api-key KEY      default: $SHOAL_API_KEY, or the one of \`npm start\`
  --encoder FOLDER   files of the encoder; default: assets/static-embed
  --top N            how many answers (5)
  --tests            search in tests, too
  --json             one line of JSON`;

class CannotRun extends Error {}

const say = (line: string) => console.error(line);

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  const [command, argument] = positionals;
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length > 2 || (command === "search" && !argument?.trim())) {
    throw new CannotRun(usage);
  }
  const path = command === "search" ? "." : (argument ?? ".");
  const name = values.namespace ?? nameOf(path);
  const namespace = connect(values).namespace(name);
  const encoder = openEncoder(values.encoder);
  if (encoder === undefined) say("The encoder's files are not there: by words only.");
  const print = (answer: object, text: string) =>
    console.log(values.json ? JSON.stringify({ namespace: name, ...answer }) : text);

  switch (command) {
    case "index": {
      const tree = openTree(path, formatOf(encoder));
      say(describe(tree));
      const done = await indexTree(namespace, tree, encoder, say);
      print(
        { files: tree.files, secrets: tree.secretFiles + tree.secretsInTexts, ...done },
        `${name}: ${done.files_changed} of ${tree.files} files changed; chunks: ` +
          `${done.chunks_uploaded} uploaded, ${done.chunks_moved} moved, ${done.chunks_deleted} deleted`,
      );
      return 0;
    }
    case "search": {
      const top = Number(values.top);
      if (!Number.isInteger(top) || top < 1) throw new CannotRun("--top must be a whole number.");
      const hits = await searchCode(namespace, argument ?? "", top, encoder, values.tests);
      print({ hits }, hits.length === 0 ? "Nothing found." : hits.map(showHit).join("\n\n"));
      return hits.length === 0 ? 1 : 0;
    }
    case "status": {
      return await status(namespace, openTree(path, formatOf(encoder)), print);
    }
    case undefined:
    default:
      throw new CannotRun(usage);
  }
}

async function status(
  namespace: Namespace,
  tree: SourceTree,
  print: (answer: object, text: string) => void,
): Promise<number> {
  const root = await readRoot(namespace);
  if (root === undefined) {
    print({ indexed: false }, "Nothing is indexed there yet.");
    return 1;
  }
  const { changed } = await compare(namespace, tree);
  const { aggregations } = await namespace.query({
    aggregate_by: { chunks: ["Count"] },
    filters: ["kind", "Eq", "chunk"],
  });
  const chunks = Number(aggregations?.["chunks"] ?? 0);
  const upToDate = root.hash === tree.root.hash;
  print(
    { indexed: true, chunks, up_to_date: upToDate, changed: changed.map(({ path }) => path) },
    [
      `${chunks} chunks${root.hash === "" ? "; the last run did not end" : ""}`,
      upToDate ? "up to date" : `changed since: ${changed.length} files, or some are gone`,
      ...changed.slice(0, 20).map((file) => `  ${file.path}`),
    ].join("\n"),
  );
  return 0;
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        namespace: { type: "string" },
        url: { type: "string" },
        "api-key": { type: "string" },
        encoder: { type: "string" },
        top: { type: "string", default: "5" },
        tests: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new CannotRun(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

function connect(values: { url?: string | undefined; "api-key"?: string | undefined }) {
  const apiKey = values["api-key"] || process.env["SHOAL_API_KEY"] || readLocalKey();
  if (apiKey === undefined)
    throw new CannotRun("No key: run `npm start` first, or give --api-key.");
  const baseURL = values.url || process.env["SHOAL_URL"] || "http://127.0.0.1:8787";
  return new Turbopuffer({ apiKey, baseURL });
}

function openTree(path: string, format: string): SourceTree {
  try {
    return readTree(path, format);
  } catch (error) {
    throw new CannotRun(error instanceof Error ? error.message : String(error));
  }
}

function describe({ files, secretFiles, secretsInTexts }: SourceTree): string {
  const kept = `${secretFiles} files and ${secretsInTexts} passages look secret and stay here`;
  return `${files} files${secretFiles + secretsInTexts > 0 ? `; ${kept}` : ""}`;
}

function showHit({ places, symbol, excerpt }: Hit, position: number): string {
  const [place = "", ...others] = places;
  const also = others.length > 0 ? `  (and ${others.length} more)` : "";
  const title = `${String(position + 1).padStart(2)}. ${place}${symbol ? `  ${symbol}` : ""}${also}`;
  return [title, ...excerpt.map((line) => `      ${line}`)].join("\n");
}

try {
  process.exitCode = await main();
} catch (error) {
  const refused = error instanceof Turbopuffer.APIError && error.status !== undefined;
  const unusable =
    error instanceof CannotRun || (error instanceof Turbopuffer.APIError && !refused);
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = unusable || (refused && error.status === 401) ? 2 : 1;
}
