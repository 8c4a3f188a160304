/**
 * Sequences of tokens: of the rows that have all tokens, those in which they stand side by side, by
 * their positions. One round for all sequences and segments, in which only pages are read that have
 * positions of a candidate; then one for documents of what positions do not tell.
 *
 * That is what segments of earlier versions have, and sequences across words that the analysis
 * drops: an index says where a token stands, not that none does.
 */
import type { Bitmap } from "./bytes/bitmap.ts";
import type { TokenFilter } from "./document/filter.ts";
import { assert } from "./errors.ts";
import type { RunPositions } from "./format/segment-text.ts";
import type { Segment } from "./index/segment/segment.ts";
import { blocksWith, SequenceRows } from "./index/segment/sequence-rows.ts";
import { hasPositions, positionPages, sectionBlock } from "./index/segment/text-index.ts";
import { type DocumentScan, scanDocuments } from "./search-document-filter.ts";
import type { SearchContext } from "./search-ports.ts";
import { type FoundRun, type IndexedText, readWanted, type WantedRead } from "./search-postings.ts";

export interface Sequence {
  readonly segment: Segment;
  readonly filter: TokenFilter;
  /** Of its tokens, with their positions. */
  readonly text: IndexedText;
  /** Those that may have it: all its tokens are there. */
  readonly rows: Bitmap;
}

/** Rows with each of the sequences, and rows that pass each of the scans. */
export async function findSequences(
  context: SearchContext,
  sequences: readonly Sequence[],
  scans: readonly DocumentScan[],
): Promise<{ readonly found: readonly Bitmap[]; readonly scanned: readonly Bitmap[] }> {
  const found = sequences.map(({ rows }) => rows.clone());
  const parts = sequences.flatMap((sequence, i) =>
    sequence.text.runs
      .filter(({ run }) => hasPositions(run))
      .map((run) => new SequenceRun(sequence, run, found[i] as Bitmap)),
  );
  const names = [...new Set(sequences.map(({ filter }) => `"${filter.attribute}"`))].join(", ");
  await readWanted(
    context,
    names,
    parts.flatMap((part) => part.reads()),
  );
  for (const part of parts) part.narrow();
  const unsure = sequences.flatMap((sequence, at) => (isSure(sequence) ? [] : [{ sequence, at }]));
  const read = await scanDocuments(context, [
    ...unsure.map(({ sequence: { segment, filter }, at }) => {
      return { segment, filter, candidates: found[at] as Bitmap };
    }),
    ...scans,
  ]);
  for (const [i, { at }] of unsure.entries()) found[at] = read[i] as Bitmap;
  return { found, scanned: read.slice(unsure.length) };
}

/** Whether positions tell, which are compared wherever there are some. */
function isSure({ filter: { tokens }, text }: Sequence): boolean {
  const span = (tokens.at(-1)?.position ?? 0) - (tokens[0]?.position ?? 0);
  return span === tokens.length - 1 && text.runs.every(({ run }) => hasPositions(run));
}

/** A sequence in one run of a segment. */
class SequenceRun {
  readonly #sequence: Sequence;
  readonly #found: FoundRun;
  /** Of the segment, changed by `narrow`. */
  readonly #rows: Bitmap;
  readonly #candidates: Uint32Array;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(sequence: Sequence, found: FoundRun, rows: Bitmap) {
    const { from, to } = found.run;
    this.#sequence = sequence;
    this.#found = found;
    this.#rows = rows;
    const candidates: number[] = [];
    for (let row = rows.next(from); row >= 0 && row < to; row = rows.next(row + 1)) {
      candidates.push(row);
    }
    this.#candidates = Uint32Array.from(candidates);
  }

  reads(): readonly WantedRead[] {
    if (this.#candidates.length === 0) return [];
    const { section } = this.#found.run.positions as RunPositions;
    const wanted = new Set<number>();
    for (const place of this.#sequence.filter.tokens.keys()) {
      for (const postings of this.#found.lists(place)) {
        const { positions } = postings;
        if (positions === undefined || positions.inline !== undefined) continue;
        for (const block of blocksWith(postings, this.#candidates)) {
          const [first, last] = positionPages(positions, block);
          for (let page = first; page <= last; page++) wanted.add(page);
        }
      }
    }
    return Array.from(wanted, (page) => ({
      block: sectionBlock(this.#sequence.segment, section, page),
      open: (bytes) => this.#pages.set(page, bytes),
    }));
  }

  narrow(): void {
    if (this.#candidates.length === 0) return;
    const { tokens } = this.#sequence.filter;
    const begin = tokens[0]?.position ?? 0;
    const rarest = tokens
      .map(({ position, isPrefix }, place) => {
        return { place, isPrefix, offset: position - begin, rows: this.#found.rowsWith(place) };
      })
      // A prefix has many terms: of few rows.
      .sort((a, b) => Number(a.isPrefix) - Number(b.isPrefix) || a.rows - b.rows);
    const [first, ...others] = rarest;
    assert(first !== undefined && !first.isPrefix, "only the last token is a prefix");
    const [postings] = this.#found.lists(first.place);
    assert(postings !== undefined, "candidates have every token");
    const { run } = this.#found;
    const pageAt = (page: number) => this.#pageAt(page);
    const rows = new SequenceRows(run, pageAt, this.#candidates, postings, first.offset);
    for (const { place, offset } of others) {
      if (rows.rows.length > 0) rows.narrow(this.#found.lists(place), offset);
    }
    for (const row of this.#candidates) this.#rows.clear(row);
    for (const row of rows.rows) this.#rows.set(row);
    this.#pages.clear();
  }

  #pageAt(page: number): Uint8Array {
    const bytes = this.#pages.get(page);
    assert(bytes !== undefined, "pages of candidates were read");
    return bytes;
  }
}
