/**
 * Filters as data, and what one comparison means. The parser (query/filter.ts) has already checked
 * attributes against the schema and brought values into canonical form, so one thing alone can
 * fail here: patterns that take too long (text-steps.ts).
 *
 *   and, or    of no filters: everything, nothing
 *   tokens     what the text of an attribute contains
 *   compare    one attribute (or "id") against a constant:
 *
 *   Eq                     scalar, null, or a whole array; null tests absence
 *   In                     list of scalars; on an array attribute: do they intersect
 *   Lt Lte Gt Gte          scalar or null
 *   Contains ContainsAny   array attribute: has the element; has one of the list
 *   AnyLt … AnyGte         array attribute: some element compares so
 *   Glob IGlob Regex Fuzzy text, or some element of an array of texts
 *   Not…                   whatever the operator behind does not match
 *
 * An absent attribute is null and null sorts below every value: Lt and Lte with a value match it,
 * so does all that begins with Not; Gte null matches everything, Lt null nothing. What is looked
 * for in elements is not found in an absent array, nor in an empty one.
 */
import { compileFuzzy, type FuzzyOptions } from "./fuzzy.ts";
import { compileGlob } from "./glob.ts";
import { compileRegex } from "./regex.ts";
import type { TextOptions } from "./text-options.ts";
import { TextSteps, type TextTest } from "./text-steps.ts";
import {
  type AttributeValue,
  type ComparableValue,
  compareScalars,
  compareValues,
  isComparable,
  type ScalarValue,
} from "./value.ts";

export const setOps = ["In", "NotIn"] as const;
export const orderOps = ["Lt", "Lte", "Gt", "Gte"] as const;
export const elementOps = [
  "Contains",
  "NotContains",
  "AnyLt",
  "AnyLte",
  "AnyGt",
  "AnyGte",
] as const;
export const anyElementOps = ["ContainsAny", "NotContainsAny"] as const;
export const globOps = ["Glob", "NotGlob", "IGlob", "NotIGlob"] as const;

export const compareOps = [
  "Eq",
  "NotEq",
  ...setOps,
  ...orderOps,
  ...elementOps,
  ...anyElementOps,
  ...globOps,
  "Regex",
  "Fuzzy",
] as const;
export type CompareOp = (typeof compareOps)[number];

export interface CompareFilter {
  readonly kind: "compare";
  /** Attribute name, or "id". */
  readonly attribute: string;
  readonly op: CompareOp;
  /** For In, NotIn, ContainsAny and NotContainsAny always an array. */
  readonly value: ComparableValue | null;
  /** Of Fuzzy. */
  readonly fuzzy?: FuzzyOptions;
}

/** Comparisons of one kind or another, joined. */
export type FilterTree<Leaf> =
  | Leaf
  | { readonly kind: "and"; readonly filters: readonly FilterTree<Leaf>[] }
  | { readonly kind: "or"; readonly filters: readonly FilterTree<Leaf>[] }
  | { readonly kind: "not"; readonly filter: FilterTree<Leaf> };

export const tokenOps = ["ContainsAllTokens", "ContainsAnyToken", "ContainsTokenSequence"] as const;

/** What the text of an attribute contains, by its analysis (index/text/token-test.ts). */
export interface TokenFilter {
  readonly kind: "tokens";
  readonly attribute: string;
  readonly op: (typeof tokenOps)[number];
  readonly options: TextOptions;
  /** Names options and tokenizer: text indexes of another name do not answer it. */
  readonly analysis: string;
  /** In the order of the query; a prefix is the last. */
  readonly tokens: readonly {
    readonly term: string;
    readonly position: number;
    readonly isPrefix: boolean;
  }[];
}

export type Filter = FilterTree<CompareFilter | TokenFilter>;

export type ValueTest = (attributeValue: AttributeValue) => boolean;

/** Whether a document whose attribute has this value satisfies the comparison. */
export function matches(
  op: CompareOp,
  attributeValue: AttributeValue,
  value: AttributeValue,
): boolean {
  return prepareTest(op, value)(attributeValue);
}

