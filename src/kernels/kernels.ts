/**
 * The hot loops of search and indexing, as one interface with two implementations: `scalar.ts` is
 * the plain twin that defines the results, `wasm.ts` runs the SIMD version. One conformance suite
 * covers both.
 *
 * Rows are contiguous and row-major; their number is the length of `out`, their width that of the
 * query. Nothing is retained after a call returns. Any width from 1 on is allowed unless stated
 * otherwise.
 *
 * Agreement: integer results and rotations are bit-identical in both. A float result differs from
 * the exact value by at most `sumErrorBound(width)` times the sum of the magnitudes of its terms.
 */
export interface Kernels {
  readonly name: "scalar" | "simd";

  /** out[i] = <query, row i>. */
  dot(query: Float32Array, rows: Float32Array, out: Float32Array): void;

  /** out[i] = |query - row i|^2. */
  squaredDistance(query: Float32Array, rows: Float32Array, out: Float32Array): void;

  /**
   * out[i] = <query, the int8 row that begins at codes[starts[i]]>, exact. The caller bounds the
   * query so that sum |query[j]| * 128 < 2^31. A 16-bit query is as precise as the rows deserve,
   * keeps the sum an integer, and takes a third of the time of converting rows to floats.
   */
  dotInt8(query: Int16Array, codes: Int8Array, starts: Uint32Array, out: Int32Array): void;

  /**
   * out[i] = sum over planes j of 2^j * popcount(row i AND plane j), for four planes. Rows are bit
   * strings of a multiple of 64 bits (bit b of a row is bit b % 8 of its byte b / 8). `planes`
   * interleaves the four planes by 8-byte words: word 0 of planes 0..3, word 1 of planes 0..3, and
   * so on.
   */
  scanBits(planes: Uint8Array, codes: Uint8Array, out: Uint32Array): void;

  /**
   * Rotates rows in place: four rounds of sign flips, a fast Hadamard transform of the largest
   * power of two T that fits, alternately over the first and the last T coordinates, and, unless T
   * is the width, a Kac step. `signs` holds 4 x width values of +1 or -1; the width is a multiple
   * of 64.
   */
  rotate(signs: Float32Array, rows: Float32Array): void;

  /**
   * best[i] = the j with the highest <row i, centroid j> - bias[j], the lowest such j on ties;
   * score[i] = that value. With bias |c|^2 / 2 this is the nearest centroid, with bias 0 the most
   * similar one.
   */
  nearest(
    rows: Float32Array,
    centroids: Float32Array,
    bias: Float32Array,
    best: Uint32Array,
    score: Float32Array,
  ): void;
}

/**
 * Relative error of a sum of `width` products that are accumulated in four f32 lanes (or better).
 */
export function sumErrorBound(width: number): number {
  return (width / 4 + 8) * 2 ** -24;
}

/** Size of the Hadamard transform inside a rotation of this width. */
export function hadamardSize(width: number): number {
  return 2 ** (31 - Math.clz32(width));
}
