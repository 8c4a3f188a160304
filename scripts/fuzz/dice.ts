/** Choices that a seed repeats. */
import { createPrng, type Prng } from "../../src/index/vector/prng.ts";

export class Dice {
  readonly #prng: Prng;

  /** Each `stream` of a seed is independent of the others. */
  constructor(seed: number, stream: number) {
    this.#prng = createPrng({ low: seed >>> 0, high: stream >>> 0 }, stream);
  }

  below(bound: number): number {
    return this.#prng.below(bound);
  }

  chance(share: number): boolean {
    return this.#prng.next() < share * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)];
    if (found === undefined && list.length === 0) throw new Error("nothing to pick from");
    return found as T;
  }

  bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.#prng.next() >>> 24);
  }
}
