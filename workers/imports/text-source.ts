/**
 * Objects that are lines: cut into stretches of whole records, the same ones every time, whatever
 * the chunks are in which they come. An offset counts bytes, decompressed ones if it is compressed.
 */
import { EngineError } from "../../src/errors.ts";
import { importLimits } from "../../src/import-limits.ts";
import type { ObjectStore } from "../../src/store/object-store.ts";
import { parseJson } from "../api/json.ts";
import { csvHeading, csvRecordEnd, csvRow, parseCsv } from "../rows/csv-text.ts";
import type { Row } from "../rows/row.ts";
import { type Compression, decompress, skip } from "./decompress.ts";
import { type ImportSource, join, readChunks } from "./object-bytes.ts";

/** A row, or what is wrong with it and the beginning of what stands there. */
export type ReadRow =
  | { readonly row: Row; readonly fault?: undefined }
  | { readonly row: unknown; readonly fault: string };

export interface SourceStretch {
  readonly rows: readonly ReadRow[];
  /** Behind it. */
  readonly offset: number;
  /** Bytes of the object that were read up to there, roughly if it is compressed. */
  readonly read: number;
}

/** Behind the record that begins at `from`, or -1 if it does not end within `bytes`. */
type RecordEnd = (bytes: Uint8Array, from: number) => number;

export async function* jsonLineStretches(
  store: ObjectStore,
  source: ImportSource,
  offset: number,
  compression: Compression | undefined,
): AsyncGenerator<SourceStretch, void> {
  for await (const cut of cutRecords(store, source, offset, compression, lineEnd)) {
    const { bytes, offset: end, read } = cut;
    const hasMark = end === bytes.length && byteOrderMark.every((byte, i) => bytes[i] === byte);
    yield { rows: [...parseLines(hasMark ? bytes.subarray(3) : bytes)], offset: end, read };
  }
}

const byteOrderMark = [0xef, 0xbb, 0xbf];

function lineEnd(bytes: Uint8Array, from: number): number {
  return bytes.indexOf(0x0a, from) + 1 || -1;
}

function* parseLines(bytes: Uint8Array): Generator<ReadRow, void> {
  for (let at = 0; at < bytes.length; ) {
    const end = lineEnd(bytes, at);
    const line = trim(bytes.subarray(at, end < 0 ? bytes.length : end));
    if (line.length > 0) yield parseLine(line);
    at = end < 0 ? bytes.length : end;
  }
}

/** Without white space at its ends. */
function trim(line: Uint8Array): Uint8Array {
  let from = 0;
  let to = line.length;
  while (from < to && (line[from] ?? 0) <= 0x20) from += 1;
  while (to > from && (line[to - 1] ?? 0) <= 0x20) to -= 1;
  return line.subarray(from, to);
}

function parseLine(line: Uint8Array): ReadRow {
  const text = () => new TextDecoder().decode(line.subarray(0, importLimits.rejectedBytes));
  try {
    const value = parseJson(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? { row: value as Row }
      : { row: text(), fault: "it is no JSON object" };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { row: text(), fault: error.message };
  }
}

export async function* csvStretches(
  store: ObjectStore,
  source: ImportSource,
  offset: number,
  compression: Compression | undefined,
  delimiter: string,
): AsyncGenerator<SourceStretch, void> {
  const code = delimiter.charCodeAt(0);
  const recordEnd: RecordEnd = (bytes, from) => csvRecordEnd(bytes, from, code);
  const names = await readHeading(store, source, compression, delimiter, recordEnd);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  for await (const cut of cutRecords(store, source, offset, compression, recordEnd)) {
    let text: string;
    try {
      text = decoder.decode(cut.bytes);
    } catch {
      const place = `behind byte ${cut.offset - cut.bytes.length}`;
      throw new EngineError("invalid", `${source.name} is not UTF-8 ${place}`);
    }
    const records = parseCsv(text, delimiter);
    if (cut.offset === cut.bytes.length) records.next();
    const rows = Array.from(records, (record): ReadRow => {
      const { row, fault } = csvRow(names, record);
      return fault === undefined ? { row } : { row, fault };
    });
    yield { rows, offset: cut.offset, read: cut.read };
  }
}

/** The first record: columns by name. */
async function readHeading(
  store: ObjectStore,
  source: ImportSource,
  compression: Compression | undefined,
  delimiter: string,
  recordEnd: RecordEnd,
): Promise<readonly string[]> {
  for await (const { bytes } of cutRecords(store, source, 0, compression, recordEnd, 1)) {
    const [first] = parseCsv(new TextDecoder().decode(bytes), delimiter);
    if (first === undefined) continue;
    return csvHeading(first.fields, (reason) => new EngineError("invalid", reason));
  }
  throw new EngineError("invalid", `${source.name} does not begin with the names of its columns`);
}

interface Cut {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly read: number;
}

async function* cutRecords(
  store: ObjectStore,
  source: ImportSource,
  from: number,
  compression: Compression | undefined,
  recordEnd: RecordEnd,
  rowsMax: number = importLimits.batchRows,
): AsyncGenerator<Cut, void> {
  const chunks =
    compression === undefined
      ? readChunks(store, source, from)
      : skip(
          decompress(() => readChunks(store, source, 0), source.name, compression),
          from,
        );
  let buffer: Uint8Array = new Uint8Array();
  let offset = from;
  let at = 0;
  let rows = 0;
  let read = 0;
  let isLast = false;
  for (;;) {
    while (rows < rowsMax && at < Math.min(importLimits.batchBytes, buffer.length)) {
      const end = recordEnd(buffer, at);
      if (end < 0 && !isLast) break;
      at = end < 0 ? buffer.length : end;
      rows += 1;
    }
    const isFull = rows === rowsMax || at >= importLimits.batchBytes;
    if (at > 0 && (isFull || (isLast && at === buffer.length))) {
      offset += at;
      const behind = isLast && at === buffer.length ? source.size : read;
      yield {
        bytes: buffer.subarray(0, at),
        offset,
        read: compression === undefined ? offset : behind,
      };
      buffer = buffer.subarray(at);
      at = 0;
      rows = 0;
      continue;
    }
    if (isLast) return;
    if (buffer.length - at > importLimits.rowBytesMax) {
      const text = `${source.name} has a row of more than ${importLimits.rowBytesMax} bytes`;
      throw new EngineError("tooLarge", text);
    }
    const next = await chunks.next();
    isLast = next.done === true;
    if (next.done !== true) {
      read = next.value.read;
      buffer = join([buffer, next.value.bytes], buffer.length + next.value.bytes.length);
    }
  }
}
