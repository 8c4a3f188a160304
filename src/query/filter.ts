/**
 * Filters as users write them -> Filter, checked against a schema; and Filter -> a test of one row.
 *
 *   [attribute, operator, value]    [attribute, "Fuzzy", text, options]
 *   [attribute, operator, text or tokens, options]    filters of tokens (token-filter.ts)
 *   ["And", [...]]    ["Or", [...]]    ["Not", filter]
 *
 * Refused: what has no filter's shape, unknown operators, lists of mixed, nested or null elements
 * (`malformed`); unknown or unfilterable attributes, values of another type (`invalid`). Texts are
 * those that users of the API know. After parsing values are canonical, attributes exist and
 * patterns are compiled; all that can fail is a pattern that takes too many steps.
 */
import {
  type CompareFilter,
  type CompareOp,
  compareOps,
  type Filter,
  type FilterTree,
  testOf,
  tokenOps,
} from "../document/filter.ts";
import type { Schema } from "../document/schema.ts";
import { describeJson, malformedAt } from "../document/shape.ts";
import { TextSteps } from "../document/text-steps.ts";
import type { AttributeValue } from "../document/value.ts";
import { invalid } from "../errors.ts";
import { tokenTestOf } from "../index/text/token-test.ts";
import { limits } from "../limits.ts";
import { comparedType, isTextOp, type Place, parseConstant } from "./filter-constant.ts";
import { parseFuzzy } from "./fuzzy-input.ts";
import { parseTokenFilter } from "./token-filter.ts";

interface Context<Leaf> {
  /** Reads one comparison. */
  readonly leaf: (json: readonly unknown[], path: string) => Leaf;
  nodes: number;
}

/** `path`: where it stands in the request. */
export function parseFilter(json: unknown, schema: Schema, path = "filters"): Filter {
  const patterns = new PatternBudget();
  return parseTree(
    json,
    path,
    (leaf, place) =>
      parseTokenFilter(leaf, place, schema) ?? parseComparison(leaf, place, schema, patterns),
  );
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

/** `patterns`: what the comparisons of the same filter have in common. */
export function parseComparison(
  json: readonly unknown[],
  path: string,
  schema: Schema,
  patterns: PatternBudget,
): CompareFilter {
  const { attribute, op } = parseHead(json, path);
  const type = comparedType(attribute, op, schema);
  const place: Place = { attribute, op, type, path: `${path}[2]` };
  const value = parseConstant(place, json[2]);
  const filter: CompareFilter = { kind: "compare", attribute, op, value };
  if (!isTextOp(op)) {
    return filter;
  }
  const fuzzy = op === "Fuzzy" ? parseFuzzy(attribute, String(value), json[3], path) : undefined;
  return patterns.prepare(fuzzy === undefined ? filter : { ...filter, fuzzy });
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
  if (tokenOps.some((known) => known === operator)) {
    throw invalid(`💔 conditions cannot have ${operator}`, "filters");
  }
  const op = compareOps.find((known) => known === operator);
  if (op === undefined) {
    const known = compareOps.map((name) => `\`${name}\``).join(", ");
    throw malformedAt(path, `unknown variant \`${operator}\`, expected one of ${known}`);
  }
  if (json.length > (op === "Fuzzy" ? 4 : 3)) {
    throw malformedAt(path, op === "Fuzzy" ? "Fuzzy takes one map" : `${op} takes no parameters`);
  }
  return { attribute, op };
}

/** Patterns of one filter: together they take so many steps, and few may be regular expressions. */
export class PatternBudget {
  readonly #steps = new TextSteps();
  #regexes = 0;

  /** Compiles the pattern of the comparison. */
  prepare(filter: CompareFilter): CompareFilter {
    this.#regexes += filter.op === "Regex" ? 1 : 0;
    if (this.#regexes > limits.filterRegexesMax) {
      const max = limits.filterRegexesMax;
      throw invalid(
        `💔 a filter has at most ${max} regular expressions: join them by |`,
        "filters",
      );
    }
    testOf(filter, this.#steps);
    return filter;
  }
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
  return prepareTree(filter, (comparison) => {
    const values = valuesOf(comparison.attribute);
    const test = comparison.kind === "tokens" ? tokenTestOf(comparison) : testOf(comparison);
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
