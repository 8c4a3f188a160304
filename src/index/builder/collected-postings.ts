/**
 * Postings and positions of one term from several runs, brought into the order of the rows.
 */
import { type Postings, postingBlockRows } from "../../format/posting-block.ts";
import type { PositionSource } from "./run-writer.ts";

/** Positions that are decoded at a time, 4 bytes each. */
export const positionsMax = 1024 * 1024;

/** A row and a count in one number, which sorts by the row. */
const countBits = 2 ** 24;

/** Postings of a term from several runs, brought into order. */
export class CollectedPostings {
  #rows = new Uint32Array(1_024);
  #counts = new Uint32Array(1_024);
  #length = 0;
  #isAscending = true;

  /** Room for so many more. */
  reserve(more: number): void {
    const wanted = this.#length + more;
    if (wanted <= this.#rows.length) return;
    const size = Math.max(wanted, 2 * this.#rows.length);
    const rows = new Uint32Array(size);
    const counts = new Uint32Array(size);
    rows.set(this.#rows.subarray(0, this.#length));
    counts.set(this.#counts.subarray(0, this.#length));
    this.#rows = rows;
    this.#counts = counts;
  }

  add(row: number, count: number): void {
    const at = this.#length;
    if (at > 0 && row < (this.#rows[at - 1] as number)) this.#isAscending = false;
    this.#rows[at] = row;
    this.#counts[at] = count;
    this.#length = at + 1;
  }

  /** What was added, ascending; a view until the next is added. */
  take(): Postings {
    const rows = this.#rows.subarray(0, this.#length);
    const counts = this.#counts.subarray(0, this.#length);
    if (!this.#isAscending) sortPostings({ rows, counts });
    this.#length = 0;
    this.#isAscending = true;
    return { rows, counts };
  }
}

function sortPostings({ rows, counts }: Postings): void {
  const pairs = new Float64Array(rows.length);
  for (let i = 0; i < pairs.length; i++) {
    pairs[i] = (rows[i] as number) * countBits + (counts[i] as number) - 1;
  }
  pairs.sort();
  for (let i = 0; i < pairs.length; i++) {
    const row = Math.floor((pairs[i] as number) / countBits);
    rows[i] = row;
    counts[i] = (pairs[i] as number) - row * countBits + 1;
  }
}

/** A run that is merged, at a term. */
export interface PlacedPositions {
  /**
   * Puts the positions of the term in the rows from `least` to `most` where they belong: `starts`
   * has that of each row, from the first of the new run on.
   */
  place(least: number, most: number, starts: Uint32Array, to: Uint32Array): Promise<void>;
}

/** Positions of a term from several runs, a stretch of its rows at a time. */
export class CollectedPositions {
  readonly #from: number;
  readonly #most: number;
  /** By row of the new run, of those of the stretch: where its positions begin. */
  readonly #starts: Uint32Array;
  #positions = new Uint32Array(1_024);

  /** At most so many at a time, or those of a block of postings. */
  constructor(from: number, to: number, most = positionsMax) {
    this.#from = from;
    this.#most = most;
    this.#starts = new Uint32Array(to - from);
  }

  /** `having`: the runs that have the term. */
  begin(postings: Postings, having: readonly PlacedPositions[]): PositionSource {
    const { counts } = postings;
    let end = 0;
    let at = 0;
    const take = (rows: number, before: number): Uint32Array => {
      const start = at;
      for (let row = rows; row < before; row++) at += counts[row] as number;
      return this.#positions.subarray(start, at);
    };
    return (first, before) => {
      if (first < end) return take(first, before);
      at = 0;
      const filled = this.#fill(postings, having, first, before).then((filledEnd) => {
        end = filledEnd;
        return take(first, before);
      });
      return filled;
    };
  }

  /** From this row on, those before `least` at least; returns the first that does not fit. */
  async #fill(
    { rows, counts }: Postings,
    having: readonly PlacedPositions[],
    first: number,
    least: number,
  ): Promise<number> {
    let length = 0;
    let end = first;
    while (end < rows.length) {
      const blockEnd = Math.min(rows.length, end + postingBlockRows);
      let positions = 0;
      for (let i = end; i < blockEnd; i++) positions += counts[i] as number;
      if (end >= least && length + positions > this.#most) break;
      for (; end < blockEnd; end++) {
        this.#starts[(rows[end] as number) - this.#from] = length;
        length += counts[end] as number;
      }
    }
    if (length > this.#positions.length) {
      this.#positions = new Uint32Array(Math.max(length, Math.min(2 * length, this.#most)));
    }
    for (const run of having) {
      const last = rows[end - 1] as number;
      await run.place(rows[first] as number, last, this.#starts, this.#positions);
    }
    return end;
  }
}
