/**
 * Writes lists of rows by code, in two steps, because blocks are cut when values pass and rows are
 * known only behind them:
 *
 *   1. `add` each value in order, with how many rows have it: where blocks begin, and separators.
 *   2. `write`: rows are sorted by code, counting; then each block is encoded.
 *
 * Memory: 4 bytes a row listed, 4 a value.
 */
import { type ScalarValue } from "../../document/value.ts";
import { separate } from "../../format/segment-columns.ts";
import {
  encodeRowLists,
  expectedListBytes,
  listBlockBytes,
  type RowLists,
} from "../../format/segment-lists.ts";
import { unevenSection } from "../../format/segment-section.ts";
import { addSized } from "./document-writer.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PartWriter } from "./part-writer.ts";

/** Calls `visit` with every row and each code it is listed under; rows ascend. */
export type VisitListed = (visit: (row: number, code: number) => void) => void;

export class ListBlocks {
  readonly #rows: number;
  readonly #blockBytes: number;
  readonly #firstCodes: number[] = [0];
  readonly #firstRows: number[] = [0];
  readonly #separators: ScalarValue[] = [];
  #listed = 0;
  #codes = 1;
  #bytes: number;
  #last: ScalarValue | undefined;

  /** `absent`: rows without a value. `columnBytes`: what codes of all rows take. */
  constructor(rows: number, columnBytes: number, absent: number) {
    this.#rows = rows;
    this.#blockBytes = listBlockBytes(columnBytes);
    this.#listed = absent;
    this.#bytes = expectedListBytes(absent, rows);
  }

  add(value: ScalarValue, listed: number): void {
    const bytes = expectedListBytes(listed, this.#rows);
    if (this.#bytes + bytes > this.#blockBytes) {
      this.#firstCodes.push(this.#codes);
      this.#firstRows.push(this.#listed);
      this.#separators.push(this.#last === undefined ? value : separate(this.#last, value));
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    this.#listed += listed;
    this.#codes += 1;
    this.#last = value;
  }

  async write(visit: VisitListed, writer: PartWriter, ledger: MemoryLedger): Promise<RowLists> {
    const firstCodes = Uint32Array.from([...this.#firstCodes, this.#codes]);
    const firstRows = Uint32Array.from([...this.#firstRows, this.#listed]);
    const release = ledger.hold(4 * (this.#listed + this.#codes + 1));
    const { rows, ends } = sortByCode(visit, this.#listed, this.#codes);
    const lengths: number[] = [];
    for (let block = 0; block < firstCodes.length - 1; block++) {
      const from = firstCodes[block] as number;
      const to = firstCodes[block + 1] as number;
      const { length } = await addSized(writer, encodeRowLists(listsOf(rows, ends, from, to)));
      lengths.push(length);
    }
    release();
    const blocks = unevenSection(writer.endSection(), Uint32Array.from(lengths));
    return { blocks, firstCodes, firstRows, separators: this.#separators };
  }
}

function* listsOf(rows: Uint32Array, ends: Uint32Array, from: number, to: number) {
  for (let code = from; code < to; code++) {
    yield rows.subarray(code === 0 ? 0 : (ends[code - 1] as number), ends[code]);
  }
}

/** Rows by code, and behind which of them the rows of each code end. */
function sortByCode(visit: VisitListed, listed: number, codes: number) {
  const ends = new Uint32Array(codes + 1);
  visit((_, code) => {
    ends[code + 1] = (ends[code + 1] as number) + 1;
  });
  for (let code = 0; code < codes; code++) {
    ends[code + 1] = (ends[code + 1] as number) + (ends[code] as number);
  }
  // From here on `ends[code]` runs from where the code's rows begin to where they end.
  const rows = new Uint32Array(listed);
  visit((row, code) => {
    rows[ends[code] as number] = row;
    ends[code] = (ends[code] as number) + 1;
  });
  return { rows, ends };
}
