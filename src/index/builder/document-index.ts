/**
 * A column made from documents, for an attribute that became filterable after they were written.
 * Memory is bounded however many distinct values there are:
 *
 *   1. a pass reads every value and keeps the lowest, up to `bytesMax` of them; those kept get
 *      their codes;
 *   2. the next pass keeps the lowest above those, and so on until none is left;
 *   3. asked for its values, the column reads them by the same passes again, unless one was enough.
 *
 * Cost: one pass for each `bytesMax` of distinct values, twice if there are several; 4 bytes a row.
 */
import { type ComparableValue, compareValues } from "../../document/value.ts";
import type { ColumnValue } from "../../format/segment-columns.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { DictionarySource } from "./row-source.ts";

/** Visits every value that is present, the same in every pass. */
export type ScanValues = (visit: (row: number, value: ColumnValue) => void) => Promise<void>;

export interface DocumentIndexInput {
  readonly scan: ScanValues;
  /** Gets `base` + 1 + the rank of its value for each row that has one. */
  readonly codes: Uint32Array;
  readonly base: number;
  readonly ledger: MemoryLedger;
  readonly bytesMax?: number;
}

const bytesMaxDefault = 12 * 1024 * 1024;

export async function indexDocuments(input: DocumentIndexInput): Promise<DictionarySource> {
  const { codes, base, ledger } = input;
  const release = ledger.hold(codes.byteLength);
  const numbers = new Uint32Array(codes.length);
  const passes: (readonly ColumnValue[])[] = [];
  let length = 0;
  for await (const { values, ranks } of runPasses(input, numbers)) {
    numbers.forEach((number, row) => {
      if (number > 0) {
        codes[row] = base + length + 1 + (ranks[number - 1] as number);
      }
    });
    length += values.length;
    // Kept only while it may turn out to be all there is.
    passes.splice(0, passes.length, ...(length === values.length ? [values] : []));
  }
  release();
  const [only] = passes;
  return { length, values: () => (only === undefined ? readAgain(input) : yieldOnce(only)) };
}

async function* yieldOnce(values: readonly ColumnValue[]) {
  yield values;
}

async function* readAgain(input: DocumentIndexInput): AsyncGenerator<readonly ColumnValue[]> {
  for await (const { values } of runPasses(input, undefined)) {
    yield values;
  }
}

interface PassResult {
  /** Ascending. */
  readonly values: readonly ColumnValue[];
  /** Rank among them of each number given to a row. */
  readonly ranks: Uint32Array;
}

/** `numbers`: of each row that has a value of the pass, 1 + the value's number, else 0. */
async function* runPasses(
  { scan, ledger, bytesMax = bytesMaxDefault }: DocumentIndexInput,
  numbers: Uint32Array | undefined,
): AsyncGenerator<PassResult> {
  let after: ColumnValue | undefined;
  for (;;) {
    const release = ledger.hold(bytesMax);
    const pass = new LowestValues(after, bytesMax, numbers);
    numbers?.fill(0);
    await scan((row, value) => {
      pass.add(row, value);
    });
    const result = pass.finish();
    if (result.values.length > 0) {
      yield result;
    }
    release();
    if (pass.isLast) {
      return;
    }
    after = result.values.at(-1);
  }
}

/** The lowest of the values above `after`, as many as fit. */
class LowestValues {
  readonly #after: ColumnValue | undefined;
  readonly #bytesMax: number;
  readonly #rows: Uint32Array | undefined;
  #numbers = new Map<ColumnValue, number>();
  #values: ColumnValue[] = [];
  #bytes = 0;
  /** Values from here on belong to later passes. */
  #ceiling: ColumnValue | undefined;

  constructor(after: ColumnValue | undefined, bytesMax: number, rows: Uint32Array | undefined) {
    this.#after = after;
    this.#bytesMax = bytesMax;
    this.#rows = rows;
  }

  get isLast(): boolean {
    return this.#ceiling === undefined;
  }

  add(row: number, value: ColumnValue): void {
    const isBelow = this.#after !== undefined && compareValues(value, this.#after) <= 0;
    const isAbove = this.#ceiling !== undefined && compareValues(value, this.#ceiling) >= 0;
    if (isBelow || isAbove) {
      return;
    }
    const key = keyOf(value);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#values.length;
      this.#numbers.set(key, number);
      this.#values.push(value);
      this.#bytes += heapBytes(value);
    }
    if (this.#rows !== undefined) {
      this.#rows[row] = number + 1;
    }
    if (this.#bytes > this.#bytesMax && this.#values.length > 1) {
      this.#dropUpperHalf();
    }
  }

  finish(): PassResult {
    const order = this.#sortedNumbers();
    const ranks = new Uint32Array(order.length);
    order.forEach((number, rank) => {
      ranks[number] = rank;
    });
    return { values: order.map((number) => this.#values[number] as ColumnValue), ranks };
  }

  #sortedNumbers(): number[] {
    return [...this.#values.keys()].sort((a, b) =>
      compareValues(this.#values[a] as ColumnValue, this.#values[b] as ColumnValue),
    );
  }

  #dropUpperHalf(): void {
    const order = this.#sortedNumbers();
    const renumbered = new Uint32Array(order.length);
    const values: ColumnValue[] = [];
    let bytes = 0;
    for (const number of order) {
      const value = this.#values[number] as ColumnValue;
      bytes += heapBytes(value);
      if (bytes > this.#bytesMax / 2 && values.length > 0) {
        this.#ceiling = value;
        bytes -= heapBytes(value);
        break;
      }
      values.push(value);
      renumbered[number] = values.length;
    }
    this.#values = values;
    this.#numbers = new Map(values.map((value, number) => [keyOf(value), number]));
    this.#bytes = bytes;
    this.#rows?.forEach((number, row, rows) => {
      rows[row] = number === 0 ? 0 : (renumbered[number - 1] as number);
    });
  }
}

/** What a Map tells apart as values are; those of one attribute are all arrays or none is. */
function keyOf(value: ColumnValue): ComparableValue {
  return typeof value === "object"
    ? JSON.stringify(value, (_, each: unknown) =>
        typeof each === "bigint" ? { bigint: String(each) } : each,
      )
    : value;
}

/** Memory of a value with its place in the map, roughly. */
function heapBytes(value: ColumnValue): number {
  if (typeof value === "object") {
    return 2 * value.reduce<number>((sum, each) => sum + heapBytes(each), 64);
  }
  return typeof value === "string" ? 64 + 2 * value.length : 48;
}
