/**
 * Filters as users write them -> Filter, checked against a schema; and Filter -> a test of one row.
 *
 *   [attribute, operator, value]    ["And", [...]]    ["Or", [...]]    ["Not", filter]
 *
 * Refused: what has no filter's shape, unknown operators, lists of mixed, nested or null elements
 * (`malformed`); unknown or unfilterable attributes, values of another type (`invalid`). Texts are
 * those that users of the API know. After parsing nothing can fail: values are canonical,
 * attributes exist.
 */
import {
  type CompareFilter,
  type CompareOp,
  compareOps,
  type Filter,
  type FilterTree,
  prepareTest,
} from "../document/filter.ts";
import {
  type AttributeType,
  isArrayType,
  isIndexed,
  type ScalarType,
  type Schema,
} from "../document/schema.ts";
import { describeJson, malformedAt } from "../document/shape.ts";
import {
  type AttributeValue,
  type ComparableValue,
  parseScalar,
  type ScalarValue,
} from "../document/value.ts";
import { type EngineError, invalid, isEngineError } from "../errors.ts";
import { limits } from "../limits.ts";

/** Operators of the API that this engine does not evaluate. */
const laterOps: ReadonlySet<string> = new Set([
  "Contains",
  "NotContains",
  "ContainsAny",
  "NotContainsAny",
  "AnyLt",
  "AnyLte",
  "AnyGt",
  "AnyGte",
  "Glob",
  "NotGlob",
  "IGlob",
  "NotIGlob",
  "Regex",
  "Fuzzy",
  "ContainsAllTokens",
  "ContainsAnyToken",
  "ContainsTokenSequence",
]);

interface Context<Leaf> {
  /** Reads one comparison. */
  readonly leaf: (json: readonly unknown[], path: string) => Leaf;
  nodes: number;
}

/** Type of what is compared: an attribute's, or that of `id` (undefined before the first write). */
export type ComparedType = AttributeType | undefined;

/** `path`: where it stands in the request. */
export function parseFilter(json: unknown, schema: Schema, path = "filters"): Filter {
  return parseTree(json, path, (leaf, place) => parseComparison(leaf, place, schema));
}

/** A filter whose comparisons are read by `leaf`. */
export function parseTree<Leaf>(
  json: unknown,
  path: string,
  leaf: (json: readonly unknown[], path: string) => Leaf,
): FilterTree<Leaf> {
  return parseNode(json, path, 1, { leaf, nodes: 0 });
}

function parseNode<Leaf>(
  json: unknown,
  path: string,
  depth: number,
  context: Context<Leaf>,
): FilterTree<Leaf> {
  context.nodes += 1;
  if (depth > limits.filterDepthMax) {
    throw invalid(`💔 filters are nested deeper than ${limits.filterDepthMax}`, "filters");
  }
  if (context.nodes > limits.filterNodesMax) {
    throw invalid(`💔 filters consist of more than ${limits.filterNodesMax} parts`, "filters");
  }
  if (!Array.isArray(json)) {
    throw malformedAt(path, `invalid type: ${describeJson(json)}, expected a filter`);
  }
  const [head, second] = json as readonly unknown[];
  if (json.length === 2 && (head === "And" || head === "Or") && Array.isArray(second)) {
    const filters = second.map((child: unknown, i) =>
      parseNode(child, `${path}[1][${i}]`, depth + 1, context),
    );
    return { kind: head === "And" ? "and" : "or", filters };
  }
  if (json.length === 2 && head === "Not") {
    return { kind: "not", filter: parseNode(second, `${path}[1]`, depth + 1, context) };
  }
  return context.leaf(json, path);
}

export function parseComparison(
  json: readonly unknown[],
  path: string,
  schema: Schema,
): CompareFilter {
  const { attribute, op } = parseHead(json, path);
  const type = comparedType(attribute, schema);
  const value = parseConstant({ attribute, op, type, path: `${path}[2]` }, json[2]);
  return { kind: "compare", attribute, op, value };
}

/** What is compared, and how. */
export function parseHead(
  json: readonly unknown[],
  path: string,
): { readonly attribute: string; readonly op: CompareOp } {
  const [attribute, operator] = json;
  if (typeof attribute !== "string" || typeof operator !== "string" || json.length < 3) {
    throw malformedAt(path, "data did not match any variant of untagged enum Filter");
  }
  if (laterOps.has(operator)) {
    throw invalid(`💔 filter operator ${operator} is not supported yet`, "filters");
  }
  const op = compareOps.find((known) => known === operator);
  if (op === undefined) {
    const known = compareOps.map((name) => `\`${name}\``).join(", ");
    throw malformedAt(path, `unknown variant \`${operator}\`, expected one of ${known}`);
  }
  if (json.length > 3) {
    throw malformedAt(path, `${op} takes no parameters`);
  }
  return { attribute, op };
}

