/**
 * Writes one run of a text index from its terms, which come in order, and the lengths of its rows,
 * which are known before. Postings go to the store as they come; terms wait in their blocks, which
 * are small; then come the terms and the lengths.
 */
import { ByteWriter } from "../../bytes/byte-writer.ts";
import { bytesOf } from "../../bytes/typed-view.ts";
import { codeSection } from "../../format/counted-sections.ts";
import { encodePostings, type Postings, postingBlockRows } from "../../format/posting-block.ts";
import {
  allocateCodes,
  codeBlockBytes,
  codeBlockRows,
  codeBytesFor,
  separate,
} from "../../format/segment-columns.ts";
import { type Section, unevenSection } from "../../format/segment-section.ts";
import {
  inlineMax,
  postingPageBytes,
  TermBlockWriter,
  type TermPostings,
  type TextRun,
  termBlockBytes,
} from "../../format/segment-text.ts";
import { addSized } from "./document-writer.ts";
import type { PartWriter } from "./part-writer.ts";

export class RunWriter {
  readonly #writer: PartWriter;
  readonly #from: number;
  readonly #lengths: Uint32Array;
  readonly #pages: PageWriter;
  readonly #dictionary: TermWriter;

  /** `lengths`: tokens of each row of the run, the first of which is `from`. */
  constructor(writer: PartWriter, from: number, lengths: Uint32Array) {
    this.#writer = writer;
    this.#from = from;
    this.#lengths = lengths;
    this.#pages = new PageWriter(writer, from, lengths);
    this.#dictionary = new TermWriter(from);
  }

  /** Terms ascend; nothing holds on to the postings. */
  async add(term: string, postings: Postings): Promise<void> {
    this.#dictionary.add(term, await this.#pages.add(postings));
  }

  async finish(): Promise<TextRun> {
    const postings = await this.#pages.finish();
    const { terms, separators } = await this.#dictionary.write(this.#writer);
    const lengthBytes = codeBytesFor(this.#lengths.reduce((max, each) => Math.max(max, each), 0));
    const lengths = await this.#writeLengths(lengthBytes);
    const rows = this.#lengths.reduce((sum, length) => sum + (length > 0 ? 1 : 0), 0);
    const tokens = this.#lengths.reduce((sum, length) => sum + length, 0);
    const from = this.#from;
    const to = from + this.#lengths.length;
    return { from, to, rows, tokens, terms, separators, postings, lengths, lengthBytes };
  }

  async #writeLengths(bytes: TextRun["lengthBytes"]): Promise<Section> {
    const { length } = this.#lengths;
    for (let at = 0; at < length; at += codeBlockRows) {
      const codes = allocateCodes(Math.min(codeBlockRows, length - at), bytes);
      codes.set(this.#lengths.subarray(at, at + codes.length));
      await this.#writer.add(codeBlockBytes(codes.length, bytes), (block) =>
        block.set(bytesOf(codes)),
      );
    }
    return codeSection(this.#writer.endSection(), length, bytes);
  }
}

class PageWriter {
  readonly #writer: PartWriter;
  readonly #from: number;
  readonly #lengths: Uint32Array;
  readonly #sizes: number[] = [];
  #page = new ByteWriter();

  constructor(writer: PartWriter, from: number, lengths: Uint32Array) {
    this.#writer = writer;
    this.#from = from;
    this.#lengths = lengths;
  }

  async add({ rows, counts }: Postings): Promise<TermPostings> {
    if (rows.length <= inlineMax) {
      return { kind: "inline", rows, counts };
    }
    const page = this.#sizes.length;
    const offset = this.#page.length;
    let before = this.#from;
    for (let at = 0; at < rows.length; at += postingBlockRows) {
      if (at > 0 && this.#page.length >= postingPageBytes) await this.#write();
      const block = rows.subarray(at, at + postingBlockRows);
      const each = { rows: block, counts: counts.subarray(at, at + postingBlockRows) };
      encodePostings(this.#page, each, before, this.#shortest(block));
      before = block.at(-1) as number;
    }
    const pages = this.#sizes.length - page + 1;
    if (this.#page.length >= postingPageBytes) await this.#write();
    return { kind: "pages", df: rows.length, page, offset, pages };
  }

  /** Tokens of the shortest of these rows. */
  #shortest(rows: Uint32Array): number {
    let shortest = Number.MAX_SAFE_INTEGER;
    for (const row of rows) {
      const length = this.#lengths[row - this.#from] as number;
      if (length < shortest) shortest = length;
    }
    return shortest;
  }

  async finish(): Promise<Section> {
    if (this.#page.length > 0) await this.#write();
    return unevenSection(this.#writer.endSection(), Uint32Array.from(this.#sizes));
  }

  async #write(): Promise<void> {
    this.#sizes.push((await addSized(this.#writer, this.#page.finish())).length);
    this.#page = new ByteWriter();
  }
}

class TermWriter {
  readonly #from: number;
  readonly #contents: Uint8Array[] = [];
  readonly #separators: string[] = [];
  #block = new TermBlockWriter();
  #last = "";

  constructor(from: number) {
    this.#from = from;
  }

  add(term: string, postings: TermPostings): void {
    if (this.#block.bytes >= termBlockBytes) this.#end();
    if (this.#block.count === 0) {
      const isFirst = this.#separators.length === 0;
      this.#separators.push(isFirst ? term : (separate(this.#last, term) as string));
    }
    this.#block.add(term, postings, this.#from);
    this.#last = term;
  }

  async write(writer: PartWriter): Promise<Pick<TextRun, "terms" | "separators">> {
    if (this.#block.count > 0) this.#end();
    const sizes: number[] = [];
    for (const content of this.#contents) {
      sizes.push((await addSized(writer, content)).length);
    }
    const terms = unevenSection(writer.endSection(), Uint32Array.from(sizes));
    return { terms, separators: this.#separators };
  }

  #end(): void {
    this.#contents.push(this.#block.finish());
    this.#block = new TermBlockWriter();
  }
}
