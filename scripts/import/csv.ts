/**
 * CSV with a heading (RFC 4180; another separator with `delimiter`). Every value is text here;
 * what it means is guessed from the first rows, or said with --type (column-schema.ts).
 */
import { csvHeading, csvRecordEnd, csvRow, parseCsv } from "../../workers/rows/csv-text.ts";
import { type ByteSource, plainName } from "./byte-source.ts";
import { type Row, type RowSource, SourceError, skipRows } from "./row-source.ts";

const recordBytesMax = 64 * 1024 * 1024;

export function openCsv(bytes: ByteSource, delimiter?: string): RowSource {
  const { name, identity, share } = bytes;
  const separator = delimiter ?? (/\.tsv$/i.test(plainName(name)) ? "\t" : ",");
  if (!/^[ -~\t]$/.test(separator)) throw new SourceError("a delimiter is one ASCII character");
  return {
    name,
    identity: identity && `${identity}\n${separator}`,
    rows: undefined,
    types: {},
    isText: true,
    numbersRows: false,
    ...(share && { share }),
    stretches: (from) => skipRows(parseRows(bytes, separator), from),
  };
}

async function* parseRows(bytes: ByteSource, delimiter: string): AsyncGenerator<readonly Row[]> {
  let names: readonly string[] | undefined;
  let number = 0;
  for await (const text of wholeRecords(bytes, delimiter.charCodeAt(0))) {
    const rows: Row[] = [];
    for (const record of parseCsv(text, delimiter)) {
      if (names === undefined) {
        names = csvHeading(record.fields, (reason) => new SourceError(reason));
        continue;
      }
      const { row, fault } = csvRow(names, record);
      if (fault !== undefined) throw new SourceError(`row ${number}: ${fault}`);
      rows.push(row);
      number += 1;
    }
    if (rows.length > 0) yield rows;
  }
}

/** Texts that end with a record. */
async function* wholeRecords(bytes: ByteSource, delimiter: number): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = new Uint8Array();
  for await (const chunk of bytes.chunks()) {
    rest = rest.length === 0 ? new Uint8Array(chunk) : new Uint8Array(Buffer.concat([rest, chunk]));
    let end = 0;
    for (let next = 0; next >= 0; next = csvRecordEnd(rest, end, delimiter)) end = next;
    if (end > 0) yield decoder.decode(rest.subarray(0, end));
    rest = rest.subarray(end);
    if (rest.length > recordBytesMax) throw new SourceError("a row is longer than 64 MiB");
  }
  if (rest.length > 0) yield decoder.decode(rest);
}
