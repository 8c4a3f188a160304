/**
 * Types of attributes about which the schema says nothing, read off their JSON values.
 *
 *   string, bool, integer        string, bool, int
 *   [] of these                  []string, []bool, []int; [] alone: []unknown until one comes
 *   [] of arrays of numbers      [][N]f32
 *   `vector`                     [N]f32, with its index
 *   null                         nothing yet
 *
 * Everything else needs a schema: floats (an integer today says nothing about tomorrow), uint,
 * uuid, datetime, bytes, sparse vectors, vectors of other elements or names.
 */
import { limits } from "../limits.ts";
import type { AttributeType, ScalarType, VectorArrayType } from "./schema.ts";
import { describeJson } from "./shape.ts";
import { attributeError } from "./value.ts";

/** The type of the first value that has one; undefined when all are null. */
export function inferType(values: Iterable<unknown>, attribute: string): AttributeType | undefined {
  let type: AttributeType | undefined;
  for (const value of values) {
    if (value === null) {
      continue;
    }
    if (!Array.isArray(value)) {
      return type ?? inferScalar(value, attribute);
    }
    if (value.length > 0) {
      return inferArray(value, attribute);
    }
    type = "[]unknown";
  }
  return type;
}

function inferArray(
  values: readonly unknown[],
  attribute: string,
): VectorArrayType | `[]${ScalarType}` {
  const first = values[0];
  if (first === null) {
    throw attributeError(attribute, "arrays cannot contain null");
  }
  if (!Array.isArray(first)) {
    return `[]${inferScalar(first, attribute)}`;
  }
  const dims = first.length;
  if (dims < 1 || dims > limits.vectorArrayDimensionsMax) {
    const max = limits.vectorArrayDimensionsMax;
    throw attributeError(attribute, `vectors of an array have 1 to ${max} dimensions, got ${dims}`);
  }
  return `[][${dims}]f32`;
}

function inferScalar(value: unknown, attribute: string): ScalarType {
  if (typeof value === "string") {
    return "string";
  }
  if (typeof value === "boolean") {
    return "bool";
  }
  if (typeof value === "bigint" || Number.isInteger(value)) {
    return "int";
  }
  if (typeof value === "number") {
    throw attributeError(
      attribute,
      `${describeJson(value)} is not a signed 64-bit integer; ` +
        "declare the type `float` in the schema to store fractions",
    );
  }
  throw attributeError(
    attribute,
    "the type of an object cannot be told from its value; declare sparse vectors in the schema: " +
      '`{"type": "{}f16", "sparse_knn": {"distance_metric": "dot_product"}}`',
  );
}
