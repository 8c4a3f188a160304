/**
 * The kernels in plain TypeScript: short, obvious, and the truth that the SIMD version is tested
 * against. Sums run in double precision; the rotation performs the same f32 operations in the same
 * order as SIMD does.
 */
import { assert } from "../errors.ts";
import { hadamardSize, type Kernels } from "./kernels.ts";

export const scalarKernels: Kernels = {
  name: "scalar",

  dot(query, rows, out) {
    assert(rows.length === out.length * query.length, "rows do not match the query");
    for (let i = 0; i < out.length; i++) {
      out[i] = dotAt(query, 0, rows, i * query.length, query.length);
    }
  },

  squaredDistance(query, rows, out) {
    const width = query.length;
    assert(rows.length === out.length * width, "rows do not match the query");
    for (let i = 0; i < out.length; i++) {
      let sum = 0;
      for (let d = 0; d < width; d++) {
        const difference = (query[d] as number) - (rows[i * width + d] as number);
        sum += difference * difference;
      }
      out[i] = sum;
    }
  },

  dotInt8(query, codes, starts, out) {
    assert(starts.length === out.length, "one start a row");
    for (let i = 0; i < out.length; i++) {
      const start = starts[i] as number;
      assert(start + query.length <= codes.length, "a row lies outside the codes");
      let sum = 0;
      for (let d = 0; d < query.length; d++) {
        sum += (query[d] as number) * (codes[start + d] as number);
      }
      out[i] = sum;
    }
  },

  scanBits(planes, codes, out) {
    const rowBytes = planes.length / 4;
    assert(rowBytes % 8 === 0, "bit rows are multiples of 64 bits");
    assert(codes.length === out.length * rowBytes, "codes do not match the planes");
    for (let i = 0; i < out.length; i++) {
      let sum = 0;
      for (let b = 0; b < rowBytes; b++) {
        const code = codes[i * rowBytes + b] as number;
        const word = (b >> 3) * 32 + (b & 7);
        for (let j = 0; j < 4; j++) {
          sum += popcount(code & (planes[word + j * 8] as number)) << j;
        }
      }
      out[i] = sum;
    }
  },

  rotate(signs, rows) {
    const width = signs.length / 4;
    assert(width % 64 === 0 && rows.length % width === 0, "rows do not match the rotation");
    for (let start = 0; start < rows.length; start += width) {
      rotateRow(signs, rows.subarray(start, start + width));
    }
  },

  nearest(rows, centroids, bias, best, score) {
    const width = centroids.length / bias.length;
    assert(
      rows.length === best.length * width && best.length === score.length,
      "rows do not match",
    );
    for (let i = 0; i < best.length; i++) {
      let winner = 0;
      let highest = -Infinity;
      for (let j = 0; j < bias.length; j++) {
        const value = dotAt(rows, i * width, centroids, j * width, width) - (bias[j] as number);
        if (value > highest) {
          highest = value;
          winner = j;
        }
      }
      best[i] = winner;
      score[i] = highest;
    }
  },
};

function dotAt(a: Float32Array, i: number, b: Float32Array, j: number, width: number): number {
  let sum = 0;
  for (let d = 0; d < width; d++) {
    sum += (a[i + d] as number) * (b[j + d] as number);
  }
  return sum;
}

function popcount(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) {
    count++;
  }
  return count;
}

function rotateRow(signs: Float32Array, row: Float32Array): void {
  const width = row.length;
  const size = hadamardSize(width);
  const scale = Math.fround(1 / Math.sqrt(size));
  for (let round = 0; round < 4; round++) {
    for (let d = 0; d < width; d++) {
      row[d] = (row[d] as number) * (signs[round * width + d] as number);
    }
    const offset = round % 2 === 0 ? 0 : width - size;
    hadamard(row.subarray(offset, offset + size), scale);
    if (size !== width) {
      kacStep(row);
    }
  }
  if (size !== width) {
    // Each of the four Kac steps lacks a factor sqrt(1/2).
    for (let d = 0; d < width; d++) {
      row[d] = (row[d] as number) * 0.25;
    }
  }
}

function hadamard(x: Float32Array, scale: number): void {
  for (let half = 1; half < x.length; half *= 2) {
    for (let start = 0; start < x.length; start += 2 * half) {
      for (let d = start; d < start + half; d++) {
        const a = x[d] as number;
        const b = x[d + half] as number;
        x[d] = a + b;
        x[d + half] = a - b;
      }
    }
  }
  for (let d = 0; d < x.length; d++) {
    x[d] = (x[d] as number) * scale;
  }
}

function kacStep(x: Float32Array): void {
  const half = x.length / 2;
  for (let d = 0; d < half; d++) {
    const a = x[d] as number;
    const b = x[d + half] as number;
    x[d] = a + b;
    x[d + half] = a - b;
  }
}
