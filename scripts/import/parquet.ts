/**
 * Parquet, a stretch of a row group at a time. A file that is compressed as a whole, or comes by
 * standard input, is read into memory first.
 */
import { asyncBufferFromFile } from "hyparquet";
import {
  openParquet as openFile,
  type ParquetFile,
  readParquetRows,
  rowGroups,
} from "../../workers/rows/parquet-rows.ts";
import { type ByteSource, readWhole } from "./byte-source.ts";
import type { Row, RowSource } from "./row-source.ts";

/** Of a row group as it lies in the file, decoded at once. */
const stretchBytes = 48 * 1024 * 1024;
const stretchRowsMin = 2_000;

export async function openParquet(bytes: ByteSource): Promise<RowSource> {
  const whole = bytes.path === undefined ? (await readWhole(bytes)).buffer : undefined;
  const file = whole ?? (await asyncBufferFromFile(bytes.path ?? ""));
  const opened = await openFile(file, bytes.name);
  return {
    name: bytes.name,
    identity: bytes.identity,
    rows: opened.rows,
    types: opened.types,
    isText: false,
    numbersRows: false,
    stretches: (from) => readStretches(opened, from),
  };
}

async function* readStretches(file: ParquetFile, from: number): AsyncGenerator<readonly Row[]> {
  for (const { start, end, bytes } of rowGroups(file)) {
    const share = stretchBytes / Math.max(1, bytes);
    const most = Math.max(stretchRowsMin, Math.floor((end - start) * share));
    for (let row = Math.max(from, start); row < end; row += most) {
      yield await readParquetRows(file, row, Math.min(row + most, end));
    }
  }
}
