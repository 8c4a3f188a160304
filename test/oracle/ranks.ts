/**
 * Orders and scores by definition, for the brute force: every document, one at a time. Shares no
 * code with the engine. Expressions are in the form of the API, on values that are canonical.
 */
import { Buffer } from "node:buffer";
import type { DocumentId } from "../../src/document/id.ts";
import type { AttributeValue } from "../../src/document/value.ts";
import { type BruteForce, matches, type OracleDocument, type OracleFilter } from "./brute-force.ts";

export type OracleOrder = readonly [string, "asc" | "desc"];

/** Matching documents by attributes, then by id, whose own direction may be the last order. */
export function ordered(
  oracle: BruteForce,
  orders: readonly OracleOrder[],
  filter?: OracleFilter,
): OracleDocument[] {
  return oracle.matching(filter).sort((a, b) => {
    for (const [name, direction] of orders) {
      const [x, y] = [valueOf(a, name), valueOf(b, name)];
      const order = compare(x, y);
      if (order !== 0) return direction === "asc" ? order : -order;
    }
    return compare(a.id, b.id);
  });
}

export interface Scored {
  readonly document: OracleDocument;
  readonly score: number;
}

export function scored(oracle: BruteForce, rank: OracleRank, filter?: OracleFilter): Scored[] {
  const keepsAll = asksForNumber(rank);
  return oracle
    .matching(filter)
    .map((document) => {
      const score = Math.fround(evaluate(rank, document) ?? 0);
      // Nothing times what is too large for a double is nothing.
      const most = Number.isNaN(score) ? 0 : 3.4028234663852886e38;
      return { document, score: Number.isFinite(score) ? score : most };
    })
    .filter(({ document, score }) => keepsAll || (score !== 0 && touches(rank, document)))
    .sort((a, b) => b.score - a.score || compare(a.document.id, b.document.id));
}

export type OracleRank = readonly unknown[];
type Part = OracleRank | number;

/** Whether a number of the document is asked for anywhere. */
function asksForNumber(rank: unknown): boolean {
  return Array.isArray(rank) && (rank[0] === "Attribute" || rank.some(asksForNumber));
}

/** Undefined: the document lacks what it would be computed from. */
function evaluate(rank: Part, document: OracleDocument): number | undefined {
  if (typeof rank === "number") return rank;
  const [head, a, b] = rank;
  const members = (): number[] => (a as Part[]).map((each) => evaluate(each, document) ?? 0);
  switch (head) {
    case "Sum":
      return members().reduce((sum, each) => sum + each, 0);
    case "Max":
      return Math.max(...members());
    case "Product":
      return (evaluate(a as Part, document) ?? 0) * (evaluate(b as Part, document) ?? 0);
    case "Attribute": {
      const value = valueOf(document, String(a));
      return value === null ? undefined : Number(value);
    }
    case "Saturate":
    case "Decay":
      return curve(head, evaluate(a as Part, document), b as CurveOptions);
    case "Dist": {
      const x = evaluate(a as Part, document);
      return x === undefined ? undefined : distanceOf(a as OracleRank, b, x, document);
    }
    default:
      return matches(rank as unknown as OracleFilter, document) ? 1 : 0;
  }
}

/** Of integers exactly, however large. */
function distanceOf(
  [head, name]: OracleRank,
  origin: unknown,
  x: number,
  document: OracleDocument,
): number {
  const value = head === "Attribute" ? valueOf(document, String(name)) : x;
  const isInteger = (each: unknown) => typeof each === "bigint" || Number.isInteger(each);
  if (!isInteger(value) || !isInteger(origin)) return Math.abs(x - Number(origin));
  const difference = BigInt(value as number) - BigInt(origin as number);
  return Number(difference < 0n ? -difference : difference);
}

interface CurveOptions {
  readonly midpoint: number;
  readonly exponent?: number;
}

function curve(
  head: "Saturate" | "Decay",
  x: number | undefined,
  { midpoint, exponent = 1 }: CurveOptions,
): number {
  if (x === undefined) return 0;
  if (head === "Decay") return 1 / (1 + (Math.max(0, x) / midpoint) ** exponent);
  return x <= 0 ? 0 : 1 / (1 + (midpoint / x) ** exponent);
}

/** Whether any filter in it matches. */
function touches(rank: Part, document: OracleDocument): boolean {
  if (typeof rank === "number") return false;
  const [head, a, b] = rank;
  switch (head) {
    case "Sum":
    case "Max":
      return (a as Part[]).some((each) => touches(each, document));
    case "Product":
      return touches(a as Part, document) || touches(b as Part, document);
    case "Saturate":
    case "Decay":
    case "Dist":
      return touches(a as Part, document);
    default:
      return matches(rank as unknown as OracleFilter, document);
  }
}

export function valueOf(document: OracleDocument, name: string): AttributeValue {
  return name === "id" ? document.id : (document.attributes[name] ?? null);
}

/** Absent is below everything else. */
export function compare(a: AttributeValue | DocumentId, b: AttributeValue | DocumentId): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  if (typeof a === "string" && typeof b === "string") {
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
