/**
 * ["Highlight", attribute, options?] -> Highlight, checked against a schema. Pure.
 *
 *   fragment_by         sentence (default) | paragraph | word | none
 *   fragment_limit      1 … limits.fragmentsMax, 3 if not said
 *   include_offsets     utf-8 | utf-16 | codepoints; not said: no ranges
 *   rank_fragments_by   BM25 of the pseudo-attribute `$fragment`, and arithmetic on it; not said:
 *                       all that the query ranks the attribute by, with the weights it gives it
 *
 * Refused: what is not of that shape (`malformed`); attributes without full-text search, and a
 * highlight of what the query does not rank by (`invalid`).
 */
import type { Schema } from "../document/schema.ts";
import {
  describeJson,
  isJsonObject,
  type JsonObject,
  malformedAt,
  wrongShape,
} from "../document/shape.ts";
import { invalid } from "../errors.ts";
import { fragmentKinds } from "../index/text/fragments.ts";
import { limits } from "../limits.ts";
import { type Expression, leavesOf } from "./expression.ts";
import { parseExpression } from "./expression-input.ts";
import { type Highlight, offsetUnits } from "./highlight.ts";

const field = "compute_attributes";
/** Stands for the attribute, a fragment at a time. */
const pseudoAttribute = "$fragment";
const fragmentsDefault = 3;
const optionNames = ["fragment_by", "fragment_limit", "include_offsets", "rank_fragments_by"];

export function isHighlight(json: unknown): json is readonly unknown[] {
  return Array.isArray(json) && json[0] === "Highlight";
}

/** `ranking`: of the query, if it is an expression. */
export function parseHighlight(
  [, attribute, options = {}, ...more]: readonly unknown[],
  schema: Schema,
  ranking: Expression | undefined,
  path: string,
): Highlight {
  if (typeof attribute !== "string" || more.length > 0) {
    throw malformedAt(path, "Highlight takes the name of an attribute and, if need be, a map");
  }
  if (!isJsonObject(options)) {
    throw wrongShape(`${path}[2]`, options, "a map");
  }
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) {
    const known = optionNames.map((name) => `\`${name}\``).join(", ");
    throw malformedAt(`${path}[2]`, `unknown field \`${unknown}\`, expected one of ${known}`);
  }
  const fragmentBy = parseVariant(options, "fragment_by", fragmentKinds, path) ?? "sentence";
  const fragmentsMax = parseLimit(options["fragment_limit"] ?? fragmentsDefault, path);
  const offsets = parseVariant(options, "include_offsets", offsetUnits, path);
  requireText(attribute, schema);
  const rank = options["rank_fragments_by"] ?? undefined;
  const expression =
    rank === undefined ? clausesOn(attribute, ranking) : parseFragmentRank(rank, attribute, schema);
  return { attribute, expression, fragmentBy, fragmentsMax, offsets };
}

function parseVariant<T extends string>(
  options: JsonObject,
  name: string,
  known: readonly T[],
  path: string,
): T | undefined {
  const json = options[name] ?? undefined;
  if (json === undefined) return undefined;
  const found = known.find((each) => each === json);
  if (found !== undefined) return found;
  const place = `${path}[2].${name}`;
  if (typeof json !== "string") throw wrongShape(place, json, "a string");
  const all = known.map((each) => `\`${each}\``).join(", ");
  throw malformedAt(place, `unknown variant ${describeJson(json)}, expected one of ${all}`);
}

function parseLimit(json: unknown, path: string): number {
  if (typeof json !== "number" || !Number.isSafeInteger(json) || json < 0) {
    throw wrongShape(`${path}[2].fragment_limit`, json, "a whole number");
  }
  if (json < 1 || json > limits.fragmentsMax) {
    throw invalid(`💔 fragment_limit must be between 1 and ${limits.fragmentsMax}`, field);
  }
  return json;
}

function requireText(attribute: string, schema: Schema): void {
  const known = schema.attributes.get(attribute);
  if (known === undefined) {
    const text = `💔 attribute "${attribute}" not found in schema, cannot be part of \`${field}\``;
    throw invalid(text, field);
  }
  if (known.text === undefined) {
    const text = `💔 attribute "${attribute}" must have \`full_text_search\` set to be highlighted`;
    throw invalid(text, field);
  }
}

function parseFragmentRank(json: unknown, attribute: string, schema: Schema): Expression {
  const own = schema.attributes.get(attribute);
  const attributes = new Map(own === undefined ? [] : [[pseudoAttribute, own]]);
  const expression = parseExpression(json, { ...schema, attributes }, field);
  const leaves = leavesOf(expression);
  if (leaves.length === 0 || leaves.some(({ kind }) => kind !== "text")) {
    throw invalid(`💔 rank_fragments_by takes BM25 of \`${pseudoAttribute}\` only`, field);
  }
  return placeOn(attribute, expression);
}

/** What was said of the pseudo-attribute, of the attribute that it stands for. */
function placeOn(attribute: string, expression: Expression): Expression {
  switch (expression.kind) {
    case "text":
      return { ...expression, clause: { ...expression.clause, attribute } };
    case "sum":
    case "max": {
      const members = expression.members.map((each) => placeOn(attribute, each));
      return { ...expression, members };
    }
    case "product":
    case "saturate":
    case "decay":
    case "distance":
      return { ...expression, member: placeOn(attribute, expression.member) };
    case "constant":
    case "attribute":
    case "filter":
    case "sparse":
      return expression;
  }
}

/** The sum of the clauses of a ranking that are on the attribute. */
function clausesOn(attribute: string, ranking: Expression | undefined): Expression {
  const members = ranking === undefined ? [] : collectClauses(attribute, ranking, 1);
  if (members.length === 0) {
    const text =
      `💔 cannot highlight "${attribute}": rank_by has no BM25 clause on it; ` +
      "say `rank_fragments_by`";
    throw invalid(text, field);
  }
  return { kind: "sum", members };
}

function collectClauses(
  attribute: string,
  expression: Expression,
  weight: number,
): readonly Expression[] {
  switch (expression.kind) {
    case "text":
      return expression.clause.attribute === attribute
        ? [{ kind: "product", weight, member: expression }]
        : [];
    case "sum":
    case "max":
      return expression.members.flatMap((each) => collectClauses(attribute, each, weight));
    case "product":
      return collectClauses(attribute, expression.member, weight * expression.weight);
    case "saturate":
    case "decay":
    case "distance":
      return collectClauses(attribute, expression.member, weight);
    case "constant":
    case "attribute":
    case "filter":
    case "sparse":
      return [];
  }
}
