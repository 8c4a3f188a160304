/**
 * Body of POST /v1/namespaces/:ns/imports, checked; and what is stored of it: with the sources that
 * were found, as they were then. Sources are keys below `imports/<tenant>/` in the bucket, so no
 * tenant reads another's, nor anything of the database itself.
 */
import type { DistanceMetric } from "../../src/document/schema.ts";
import { parseSchemaInput, type SchemaInput } from "../../src/document/schema-input.ts";
import { isJsonObject, type JsonObject } from "../../src/document/shape.ts";
import { parseMetric } from "../../src/document/vector-options.ts";
import { invalid } from "../../src/errors.ts";
import { readFields } from "../api/reference/field.ts";
import { importFields } from "../api/reference/import-fields.ts";
import type { Mapping } from "../rows/row-mapping.ts";
import type { Compression } from "./decompress.ts";
import type { ImportSource } from "./object-bytes.ts";

export const importFormats = ["jsonl", "csv", "parquet"] as const;
export type ImportFormat = (typeof importFormats)[number];

export interface ImportRequest {
  /** A key, or the beginning of keys if it ends with a slash. */
  readonly source: string;
  readonly format: ImportFormat | undefined;
  readonly delimiter: string | undefined;
  readonly stopsAtRejected: boolean;
  readonly mapping: Mapping;
  readonly schema: SchemaInput | undefined;
  /** The same, as it was sent: types by the source's names of columns. */
  readonly types: Readonly<Record<string, string>>;
  readonly metric: DistanceMetric | undefined;
}

export function parseImportRequest(body: unknown): ImportRequest {
  const given = readFields(body, importFields);
  const { source, format, delimiter, schema, distance_metric: metric } = given;
  checkSource(source);
  if (delimiter !== undefined && !/^[ -~\t]$/.test(delimiter)) {
    throw invalid("💔 delimiter must be one ASCII character", "delimiter");
  }
  return {
    source,
    format: format as ImportFormat | undefined,
    delimiter,
    stopsAtRejected: given.error_mode !== "continue",
    mapping: {
      id: given.id ?? "id",
      numbersRows: false,
      vector: given.vector ?? "vector",
      columns: texts(given.columns ?? [], "columns"),
      renamed: renamed(given.rename ?? {}),
    },
    schema: schema && parseSchemaInput(schema),
    types: typesOf(schema ?? {}, given.rename ?? {}),
    metric: metric === undefined ? undefined : parseMetric(metric, "distance_metric"),
  };
}

const keyBytesMax = 900;

function checkSource(source: string): void {
  const isLong = new TextEncoder().encode(source).length > keyBytesMax;
  if (source === "" || source.startsWith("/") || isLong) {
    const text = `source must be a key of 1 to ${keyBytesMax} bytes that does not begin with a slash`;
    throw invalid(`💔 ${text}`, "source");
  }
}

function texts(values: readonly unknown[], field: string): readonly string[] {
  if (!values.every((value) => typeof value === "string")) {
    throw invalid(`💔 ${field} must be a list of texts`, field);
  }
  return values as readonly string[];
}

function renamed(names: JsonObject): ReadonlyMap<string, string> {
  texts(Object.values(names), "rename");
  return new Map(Object.entries(names) as [string, string][]);
}

function typesOf(schema: JsonObject, names: JsonObject): Readonly<Record<string, string>> {
  const columns = new Map(Object.entries(names).map(([column, name]) => [name, column]));
  return Object.fromEntries(
    Object.entries(schema).map(([name, input]) => [
      String(columns.get(name) ?? name),
      String(isJsonObject(input) ? input["type"] : input),
    ]),
  );
}

/** What an import's request stores: the body as it came, and its sources. */
export interface StoredImport {
  readonly asked: unknown;
  readonly sources: readonly ImportSource[];
}

/** By the ending of a name; `.gz` and `.zst` say nothing of what is inside. */
export function formatOf(name: string): ImportFormat | undefined {
  const [, ending = ""] = /\.(\w+)$/.exec(plainName(name).toLowerCase()) ?? [];
  return endings[ending];
}

export function compressionOf(name: string): Compression | undefined {
  if (plainName(name) === name) return undefined;
  return /\.gz$/i.test(name) ? "gzip" : "zstd";
}

export function delimiterOf(name: string): string {
  return /\.tsv$/i.test(plainName(name)) ? "\t" : ",";
}

function plainName(name: string): string {
  return name.replace(/\.(gz|zst)$/i, "");
}

const endings: Readonly<Record<string, ImportFormat>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  csv: "csv",
  tsv: "csv",
  parquet: "parquet",
  pq: "parquet",
};
