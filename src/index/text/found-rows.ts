/** Rows of a segment and their scores, as they are found: 8 bytes a row, whatever many tie. */
export class FoundRows {
  #rows = new Uint32Array(64);
  #scores = new Float32Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** In the order in which they were added; valid until the next one is. */
  get rows(): Uint32Array {
    return this.#rows.subarray(0, this.#length);
  }

  get scores(): Float32Array {
    return this.#scores.subarray(0, this.#length);
  }

  /** `score`: a 32-bit float. */
  add(row: number, score: number): void {
    if (this.#length === this.#rows.length) {
      const rows = new Uint32Array(2 * this.#length);
      const scores = new Float32Array(2 * this.#length);
      rows.set(this.#rows);
      scores.set(this.#scores);
      this.#rows = rows;
      this.#scores = scores;
    }
    this.#rows[this.#length] = row;
    this.#scores[this.#length] = score;
    this.#length += 1;
  }
}
