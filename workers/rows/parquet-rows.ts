/**
 * Parquet as rows, of a file that is read in pieces: every compression of it, without generating
 * code. Lists are arrays, structs and maps JSON texts.
 */
import { decompress as decompressZstd } from "fzstd";
import type { AsyncBuffer, Compressors, FileMetaData, SchemaTree } from "hyparquet";
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { decompressBrotli } from "hyparquet-compressors/src/brotli.js";
import { gunzip } from "hyparquet-compressors/src/gzip.js";
import { decompressLz4, decompressLz4Raw } from "hyparquet-compressors/src/lz4.js";
import { type Row, SourceError } from "./row.ts";

/**
 * That of snappy comes with the reader. The package of the others compiles one of its own from
 * WebAssembly when it is imported as a whole, which Workers refuse.
 */
const compressors: Compressors = {
  GZIP: (input, length) => gunzip(input, new Uint8Array(length)),
  BROTLI: decompressBrotli,
  ZSTD: (input) => decompressZstd(input),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

export interface ParquetFile {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly rows: number;
  /** Types that the file states, by column, as in a schema. */
  readonly types: Readonly<Record<string, string>>;
}

export async function openParquet(file: AsyncBuffer, name: string): Promise<ParquetFile> {
  const metadata = await readMetadata(file, name);
  const types = parquetSchema(metadata).children.flatMap((column) => {
    const type = typeOf(column);
    return type === undefined ? [] : [[column.element.name, type] as const];
  });
  return { file, metadata, rows: Number(metadata.num_rows), types: Object.fromEntries(types) };
}

async function readMetadata(file: AsyncBuffer, name: string): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(file);
  } catch (error) {
    throw new SourceError(`${name} is no Parquet file: ${(error as Error).message}`);
  }
}

export interface RowGroup {
  readonly start: number;
  readonly end: number;
  /** Decompressed. */
  readonly bytes: number;
  /** Pages of it can be found without reading the others. */
  readonly hasIndex: boolean;
}

export function* rowGroups({ metadata }: ParquetFile): Generator<RowGroup, void> {
  let start = 0;
  for (const { num_rows, total_byte_size, columns } of metadata.row_groups) {
    const end = start + Number(num_rows);
    const hasIndex = columns.every((column) => (column.offset_index_length ?? 0) > 0);
    yield { start, end, bytes: Number(total_byte_size), hasIndex };
    start = end;
  }
}

/** Rows of one group. */
export async function readParquetRows(
  { file, metadata }: ParquetFile,
  rowStart: number,
  rowEnd: number,
): Promise<readonly Row[]> {
  const range = { rowStart, rowEnd, useOffsetIndex: true };
  const rows = await parquetReadObjects({ file, metadata, compressors, ...range });
  return rows.map(plainRow);
}

function plainRow(row: Record<string, unknown>): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const isList = Array.isArray(value);
  if (isList && value.every((item) => typeof item !== "object" || item instanceof Date)) {
    return value;
  }
  const isKnown = value instanceof Date || ArrayBuffer.isView(value);
  return isKnown ? value : JSON.stringify(value, textOfBigInt);
}

export function textOfBigInt(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** Undefined: what the values look like decides. */
function typeOf({ element, children }: SchemaTree): string | undefined {
  const { type, logical_type: logical, converted_type: converted } = element;
  if (children.length > 0) {
    const item = children[0]?.children[0];
    const isList = logical?.type === "LIST" || converted === "LIST";
    const inner = isList && item?.children.length === 0 ? typeOf(item) : undefined;
    return inner === undefined ? undefined : `[]${inner}`;
  }
  if (element.repetition_type === "REPEATED") return undefined;
  if (logical?.type === "UUID") return "uuid";
  if (logical?.type === "TIMESTAMP" || logical?.type === "DATE") return "datetime";
  if (converted?.startsWith("TIMESTAMP") === true || converted === "DATE") return "datetime";
  if (converted === "DECIMAL" || logical?.type === "DECIMAL") return "float";
  if (type === "BOOLEAN") return "bool";
  if (type === "DOUBLE" || type === "FLOAT") return "float";
  if (type === "INT32" || type === "INT64") return converted === "UINT_64" ? "uint" : "int";
  const isText = logical?.type === "STRING" || converted === "UTF8";
  return type === "BYTE_ARRAY" && isText ? "string" : undefined;
}
