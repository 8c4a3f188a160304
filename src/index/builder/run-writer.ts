/**
 * Writes one run of a text index from its terms, which come in order, and the lengths of its rows,
 * which are known before. Postings go to the store as they come, positions between them in
 * stretches; terms wait in their blocks, which are small; then come the terms and the lengths.
 *
 * Memory: `positionStretchBytes`, twice as much while it grows, beside terms and lengths.
 */
import { ByteWriter } from "../../bytes/byte-writer.ts";
import { bytesOf } from "../../bytes/typed-view.ts";
import { codeSection, positionSection } from "../../format/counted-sections.ts";
import {
  allocateBlocks,
  encodePositions,
  type PositionPlaces,
  type PositionWidths,
  placingVersion,
  positionPageBytes,
} from "../../format/position-block.ts";
import { encodePostings, type Postings, postingBlockRows } from "../../format/posting-block.ts";
import { blockBytes } from "../../format/segment-block.ts";
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
  inlineTimesMax,
  postingPageBytes,
  type RunPositions,
  TermBlockWriter,
  type TermPostings,
  type TextRun,
  termBlockBytes,
} from "../../format/segment-text.ts";
import { addSized } from "./document-writer.ts";
import type { OpenSection, PartWriter } from "./part-writer.ts";

const noBlocks = allocateBlocks(0);

export class RunWriter {
  readonly #writer: PartWriter;
  readonly #from: number;
  readonly #lengths: Uint32Array;
  readonly #positions: PositionWriter;
  readonly #pages: PageWriter;
  readonly #dictionary: TermWriter;

  /** `lengths`: tokens of each row of the run, the first of which is `from`. */
  constructor(writer: PartWriter, from: number, lengths: Uint32Array) {
    this.#writer = writer;
    this.#from = from;
    this.#lengths = lengths;
    this.#positions = new PositionWriter(writer);
    this.#pages = new PageWriter(writer, from, lengths, this.#positions);
    this.#dictionary = new TermWriter(from);
  }

  /**
   * Terms ascend; nothing holds on to the postings. Positions are asked for a block of postings at
   * a time, in order.
   */
  async add(term: string, postings: Postings, positionsOf: PositionSource): Promise<void> {
    this.#dictionary.add(term, await this.#pages.add(postings, positionsOf));
    if (this.#positions.isFull) await this.#positions.flush();
  }

  async finish(): Promise<TextRun> {
    const postings = await this.#pages.finish();
    const positions = await this.#positions.finish();
    const { terms, separators } = await this.#dictionary.write(this.#writer);
    const lengthBytes = codeBytesFor(this.#lengths.reduce((max, each) => Math.max(max, each), 0));
    const lengths = await this.#writeLengths(lengthBytes);
    const rows = this.#lengths.reduce((sum, length) => sum + (length > 0 ? 1 : 0), 0);
    const tokens = this.#lengths.reduce((sum, length) => sum + length, 0);
    const from = this.#from;
    const to = from + this.#lengths.length;
    const sections = { terms, separators, postings, positions, lengths, lengthBytes };
    return { from, to, rows, tokens, ...sections };
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

/** Positions of the rows with these indexes among the postings, one row after the other. */
export type PositionSource = (from: number, end: number) => Uint32Array | Promise<Uint32Array>;

class PageWriter {
  readonly #writer: PartWriter;
  readonly #from: number;
  readonly #lengths: Uint32Array;
  readonly #positions: PositionWriter;
  readonly #sizes: number[] = [];
  #page = new ByteWriter();

  constructor(writer: PartWriter, from: number, lengths: Uint32Array, positions: PositionWriter) {
    this.#writer = writer;
    this.#from = from;
    this.#lengths = lengths;
    this.#positions = positions;
  }

  async add({ rows, counts }: Postings, positionsOf: PositionSource): Promise<TermPostings> {
    if (rows.length <= inlineMax) {
      const found = positionsOf(0, rows.length);
      const positions = found instanceof Promise ? await found : found;
      return { kind: "inline", rows, counts, positions: this.#positions.place(counts, positions) };
    }
    const page = this.#sizes.length;
    const offset = this.#page.length;
    const place = this.#positions.length;
    let before = this.#from;
    for (let at = 0; at < rows.length; at += postingBlockRows) {
      if (at > 0 && this.#page.length >= postingPageBytes) await this.#write();
      const block = rows.subarray(at, at + postingBlockRows);
      const each = { rows: block, counts: counts.subarray(at, at + postingBlockRows) };
      const found = positionsOf(at, at + block.length);
      const positions = found instanceof Promise ? await found : found;
      const widths = this.#positions.add(each.counts, positions);
      if (this.#positions.isFull) await this.#positions.flush();
      encodePostings(this.#page, each, before, this.#shortest(block), widths);
      before = block.at(-1) as number;
    }
    const pages = this.#sizes.length - page + 1;
    if (this.#page.length >= postingPageBytes) await this.#write();
    return { kind: "pages", df: rows.length, page, offset, pages, place };
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

/** So much is written between two stretches of postings. */
export const positionStretchBytes = 1024 * 1024;

class PositionWriter {
  readonly #writer: PartWriter;
  #section: OpenSection | undefined;
  #waiting = new ByteWriter();
  #written = 0;

  constructor(writer: PartWriter) {
    this.#writer = writer;
  }

  /** Where the next ones go. */
  get length(): number {
    return this.#written + this.#waiting.length;
  }

  get isFull(): boolean {
    return this.#waiting.length >= positionStretchBytes;
  }

  add(counts: Uint32Array, positions: Uint32Array): PositionWidths {
    return encodePositions(this.#waiting, counts, positions);
  }

  /** Of a term of few rows. */
  place(counts: Uint32Array, positions: Uint32Array): PositionPlaces {
    if (positions.length <= inlineTimesMax) return { inline: positions, blocks: noBlocks };
    const place = this.length;
    const { first, gap } = this.add(counts, positions);
    const blocks = {
      places: Uint32Array.of(place, this.length),
      first: Uint8Array.of(first),
      gap: Uint8Array.of(gap),
    };
    return { inline: undefined, blocks };
  }

  /** Writes whole pages. */
  async flush(): Promise<void> {
    const bytes = this.#waiting.written();
    const end = bytes.length - (bytes.length % positionPageBytes);
    await this.#write(bytes.subarray(0, end));
    this.#waiting = new ByteWriter();
    this.#waiting.bytes(bytes.subarray(end));
  }

  async finish(): Promise<RunPositions> {
    const bytes = this.length;
    await this.#write(this.#waiting.written());
    const { count = 0, extents = [] } = this.#section ?? {};
    const section = positionSection({ count, extents }, bytes);
    return { placing: placingVersion, section, bytes };
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#written += bytes.length;
    this.#section = await this.#writer.aside(this.#section, async () => {
      for (let at = 0; at < bytes.length; at += positionPageBytes) {
        const page = bytes.subarray(at, at + positionPageBytes);
        await this.#writer.add(blockBytes(page.length), (block) => block.set(page));
      }
    });
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
