/**
 * Cuts the rows of a source into writes of bounded size, and knows which rows are acknowledged:
 * all below `done`, and maybe some of those above.
 */
import type { ColumnTypes } from "../../workers/rows/column-schema.ts";
import { type Document, type Mapping, mapRow } from "../../workers/rows/row-mapping.ts";
import { jsonWire } from "./json-wire.ts";
import { type Row, type RowSource, SourceError } from "./row-source.ts";

/** The server takes 16 MiB. */
const batchBytesMax = 8 * 1024 * 1024;

export interface ImportBatch {
  /** Numbers of its rows: [from, to). Rejected ones are not among the documents. */
  readonly from: number;
  readonly to: number;
  readonly documents: readonly { readonly row: number; readonly document: Document }[];
}

export interface BatchRules {
  readonly mapping: Mapping;
  readonly types: ColumnTypes;
  readonly batchRows: number;
  readonly from: number;
  /** Of rows in all. */
  readonly limit: number;
  /** Undefined: the first row that cannot be a document ends the import. */
  readonly onRejected: ((row: number, reason: string, document: Row) => void) | undefined;
}

export async function* cutBatches(
  source: RowSource,
  stretches: AsyncIterable<readonly Row[]>,
  { mapping, types, batchRows, from, limit, onRejected }: BatchRules,
): AsyncGenerator<ImportBatch, void> {
  let documents: { row: number; document: Document }[] = [];
  let start = from;
  let row = from;
  let bytes = 0;
  const cut = (): ImportBatch => {
    const batch = { from: start, to: row, documents };
    documents = [];
    start = row;
    bytes = 0;
    return batch;
  };
  for await (const rows of stretches) {
    for (const raw of rows) {
      if (row >= limit) break;
      try {
        const document = mapRow(raw, row, mapping, types, source.isText, jsonWire);
        documents.push({ row, document });
        bytes += roughBytes(document);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        // What came before it is sent first, so that the next run begins here.
        if (onRejected === undefined) {
          if (row > start) yield cut();
          throw new SourceError(`${source.name}, row ${row}: ${error.message}`);
        }
        onRejected(row, error.message, raw);
      }
      row += 1;
      if (row - start >= batchRows || bytes >= batchBytesMax) yield cut();
    }
    if (row >= limit) break;
  }
  if (row > start) yield cut();
}

function roughBytes(document: Document): number {
  let bytes = 0;
  for (const value of Object.values(document)) {
    bytes +=
      typeof value === "string" ? value.length + 8 : Array.isArray(value) ? 16 * value.length : 24;
  }
  return bytes;
}

/** Which rows were acknowledged, in whatever order. */
export class Acknowledged {
  readonly #open = new Set<number>();
  #next: number;

  constructor(from: number) {
    this.#next = from;
  }

  begin({ from, to }: ImportBatch): void {
    this.#open.add(from);
    this.#next = to;
  }

  end({ from }: ImportBatch): void {
    this.#open.delete(from);
  }

  /** All rows below this. */
  get done(): number {
    const [first] = this.#open;
    return first ?? this.#next;
  }
}
