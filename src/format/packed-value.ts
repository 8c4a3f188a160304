/**
 * Packed values: attribute values that are bytes wherever they lie, in a batch, in a document, in
 * memory. The type says what they mean; nothing but this file looks inside.
 *
 *   bytes              as they are
 *   [N]f32 f16 i8      N components (vector-element.ts)
 *   [][N]f32           the vectors one after the other
 *   {}f16              offset  size   field
 *                           0  1-2    n: entries, varint, at most 1,024
 *                          ..  n × 2  weights, f16
 *                          ..         tokens: varint length and UTF-8 of each, ascending
 *
 * Equal values have equal bytes. What does not fit its type is `corrupt`.
 */
import { ByteReader } from "../bytes/byte-reader.ts";
import { ByteWriter } from "../bytes/byte-writer.ts";
import { decodeF16, encodeF16 } from "../bytes/f16.ts";
import { bytesOf } from "../bytes/typed-view.ts";
import type { VectorValues } from "../document/batch.ts";
import { compareText } from "../document/id.ts";
import type { VectorElement } from "../document/schema.ts";
import { assert, corrupt } from "../errors.ts";
import { limits } from "../limits.ts";
import { checkFinite, openVectors, widenVectors } from "./vector-element.ts";

/** Weights by token. Tokens differ and ascend; weights are values of f16. */
export interface SparseVector {
  readonly tokens: readonly string[];
  readonly weights: Float32Array;
}

/** A copy of the components. */
export function packVector(values: VectorValues): Uint8Array {
  return bytesOf(values).slice();
}

export function unpackVector(bytes: Uint8Array, dims: number, element: VectorElement) {
  const values = openVectors(bytes, dims, element);
  checkFinite(values, "packed value");
  return widenVectors(values);
}

/** Each vector of an array of them. */
export function unpackVectors(bytes: Uint8Array, dims: number): readonly Float32Array[] {
  const count = bytes.length / (4 * dims);
  if (!Number.isInteger(count)) {
    throw corrupt(`${bytes.length} bytes are no whole number of vectors of ${dims} dimensions`);
  }
  const all = openVectors(bytes, count * dims, "f32");
  checkFinite(all, "packed value");
  return Array.from({ length: count }, (_, i) => widenVectors(all, i * dims, (i + 1) * dims));
}

export function packSparse(weights: ReadonlyMap<string, number>): Uint8Array {
  assert(weights.size <= limits.sparseEntriesMax, "a sparse vector has few entries");
  const entries = [...weights].sort(([a], [b]) => compareText(a, b));
  const writer = new ByteWriter();
  writer.varint(entries.length);
  writer.bytes(bytesOf(encodeF16(Float32Array.from(entries, ([, weight]) => weight))));
  for (const [token] of entries) {
    writer.utf8(token);
  }
  return writer.finish();
}

export function unpackSparse(bytes: Uint8Array): SparseVector {
  const reader = new ByteReader(bytes, "sparse vector");
  const count = reader.varint(limits.sparseEntriesMax);
  const weights = decodeF16(reader.u16s(count));
  checkFinite(weights, "sparse vector");
  const tokens: string[] = [];
  for (let i = 0; i < count; i++) {
    const token = reader.utf8();
    if (i > 0 && compareText(tokens[i - 1] as string, token) >= 0) {
      throw reader.error("tokens are out of order");
    }
    tokens.push(token);
  }
  reader.end();
  return { tokens, weights };
}
