/** Collects values, in order, into the chunks of a dictionary. Memory: one chunk. */
import type { ScalarValue } from "../../document/value.ts";
import { cborLength } from "../../format/cbor-length.ts";
import {
  type ColumnValue,
  dictionaryChunkBytes,
  encodeDictionary,
  separate,
} from "../../format/segment-columns.ts";
import type { DictionaryDirectory } from "../../format/segment-root.ts";
import { unevenSection } from "../../format/segment-section.ts";
import { addSized } from "./document-writer.ts";
import type { PartWriter } from "./part-writer.ts";

export class DictionaryBlocks {
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

  async finish(): Promise<DictionaryDirectory> {
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
