/**
 * Parquet, every compression of it, a stretch of a row group at a time. Lists are arrays, structs
 * and maps JSON texts. A file that is compressed as a whole, or comes by standard input, is read
 * into memory first.
 */

import type { AsyncBuffer, FileMetaData, SchemaTree } from "hyparquet";
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { type ByteSource, readWhole } from "./byte-source.ts";
import { type Row, type RowSource, SourceError } from "./row-source.ts";

/** Of a row group as it lies in the file, decoded at once. */
const stretchBytes = 48 * 1024 * 1024;
const stretchRowsMin = 2_000;

export async function openParquet(bytes: ByteSource): Promise<RowSource> {
  const whole = bytes.path === undefined ? (await readWhole(bytes)).buffer : undefined;
  const file = whole ?? (await asyncBufferFromFile(bytes.path ?? ""));
  const metadata = await readMetadata(file, bytes.name);
  const columns = parquetSchema(metadata).children;
  return {
    name: bytes.name,
    identity: bytes.identity,
    rows: Number(metadata.num_rows),
    types: Object.fromEntries(
      columns.flatMap((column) => {
        const type = typeOf(column);
        return type === undefined ? [] : [[column.element.name, type]];
      }),
    ),
    isText: false,
    numbersRows: false,
    stretches: (from) => readStretches(file, metadata, from),
  };
}

async function readMetadata(file: AsyncBuffer, name: string): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(file);
  } catch (error) {
    throw new SourceError(`${name} is no Parquet file: ${(error as Error).message}`);
  }
}

async function* readStretches(
  file: AsyncBuffer,
  metadata: FileMetaData,
  from: number,
): AsyncGenerator<readonly Row[]> {
  let groupStart = 0;
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    const share = stretchBytes / Math.max(1, Number(group.total_byte_size));
    const most = Math.max(stretchRowsMin, Math.floor(rows * share));
    const groupEnd = groupStart + rows;
    for (let row = Math.max(from, groupStart); row < groupEnd; row += most) {
      const rowEnd = Math.min(row + most, groupEnd);
      const read = await parquetReadObjects({ file, metadata, compressors, rowStart: row, rowEnd });
      yield read.map(plainRow);
    }
    groupStart = groupEnd;
  }
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