/** Throws unless filters may name the attribute. */
export function comparedType(attribute: string, schema: Schema): ComparedType {
  if (attribute === "id") {
    return schema.idKind;
  }
  const known = schema.attributes.get(attribute);
  if (known === undefined) {
    throw keyError(attribute, "attribute not found in schema");
  }
  if (!isIndexed(known)) {
    throw keyError(attribute, "attribute is not filterable");
  }
  return known.type;
}

// ---- Constants
// --------------------------------------------------------------------------------------

interface Place {
  readonly attribute: string;
  readonly op: CompareOp;
  readonly type: ComparedType;
  readonly path: string;
}

function parseConstant(place: Place, json: unknown): ComparableValue | null {
  switch (place.op) {
    case "In":
    case "NotIn":
      return parseList(place, json);
    case "Eq":
    case "NotEq":
      return parseEqual(place, json);
    case "Lt":
    case "Lte":
    case "Gt":
    case "Gte":
      return parseBound(place, json);
  }
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
  return list.map((element) => {
    const value = parseConstantScalar(place, element);
    if (value === undefined) {
      const scalar = elementType(type) ?? "a scalar";
      throw mismatch(place, `${scalar} or []${scalar}`, json);
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
    return parseOne(place, json);
  }
  if (!Array.isArray(json)) {
    throw mismatch(place, type, json);
  }
  return json.map((element: unknown) => {
    const value = parseConstantScalar(place, element);
    if (value === undefined) {
      throw mismatch(place, type, json);
    }
    return value;
  });
}

function parseBound(place: Place, json: unknown): ComparableValue | null {
  const { type, attribute, op } = place;
  if (type !== undefined && isArrayType(type)) {
    throw keyError(attribute, `${op} does not apply to ${type}`);
  }
  if (json === null) {
    return null;
  }
  return parseOne(place, json);
}

function parseOne(place: Place, json: unknown): ScalarValue {
  const value = parseConstantScalar(place, json);
  if (value === undefined) {
    throw mismatch(place, place.type ?? "a scalar", json);
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
function parseConstantScalar(place: Place, json: unknown): ScalarValue | undefined {
  const type = elementType(place.type);
  if (type === undefined) {
    return jsonKind(json) === "other" ? undefined : (json as ScalarValue);
  }
  try {
    return parseScalar(json, type, place.attribute);
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

// ---- Text
// -------------------------------------------------------------------------------------------

/** One text for each filter: a name under which its result may be kept. */
export function filterText(filter: Filter): string {
  return JSON.stringify(filter, (_, value: unknown) =>
    typeof value === "bigint" ? { bigint: String(value) } : value,
  );
}

// ---- Evaluation
// -------------------------------------------------------------------------------------

/** Values of one attribute (or of "id") by row; absent attributes are null. */
export type ValuesOf = (attribute: string) => (row: number) => AttributeValue;

/** The filter as a test of row numbers. Columns are looked up once. */
export function prepareRowTest(filter: Filter, valuesOf: ValuesOf): (row: number) => boolean {
  return prepareTree(filter, ({ attribute, op, value }) => {
    const values = valuesOf(attribute);
    const test = prepareTest(op, value);
    return (row: number) => test(values(row));
  });
}

/** Comparisons as tests of a row, whatever that is, become one test. */
export function prepareTree<Leaf extends { readonly kind: string }, Row>(
  tree: FilterTree<Leaf>,
  prepare: (leaf: Leaf) => (row: Row) => boolean,
): (row: Row) => boolean {
  const node = tree as FilterTree<{ readonly kind: "leaf" }>;
  switch (node.kind) {
    case "and": {
      const tests = node.filters.map((child) => prepareTree(child as typeof tree, prepare));
      return (row) => tests.every((test) => test(row));
    }
    case "or": {
      const tests = node.filters.map((child) => prepareTree(child as typeof tree, prepare));
      return (row) => tests.some((test) => test(row));
    }
    case "not": {
      const test = prepareTree(node.filter as typeof tree, prepare);
      return (row) => !test(row);
    }
    case "leaf":
    default:
      return prepare(tree as Leaf);
  }
}
