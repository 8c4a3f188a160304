/**
 * Which rows have the tokens of a sequence side by side, by the positions of one token after the
 * other: a row keeps the places at which the sequence may begin, fewer with each token, and is out
 * when it has none. Rarest first. Typed arrays only: "of the" has a place in most rows.
 *
 * Cost: some 10 ns a position of the blocks that hold a candidate.
 */
import { type BlockedPostings, postingBlockRows } from "../../format/posting-block.ts";
import type { TextRun } from "../../format/segment-text.ts";
import { openPositions } from "./text-index.ts";

/** Blocks of a term that may hold one of the rows, which ascend. */
export function blocksWith({ rows: all }: BlockedPostings, rows: Uint32Array): number[] {
  const blocks: number[] = [];
  let at = 0;
  for (let begin = 0; begin < all.length && at < rows.length; begin += postingBlockRows) {
    const first = all[begin] as number;
    const last = all[Math.min(all.length, begin + postingBlockRows) - 1] as number;
    while (at < rows.length && (rows[at] as number) < first) at++;
    if (at < rows.length && (rows[at] as number) <= last) blocks.push(begin / postingBlockRows);
  }
  return blocks;
}

/** Positions `from` … `end`-1 are those of a term in the candidate with this index. */
type VisitRow = (index: number, positions: Uint32Array, from: number, end: number) => void;

export class SequenceRows {
  readonly #run: TextRun;
  readonly #pageAt: (page: number) => Uint8Array;
  #rows: Uint32Array;
  /** Of each row: where its places end; they begin where those of the row before end. */
  #ends: Uint32Array;
  /** Where the sequence may begin, ascending in each row. */
  #starts: Uint32Array;
  #scratch = new Uint32Array(1_024);

  /**
   * Of the `rows`, which ascend, those with the first token looked at, whose postings these are and
   * which stands `offset` words behind the beginning. `pageAt` has the verified pages of positions.
   */
  constructor(
    run: TextRun,
    pageAt: (page: number) => Uint8Array,
    rows: Uint32Array,
    postings: BlockedPostings,
    offset: number,
  ) {
    this.#run = run;
    this.#pageAt = pageAt;
    this.#rows = rows;
    const ends = new Uint32Array(rows.length);
    let starts = new Uint32Array(2 * rows.length);
    let length = 0;
    this.#visit(postings, (index, positions, from, end) => {
      if (length + end - from > starts.length) starts = grow(starts, length + end - from);
      for (let i = from; i < end; i++) {
        const position = positions[i] as number;
        if (position >= offset) starts[length++] = position - offset;
      }
      ends[index] = length;
    });
    // A row without the token has no places.
    for (let i = 1; i < ends.length; i++) {
      ends[i] = Math.max(ends[i] as number, ends[i - 1] as number);
    }
    this.#ends = ends;
    this.#starts = starts.subarray(0, length);
    this.#keep(new Uint8Array(length).fill(1));
  }

  /** Those that are left. */
  get rows(): Uint32Array {
    return this.#rows;
  }

  /** Leaves those with one of the terms so many words behind a beginning. */
  narrow(terms: Iterable<BlockedPostings>, offset: number): void {
    const ends = this.#ends;
    const starts = this.#starts;
    const hits = new Uint8Array(starts.length);
    for (const postings of terms) {
      this.#visit(postings, (index, positions, from, end) => {
        let start = index === 0 ? 0 : (ends[index - 1] as number);
        const startEnd = ends[index] as number;
        let at = from;
        while (start < startEnd && at < end) {
          const wanted = (starts[start] as number) + offset;
          const position = positions[at] as number;
          if (position < wanted) at++;
          else if (position > wanted) start++;
          else hits[start++] = 1;
        }
      });
    }
    this.#keep(hits);
  }

  #visit(postings: BlockedPostings, visit: VisitRow): void {
    const { rows: all, counts } = postings;
    const rows = this.#rows;
    let index = 0;
    for (const block of blocksWith(postings, rows)) {
      const begin = block * postingBlockRows;
      const blockEnd = Math.min(all.length, begin + postingBlockRows);
      let times = 0;
      for (let i = begin; i < blockEnd; i++) times += counts[i] as number;
      if (times > this.#scratch.length) this.#scratch = new Uint32Array(2 * times);
      openPositions(this.#run, postings, block, this.#pageAt, this.#scratch);
      let from = 0;
      for (let i = begin; i < blockEnd; i++) {
        const row = all[i] as number;
        const end = from + (counts[i] as number);
        while (index < rows.length && (rows[index] as number) < row) index++;
        if (rows[index] === row) visit(index, this.#scratch, from, end);
        from = end;
      }
    }
  }

  /** Leaves the places that are marked, and the rows that have one. */
  #keep(hits: Uint8Array): void {
    const rows = this.#rows;
    const starts = this.#starts;
    const keptRows = new Uint32Array(rows.length);
    const ends = new Uint32Array(rows.length);
    let [kept, length, at] = [0, 0, 0];
    for (let index = 0; index < rows.length; index++) {
      const before = length;
      for (const end = this.#ends[index] as number; at < end; at++) {
        if (hits[at] === 1) starts[length++] = starts[at] as number;
      }
      if (length === before) continue;
      keptRows[kept] = rows[index] as number;
      ends[kept++] = length;
    }
    this.#rows = keptRows.subarray(0, kept);
    this.#ends = ends.subarray(0, kept);
    this.#starts = starts.subarray(0, length);
  }
}

function grow(array: Uint32Array<ArrayBuffer>, least: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(Math.max(least, 2 * array.length));
  grown.set(array);
  return grown;
}
