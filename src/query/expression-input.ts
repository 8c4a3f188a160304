/**
 * Rank expressions as users write them -> Expression, checked against a schema.
 *
 *   ["Sum", [e, …]]   ["Max", [e or number, …]]   ["Product", weight, e]   ["Product", e, weight]
 *   ["Saturate" | "Decay", e, {"midpoint": m, "exponent"?: p}]            ["Dist", e, origin]
 *   ["Attribute", name]   [name, "SparseKNN", weights]   [name, "BM25", text, options?]
 *   a filter: 1 or 0
 *
 * Scores are never negative by construction: what may be, such as a signed attribute, needs a floor
 * (`["Max", [0, e]]`) or one of Saturate, Decay and Dist around it. Refused: what has no
 * expression's shape (`malformed`); names, values and signs that do not fit (`invalid`).
 */
import { parseDatetime, parseDuration } from "../document/datetime.ts";
import type { AttributeType, Schema } from "../document/schema.ts";
import { describeJson, isJsonObject, malformedAt } from "../document/shape.ts";
import { type EngineError, invalid } from "../errors.ts";
import { limits } from "../limits.ts";
import type { AttributeLeaf, Expression } from "./expression.ts";
import { parseFilter } from "./filter.ts";
import { scoreByProduct } from "./score.ts";
import { bindTextClause, parseTextQuery } from "./text-clause.ts";

export const rankShape = "data did not match any variant of enum a valid variant of RankInput";

interface Context {
  readonly schema: Schema;
  /** Where the expression stands in the request. */
  readonly field: string;
  nodes: number;
}

/** `field`: rank_by, or where else it stands. */
export function parseExpression(json: unknown, schema: Schema, field = "rank_by"): Expression {
  const context: Context = { schema, field, nodes: 0 };
  const expression = parseNode(json, context, 1);
  requireSign(expression, context, "the score of a row");
  return expression;
}

function parseNode(json: unknown, context: Context, depth: number): Expression {
  context.nodes += 1;
  if (depth > limits.expressionDepthMax || context.nodes > limits.expressionNodesMax) {
    const most = `${limits.expressionNodesMax} parts, ${limits.expressionDepthMax} levels deep`;
    throw invalid(`💔 an expression has at most ${most}`, context.field);
  }
  if (!Array.isArray(json) || json.length === 0) {
    throw malformedAt(context.field, rankShape);
  }
  const [head, second, third] = json as readonly unknown[];
  const child = (each: unknown): Expression => parseNode(each, context, depth + 1);
  if ((head === "Sum" || head === "Max") && json.length === 2) {
    return parseMembers(head, second, context, child);
  }
  if (head === "Max" && json.length === 3) {
    throw invalid("💔 Max takes one list: its floor is a member of it", context.field);
  }
  if (head === "Product" && json.length === 3) {
    return parseProduct(second, third, context, child);
  }
  if ((head === "Saturate" || head === "Decay") && json.length === 3) {
    return parseCurve(head, child(second), third, context);
  }
  if (head === "Dist" && json.length === 3) {
    return parseDistance(child(second), third, context);
  }
  if (head === "Attribute" && json.length === 2) {
    return parseAttribute(second, context);
  }
  if (second === "SparseKNN" && json.length === 3 && typeof head === "string") {
    const weights = parseWeights(third, context.field);
    requireSparse(head, context.schema, context.field);
    return { kind: "sparse", score: scoreByProduct(head, weights) };
  }
  if (second === "BM25") {
    const query = parseTextQuery(json, context.field);
    if (query === undefined) throw malformedAt(context.field, rankShape);
    return { kind: "text", clause: bindTextClause(query, context.schema, context.field) };
  }
  if (second === "ANN" || second === "kNN") {
    const text = `💔 ${second} cannot be part of an expression; use \`queries\` with \`rerank_by\``;
    throw invalid(text, context.field);
  }
  return { kind: "filter", filter: parseFilter(json, context.schema, context.field) };
}

// ---- Nodes
// ------------------------------------------------------------------------------------------

