/**
 * Dense vectors as requests spell them -> f32.
 *
 *   [0.1, 0.2]            JSON numbers, rounded to f32
 *   "zczMPc3MTD4="        base64 of little-endian f32
 *   flat column           one array of numbers, or one base64 text, for all rows
 *
 * Components must be finite as f32: 1e39 is not, nor are the NaN and Infinity that base64 can
 * spell. All faults are `invalid`. Lengths are known before anything is decoded, so that a whole
 * batch can be decoded into one array.
 */
import { decodeBase64 } from "../../src/bytes/base64.ts";
import { f32View } from "../../src/bytes/typed-view.ts";
import { describeJson } from "../../src/document/shape.ts";
import { invalid, isEngineError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";

/** One vector, or one whole column, in any of its forms. */
export type VectorInput = readonly unknown[] | string | Float32Array;

/** Number of components, without looking at them; throws for what is no vector. */
export function countComponents(value: unknown, path: string): number {
  let count: number;
  if (typeof value === "string") {
    count = base64Bytes(value) / 4;
    if (!Number.isInteger(count)) {
      throw invalid(`💔 ${path}: base64 does not hold a whole number of f32 values`, path);
    }
  } else if (Array.isArray(value) || value instanceof Float32Array) {
    count = value.length;
  } else {
    const found = describeJson(value);
    throw invalid(`💔 ${path}: expected a vector of numbers or base64, but got ${found}`, path);
  }
  if (count === 0) {
    throw invalid(`💔 ${path}: a vector cannot be empty`, path);
  }
  return count;
}

/** One vector of a query. */
export function readVector(json: unknown, path: string): Float32Array {
  const dimensions = countComponents(json, path);
  if (dimensions > limits.dimensionsMax) {
    throw invalid(`💔 ${path}: a vector has at most ${limits.dimensionsMax} dimensions`, path);
  }
  const vector = new Float32Array(dimensions);
  writeVector(json, vector, 0, path);
  return vector;
}

/** Size of what a padded base64 text spells, if it spells anything. */
function base64Bytes(text: string): number {
  return (text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
}

/** Writes the components of a value that `countComponents` accepted. */
export function writeVector(value: unknown, into: Float32Array, at: number, path: string): void {
  if (typeof value === "string") {
    const components = decodeText(value, path);
    into.set(components, at);
    checkFinite(into, at, components.length, path);
  } else if (value instanceof Float32Array) {
    into.set(value, at);
  } else {
    writeNumbers(value as readonly unknown[], into, at, path);
  }
}

function decodeText(text: string, path: string): Float32Array {
  try {
    const bytes = decodeBase64(text);
    return f32View(bytes, 0, bytes.length / 4);
  } catch (error) {
    if (isEngineError(error, "invalid")) {
      throw invalid(`💔 ${path}: invalid base64 vector: ${error.message}`, path);
    }
    throw error;
  }
}

function writeNumbers(
  numbers: readonly unknown[],
  into: Float32Array,
  at: number,
  path: string,
): void {
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i];
    if (typeof number === "number") {
      into[at + i] = number;
    } else if (typeof number === "bigint") {
      into[at + i] = Number(number);
    } else {
      const found = describeJson(number);
      throw invalid(`💔 ${path}[${i}]: expected a number, but got ${found}`, path);
    }
  }
  checkFinite(into, at, numbers.length, path);
}

function checkFinite(values: Float32Array, from: number, count: number, path: string): void {
  for (let i = 0; i < count; i++) {
    if (!Number.isFinite(values[from + i])) {
      throw invalid(`💔 ${path}[${i}]: not a finite 32-bit float`, path);
    }
  }
}

/** A column as one vector a row: nested as it is, flat cut into `rows` equal pieces. */
export function splitColumn(
  column: readonly unknown[] | string,
  rows: number,
  path: string,
): readonly unknown[] {
  const flat = typeof column === "string" || typeof column[0] === "number";
  if (!flat || rows === 0) {
    return typeof column === "string" ? [] : column;
  }
  const count = countComponents(column, path);
  if (count % rows !== 0) {
    throw invalid(`💔 ${path}: ${count} values do not divide into ${rows} vectors`, path);
  }
  const all = new Float32Array(count);
  writeVector(column, all, 0, path);
  const dims = count / rows;
  return Array.from({ length: rows }, (_, row) => all.subarray(row * dims, (row + 1) * dims));
}
