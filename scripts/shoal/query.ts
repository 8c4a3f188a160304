/** `shoal query NS`: by words, near a vector or a document, what a filter selects, as a table. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { fragmentsOf, highlightName, piecesOf } from "../../console/model/highlight.ts";
import { encodeVector } from "../../workers/rows/row-mapping.ts";
import { type ApiClient, namespacePath } from "../api-client.ts";
import { jsonWire } from "../import/json-wire.ts";
import { names, positiveInteger } from "../options.ts";
import { cannotRun, failed } from "../outcome.ts";
import type { Cell } from "../table.ts";
import { onServer, type ServerOptions, withServer } from "./connection.ts";
import { printTable, showValue } from "./output.ts";
import { type Filter, joinFilters, parseJson, parseWhere } from "./where.ts";

interface Options extends ServerOptions {
  readonly text?: string;
  readonly vector?: string;
  readonly like?: string;
  readonly by: string;
  readonly exact: boolean;
  readonly where: readonly string[];
  readonly filter?: string;
  readonly order?: string;
  readonly top: number;
  readonly attributes?: readonly string[];
  readonly asOf?: string;
  readonly eventual: boolean;
  readonly body?: string;
  readonly json: boolean;
}

interface Answer {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly performance: {
    readonly server_total_ms: number;
    readonly rounds: number;
    readonly store_requests: number;
    readonly cache_temperature: string;
    readonly rows_total: number;
  };
}

type Schema = Readonly<
  Record<string, { readonly type: string; readonly full_text_search?: unknown }>
>;

const help = `
  query films --where "release_year >= 2015" --where "type = Movie" --order id --top 5
  query films --text "a heist in space" --where "type = Movie"
  query words --like 42 --attributes word,language
  query words --vector @vector.json --exact --json`;

export function queryCommand(): Command {
  return withServer(new Command("query").description("search a namespace"))
    .argument("<namespace>", "its name")
    .option("--text <words>", "by words, in all attributes with full-text search")
    .option("--vector <list>", "near this: a list of numbers, @file, or @- for standard input")
    .option("--like <id>", "near the vector of this document")
    .option("--by <column>", "which vectors to compare", "vector")
    .option("--exact", "look at every vector instead of the likely ones", false)
    .option("--where <condition>", "as kind = ferry; all that are given must hold", collect, [])
    .option("--filter <json>", 'a filter as the API has it: ["kind", "Eq", "ferry"]')
    .option("--order <id>", "without a vector: id, or id:desc")
    .option("--top <n>", "how many", positiveInteger, 10)
    .option("--attributes <names>", "which to show (default: all but vectors)", names)
    .option("--as-of <time>", "as the namespace was at a time, or after an entry of the log")
    .option("--eventual", "may miss the writes of the last seconds", false)
    .option("--body <json>", "the whole request as JSON, or @file; nothing else is looked at")
    .option("--json", "print the answer as JSON", false)
    .addHelpText("after", help)
    .action((name: string, options: Options) =>
      onServer(options, (client) => query(client, name, options)),
    );
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

async function query(client: ApiClient, name: string, options: Options): Promise<void> {
  const path = namespacePath(name);
  const body =
    options.body === undefined
      ? await bodyOf(client, name, options)
      : parseJson(readGiven(options.body), "--body");
  const text = await client.sendText("POST", `${path}/query`, body);
  if (options.json) {
    console.log(text);
    return;
  }
  const answer = JSON.parse(text) as Answer;
  if (!Array.isArray(answer.rows)) {
    console.log(text);
    return;
  }
  const { rows, performance: cost } = answer;
  if (rows.length === 0) console.log("Nothing was found.");
  else printRows(rows.map(withHighlights));
  const seconds = `${cost.server_total_ms} ms`;
  const requests = `${cost.store_requests} requests to the bucket in ${cost.rounds} rounds`;
  console.error(
    `${rows.length} of ${cost.rows_total} rows, ${seconds}, ${requests} (${cost.cache_temperature})`,
  );
}

/** Where words were found, the best sentence stands for the text, with the words marked. */
function withHighlights(row: Answer["rows"][number]): Answer["rows"][number] {
  const shown: Record<string, unknown> = { ...row };
  for (const name of Object.keys(row)) {
    const [best] = fragmentsOf(row as Parameters<typeof fragmentsOf>[0], name);
    delete shown[highlightName(name)];
    if (best === undefined) continue;
    const pieces = piecesOf(best).map(({ text, isMatch }) => (isMatch ? `*${text}*` : text));
    shown[name] = pieces.join("").replaceAll(/\s+/g, " ").trim();
  }
  return shown;
}

