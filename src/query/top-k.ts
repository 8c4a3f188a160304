/**
 * The k best of many: a binary heap whose root is the worst of those kept, by distance and then by
 * id (the lower one is better), or in another order. An offer that cannot win costs one comparison.
 */
import { compareIds, type DocumentId } from "../document/id.ts";

export interface Hit<T> {
  readonly distance: number;
  readonly id: DocumentId;
  readonly value: T;
}

/** Negative if `a` comes first in the answer. */
export function compareHits(a: Hit<unknown>, b: Hit<unknown>): number {
  return a.distance - b.distance || compareIds(a.id, b.id);
}

/** Order by id alone. */
export function compareHitIds(a: Hit<unknown>, b: Hit<unknown>): number {
  return compareIds(a.id, b.id);
}

export class TopK<T> {
  readonly #limit: number;
  readonly #compare: typeof compareHits;
  readonly #heap: Hit<T>[] = [];

  constructor(limit: number, compare = compareHits) {
    this.#limit = limit;
    this.#compare = compare;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Distance above which no offer can win; infinite while there is room. */
  get worst(): number {
    const root = this.#heap[0];
    return root === undefined || this.#heap.length < this.#limit ? Infinity : root.distance;
  }

  /** Keeps the hit if it is among the k best so far. */
  offer(hit: Hit<T>): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push(hit);
      this.#rise(heap.length - 1);
      return;
    }
    const root = heap[0];
    if (root !== undefined && this.#compare(hit, root) < 0) {
      heap[0] = hit;
      this.#sink();
    }
  }

  /** Best first. */
  sorted(): Hit<T>[] {
    return [...this.#heap].sort(this.#compare);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (this.#compare(heap[at] as Hit<T>, heap[parent] as Hit<T>) <= 0) {
        return;
      }
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      if (left >= heap.length) {
        return;
      }
      const rightIsWorse =
        right < heap.length && this.#compare(heap[right] as Hit<T>, heap[left] as Hit<T>) > 0;
      const child = rightIsWorse ? right : left;
      if (this.#compare(heap[child] as Hit<T>, heap[at] as Hit<T>) <= 0) {
        return;
      }
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    const held = heap[a] as Hit<T>;
    heap[a] = heap[b] as Hit<T>;
    heap[b] = held;
  }
}
