/**
 * Seeded vectors for tests: single values, Gaussian rows, mixtures of Gaussians; exact distances.
 */
import type { DistanceMetric } from "../../../src/document/schema.ts";
import type { Prng, Seed } from "../../../src/index/vector/prng.ts";

export const seed: Seed = { low: 0x5eed, high: 0x10_0000 };

/** Standard normal deviate (Box-Muller, one of the pair). */
export function gaussian(prng: Prng): number {
  const radius = Math.sqrt(-2 * Math.log((prng.next() + 1) / 2 ** 32));
  return radius * Math.cos((2 * Math.PI * prng.next()) / 2 ** 32);
}

export function gaussianRows(count: number, width: number, prng: Prng): Float32Array {
  return Float32Array.from({ length: count * width }, () => gaussian(prng));
}

export interface Mixture {
  readonly rows: Float32Array;
  readonly queries: Float32Array;
}

/**
 * Rows and queries drawn alike: `centers` Gaussian blobs within a few dimensions of their own
 * (`latent`), mapped into `dims` dimensions, plus a little noise in all of them.
 */
export function mixture(
  shape: { rows: number; queries: number; dims: number; centers: number; latent: number },
  prng: Prng,
): Mixture {
  const { dims, centers, latent } = shape;
  const middles = gaussianRows(centers, dims, prng);
  const axes = gaussianRows(latent, dims, prng);
  const draw = (count: number): Float32Array => {
    const out = new Float32Array(count * dims);
    for (let i = 0; i < count; i++) {
      const row = out.subarray(i * dims, (i + 1) * dims);
      row.set(rowOf(middles, prng.below(centers), dims));
      for (let a = 0; a < latent; a++) {
        const amount = 0.35 * gaussian(prng);
        for (let d = 0; d < dims; d++) {
          row[d] = (row[d] as number) + amount * (axes[a * dims + d] as number);
        }
      }
      for (let d = 0; d < dims; d++) {
        // Uniform noise: cheaper than Gaussian, and the rotation makes it Gaussian anyway.
        row[d] = (row[d] as number) + 0.5 * (prng.next() / 2 ** 32 - 0.5);
      }
    }
    return out;
  };
  return { rows: draw(shape.rows), queries: draw(shape.queries) };
}

export function rowOf(rows: Float32Array, row: number, width: number): Float32Array {
  return rows.subarray(row * width, (row + 1) * width);
}

export function gatherRows(rows: Float32Array, numbers: ArrayLike<number>, width: number) {
  const out = new Float32Array(numbers.length * width);
  Array.from(numbers).forEach((row, i) => out.set(rowOf(rows, row, width), i * width));
  return out;
}

/** Distance in double precision; under cosine of vectors that are unit vectors or zero. */
export function exactDistance(metric: DistanceMetric, a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) {
    const [x, y] = [a[d] as number, b[d] as number];
    sum += metric === "cosine_distance" ? x * y : (x - y) * (x - y);
  }
  return metric === "cosine_distance" ? 1 - sum : sum;
}
