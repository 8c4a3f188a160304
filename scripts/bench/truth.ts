/**
 * Exact nearest neighbours of many queries at once, feasible at a million rows: every row is scored
 * with the SIMD kernels in 32-bit arithmetic, and what may be among the k nearest is decided in
 * 64-bit arithmetic, as nearest.ts does for one query.
 *
 * 1. Rows go by in blocks that the processor's cache holds; each block is scored for every query.
 * 2. A row stays while its score is within the rounding error of the k-th best score so far.
 *    Summing n terms in any order is wrong by at most n + 2 units in the last place (Higham,
 *    Accuracy and Stability of Numerical Algorithms, ch. 3): relative for squared distances, whose
 *    terms are not negative, absolute for the cosine of unit vectors. Four times that is kept, for
 *    the two scores compared, and for lengths that are rounded themselves.
 * 3. What is left at the end, a few rows a query, is sorted by 64-bit distance, ties by lower row.
 *
 * Cost: rows x queries x 0.1 µs at 192 dimensions; memory: a block, and some rows for each query.
 */
import { readFileSync } from "node:fs";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import type { Kernels } from "../../src/kernels/kernels.ts";
import { createWasmKernels } from "../../src/kernels/wasm.ts";
import type { Metric, VectorTable } from "../datasets.ts";
import { distance } from "../nearest.ts";

export interface TruthRequest {
  readonly metric: Metric;
  readonly base: VectorTable;
  /** The first rows of the table. */
  readonly rows: number;
  readonly queries: readonly Float32Array[];
  readonly k: number;
  readonly onProgress?: (rowsDone: number) => void;
}

/** Bytes of a block: they stay in the cache while all queries pass. */
const blockBytes = 192 * 1024;
/** Rows read from the table at once; it may lie in a file. */
const blocksPerRead = 16;

/** Row numbers per query, nearest first, ties by lower row. */
export async function exactNeighbours(request: TruthRequest): Promise<readonly Int32Array[]> {
  const { metric, base, rows, queries, onProgress } = request;
  const { dimensions } = base;
  const k = Math.min(request.k, rows);
  const kernels = openKernels();
  const units = queries.map((query) => (metric === "cosine_distance" ? scaleToUnit(query) : query));
  const candidates = queries.map(() => new Candidates(k, metric, dimensions));
  const blockRows = Math.max(1, Math.floor(blockBytes / (dimensions * 4)));
  const scores = new Float32Array(blockRows);
  for (let from = 0; from < rows; from += blockRows * blocksPerRead) {
    const values = base.slice(from, Math.min(rows, from + blockRows * blocksPerRead));
    const count = values.length / dimensions;
    for (let start = 0; start < count; start += blockRows) {
      const end = Math.min(count, start + blockRows);
      const block = values.subarray(start * dimensions, end * dimensions);
      const scored = scores.subarray(0, end - start);
      const lengths = metric === "cosine_distance" ? lengthsOf(block, dimensions) : undefined;
      units.forEach((query, q) => {
        scoreBlock(kernels, query, block, lengths, scored);
        candidates[q]?.offer(scored, from + start);
      });
    }
    onProgress?.(from + count);
    await yieldToOthers();
  }
  return queries.map((query, q) => decide(request, query, candidates[q]?.rows() ?? [], k));
}

/** Squared distances, or cosine distances where lengths are given. */
function scoreBlock(
  kernels: Kernels,
  query: Float32Array,
  block: Float32Array,
  lengths: Float64Array | undefined,
  scores: Float32Array,
): void {
  if (lengths === undefined) {
    kernels.squaredDistance(query, block, scores);
    return;
  }
  kernels.dot(query, block, scores);
  for (let i = 0; i < scores.length; i++) {
    const length = lengths[i] as number;
    scores[i] = length === 0 ? 1 : 1 - (scores[i] as number) / length;
  }
}

/** The rows of one query that may still be among its k nearest. */
class Candidates {
  readonly #k: number;
  readonly #slack: { readonly relative: number; readonly absolute: number };
  #rows: number[] = [];
  #scores: number[] = [];
  #bound = Number.POSITIVE_INFINITY;

  constructor(k: number, metric: Metric, dimensions: number) {
    const error = 4 * (dimensions + 2) * 2 ** -24;
    this.#k = k;
    this.#slack =
      metric === "euclidean_squared"
        ? { relative: 2 * error, absolute: 0 }
        : { relative: 0, absolute: 2 * error };
  }

  offer(scores: Float32Array, firstRow: number): void {
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i] as number;
      if (score > this.#bound) continue;
      this.#rows.push(firstRow + i);
      this.#scores.push(score);
      if (this.#rows.length >= 8 * this.#k + 64) this.#prune();
    }
  }

  rows(): readonly number[] {
    this.#prune();
    return this.#rows;
  }

  #prune(): void {
    if (this.#scores.length < this.#k) return;
    const kth = Float64Array.from(this.#scores).sort()[this.#k - 1] as number;
    this.#bound = kth * (1 + this.#slack.relative) + this.#slack.absolute;
    const kept = Array.from(this.#scores.keys()).filter(
      (i) => (this.#scores[i] as number) <= this.#bound,
    );
    this.#rows = kept.map((i) => this.#rows[i] as number);
    this.#scores = kept.map((i) => this.#scores[i] as number);
  }
}

function decide(
  { metric, base }: TruthRequest,
  query: Float32Array,
  rows: readonly number[],
  k: number,
): Int32Array {
  const scored = rows.map((row) => ({
    row,
    exact: distance(metric, query, base.slice(row, row + 1)),
  }));
  scored.sort((a, b) => a.exact - b.exact || a.row - b.row);
  return Int32Array.from(scored.slice(0, k), ({ row }) => row);
}

function scaleToUnit(vector: Float32Array): Float32Array {
  const length = lengthsOf(vector, vector.length)[0] as number;
  return length === 0 ? vector : vector.map((value) => value / length);
}

function lengthsOf(rows: Float32Array, dimensions: number): Float64Array {
  return Float64Array.from({ length: rows.length / dimensions }, (_, row) => {
    let sum = 0;
    for (let d = row * dimensions; d < (row + 1) * dimensions; d++) sum += (rows[d] as number) ** 2;
    return Math.sqrt(sum);
  });
}

function openKernels(): Kernels {
  const file = new URL("../../src/kernels/kernels.wasm", import.meta.url);
  return createWasmKernels(new WebAssembly.Module(readFileSync(file)));
}
