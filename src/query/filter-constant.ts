/**
 * One comparison of a filter as users write it: may the attribute be compared so, and what is the
 * constant in canonical form? Refusals say what the operator expects and what it got.
 */
import {
  anyElementOps,
  type CompareOp,
  elementOps,
  globOps,
  orderOps,
  setOps,
} from "../document/filter.ts";
import {
  type AttributeType,
  isArrayType,
  isIndexed,
  type ScalarType,
  type Schema,
} from "../document/schema.ts";
import { malformedAt } from "../document/shape.ts";
import { type ComparableValue, parseScalar, type ScalarValue } from "../document/value.ts";
import { type EngineError, invalid, isEngineError } from "../errors.ts";
import { limits } from "../limits.ts";

/** Type of what is compared: an attribute's, or that of `id` (undefined before the first write). */
export type ComparedType = AttributeType | undefined;

/** Throws unless filters may compare the attribute so. */
export function comparedType(attribute: string, op: CompareOp, schema: Schema): ComparedType {
  if (attribute === "id") {
    checkOperand(attribute, op, schema.idKind);
    return schema.idKind;
  }
  const known = schema.attributes.get(attribute);
  if (known === undefined) {
    throw keyError(attribute, "attribute not found in schema");
  }
  const option = op === "Regex" ? "regex" : op === "Fuzzy" ? "fuzzy" : undefined;
  if (option !== undefined && known[option] !== true) {
    throw keyError(attribute, `${op} needs \`"${option}": true\` in the schema of the attribute`);
  }
  const isEnabled = option !== undefined || known.filterable || (isGlobOp(op) && known.glob);
  if (isEnabled !== true || !isIndexed(known)) {
    throw keyError(attribute, "attribute is not filterable");
  }
  checkOperand(attribute, op, known.type);
  return known.type;
}

/** Whether the operator applies to the type at all. */
function checkOperand(attribute: string, op: CompareOp, type: ComparedType): void {
  if (type === undefined) {
    return;
  }
  const isArray = isArrayType(type);
  const isElementOp = isOneOf(elementOps, op) || isOneOf(anyElementOps, op);
  const isText = type === "string" || type === "[]string" || type === "[]unknown";
  const isIdOnly = attribute === "id" && (op === "Regex" || op === "Fuzzy");
  if (
    (isArray && isOneOf(orderOps, op)) ||
    (!isArray && isElementOp) ||
    (!isText && isTextOp(op)) ||
    isIdOnly
  ) {
    const what = isIdOnly ? "ids" : type;
    throw keyError(attribute, `${op} does not apply to ${what}`);
  }
}

function isOneOf(ops: readonly CompareOp[], op: CompareOp): boolean {
  return ops.includes(op);
}

function isGlobOp(op: CompareOp): boolean {
  return isOneOf(globOps, op);
}

export function isTextOp(op: CompareOp): boolean {
  return isGlobOp(op) || op === "Regex" || op === "Fuzzy";
}

// ---- Constants
// --------------------------------------------------------------------------------------

/** What is compared with what, and where that stands in the request. */
export interface Place {
  readonly attribute: string;
  readonly op: CompareOp;
  readonly type: ComparedType;
  readonly path: string;
}

/** The constant in canonical form. */
export function parseConstant(place: Place, json: unknown): ComparableValue | null {
  const { op, type } = place;
  if (isOneOf(setOps, op)) {
    return parseList(place, json);
  }
  if (isOneOf(anyElementOps, op)) {
    if (!Array.isArray(json)) throw mismatch(place, type ?? "an array", json);
    return parseList(place, json);
  }
  if (isOneOf(orderOps, op)) {
    return json === null ? null : parseOne(place, type, json);
  }
  if (op === "Eq" || op === "NotEq") {
    return parseEqual(place, json);
  }
  if (isTextOp(op) && typeof json !== "string") {
    throw mismatch(place, "string", json);
  }
  return parseOne(place, isTextOp(op) ? "string" : elementType(type), json);
}

function parseList(place: Place, json: unknown): readonly ScalarValue[] {
  const { op, type, path, attribute } = place;
  const list: readonly unknown[] = Array.isArray(json) ? json : [json];
  if (list.length > limits.inListMax) {
    throw keyError(attribute, `${op} takes at most ${limits.inListMax} values`);
  }
  const kinds = new Set(list.map(jsonKind));
  if (kinds.has("other") || kinds.size > 1) {
    throw malformedAt(path, `${op} expects values of one type, without nulls and nested lists`);
  }
  const scalar = elementType(type);
  return list.map((element) => {
    const value = parseConstantScalar(place, scalar, element);
    if (value === undefined) {
      const name = scalar ?? "a scalar";
      throw mismatch(place, isOneOf(setOps, op) ? `${name} or []${name}` : `[]${name}`, json);
    }
    return value;
  });
}

function parseEqual(place: Place, json: unknown): ComparableValue | null {
  if (json === null) {
    return null;
  }
  const { type } = place;
  if (type === undefined || !isArrayType(type)) {
    return parseOne(place, type, json);
  }
  if (!Array.isArray(json)) {
    throw mismatch(place, type, json);
  }
  return json.map((element: unknown) => {
    const value = parseConstantScalar(place, elementType(type), element);
    if (value === undefined) {
      throw mismatch(place, type, json);
    }
    return value;
  });
}

function parseOne(place: Place, type: ComparedType, json: unknown): ScalarValue {
  const value = parseConstantScalar(place, elementType(type), json);
  if (value === undefined) {
    throw mismatch(place, type ?? "a scalar", json);
  }
  return value;
}

/** Of one value, or of the elements of an array. */
export function elementType(type: ComparedType): ScalarType | undefined {
  if (type === undefined || type === "[]unknown") {
    return undefined;
  }
  return (isArrayType(type) ? type.slice(2) : type) as ScalarType;
}

/**
 * Canonical value, or undefined if the JSON value is not of the type. Without a type any scalar
 * will do.
 */
function parseConstantScalar(
  { attribute }: Place,
  type: ScalarType | undefined,
  json: unknown,
): ScalarValue | undefined {
  if (type === undefined) {
    return jsonKind(json) === "other" ? undefined : (json as ScalarValue);
  }
  try {
    return parseScalar(json, type, attribute);
  } catch (error) {
    if (isEngineError(error, "invalid")) {
      return undefined;
    }
    throw error;
  }
}

function jsonKind(json: unknown): "string" | "number" | "boolean" | "other" {
  const type = typeof json;
  if (type === "bigint") {
    return "number";
  }
  return type === "string" || type === "boolean" || type === "number" ? type : "other";
}

function mismatch(place: Place, expected: string, json: unknown): EngineError {
  const text = `type mismatch, ${place.op} expects ${expected}, but got '${showJson(json)}'`;
  return keyError(place.attribute, text);
}

export function keyError(attribute: string, text: string): EngineError {
  return invalid(`filter error in key \`${attribute}\`: ${text}`, "filters");
}

function showJson(json: unknown): string {
  const text = Array.isArray(json)
    ? `[${json.slice(0, 8).map(showJson).join(", ")}]`
    : String(json);
  return text.length > 64 ? `${text.slice(0, 64).toWellFormed()}…` : text;
}