function parseMembers(
  head: "Sum" | "Max",
  json: unknown,
  context: Context,
  child: (json: unknown) => Expression,
): Expression {
  if (!Array.isArray(json)) {
    throw malformedAt(context.field, rankShape);
  }
  if (json.length === 0) {
    throw invalid(`💔 ${head} needs at least one member`, context.field);
  }
  const members = json.map((each: unknown): Expression => {
    if (!isNumber(each)) return child(each);
    if (head === "Sum") {
      throw invalid(
        "💔 Sum takes no numbers: the same for every row, they rank nothing",
        "rank_by",
      );
    }
    return { kind: "constant", value: weightOf(each, "a floor", context) };
  });
  if (head === "Sum") {
    for (const member of members) requireSign(member, context, "a member of Sum");
  }
  return { kind: head === "Sum" ? "sum" : "max", members };
}

function parseProduct(
  a: unknown,
  b: unknown,
  context: Context,
  child: (json: unknown) => Expression,
): Expression {
  if (isNumber(a) === isNumber(b)) {
    throw malformedAt(context.field, "Product takes a number and an expression");
  }
  const weight = weightOf(isNumber(a) ? a : b, "the weight of a Product", context);
  const member = child(isNumber(a) ? b : a);
  requireSign(member, context, "a member of Product");
  return { kind: "product", weight, member };
}

function parseCurve(
  head: "Saturate" | "Decay",
  member: Expression,
  json: unknown,
  context: Context,
): Expression {
  if (!isJsonObject(json) || json["midpoint"] === undefined) {
    throw malformedAt(context.field, `${head} takes an expression and {"midpoint", "exponent"?}`);
  }
  const { midpoint, exponent = 1 } = json;
  const kind = head === "Saturate" ? "saturate" : "decay";
  return {
    kind,
    member,
    midpoint: parseMidpoint(midpoint, member, context),
    exponent: positive(exponent, "exponent", context),
  };
}

function parseMidpoint(json: unknown, member: Expression, context: Context): number {
  if (typeof json !== "string") {
    return positive(json, "midpoint", context);
  }
  if (!isTime(member, context.schema)) {
    throw invalid("💔 a duration is a midpoint for datetimes only", context.field);
  }
  const durationMs = parseDuration(json);
  if (durationMs === undefined) {
    const text = `💔 midpoint '${json.slice(0, 32)}' is no duration such as 500ms, 30s, 5m, 12h, 7d, 2w`;
    throw invalid(text, context.field);
  }
  return positive(durationMs, "midpoint", context);
}

function parseDistance(member: Expression, origin: unknown, context: Context): Expression {
  if (member.kind !== "attribute" || member.origin !== undefined) {
    if (!isNumber(origin)) {
      throw malformedAt(context.field, "Dist takes an expression and a number");
    }
    return { kind: "distance", member, origin: Number(origin) };
  }
  const type = context.schema.attributes.get(member.attribute)?.type;
  if (type === "datetime") {
    const time = typeof origin === "string" ? parseDatetime(origin) : undefined;
    if (time === undefined) {
      throw wrongOrigin(member, origin, "a datetime", context);
    }
    return { ...member, origin: time };
  }
  if (!isNumber(origin)) {
    throw wrongOrigin(member, origin, "a number", context);
  }
  if (type === "float") {
    return { ...member, origin: Number(origin) };
  }
  if (typeof origin === "number" && !Number.isSafeInteger(origin)) {
    throw wrongOrigin(member, origin, "an integer", context);
  }
  return { ...member, origin };
}

function wrongOrigin(
  { attribute }: AttributeLeaf,
  origin: unknown,
  expected: string,
  { field }: Context,
): EngineError {
  const text = `💔 the origin of Dist of \`${attribute}\` must be ${expected}, got ${describeJson(origin)}`;
  return invalid(text, field);
}

// ---- Leaves
// -----------------------------------------------------------------------------------------

const numericTypes: readonly AttributeType[] = ["int", "uint", "float", "datetime"];

