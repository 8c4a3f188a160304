/**
 * A million rows of real shape, made from a small set of square images: each image is shifted by up
 * to two pixels in both directions (25 variants), and every variant is projected to fewer
 * dimensions by a seeded orthonormal matrix. Queries are the unshifted query images through the
 * same projection. Neighbours are near for a reason, as in real data, and no row repeats.
 *
 * Rows come in seeded order, so that the first n of them are a sample of all: the data of a smaller
 * run begins that of a larger one. They are kept in a file that a larger run continues.
 *
 *   <folder>/growth-<key>/base.f32                     rows so far
 *                        /truth-<rows>-<queries>.i32   exact neighbours of the first queries
 *
 * Cost at 784 dimensions to 192: 0.1 ms a row. The key names everything the rows depend on.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { createPrng, type Prng } from "../../src/index/vector/prng.ts";
import type { Dataset, VectorTable } from "../datasets.ts";
import { topK } from "./questions.ts";
import { exactNeighbours } from "./truth.ts";

export interface GrowthSource {
  /** Its rows and queries are square images, of dimensions that are a square number. */
  readonly images: Dataset;
  /** Dimensions after the projection. */
  readonly dimensions: number;
  readonly seed: number;
  /** Where files are kept between runs. */
  readonly folder: string;
  readonly onProgress?: (what: "rows" | "truth", done: number, total: number) => void;
}

const shiftMax = 2;
const shiftsAlong = 2 * shiftMax + 1;
export const variants = shiftsAlong * shiftsAlong;
/** Changes whenever rows would come out otherwise. */
const recipe = 1;
const rowsPerWrite = 1_000;
/** Streams of the seed. */
const matrixStream = 1;
const orderStream = 2;

/** The first `rows` rows, with the exact truth of the first `queries` queries. */
export async function openGrowthData(
  source: GrowthSource,
  rows: number,
  queries: number,
): Promise<Dataset> {
  const { images, dimensions } = source;
  const available = images.base.rows * variants;
  if (rows > available) throw new Error(`there are ${available} rows, not ${rows}`);
  const folder = join(source.folder, `growth-${keyOf(source)}`);
  mkdirSync(folder, { recursive: true });
  const matrix = orthonormalMatrix(dimensions, images.base.dimensions, source.seed);
  const file = join(folder, "base.f32");
  await writeRows(source, matrix, file, rows);
  const base = openRows(file, rows, dimensions);
  const table: VectorTable = {
    rows: queries,
    dimensions,
    slice: (from, to) => projectQueries(source, matrix, from, to),
  };
  const truth = await openTruth(source, folder, base, table);
  const k = Math.min(topK, rows);
  return {
    name: `${images.name}-shifted-${dimensions}`,
    metric: "euclidean_squared",
    base,
    queries: table,
    k,
    truth: (query) => truth.subarray(query * k, (query + 1) * k),
    columns: () => ({}),
    schema: {},
  };
}

function keyOf({ images, dimensions, seed }: GrowthSource): string {
  const parts = [recipe, images.name, images.base.rows, images.base.dimensions, dimensions, seed];
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 12);
}

// ---- Rows ---------------------------------------------------------------------------------------

async function writeRows(
  source: GrowthSource,
  matrix: Float32Array,
  file: string,
  rows: number,
): Promise<void> {
  const { images, dimensions, onProgress } = source;
  const rowBytes = dimensions * 4;
  const done = existsSync(file) ? Math.floor(statSync(file).size / rowBytes) : 0;
  if (done >= rows) return;
  const order = seededOrder(images.base.rows * variants, source.seed);
  const side = sideOf(images);
  const project = projector(matrix, dimensions);
  const shifted = new Float32Array(side * side);
  const out = openSync(file, "a");
  try {
    // A run that was interrupted may have left a part of a row.
    truncateSync(file, done * rowBytes);
    for (let from = done; from < rows; from += rowsPerWrite) {
      const count = Math.min(rowsPerWrite, rows - from);
      const values = new Float32Array(count * dimensions);
      for (let i = 0; i < count; i++) {
        const variant = order[from + i] as number;
        const image = Math.floor(variant / variants);
        const shift = variant % variants;
        const dx = (shift % shiftsAlong) - shiftMax;
        const dy = Math.floor(shift / shiftsAlong) - shiftMax;
        shiftImage(images.base.slice(image, image + 1), side, dx, dy, shifted);
        project(shifted, values.subarray(i * dimensions, (i + 1) * dimensions));
      }
      writeSync(out, new Uint8Array(values.buffer));
      onProgress?.("rows", from + count, rows);
      await yieldToOthers();
    }
  } finally {
    closeSync(out);
  }
}

function openRows(file: string, rows: number, dimensions: number): VectorTable {
  const descriptor = openSync(file, "r");
  return {
    rows,
    dimensions,
    slice: (from, to) => {
      const values = new Float32Array((to - from) * dimensions);
      const bytes = new Uint8Array(values.buffer);
      const read = readSync(descriptor, bytes, 0, bytes.length, from * dimensions * 4);
      if (read !== bytes.length) throw new Error(`${file} is shorter than ${rows} rows`);
      return values;
    },
  };
}