/** Patterns are compiled and lists made sets once, however many segments and batches are tested. */
const prepared = new WeakMap<CompareFilter, ValueTest>();

/** The test of a comparison; `steps`, where given the first time, is what its patterns may take. */
export function testOf(filter: CompareFilter, steps?: TextSteps): ValueTest {
  const known = prepared.get(filter);
  if (known !== undefined) return known;
  const { op, value, fuzzy } = filter;
  const test = prepareTest(op, value, { steps: steps ?? new TextSteps(), fuzzy });
  prepared.set(filter, test);
  return test;
}

export interface TestOptions {
  readonly steps: TextSteps;
  readonly fuzzy?: FuzzyOptions | undefined;
}

/** The comparison with its constant prepared: use it for more than one value. */
export function prepareTest(
  op: CompareOp,
  value: AttributeValue,
  options: TestOptions = { steps: new TextSteps() },
): ValueTest {
  switch (op) {
    case "Eq":
      return (candidate) => sameValue(candidate, value);
    case "In":
    case "ContainsAny":
      return membership(value);
    case "Lt":
      return (candidate) => compareValues(candidate, value) < 0;
    case "Lte":
      return (candidate) => compareValues(candidate, value) <= 0;
    case "Gt":
      return (candidate) => compareValues(candidate, value) > 0;
    case "Gte":
      return (candidate) => compareValues(candidate, value) >= 0;
    case "Contains":
      return someElement(value, (order) => order === 0);
    case "AnyLt":
      return someElement(value, (order) => order < 0);
    case "AnyLte":
      return someElement(value, (order) => order <= 0);
    case "AnyGt":
      return someElement(value, (order) => order > 0);
    case "AnyGte":
      return someElement(value, (order) => order >= 0);
    case "Glob":
    case "IGlob":
      return someText(compileGlob(String(value), op === "IGlob", options.steps));
    case "Regex":
      return someText(compileRegex(String(value), options.steps));
    case "Fuzzy": {
      const fuzzy = options.fuzzy ?? { distance: -1, isCaseSensitive: true };
      return someText(compileFuzzy(String(value), fuzzy, options.steps));
    }
    case "NotEq":
    case "NotIn":
    case "NotContains":
    case "NotContainsAny":
    case "NotGlob":
    case "NotIGlob": {
      const test = prepareTest(positiveOf[op], value, options);
      return (candidate) => !test(candidate);
    }
  }
}

const positiveOf = {
  NotEq: "Eq",
  NotIn: "In",
  NotContains: "Contains",
  NotContainsAny: "ContainsAny",
  NotGlob: "Glob",
  NotIGlob: "IGlob",
} as const;

function sameValue(a: AttributeValue, b: AttributeValue): boolean {
  const sameShape = (a !== null && typeof a === "object") === (b !== null && typeof b === "object");
  return sameShape && compareValues(a, b) === 0;
}

/** Canonical values are equal exactly when a Set says so (numbers and bigints never overlap). */
function membership(value: AttributeValue): ValueTest {
  const list: readonly ScalarValue[] = !isComparable(value)
    ? []
    : typeof value === "object"
      ? value
      : [value];
  const wanted = new Set(list);
  return (candidate) => {
    if (!isComparable(candidate)) {
      return false;
    }
    return typeof candidate === "object"
      ? candidate.some((element) => wanted.has(element))
      : wanted.has(candidate);
  };
}

/** `value` is a scalar, or null: then no element compares. */
function someElement(value: AttributeValue, accepts: (order: number) => boolean): ValueTest {
  return (candidate) =>
    value !== null &&
    isComparable(candidate) &&
    typeof candidate === "object" &&
    candidate.some((element) => accepts(compareScalars(element, value as ScalarValue)));
}

function someText(test: TextTest): ValueTest {
  return (candidate) => {
    if (typeof candidate === "string") return test(candidate);
    if (!isComparable(candidate) || typeof candidate !== "object") return false;
    return candidate.some((element) => typeof element === "string" && test(element));
  };
}