function parseAttribute(name: unknown, { schema, field }: Context): AttributeLeaf {
  if (typeof name !== "string") {
    throw malformedAt(field, rankShape);
  }
  const known = schema.attributes.get(name);
  if (known === undefined) {
    throw invalid(
      `💔 attribute "${name}" not found in schema, cannot be part of \`${field}\``,
      field,
    );
  }
  if (!numericTypes.includes(known.type)) {
    throw invalid(`💔 attribute "${name}" is ${known.type}: only numbers and times rank`, field);
  }
  return { kind: "attribute", attribute: name, origin: undefined };
}

export function requireSparse(name: string, schema: Schema, field: string): void {
  const known = schema.attributes.get(name);
  if (known === undefined) {
    throw invalid(
      `💔 attribute "${name}" not found in schema, cannot be part of \`${field}\``,
      field,
    );
  }
  if (known.type !== "{}f16") {
    throw invalid(
      `💔 attribute "${name}" is not a sparse vector, cannot be ranked by SparseKNN`,
      field,
    );
  }
}

/** Weights by token of a sparse query. */
export function parseWeights(json: unknown, field: string): ReadonlyMap<string, number> {
  if (!isJsonObject(json)) {
    throw malformedAt(field, rankShape);
  }
  const entries = Object.entries(json);
  if (entries.length > limits.sparseEntriesMax) {
    const text = `💔 a sparse vector has at most ${limits.sparseEntriesMax} entries, got ${entries.length}`;
    throw invalid(text, field);
  }
  const weights = new Map<string, number>();
  for (const [token, weight] of entries) {
    if (!isNumber(weight)) {
      throw malformedAt(field, rankShape);
    }
    // Beyond the largest f32 there is no score that could be told.
    if (!Number.isFinite(Math.fround(Number(weight)))) {
      throw invalid("💔 weights of a sparse vector are finite 32-bit floats", field);
    }
    weights.set(token, Number(weight));
  }
  return weights;
}

// ---- Signs and numbers
// ------------------------------------------------------------------------------

function requireSign(expression: Expression, { schema, field }: Context, what: string): void {
  if (mayBeNegative(expression, schema)) {
    throw invalid(
      `💔 ${what} must not be able to be negative: give a signed attribute a floor, ` +
        'as in ["Max", [0, ["Attribute", "name"]]]',
      field,
    );
  }
}

function mayBeNegative(expression: Expression, schema: Schema): boolean {
  switch (expression.kind) {
    case "attribute": {
      const type = schema.attributes.get(expression.attribute)?.type;
      return expression.origin === undefined && type !== "uint";
    }
    case "sum":
      return expression.members.some((each) => mayBeNegative(each, schema));
    case "max":
      return expression.members.every((each) => mayBeNegative(each, schema));
    case "product":
      return mayBeNegative(expression.member, schema);
    case "filter":
    case "sparse":
    case "text":
    case "constant":
    case "saturate":
    case "decay":
    case "distance":
      return false;
  }
}

/** Whether the expression is a difference of times, or a time. */
function isTime(expression: Expression, schema: Schema): boolean {
  return (
    expression.kind === "attribute" &&
    schema.attributes.get(expression.attribute)?.type === "datetime"
  );
}

function isNumber(json: unknown): json is number | bigint {
  return typeof json === "number" || typeof json === "bigint";
}

function weightOf(json: unknown, what: string, { field }: Context): number {
  const weight = Number(json);
  if (!(weight >= 0) || !Number.isFinite(weight)) {
    throw invalid(`💔 ${what} must not be negative`, field);
  }
  return weight;
}

function positive(json: unknown, what: string, { field }: Context): number {
  if (!isNumber(json)) {
    throw malformedAt(field, `${what}: invalid type: ${describeJson(json)}, expected a number`);
  }
  const value = Number(json);
  if (!(value > 0) || !Number.isFinite(value)) {
    throw invalid(`💔 ${what} must be above 0`, field);
  }
  return value;
}
