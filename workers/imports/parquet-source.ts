/**
 * Parquet objects, by ranges. An offset counts rows. A row group of up to 16 MiB is decoded as a
 * whole and cut; of a larger one that has a page index only the pages that are wanted are read.
 */
import { EngineError } from "../../src/errors.ts";
import { importLimits } from "../../src/import-limits.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import {
  openParquet,
  type ParquetFile,
  type RowGroup,
  readParquetRows,
  rowGroups,
} from "../rows/parquet-rows.ts";
import { type Row, SourceError } from "../rows/row.ts";
import { type ImportSource, readBytes } from "./object-bytes.ts";
import type { SourceStretch } from "./text-source.ts";

export async function openParquetSource(
  store: ObjectStore,
  source: ImportSource,
): Promise<ParquetFile> {
  const { name, size } = source;
  const slice = async (start: number, end: number = size): Promise<ArrayBuffer> => {
    const from = start < 0 ? Math.max(0, size + start) : start;
    return (await readBytes(store, source, from, Math.min(end, size) - from)).buffer;
  };
  return await refusing(name, () => openParquet({ byteLength: size, slice }, name));
}

export async function* parquetStretches(
  file: ParquetFile,
  { name, size }: ImportSource,
  offset: number,
): AsyncGenerator<SourceStretch, void> {
  for (const group of rowGroups(file)) {
    if (group.end <= offset) continue;
    for await (const { rows, end } of groupStretches(file, name, group, offset)) {
      const read = Math.floor((size * end) / Math.max(1, file.rows));
      yield { rows: rows.map((row) => ({ row })), offset: end, read };
    }
  }
}

async function* groupStretches(
  file: ParquetFile,
  name: string,
  group: RowGroup,
  offset: number,
): AsyncGenerator<{ readonly rows: readonly Row[]; readonly end: number }, void> {
  const { start, end, bytes, hasIndex } = group;
  const isSmall = bytes <= importLimits.groupBytesMax;
  if (!isSmall && !hasIndex) {
    const text =
      `${name} has row groups of ${bytes} bytes and no page index: write it with groups of at ` +
      `most ${importLimits.groupBytesMax} bytes, or import it with the command line`;
    throw new EngineError("tooLarge", text);
  }
  const rowBytes = bytes / Math.max(1, end - start);
  const most = Math.max(1, Math.floor(importLimits.batchBytes / Math.max(1, rowBytes)));
  const step = Math.min(importLimits.batchRows, most);
  const from = Math.max(offset, start);
  const whole = isSmall ? await refusing(name, () => readParquetRows(file, from, end)) : undefined;
  for (let row = from; row < end; row += step) {
    const to = Math.min(row + step, end);
    const rows =
      whole?.slice(row - from, to - from) ??
      (await refusing(name, () => readParquetRows(file, row, to)));
    yield { rows, end: to };
  }
}

/** Whatever the reader makes of bytes that are not what they should be. */
async function refusing<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const message = error instanceof SourceError ? error.message : `${name}: ${String(error)}`;
    throw new EngineError("invalid", message, { cause: error });
  }
}
