/**
 * The elements of a column of arrays: a dictionary of their own, and for each the rows whose arrays
 * it stands in. Collected while the distinct arrays pass; given up, so that memory stays bounded,
 * where elements are too many: filters then compare arrays, as they did before.
 */
import { compareScalars, type ScalarValue } from "../../document/value.ts";
import { cborLength } from "../../format/cbor-length.ts";
import type { ColumnValue } from "../../format/segment-columns.ts";
import type { ElementDirectory } from "../../format/segment-root.ts";
import { limits } from "../../limits.ts";
import { DictionaryBlocks } from "./dictionary-blocks.ts";
import { ListBlocks } from "./list-writer.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PartWriter } from "./part-writer.ts";

export interface ElementRows {
  /** Code of the array of each ordinal. */
  readonly codeOf: (ordinal: number) => number;
  readonly rows: number;
  /** What codes of all rows take. */
  readonly columnBytes: number;
}

export class ElementLists {
  /** Numbers of elements in the order they were met. */
  readonly #numbers = new Map<ScalarValue, number>();
  /** Rows of each. */
  readonly #listed: number[] = [];
  /** Elements of each array, and where those of the next begin. */
  readonly #members: number[] = [];
  readonly #starts: number[] = [0];
  readonly #ledger: MemoryLedger;
  #release: () => void;
  #bytes = 0;
  #total = 0;
  #isGivenUp = false;

  constructor(ledger: MemoryLedger) {
    this.#ledger = ledger;
    this.#release = ledger.hold(limits.elementBytesMax);
  }

  /** The next distinct array, and how many rows have it. */
  add(array: ColumnValue, rows: number): void {
    if (this.#isGivenUp || typeof array !== "object") return;
    for (const element of new Set(array)) {
      let number = this.#numbers.get(element);
      if (number === undefined) {
        number = this.#listed.push(0) - 1;
        this.#numbers.set(element, number);
        this.#bytes += 64 + 2 * cborLength(element);
      }
      this.#listed[number] = (this.#listed[number] as number) + rows;
      this.#members.push(number);
      this.#bytes += 8;
      this.#total += rows;
    }
    this.#bytes += 8;
    this.#starts.push(this.#members.length);
    if (this.#bytes > limits.elementBytesMax || this.#total > limits.elementRowsMax) {
      this.#isGivenUp = true;
      this.#forget();
    }
  }

  async write(
    { codeOf, rows, columnBytes }: ElementRows,
    writer: PartWriter,
  ): Promise<ElementDirectory | undefined> {
    if (this.#isGivenUp || this.#numbers.size === 0) {
      this.#release();
      return undefined;
    }
    const sorted = [...this.#numbers].sort(([a], [b]) => compareScalars(a, b));
    const codes = new Uint32Array(sorted.length);
    const dictionary = new DictionaryBlocks(writer, true);
    // Nobody asks which rows have no element at all: the list of code 0 is empty.
    const lists = new ListBlocks(rows, columnBytes, 0);
    for (const [i, [element, number]] of sorted.entries()) {
      codes[number] = i + 1;
      await dictionary.add(element);
      lists.add(element, this.#listed[number] as number);
    }
    const directory = await dictionary.finish();
    const visit = (each: (row: number, code: number) => void): void => {
      for (let row = 0; row < rows; row++) {
        const array = codeOf(row);
        if (array === 0) continue;
        const end = this.#starts[array] as number;
        for (let at = this.#starts[array - 1] as number; at < end; at++) {
          each(row, codes[this.#members[at] as number] as number);
        }
      }
    };
    const written = await lists.write(visit, writer, this.#ledger);
    this.#forget();
    this.#release();
    return { ...directory, lists: written };
  }

  #forget(): void {
    this.#numbers.clear();
    for (const list of [this.#listed, this.#members, this.#starts]) list.length = 0;
  }
}
