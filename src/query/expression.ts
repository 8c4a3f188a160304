/**
 * Rank expressions: a tree of arithmetic over *leaves*, each of which gives a row a number. Pure.
 *
 *   leaf         attribute   a number of the document, or how far it is from an origin; NaN: absent
 *                filter      1 if the row passes, else 0
 *                sparse      product of sparse vectors, 0 if they share nothing
 *                text        BM25, 0 where no word of the query is
 *   constant     only in `max`
 *   sum, max     of all members; what is absent adds nothing
 *   product      of a weight >= 0 and a member
 *   saturate     x^p / (x^p + m^p)      decay   m^p / (x^p + m^p)      x < 0 counts as 0
 *   distance     |x - origin|
 *
 * Absence goes through `distance` and ends everywhere else as 0: what a document lacks is neither
 * near nor good. A score is a 32-bit float. A row is in the answer if a number of its document is
 * asked for anywhere; otherwise only if some leaf gives it anything and its score is not 0.
 *
 * A new kind of leaf needs a line in `Leaf`, and to get its numbers for rows of the tail and of
 * segments (search-leaves.ts).
 */
import type { Filter } from "../document/filter.ts";
import type { AttributeValue } from "../document/value.ts";
import { f32Max } from "./distance.ts";
import type { AttributeScore } from "./score.ts";
import type { TextClause } from "./text-clause.ts";

export interface AttributeLeaf {
  readonly kind: "attribute";
  readonly attribute: string;
  /** Undefined: the number itself. */
  readonly origin: number | bigint | undefined;
}

export type Leaf =
  | AttributeLeaf
  | { readonly kind: "filter"; readonly filter: Filter }
  | { readonly kind: "sparse"; readonly score: AttributeScore }
  | TextLeaf;

export interface TextLeaf {
  readonly kind: "text";
  readonly clause: TextClause;
}

export type Expression =
  | Leaf
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "sum" | "max"; readonly members: readonly Expression[] }
  | { readonly kind: "product"; readonly weight: number; readonly member: Expression }
  | {
      readonly kind: "saturate" | "decay";
      readonly member: Expression;
      /** Above 0, both. */
      readonly midpoint: number;
      readonly exponent: number;
    }
  | { readonly kind: "distance"; readonly member: Expression; readonly origin: number };

export type RowScore = (row: number) => number;

/** All leaves, each place of one. */
export function leavesOf(expression: Expression): readonly Leaf[] {
  switch (expression.kind) {
    case "constant":
      return [];
    case "sum":
    case "max":
      return expression.members.flatMap(leavesOf);
    case "product":
    case "saturate":
    case "decay":
    case "distance":
      return leavesOf(expression.member);
    case "attribute":
    case "filter":
    case "sparse":
    case "text":
      return [expression];
  }
}

/**
 * Of sums and maxima of texts alone: the leaves, each with the most that the score grows by where
 * the leaf's grows by 1. Undefined for all other expressions.
 */
export function weighTexts(expression: Expression): ReadonlyMap<TextLeaf, number> | undefined {
  const weights = new Map<TextLeaf, number>();
  const weigh = (each: Expression, weight: number): boolean => {
    switch (each.kind) {
      case "text":
        weights.set(each, (weights.get(each) ?? 0) + weight);
        return true;
      case "sum":
      case "max":
        return each.members.every((member) => weigh(member, weight));
      case "product":
        return weigh(each.member, weight * each.weight);
      case "constant":
      case "saturate":
      case "decay":
      case "distance":
      case "attribute":
      case "filter":
      case "sparse":
        return false;
    }
  };
  return weigh(expression, 1) && [...weights.values()].every(Number.isFinite) ? weights : undefined;
}

/** The number that a value is to an expression: NaN if it is absent. */
export function numberOf({ origin }: AttributeLeaf, value: AttributeValue): number {
  if (typeof value !== "number" && typeof value !== "bigint") {
    return Number.NaN;
  }
  if (origin === undefined) {
    return Number(value);
  }
  if (typeof value === "number" && typeof origin === "number") {
    return Math.abs(value - origin);
  }
  // At least one is an integer beyond those that numbers hold, so neither has a fraction.
  const difference = BigInt(value) - BigInt(origin);
  return Number(difference < 0n ? -difference : difference);
}

/** Scores by row; NaN: the row is not in the answer. */
export function prepareScore(
  expression: Expression,
  leafScore: (leaf: Leaf) => RowScore,
): RowScore {
  const scores = new Map(leavesOf(expression).map((leaf) => [leaf, leafScore(leaf)]));
  const evaluate = compile(expression, (leaf) => scores.get(leaf) as RowScore);
  const score: RowScore = (row) => finish(evaluate(row));
  if ([...scores.keys()].some(({ kind }) => kind === "attribute")) {
    return score;
  }
  const all = [...scores.values()];
  return (row) => {
    const value = all.some((each) => each(row) !== 0) ? score(row) : 0;
    return value === 0 ? Number.NaN : value;
  };
}

function finish(value: number): number {
  return Number.isNaN(value) ? 0 : Math.fround(Math.max(-f32Max, Math.min(f32Max, value)));
}

function compile(expression: Expression, leafScore: (leaf: Leaf) => RowScore): RowScore {
  switch (expression.kind) {
    case "constant":
      return () => expression.value;
    case "sum": {
      const members = expression.members.map((each) => compile(each, leafScore));
      return (row) => members.reduce((sum, each) => sum + (each(row) || 0), 0);
    }
    case "max": {
      const members = expression.members.map((each) => compile(each, leafScore));
      return (row) => Math.max(...members.map((each) => each(row) || 0));
    }
    case "product": {
      const { weight } = expression;
      const member = compile(expression.member, leafScore);
      return (row) => weight * (member(row) || 0);
    }
    case "saturate": {
      const { midpoint, exponent } = expression;
      const member = compile(expression.member, leafScore);
      return (row) => {
        const x = member(row);
        return x > 0 ? 1 / (1 + (midpoint / x) ** exponent) : 0;
      };
    }
    case "decay": {
      const { midpoint, exponent } = expression;
      const member = compile(expression.member, leafScore);
      return (row) => {
        const x = member(row);
        return Number.isNaN(x) ? 0 : 1 / (1 + (Math.max(0, x) / midpoint) ** exponent);
      };
    }
    case "distance": {
      const { origin } = expression;
      const member = compile(expression.member, leafScore);
      return (row) => Math.abs(member(row) - origin);
    }
    case "attribute":
    case "filter":
    case "sparse":
    case "text":
      return leafScore(expression);
  }
}
