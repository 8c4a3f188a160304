/** From vectors as they were given to rows of the refine plane, some at a time. */
import type { DistanceMetric } from "../../document/schema.ts";
import type { RefineRows } from "../../format/segment-refine.ts";
import type { Kernels } from "../../kernels/kernels.ts";
import { encodeInt8 } from "../vector/int8.ts";
import type { Seed } from "../vector/prng.ts";
import { createRotation, type Rotation, rotateRows } from "../vector/rotation.ts";
import { normaliseRows } from "../vector/unit-vector.ts";

/** Bytes of f32 rows rotated at a time. */
const rotateBytes = 2 * 1024 * 1024;

export class VectorEncoder {
  readonly #rotation: Rotation;
  readonly #metric: DistanceMetric;
  readonly #kernels: Kernels;

  constructor(dims: number, seed: Seed, metric: DistanceMetric, kernels: Kernels) {
    this.#rotation = createRotation(dims, seed);
    this.#metric = metric;
    this.#kernels = kernels;
  }

  /** Of a rotated vector. */
  get width(): number {
    return this.#rotation.width;
  }

  /** Rows to encode at a time. */
  get rowsAtOnce(): number {
    return Math.max(1, Math.floor(rotateBytes / (4 * this.width)));
  }

  /** Writes vectors as the rows of `out` from `at` on, all but keys; `vectors` may be changed. */
  encode(vectors: Float32Array, out: RefineRows, at: number): void {
    const { dims, width } = this.#rotation;
    if (this.#metric === "cosine_distance") {
      normaliseRows(vectors, dims);
    }
    const encoded = encodeInt8(rotateRows(this.#rotation, vectors, this.#kernels), width);
    out.codes.set(encoded.codes, at * width);
    out.scales.set(encoded.scales, at);
    out.norms.set(encoded.norms, at);
    out.errors.set(encoded.errors, at);
  }
}