function sideOf({ base }: Dataset): number {
  const side = Math.sqrt(base.dimensions);
  if (!Number.isInteger(side)) throw new Error(`${base.dimensions} pixels are no square image`);
  return side;
}

/** Moves the image right by dx and down by dy; what comes in is empty. */
export function shiftImage(
  image: Float32Array,
  side: number,
  dx: number,
  dy: number,
  out: Float32Array,
): void {
  out.fill(0);
  const columns = side - Math.abs(dx);
  for (let y = Math.max(0, -dy); y < Math.min(side, side - dy); y++) {
    const start = y * side + Math.max(0, -dx);
    out.set(image.subarray(start, start + columns), (y + dy) * side + Math.max(0, dx));
  }
}

/** 0 to count - 1, shuffled. */
function seededOrder(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const prng = createPrng({ low: seed >>> 0, high: 0 }, orderStream);
  for (let last = count - 1; last > 0; last--) {
    const other = prng.below(last + 1);
    const moved = order[last] as number;
    order[last] = order[other] as number;
    order[other] = moved;
  }
  return order;
}

// ---- Projection ---------------------------------------------------------------------------------

/**
 * Rows that are orthonormal: normal random numbers, made so one after another (Gram and Schmidt,
 * twice, which is enough: Giraud et al. 2005).
 */
export function orthonormalMatrix(rows: number, columns: number, seed: number): Float32Array {
  const prng = createPrng({ low: seed >>> 0, high: 0 }, matrixStream);
  const matrix = Float64Array.from({ length: rows * columns }, () => drawNormal(prng));
  for (let row = 0; row < rows; row++) {
    const vector = matrix.subarray(row * columns, (row + 1) * columns);
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < row; other++) {
        const before = matrix.subarray(other * columns, (other + 1) * columns);
        const along = dot(vector, before);
        for (let i = 0; i < columns; i++) {
          vector[i] = (vector[i] as number) - along * (before[i] as number);
        }
      }
      const length = Math.sqrt(dot(vector, vector));
      for (let i = 0; i < columns; i++) vector[i] = (vector[i] as number) / length;
    }
  }
  return Float32Array.from(matrix);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Box and Muller. */
function drawNormal(prng: Prng): number {
  const uniform = (): number => (prng.next() + 0.5) / 2 ** 32;
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

type Project = (image: Float32Array, out: Float32Array) => void;

/** Goes by pixel, since half of them are black. */
function projector(matrix: Float32Array, dimensions: number): Project {
  const pixels = matrix.length / dimensions;
  const byPixel = new Float64Array(matrix.length);
  for (let d = 0; d < dimensions; d++) {
    for (let p = 0; p < pixels; p++) {
      byPixel[p * dimensions + d] = matrix[d * pixels + p] as number;
    }
  }
  const sums = new Float64Array(dimensions);
  return (image, out) => {
    sums.fill(0);
    for (let p = 0; p < pixels; p++) {
      const value = image[p] as number;
      if (value === 0) continue;
      const start = p * dimensions;
      for (let d = 0; d < dimensions; d++) {
        sums[d] = (sums[d] as number) + value * (byPixel[start + d] as number);
      }
    }
    out.set(sums);
  };
}

function projectQueries(
  { images, dimensions }: GrowthSource,
  matrix: Float32Array,
  from: number,
  to: number,
): Float32Array {
  const project = projector(matrix, dimensions);
  const values = new Float32Array((to - from) * dimensions);
  for (let query = from; query < to; query++) {
    const out = values.subarray((query - from) * dimensions, (query - from + 1) * dimensions);
    project(images.queries.slice(query, query + 1), out);
  }
  return values;
}

// ---- Truth --------------------------------------------------------------------------------------

async function openTruth(
  { onProgress }: GrowthSource,
  folder: string,
  base: VectorTable,
  queries: VectorTable,
): Promise<Int32Array> {
  const k = Math.min(topK, base.rows);
  const file = join(folder, `truth-${base.rows}-${queries.rows}.i32`);
  const size = queries.rows * k * 4;
  if (!existsSync(file) || statSync(file).size !== size) {
    const all = queries.slice(0, queries.rows);
    const { dimensions } = queries;
    const vectors = Array.from({ length: queries.rows }, (_, query) =>
      all.slice(query * dimensions, (query + 1) * dimensions),
    );
    const found = await exactNeighbours({
      metric: "euclidean_squared",
      base,
      rows: base.rows,
      queries: vectors,
      k,
      onProgress: (done) => onProgress?.("truth", done, base.rows),
    });
    writeFileSync(`${file}.new`, Buffer.concat(found.map((rows) => new Uint8Array(rows.buffer))));
    renameSync(`${file}.new`, file);
  }
  return new Int32Array(Uint8Array.from(readFileSync(file)).buffer);
}
