/**
 * CSV with a heading (RFC 4180; another separator with `delimiter`). Every value is text here;
 * what it means is guessed from the first rows, or said with --type (column-schema.ts).
 */
import { parse } from "csv-parse";
import { type ByteSource, plainName } from "./byte-source.ts";
import { type Row, type RowSource, SourceError, skipRows } from "./row-source.ts";

const stretchRows = 1_000;

export function openCsv(bytes: ByteSource, delimiter?: string): RowSource {
  const { name, identity, share } = bytes;
  const separator = delimiter ?? (/\.tsv$/i.test(plainName(name)) ? "\t" : ",");
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
  const { Readable } = await import("node:stream");
  const parser = parse({
    columns: checkHeading,
    bom: true,
    delimiter,
    skip_empty_lines: true,
    max_record_size: 64 * 1024 * 1024,
  });
  const source = Readable.from(bytes.chunks(), { objectMode: false });
  source.once("error", (error) => parser.destroy(error));
  source.pipe(parser);
  let rows: Row[] = [];
  try {
    for await (const record of parser as AsyncIterable<Row>) {
      rows.push(record);
      if (rows.length === stretchRows) {
        yield rows;
        rows = [];
      }
    }
  } catch (error) {
    throw error instanceof SourceError ? error : new SourceError((error as Error).message);
  } finally {
    source.destroy();
  }
  if (rows.length > 0) yield rows;
}

function checkHeading(names: readonly string[]): string[] {
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new SourceError(`the heading names the column ${twice} twice`);
  return names.map((name) => name.trim());
}
