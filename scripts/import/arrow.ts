/**
 * Arrow IPC, as a stream or as a file (Feather), a record batch at a time; buffers plain, LZ4 or
 * zstd. Lists are arrays, structs and maps JSON texts.
 */
import { type FileHandle, open } from "node:fs/promises";
import { zstdDecompressSync } from "node:zlib";
import {
  CompressionType,
  compressionRegistry,
  DataType,
  type Field,
  RecordBatchReader,
  type Vector,
} from "apache-arrow";
import { textOfBigInt } from "../../workers/rows/parquet-rows.ts";
import { type ByteSource, readWhole } from "./byte-source.ts";
import { decodeLz4Frame } from "./lz4-frame.ts";
import { type Row, type RowSource, SourceError, skipRows } from "./row-source.ts";

compressionRegistry.set(CompressionType.ZSTD, { decode: (data) => zstdDecompressSync(data) });
compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: decodeLz4Frame });

export async function openArrow(bytes: ByteSource): Promise<RowSource> {
  // What is in no file can be read once, so it is kept.
  const whole = bytes.path === undefined ? await readWhole(bytes) : undefined;
  const { fields, close } = await openReader(bytes, whole);
  await close();
  const types = fields.flatMap((field) => {
    const type = typeOf(field.type);
    return type === undefined ? [] : [[field.name, type]];
  });
  return {
    name: bytes.name,
    identity: bytes.identity,
    rows: undefined,
    types: Object.fromEntries(types) as Record<string, string>,
    isText: false,
    numbersRows: false,
    stretches: (from) => skipRows(readBatches(bytes, whole), from),
  };
}

async function openReader(bytes: ByteSource, whole: Uint8Array | undefined) {
  const file = whole === undefined ? await open(bytes.path ?? "") : undefined;
  const close = async (): Promise<void> => {
    await file?.close();
  };
  try {
    const reader = await (whole === undefined
      ? RecordBatchReader.from(file as FileHandle)
      : Promise.resolve(RecordBatchReader.from(whole)));
    await Promise.resolve(reader.open());
    // A stream without a schema is none.
    return { reader, fields: reader.schema.fields as readonly Field[], close };
  } catch (error) {
    await close();
    throw new SourceError(`${bytes.name} is no Arrow IPC: ${(error as Error).message}`);
  }
}

async function* readBatches(
  bytes: ByteSource,
  whole: Uint8Array | undefined,
): AsyncGenerator<readonly Row[]> {
  const { reader, fields, close } = await openReader(bytes, whole);
  try {
    for await (const batch of reader as AsyncIterable<Batch>) {
      const columns = fields.map(({ name, type }, index) => {
        const column = batch.getChildAt(index);
        return { name, at: (row: number) => (column === null ? null : valueAt(column, type, row)) };
      });
      yield Array.from({ length: batch.numRows }, (_, row) =>
        Object.fromEntries(columns.map(({ name, at }) => [name, at(row)])),
      );
    }
  } finally {
    await close();
  }
}

interface Batch {
  readonly numRows: number;
  getChildAt(index: number): Vector | null;
}

function valueAt(column: Vector, type: DataType, row: number): unknown {
  return plain(column.get(row), type);
}

function plain(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  if (DataType.isDictionary(type)) return plain(value, type.dictionary);
  if (DataType.isDate(type) || DataType.isTimestamp(type)) return new Date(Number(value));
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    const inner = type.valueType as DataType;
    const items = value as Vector;
    if (DataType.isFloat(inner) && items.nullCount === 0) {
      return Float64Array.from(items as Iterable<number>);
    }
    return Array.from(items as Iterable<unknown>, (item) => plain(item, inner));
  }
  if (DataType.isStruct(type) || DataType.isMap(type)) {
    return JSON.stringify((value as { toJSON(): unknown }).toJSON(), textOfBigInt);
  }
  const isKnown =
    ["string", "number", "bigint", "boolean"].includes(typeof value) || value instanceof Uint8Array;
  if (!isKnown || DataType.isDecimal(type))
    throw new SourceError(
      `type ${DataType.isDecimal(type) ? "decimal" : typeof value} cannot be imported`,
    );
  return value;
}

/** Undefined: what the values look like decides. */
function typeOf(type: DataType): string | undefined {
  if (DataType.isDictionary(type)) return typeOf(type.dictionary);
  if (DataType.isInt(type)) return type.isSigned || type.bitWidth < 64 ? "int" : "uint";
  if (DataType.isFloat(type)) return "float";
  if (DataType.isBool(type)) return "bool";
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return "string";
  if (DataType.isDate(type) || DataType.isTimestamp(type)) return "datetime";
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return "bytes";
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    const inner = typeOf(type.valueType as DataType);
    return inner === undefined || inner.startsWith("[]") ? undefined : `[]${inner}`;
  }
  return undefined;
}
