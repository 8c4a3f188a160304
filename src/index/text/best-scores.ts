/** The k best scores so far: what a row must reach to be among them. */
export class BestScores {
  readonly #wanted: number;
  /** A binary heap, the least at its root. */
  readonly #heap: number[] = [];

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /** Minus infinity while there is room. */
  get threshold(): number {
    const { length } = this.#heap;
    return length < this.#wanted || length === 0 ? -Infinity : (this.#heap[0] as number);
  }

  offer(score: number): void {
    const heap = this.#heap;
    if (heap.length < this.#wanted) {
      let at = heap.push(score) - 1;
      for (let parent = (at - 1) >> 1; at > 0; parent = (at - 1) >> 1) {
        if ((heap[parent] as number) <= score) break;
        heap[at] = heap[parent] as number;
        at = parent;
      }
      heap[at] = score;
    } else if (score > this.threshold) {
      this.#sink(score);
    }
  }

  /** Puts a score into the place of the least. */
  #sink(score: number): void {
    const heap = this.#heap;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      const right = child + 1;
      if (right < heap.length && (heap[right] as number) < (heap[child] as number)) child = right;
      if ((heap[child] as number) >= score) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = score;
  }
}
