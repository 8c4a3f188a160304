/**
 * Attribute values as answers show them. Vectors are numbers, or base64 of the bytes they are
 * stored in: f16 two a component, i8 one.
 */
import { encodeBase64 } from "../../src/bytes/base64.ts";
import { bytesOf } from "../../src/bytes/typed-view.ts";
import {
  type AttributeType,
  parseVectorArrayType,
  parseVectorType,
  type VectorElement,
} from "../../src/document/schema.ts";
import { type AttributeValue, renderValue } from "../../src/document/value.ts";
import { corrupt } from "../../src/errors.ts";
import { unpackSparse, unpackVector, unpackVectors } from "../../src/format/packed-value.ts";
import { allocateVectors, narrowVector } from "../../src/format/vector-element.ts";
import { F32, type JsonEncodable } from "./json-encode.ts";
import type { VectorEncoding } from "./query-request.ts";

export function renderAttribute(
  value: AttributeValue,
  type: AttributeType,
  encoding: VectorEncoding,
): JsonEncodable {
  if (value === null) {
    return null;
  }
  return value instanceof Uint8Array
    ? renderPacked(value, type, encoding)
    : renderValue(value, type);
}

function renderPacked(
  bytes: Uint8Array,
  type: AttributeType,
  encoding: VectorEncoding,
): JsonEncodable {
  if (type === "bytes") {
    return encodeBase64(bytes);
  }
  if (type === "{}f16") {
    const { tokens, weights } = unpackSparse(bytes);
    return new Map(tokens.map((token, i) => [token, new F32(weights[i] as number)]));
  }
  const vector = parseVectorType(type);
  if (vector !== undefined) {
    return renderVector(unpackVector(bytes, vector.dims, vector.element), vector.element, encoding);
  }
  const dims = parseVectorArrayType(type);
  if (dims === undefined) {
    throw corrupt(`a value of type ${type} is stored as bytes`);
  }
  return unpackVectors(bytes, dims).map((each) => renderVector(each, "f32", encoding));
}

export function renderVector(
  vector: Float32Array,
  element: VectorElement,
  encoding: VectorEncoding,
): JsonEncodable {
  if (encoding === "float") {
    return vector;
  }
  const stored = allocateVectors(element, vector.length);
  narrowVector(vector, stored, 0);
  return encodeBase64(bytesOf(stored));
}