function printRows(rows: Answer["rows"]): void {
  const columns = new Set(rows.flatMap((row) => Object.keys(row)));
  const headings = [...columns].filter((name) => name !== "id" && name !== "$dist");
  const first = columns.has("$dist") ? ["id", "$dist"] : ["id"];
  const cell = (name: string, value: unknown): Cell =>
    name === "$dist" && typeof value === "number" ? Number(value.toPrecision(5)) : showValue(value);
  printTable(
    [...first, ...headings],
    rows.map((row) => [...first, ...headings].map((name) => cell(name, row[name]))),
    48,
  );
}

async function bodyOf(client: ApiClient, name: string, options: Options) {
  const { attributes, top, asOf, eventual, text, like, vector, order } = options;
  if ([text, like, vector, order].filter((given) => given !== undefined).length > 1) {
    throw cannotRun("Of --text, --vector, --like and --order only one can rank.");
  }
  const schema = await client.get<Schema>(`${namespacePath(name, "v1")}/schema`);
  const vectors = Object.keys(schema).filter((column) => isVector(schema[column]?.type ?? ""));
  const filters = joinFilters([
    ...options.where.map(parseWhere),
    ...(options.filter === undefined ? [] : [parseJson(options.filter, "--filter") as Filter]),
  ]);
  const shown = attributes ?? Object.keys(schema).filter((column) => !vectors.includes(column));
  return {
    rank_by: await rankOf(client, name, schema, options),
    top_k: top,
    ...(filters && { filters }),
    include_attributes: shown.filter((column) => column !== "id"),
    ...(text !== undefined && { compute_attributes: highlightsOf(schema) }),
    ...(asOf !== undefined && { as_of: asOf }),
    ...(eventual && { consistency: { level: "eventual" } }),
  };
}

async function rankOf(client: ApiClient, name: string, schema: Schema, options: Options) {
  const { text, vector, like, by, exact, order } = options;
  if (text !== undefined) {
    const searched = Object.keys(schema).filter((column) => isSearched(schema, column));
    if (searched.length === 0) throw failed(`No attribute of ${name} has full-text search.`);
    const each = searched.map((column) => [column, "BM25", text]);
    return each.length === 1 ? each[0] : ["Sum", each];
  }
  const method = exact ? "kNN" : "ANN";
  if (vector !== undefined) {
    const list = parseJson(readGiven(vector), "--vector");
    if (!Array.isArray(list)) throw cannotRun("--vector must be a list of numbers.");
    return [by, method, list];
  }
  if (like !== undefined) return [by, method, await vectorOf(client, name, like, by, schema)];
  const [column = "id", direction = "asc"] = (order ?? "id").split(":");
  return [column, direction];
}

function highlightsOf(schema: Schema): Readonly<Record<string, unknown>> {
  const options = { fragment_limit: 1, include_offsets: "utf-16" };
  const searched = Object.keys(schema).filter((column) => isSearched(schema, column));
  return Object.fromEntries(
    searched.map((column) => [highlightName(column), ["Highlight", column, options]]),
  );
}

async function vectorOf(
  client: ApiClient,
  name: string,
  id: string,
  by: string,
  schema: Schema,
): Promise<unknown> {
  const isNumber = schema["id"]?.type === "uint" && /^\d+$/.test(id);
  const { rows } = await client.post<Answer>(`${namespacePath(name)}/query`, {
    filters: ["id", "Eq", isNumber ? Number(id) : id],
    rank_by: ["id", "asc"],
    top_k: 1,
    include_attributes: [by],
  });
  const vector = rows[0]?.[by];
  if (rows[0] === undefined) throw failed(`There is no document ${id} in ${name}.`);
  if (!Array.isArray(vector)) throw failed(`The document ${id} has no vector in ${by}.`);
  return encodeVector(vector, jsonWire, by);
}

function isSearched(schema: Schema, column: string): boolean {
  const text = schema[column]?.full_text_search;
  return text !== undefined && text !== null && text !== false;
}

function isVector(type: string): boolean {
  return /^(\[\]|\{\})?\[?\d*\]?f(16|32)$|^\[\d+\]\w+$|^\[\]\[\d+\]\w+$|^\{\}f16$/.test(type);
}

function readGiven(given: string): string {
  if (!given.startsWith("@")) return given;
  const file = given.slice(1);
  return readFileSync(file === "-" ? 0 : file, "utf8");
}
