/**
 * Rows that may still be among the `wanted` nearest when of each only a range is known in which its
 * exact distance lies. Pure.
 *
 * The bar is the `wanted`-th smallest upper end seen so far: that many rows are at least so near,
 * so a row whose lower end is above the bar cannot be among them. With rigorous ranges nothing that
 * belongs into the answer is ever dropped, ties included.
 */
import type { DocumentId } from "../document/id.ts";

/** A row of a segment: its distance lies within `estimate` plus or minus `bound`. */
export interface BoundedRow {
  /** Index of the segment among those of the query. */
  readonly segment: number;
  readonly ordinal: number;
  readonly estimate: number;
  readonly bound: number;
  /** Undefined where it is not known without the document. */
  readonly id: DocumentId | undefined;
}

export class Survivors {
  readonly #wanted: number;
  /** The smallest upper ends, at most `wanted`: a heap, the largest first. */
  readonly #uppers: Float64Array;
  #count = 0;
  #rows: BoundedRow[] = [];
  #pruneAt: number;

  /** `exact`: distances that are known already, of rows that compete for the same places. */
  constructor(wanted: number, exact: Iterable<number>) {
    this.#wanted = wanted;
    this.#uppers = new Float64Array(wanted);
    this.#pruneAt = 4 * wanted + 1024;
    for (const distance of exact) {
      this.#lower(distance);
    }
  }

  /** Infinite until `wanted` rows are known. */
  get bar(): number {
    return this.#count < this.#wanted ? Infinity : (this.#uppers[0] as number);
  }

  /** Whether a row with this range has a chance at all. */
  admits(estimate: number, bound: number): boolean {
    return estimate - bound <= this.bar;
  }

  add(row: BoundedRow): void {
    this.#lower(row.estimate + row.bound);
    this.#rows.push(row);
    if (this.#rows.length >= this.#pruneAt) {
      this.#prune();
      this.#pruneAt = 2 * this.#rows.length + 1024;
    }
  }

  /** The most promising first. */
  finish(): readonly BoundedRow[] {
    this.#prune();
    return this.#rows.sort((a, b) => a.estimate - b.estimate);
  }

  #prune(): void {
    this.#rows = this.#rows.filter(({ estimate, bound }) => this.admits(estimate, bound));
  }

  /** Takes an upper end into account. */
  #lower(upper: number): void {
    const heap = this.#uppers;
    if (this.#count < this.#wanted) {
      let at = this.#count++;
      for (; at > 0 && (heap[(at - 1) >> 1] as number) < upper; at = (at - 1) >> 1) {
        heap[at] = heap[(at - 1) >> 1] as number;
      }
      heap[at] = upper;
    } else if (upper < (heap[0] as number)) {
      this.#replaceLargest(upper);
    }
  }

  #replaceLargest(upper: number): void {
    const heap = this.#uppers;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && (heap[child + 1] as number) > (heap[child] as number)) {
        child += 1;
      }
      if ((heap[child] as number) <= upper) {
        break;
      }
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = upper;
  }
}
