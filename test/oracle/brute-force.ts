/**
 * The answer by definition: every document in a Map, every query by looking at all of them. Shares
 * no code with the engine but the types of its data; slow, short and obvious.
 */
import type { DocumentId } from "../../src/document/id.ts";
import type { DistanceMetric } from "../../src/document/schema.ts";
import type { AttributeValue, ScalarValue } from "../../src/document/value.ts";
import { matchesFuzzy, matchesGlob, type OracleFuzzy } from "./text-match.ts";

export interface OracleDocument {
  readonly id: DocumentId;
  readonly vector?: Float32Array;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** Filters in the form of the API, values already canonical. */
export type OracleFilter =
  | readonly ["And" | "Or", readonly OracleFilter[]]
  | readonly ["Not", OracleFilter]
  | readonly [string, string, AttributeValue]
  | readonly [string, "Fuzzy", string, OracleFuzzy];

export interface OracleHit {
  readonly id: DocumentId;
  readonly distance?: number;
  readonly document: OracleDocument;
}

export class BruteForce {
  readonly documents = new Map<DocumentId, OracleDocument>();

  upsert(document: OracleDocument): void {
    this.documents.set(document.id, document);
  }

  delete(id: DocumentId): void {
    this.documents.delete(id);
  }

  matching(filter: OracleFilter | undefined): OracleDocument[] {
    return [...this.documents.values()].filter(
      (each) => filter === undefined || matches(filter, each),
    );
  }

  /** All matching documents, nearest first, equal distances by lower id. */
  nearest(
    metric: DistanceMetric,
    query: Float32Array,
    filter?: OracleFilter,
    vectorOf = ({ vector }: OracleDocument) => vector ?? new Float32Array(query.length),
  ): OracleHit[] {
    return this.matching(filter)
      .map((document) => ({
        id: document.id,
        distance: distance(metric, query, vectorOf(document)),
        document,
      }))
      .sort((a, b) => a.distance - b.distance || compareIds(a.id, b.id));
  }

  byId(descending: boolean, filter?: OracleFilter): OracleHit[] {
    const sign = descending ? -1 : 1;
    return this.matching(filter)
      .map((document) => ({ id: document.id, document }))
      .sort((a, b) => sign * compareIds(a.id, b.id));
  }
}

export function distance(metric: DistanceMetric, a: Float32Array, b: Float32Array): number {
  let [squares, ab, aa, bb] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    squares += (x - y) ** 2;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (metric === "euclidean_squared") {
    // JSON has no infinity: the largest f32 stands for all beyond.
    return Math.min(Math.fround(squares), 3.4028234663852886e38);
  }
  const lengths = Math.sqrt(aa * bb);
  return lengths === 0 ? 1 : Math.fround(Math.min(2, Math.max(0, 1 - ab / lengths)));
}

export function matches(filter: OracleFilter, document: OracleDocument): boolean {
  if (filter[0] === "And" && filter.length === 2) {
    return (filter[1] as readonly OracleFilter[]).every((each) => matches(each, document));
  }
  if (filter[0] === "Or" && filter.length === 2) {
    return (filter[1] as readonly OracleFilter[]).some((each) => matches(each, document));
  }
  if (filter[0] === "Not" && filter.length === 2) {
    return !matches(filter[1] as OracleFilter, document);
  }
  const [name, op, wanted, options] = filter as readonly [
    string,
    string,
    AttributeValue,
    OracleFuzzy?,
  ];
  const value = name === "id" ? document.id : (document.attributes[name] ?? null);
  return compares(op, value, wanted, options);
}

function compares(
  op: string,
  value: AttributeValue,
  wanted: AttributeValue,
  options: OracleFuzzy | undefined,
): boolean {
  const elements: readonly ScalarValue[] = Array.isArray(value) ? value : [];
  const texts = typeof value === "string" ? [value] : elements.map(String);
  switch (op) {
    case "Eq":
      return same(value, wanted);
    case "NotEq":
      return !same(value, wanted);
    case "In":
      return isIn(value, wanted as readonly ScalarValue[]);
    case "NotIn":
      return !isIn(value, wanted as readonly ScalarValue[]);
    case "Lt":
      return below(value, wanted);
    case "Lte":
      return !below(wanted, value);
    case "Gt":
      return below(wanted, value);
    case "Gte":
      return !below(value, wanted);
    case "Contains":
      return elements.includes(wanted as ScalarValue);
    case "ContainsAny":
      return elements.some((each) => (wanted as readonly ScalarValue[]).includes(each));
    case "AnyLt":
      return elements.some((each) => below(each, wanted));
    case "AnyLte":
      return elements.some((each) => !below(wanted, each));
    case "AnyGt":
      return elements.some((each) => below(wanted, each));
    case "AnyGte":
      return elements.some((each) => !below(each, wanted));
    case "Glob":
    case "IGlob":
      return texts.some((each) => matchesGlob(String(wanted), each, op === "IGlob"));
    case "Regex":
      return texts.some((each) => new RegExp(String(wanted), "u").test(each));
    case "Fuzzy":
      return texts.some((each) => matchesFuzzy(String(wanted), each, options as OracleFuzzy));
    case "ContainsAnyToken":
      return texts.some((each) => words(each).some((word) => words(wanted).includes(word)));
    case "ContainsTokenSequence":
      return texts.some((each) =>
        ` ${words(each).join(" ")} `.includes(` ${words(wanted).join(" ")} `),
      );
    case "NotContains":
    case "NotContainsAny":
    case "NotGlob":
    case "NotIGlob":
      return !compares(op.slice(3), value, wanted, options);
    default:
      throw new Error(`the oracle does not know ${op}`);
  }
}

function words(text: AttributeValue): string[] {
  return String(text).split(" ");
}

function same(a: AttributeValue, b: AttributeValue): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, i) => value === b[i]);
  }
  return a === b;
}

function isIn(value: AttributeValue, list: readonly ScalarValue[]): boolean {
  if (Array.isArray(value)) {
    return value.some((element: ScalarValue) => list.includes(element));
  }
  return value !== null && list.includes(value as ScalarValue);
}

/** Absent is below everything else. */
function below(a: AttributeValue, b: AttributeValue): boolean {
  if (a === null || b === null) {
    return a === null && b !== null;
  }
  return typeof a === "string" ? compareUtf8(a, b as string) < 0 : a < b;
}

function compareIds(a: DocumentId, b: DocumentId): number {
  if (typeof a === "string" || typeof b === "string") {
    return compareUtf8(String(a), String(b));
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
