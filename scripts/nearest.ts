/**
 * Exact nearest neighbours by brute force in 64-bit arithmetic: the truth that recall is measured
 * against where a data set brings none (part of its rows), and the judge of ties.
 */
import type { Metric, VectorTable } from "./datasets.ts";

/** Distance of two vectors as the wire API defines it. Cosine of a zero vector: 1. */
export function distance(metric: Metric, a: Float32Array, b: Float32Array): number {
  let sum = 0;
  let lengthA = 0;
  let lengthB = 0;
  for (let d = 0; d < a.length; d++) {
    const x = a[d] as number;
    const y = b[d] as number;
    if (metric === "euclidean_squared") {
      sum += (x - y) * (x - y);
    } else {
      sum += x * y;
      lengthA += x * x;
      lengthB += y * y;
    }
  }
  if (metric === "euclidean_squared") return sum;
  const lengths = Math.sqrt(lengthA * lengthB);
  return lengths === 0 ? 1 : 1 - sum / lengths;
}

/** Row numbers of the k nearest among the first `rows`, nearest first, ties by lower row. */
export function nearest(
  metric: Metric,
  base: VectorTable,
  rows: number,
  query: Float32Array,
  k: number,
): Int32Array {
  const distances = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    distances[row] = distance(metric, query, base.slice(row, row + 1));
  }
  const order = Int32Array.from(distances.keys());
  order.sort((a, b) => (distances[a] as number) - (distances[b] as number) || a - b);
  return order.slice(0, k);
}
