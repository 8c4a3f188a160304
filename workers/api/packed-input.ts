/**
 * Values of packed types as requests spell them -> their bytes (format/packed-value.ts). Dense
 * vectors have columns of their own (vector-columns.ts).
 *
 *   bytes      "aGVsbG8="                      base64, padded
 *   [][N]f32   [[0.1, 0.2], "zczMPc3MTD4="]    each as numbers or as base64 of little-endian f32
 *   {}f16      {"token": 0.5}                  weights rounded to f16, at most 1,024
 */
import { decodeBase64 } from "../../src/bytes/base64.ts";
import { f32ToF16 } from "../../src/bytes/f16.ts";
import { type PackedType, parseVectorArrayType } from "../../src/document/schema.ts";
import { describeJson, isJsonObject } from "../../src/document/shape.ts";
import { attributeError, mismatch } from "../../src/document/value.ts";
import { assert, isEngineError } from "../../src/errors.ts";
import { packSparse, packVector } from "../../src/format/packed-value.ts";
import { limits } from "../../src/limits.ts";
import { unequal } from "./vector-columns.ts";
import { countComponents, writeVector } from "./vector-input.ts";

/** Reads values of the type; null stays null. */
export function packedParser(
  type: PackedType,
  name: string,
): (value: unknown) => Uint8Array | null {
  const parse = parserOf(type, name);
  return (value) => (value === null ? null : parse(value));
}

function parserOf(type: PackedType, name: string): (value: unknown) => Uint8Array {
  if (type === "bytes") {
    return (value) => parseBytes(value, name);
  }
  if (type === "{}f16") {
    return (value) => parseSparse(value, name);
  }
  const dims = parseVectorArrayType(type);
  assert(dims !== undefined, "dense vectors are read elsewhere");
  return (value) => parseVectors(value, dims, name);
}

function parseBytes(value: unknown, name: string): Uint8Array {
  if (typeof value !== "string") {
    throw mismatch(name, "bytes", value);
  }
  try {
    return decodeBase64(value);
  } catch (error) {
    if (isEngineError(error, "invalid")) {
      throw attributeError(name, `bytes are written as base64: ${error.message}`);
    }
    throw error;
  }
}

function parseVectors(value: unknown, dims: number, name: string): Uint8Array {
  if (!Array.isArray(value)) {
    throw mismatch(name, `[][${dims}]f32`, value);
  }
  const place = (i: number): string => `${name}[${i}]`;
  let length = dims;
  value.forEach((vector: unknown, i) => {
    const count = countComponents(vector, place(i));
    if (i > 0 && count !== length) {
      throw unequal(length, count, name);
    }
    length = count;
  });
  if (length !== dims) {
    throw attributeError(name, `vectors have ${dims} dimensions, but got ${length}`);
  }
  if (4 * value.length * dims > limits.documentBytesMax) {
    throw attributeError(name, `a vector array has at most ${limits.documentBytesMax} bytes`);
  }
  const vectors = new Float32Array(value.length * dims);
  value.forEach((vector: unknown, i) => {
    writeVector(vector, vectors, i * dims, place(i));
  });
  return packVector(vectors);
}

function parseSparse(value: unknown, name: string): Uint8Array {
  if (!isJsonObject(value)) {
    throw mismatch(name, "{}f16", value);
  }
  const entries = Object.entries(value);
  const max = limits.sparseEntriesMax;
  if (entries.length > max) {
    throw attributeError(name, `a sparse vector has at most ${max} entries, got ${entries.length}`);
  }
  const weights = new Map<string, number>();
  for (const [token, weight] of entries) {
    if (!token.isWellFormed()) {
      throw attributeError(name, "a token is not valid Unicode");
    }
    if (typeof weight !== "number" && typeof weight !== "bigint") {
      throw attributeError(name, `weights are numbers, but got ${describeJson(weight)}`);
    }
    if ((f32ToF16(Number(weight)) & 0x7c00) === 0x7c00) {
      throw attributeError(name, `${describeJson(weight)} is not a finite 16-bit float`);
    }
    weights.set(token, Number(weight));
  }
  return packSparse(weights);
}
