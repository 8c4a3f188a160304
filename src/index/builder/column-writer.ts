/**
 * Writes one column: the dictionaries of the source are merged, values that no living row has are
 * left out, and codes are translated on the way.
 *
 * Memory: 4 bytes a row, 5 a distinct value, one chunk of each dictionary.
 */
import { Bitmap } from "../../bytes/bitmap.ts";
import { bytesOf } from "../../bytes/typed-view.ts";
import { compareValues, type ScalarValue } from "../../document/value.ts";
import { cborLength } from "../../format/cbor-length.ts";
import { codeSection } from "../../format/counted-sections.ts";
import {
  allocateCodes,
  type CodeBytes,
  type ColumnValue,
  codeBlockBytes,
  codeBlockRows,
  codeBytesFor,
  dictionaryChunkBytes,
  encodeDictionary,
  separate,
} from "../../format/segment-columns.ts";
import type { ColumnDirectory } from "../../format/segment-root.ts";
import { unevenSection } from "../../format/segment-section.ts";
import { addSized } from "./document-writer.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import type { PartWriter } from "./part-writer.ts";
import type { ColumnSource, DictionarySource } from "./row-source.ts";
import { mergeSorted } from "./sorted-merge.ts";

export interface ColumnWriterInput {
  readonly column: ColumnSource;
  /** Row number of each ordinal. */
  readonly order: Uint32Array;
  /** Whether values are scalars, which have separators. */
  readonly scalar: boolean;
  readonly writer: PartWriter;
  readonly ledger: MemoryLedger;
}

export async function writeColumn(input: ColumnWriterInput): Promise<ColumnDirectory> {
  const { column, order, writer, ledger } = input;
  const total = column.dictionaries.reduce((sum, { length }) => sum + length, 0);
  const release = ledger.hold(column.codes.byteLength + 5 * total);
  const used = new Bitmap(total + 1);
  for (const row of order) {
    used.set(column.codes[row] as number);
  }
  const translated = new Uint32Array(total + 1);
  const dictionary = new DictionaryBlocks(writer, input.scalar);
  let last: ColumnValue | undefined;
  for await (const items of mergeSorted(itemsOf(column.dictionaries), compareItems)) {
    for (const { value, code } of items) {
      if (used.has(code)) {
        if (last === undefined || compareValues(last, value) !== 0) {
          await dictionary.add(value);
          last = value;
        }
        translated[code] = dictionary.length;
      }
    }
  }
  const directory = await dictionary.finish();
  const codeBytes = codeBytesFor(dictionary.length);
  await writeCodes(input, translated, codeBytes);
  const codes = codeSection(writer.endSection(), order.length, codeBytes);
  release();
  return { ...directory, codes, codeBytes };
}

interface DictionaryItem {
  readonly value: ColumnValue;
  readonly code: number;
}

function compareItems(a: DictionaryItem, b: DictionaryItem): number {
  return compareValues(a.value, b.value);
}

function itemsOf(
  dictionaries: readonly DictionarySource[],
): AsyncIterable<readonly DictionaryItem[]>[] {
  let base = 0;
  return dictionaries.map((dictionary) => {
    const first = base + 1;
    base += dictionary.length;
    return numberValues(dictionary, first);
  });
}

async function* numberValues(
  dictionary: DictionarySource,
  first: number,
): AsyncGenerator<readonly DictionaryItem[]> {
  let code = first;
  for await (const values of dictionary.values()) {
    yield values.map((value) => ({ value, code: code++ }));
  }
}

/** Collects values into chunks. */
class DictionaryBlocks {
  readonly #writer: PartWriter;
  readonly #separators: ScalarValue[] | undefined;
  readonly #lengths: number[] = [];
  readonly #firstValues = [0];
  #last: ColumnValue | undefined;
  #values: ColumnValue[] = [];
  #bytes = 0;
  length = 0;

  constructor(writer: PartWriter, scalar: boolean) {
    this.#writer = writer;
    this.#separators = scalar ? [] : undefined;
  }

  async add(value: ColumnValue): Promise<void> {
    const bytes = cborLength(value);
    if (this.#values.length > 0 && this.#bytes + bytes > dictionaryChunkBytes) {
      await this.#write();
    }
    if (this.#values.length === 0 && typeof value !== "object") {
      const before = this.#last as ScalarValue | undefined;
      this.#separators?.push(before === undefined ? value : separate(before, value));
    }
    this.#values.push(value);
    this.#last = value;
    this.#bytes += bytes;
    this.length++;
  }

  async finish(): Promise<Pick<ColumnDirectory, "dictionary" | "firstValues" | "separators">> {
    if (this.#values.length > 0) {
      await this.#write();
    }
    const place = this.#writer.endSection();
    return {
      dictionary: unevenSection(place, Uint32Array.from(this.#lengths)),
      firstValues: Uint32Array.from(this.#firstValues),
      separators: this.#separators,
    };
  }

  async #write(): Promise<void> {
    const { length } = await addSized(this.#writer, encodeDictionary(this.#values));
    this.#lengths.push(length);
    this.#firstValues.push(this.length);
    this.#values = [];
    this.#bytes = 0;
  }
}

async function writeCodes(
  { column, order, writer }: ColumnWriterInput,
  translated: Uint32Array,
  codeBytes: CodeBytes,
): Promise<void> {
  for (let from = 0; from < order.length; from += codeBlockRows) {
    const rows = order.subarray(from, from + codeBlockRows);
    const codes = allocateCodes(rows.length, codeBytes);
    for (let i = 0; i < rows.length; i++) {
      codes[i] = translated[column.codes[rows[i] as number] as number] as number;
    }
    await writer.add(codeBlockBytes(rows.length, codeBytes), (block) => {
      block.set(bytesOf(codes));
    });
  }
}
