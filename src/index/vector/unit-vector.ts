/**
 * Lengths. Under cosine distance all vectors, queries too, are scaled to length one before anything
 * else; from then on the distance is 1 - <q, o>, and a zero vector is at distance 1 from
 * everything.
 */

/**
 * Scales every row of `width` to length one, in place; zero rows have no direction and stay zero.
 */
export function normaliseRows(rows: Float32Array, width: number): Float32Array {
  for (let start = 0; start < rows.length; start += width) {
    const row = rows.subarray(start, start + width);
    const length = Math.sqrt(squaredLength(row));
    if (length > 0) {
      for (let d = 0; d < width; d++) {
        row[d] = (row[d] as number) / length;
      }
    }
  }
  return rows;
}

export function squaredLength(vector: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < vector.length; d++) {
    sum += (vector[d] as number) * (vector[d] as number);
  }
  return sum;
}
