/**
 * Types of attributes about which the schema says nothing, read off their JSON values.
 *
 *   string, bool, integer        string, bool, int
 *   [] of these                  []string, []bool, []int; [] alone: []unknown until one comes
 *   `vector`                     [N]f32, with its index
 *   null                         nothing yet
 *
 * Everything else needs a schema: floats (an integer today says nothing about tomorrow), uuid,
 * datetime.
 */
import { type AttributeType, type ScalarType } from "./schema.ts";
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
      return `[]${inferElement(value, attribute)}`;
    }
    type = "[]unknown";
  }
  return type;
}

function inferElement(values: readonly unknown[], attribute: string): ScalarType {
  const first = values[0];
  if (Array.isArray(first)) {
    throw attributeError(attribute, "vector arrays ([][N]f32) are not supported by this server");
  }
  if (first === null) {
    throw attributeError(attribute, "arrays cannot contain null");
  }
  return inferScalar(first, attribute);
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
  throw attributeError(attribute, "objects (sparse vectors) are not supported by this server");
}
