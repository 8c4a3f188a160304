/**
 * Seeded pseudo-random numbers: rotations and clusterings must come out the same wherever and
 * however often a job runs. xoshiro128** (Blackman and Vigna 2018), its state expanded from the
 * seed by splitmix32.
 *
 * The sequence is part of the storage format: rotations are derived from it.
 */

/** 64 bits, as two unsigned 32-bit halves. */
export interface Seed {
  readonly low: number;
  readonly high: number;
}

export interface Prng {
  /** The next 32 bits, unsigned. */
  next(): number;
  /** A number in [0, bound), bound <= 2^32; uniform up to bound / 2^32. */
  below(bound: number): number;
}

/** Different streams of one seed are independent of each other. */
export function createPrng(seed: Seed, stream = 0): Prng {
  let mixed = (seed.low ^ Math.imul(stream, 0x9e3779b9)) | 0;
  const expand = (): number => {
    mixed = (mixed + 0x9e3779b9) | 0;
    // The high half enters midway, so that equal halves do not cancel.
    return splitMix(splitMix(mixed) ^ seed.high);
  };
  let [s0, s1, s2, s3] = [expand(), expand(), expand(), expand()];
  if ((s0 | s1 | s2 | s3) === 0) {
    // The one state that the generator cannot leave.
    s0 = 1;
  }
  const next = (): number => {
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = (s3 << 11) | (s3 >>> 21);
    return result;
  };
  return { next, below: (bound) => Math.floor((next() / 2 ** 32) * bound) };
}

function splitMix(value: number): number {
  let z = value | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}
