/**
 * Attribute values in their one canonical in-memory form. Equal values are equal in this form, and
 * `compareValues` is the order that filters, sorting and dictionaries share.
 *
 *   string   well-formed text               bool      boolean
 *   int      i64: number while safe,        uint      u64, likewise
 *            bigint beyond                  float     number, finite, never -0
 *   uuid     lower case with dashes         datetime  milliseconds since the epoch, an integer
 *   arrays   arrays of these, without nulls
 *   packed   bytes: what they mean is the business of the type (format/packed-value.ts)
 *   null     the attribute is absent
 */
import { EngineError } from "../errors.ts";
import { formatDatetime, parseDatetime } from "./datetime.ts";
import { canonicalUuid, compareText } from "./id.ts";
import { type AttributeType, isArrayType, type PackedType, type ScalarType } from "./schema.ts";
import { describeJson } from "./shape.ts";

export type ScalarValue = string | number | bigint | boolean;
/** A value that is present and that filters can compare. */
export type ComparableValue = ScalarValue | readonly ScalarValue[];
export type AttributeValue = ComparableValue | Uint8Array | null;

/** Values of one attribute for consecutive rows; null = absent. */
export interface AttributeColumn {
  readonly name: string;
  readonly values: readonly AttributeValue[];
}

const bounds = {
  int: { min: -(2n ** 63n), max: 2n ** 63n - 1n, words: "a signed 64-bit integer" },
  uint: { min: 0n, max: 2n ** 64n - 1n, words: "an unsigned 64-bit integer" },
} as const;

/** The canonical value of a JSON value. Packed types have a parser of their own. */
export function parseValue(
  value: unknown,
  type: Exclude<AttributeType, PackedType>,
  attribute: string,
): ComparableValue | null {
  if (value === null) {
    return null;
  }
  if (!isArrayType(type)) {
    return parseScalar(value, type, attribute);
  }
  if (!Array.isArray(value) || (type === "[]unknown" && value.length > 0)) {
    throw mismatch(attribute, type, value);
  }
  const element = type.slice(2) as ScalarType;
  return value.map((item: unknown) => {
    if (item === null) {
      throw attributeError(attribute, `arrays cannot contain null`);
    }
    return parseScalar(item, element, attribute);
  });
}

export function parseScalar(value: unknown, type: ScalarType, attribute: string): ScalarValue {
  switch (type) {
    case "string":
      return parseText(value, attribute);
    case "int":
    case "uint":
      return parseInteger(value, type, attribute);
    case "float":
      return parseFloat64(value, attribute);
    case "bool":
      if (typeof value !== "boolean") {
        throw mismatch(attribute, type, value);
      }
      return value;
    case "uuid":
      return parseWith(canonicalUuid, value, type, attribute);
    case "datetime":
      return parseWith(parseDatetime, value, type, attribute);
  }
}

function parseText(value: unknown, attribute: string): string {
  if (typeof value !== "string") {
    throw mismatch(attribute, "string", value);
  }
  if (!value.isWellFormed()) {
    throw attributeError(attribute, "text is not valid Unicode");
  }
  return value;
}

function parseInteger(value: unknown, type: "int" | "uint", attribute: string): number | bigint {
  const { min, max, words } = bounds[type];
  // A number that is not safe came from text such as 1e20: not the integer that was meant.
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) {
    return value === 0 ? 0 : value;
  }
  if (typeof value === "bigint" && value >= min && value <= max) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value === "number" || typeof value === "bigint") {
    throw attributeError(attribute, `${describeJson(value)} is not ${words}`);
  }
  throw mismatch(attribute, type, value);
}

function parseFloat64(value: unknown, attribute: string): number {
  if (typeof value !== "number" && typeof value !== "bigint") {
    throw mismatch(attribute, "float", value);
  }
  const number = Number(value);
  if (!Number.isFinite(number)) {
    throw attributeError(attribute, "number is too large for a float");
  }
  return number === 0 ? 0 : number;
}

function parseWith<T>(
  parse: (text: string) => T | undefined,
  value: unknown,
  type: ScalarType,
  attribute: string,
): T {
  const parsed = typeof value === "string" ? parse(value) : undefined;
  if (parsed === undefined) {
    throw mismatch(attribute, type, value);
  }
  return parsed;
}

export function mismatch(attribute: string, type: AttributeType, value: unknown): EngineError {
  return attributeError(
    attribute,
    `type mismatch, expected ${type}, but got ${describeJson(value)}`,
  );
}

/** A request that is wrong about one attribute; the answer names it in a field of its own. */
export function attributeError(attribute: string, reason: string): EngineError {
  const detail = { field: attribute, attribute };
  return new EngineError("invalid", `💔 attribute \`${attribute}\`: ${reason}`, detail);
}

export function isComparable(value: AttributeValue): value is ComparableValue {
  return value !== null && !(value instanceof Uint8Array);
}

/** The value as answers show it: only datetimes differ from their canonical form. */
export function renderValue(value: ComparableValue, type: AttributeType): ComparableValue {
  if (type === "datetime" && typeof value === "number") {
    return formatDatetime(value);
  }
  if (type === "[]datetime" && typeof value === "object") {
    return value.map((time) => formatDatetime(time as number));
  }
  return value;
}

/** Order of two scalars of one type; false < true. */
export function compareScalars(a: ScalarValue, b: ScalarValue): number {
  if (typeof a === "string" && typeof b === "string") {
    return compareText(a, b);
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Absent sorts below every value; arrays compare element by element, then by length. */
export function compareValues(a: AttributeValue, b: AttributeValue): number {
  if (a === null || b === null) {
    return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  }
  if (typeof a === "object" && typeof b === "object") {
    const length = Math.min(a.length, b.length);
    for (let i = 0; i < length; i++) {
      // Bytes of packed values compare as the numbers they are.
      const order = compareScalars(a[i] as ScalarValue, b[i] as ScalarValue);
      if (order !== 0) {
        return order;
      }
    }
    return a.length - b.length;
  }
  return compareScalars(a as ScalarValue, b as ScalarValue);
}
