/**
 * Filters as data, and what one comparison means. The parser (query/filter.ts) has already checked
 * attributes against the schema and brought values into canonical form, so nothing here can fail.
 *
 *   and, or    of no filters: everything, nothing
 *   compare    one attribute (or "id") against a constant:
 *
 *   Eq NotEq           scalar, null, or a whole array; null tests absence
 *   In NotIn           list of scalars; on an array attribute: do they intersect
 *   Lt Lte Gt Gte      scalar or null
 *
 * An absent attribute is null and null sorts below every value: Lt and Lte with a value match it,
 * so do NotEq and NotIn; Gte null matches everything, Lt null nothing.
 */
import {
  type AttributeValue,
  type ComparableValue,
  compareValues,
  isComparable,
  type ScalarValue,
} from "./value.ts";

export const compareOps = ["Eq", "NotEq", "In", "NotIn", "Lt", "Lte", "Gt", "Gte"] as const;
export type CompareOp = (typeof compareOps)[number];

export interface CompareFilter {
  readonly kind: "compare";
  /** Attribute name, or "id". */
  readonly attribute: string;
  readonly op: CompareOp;
  /** For In and NotIn always an array. */
  readonly value: ComparableValue | null;
}

/** Comparisons of one kind or another, joined. */
export type FilterTree<Leaf> =
  | Leaf
  | { readonly kind: "and"; readonly filters: readonly FilterTree<Leaf>[] }
  | { readonly kind: "or"; readonly filters: readonly FilterTree<Leaf>[] }
  | { readonly kind: "not"; readonly filter: FilterTree<Leaf> };

export type Filter = FilterTree<CompareFilter>;

export type ValueTest = (attributeValue: AttributeValue) => boolean;

/** Whether a document whose attribute has this value satisfies the comparison. */
export function matches(
  op: CompareOp,
  attributeValue: AttributeValue,
  value: AttributeValue,
): boolean {
  return prepareTest(op, value)(attributeValue);
}

/** The comparison with its constant prepared: use it for more than one value. */
export function prepareTest(op: CompareOp, value: AttributeValue): ValueTest {
  switch (op) {
    case "Eq":
      return (candidate) => sameValue(candidate, value);
    case "NotEq":
      return (candidate) => !sameValue(candidate, value);
    case "In":
      return membership(value);
    case "NotIn": {
      const inside = membership(value);
      return (candidate) => !inside(candidate);
    }
    case "Lt":
      return (candidate) => compareValues(candidate, value) < 0;
    case "Lte":
      return (candidate) => compareValues(candidate, value) <= 0;
    case "Gt":
      return (candidate) => compareValues(candidate, value) > 0;
    case "Gte":
      return (candidate) => compareValues(candidate, value) >= 0;
  }
}

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
