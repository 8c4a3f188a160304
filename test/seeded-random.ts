/** Random bytes that a seed repeats: for tests whose runs must be alike. */
import type { Random } from "../src/ports.ts";

export class SeededRandom implements Random {
  #state: number;

  constructor(seed = 1) {
    this.#state = seed;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#next() >>> 24);
  }

  /** splitmix32 */
  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }
}
