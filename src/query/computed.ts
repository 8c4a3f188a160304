/**
 * What is computed for each row of an answer: the score of an expression, the distance of a vector
 * from one given, or the fragments of a text that the query's words stand in. Pure, but for reading
 * what it is computed from, which comes along.
 */
import type { Filter } from "../document/filter.ts";
import type { Schema } from "../document/schema.ts";
import { type EngineError, invalid } from "../errors.ts";
import type { DistanceQuery } from "./distance.ts";
import { type Expression, leavesOf } from "./expression.ts";
import { parseExpression } from "./expression-input.ts";
import type { Highlight } from "./highlight.ts";
import { isHighlight, parseHighlight } from "./highlight-input.ts";
import type { Computed } from "./query.ts";
import type { AttributeScore } from "./score.ts";

export type Computation = { readonly name: string } & (
  | { readonly kind: "expression"; readonly expression: Expression }
  /** Of the primary vector. */
  | { readonly kind: "distance"; readonly distance: DistanceQuery }
  /** Of another. */
  | { readonly kind: "score"; readonly score: AttributeScore }
  | { readonly kind: "highlight"; readonly highlight: Highlight }
);

type BindDistance = (
  column: string,
  vector: Float32Array,
) => { readonly distance: DistanceQuery; readonly score: AttributeScore | undefined };

/** The computations, and the attributes that they read. `ranking`: of the query. */
export function bindComputed(
  asked: readonly Computed[],
  schema: Schema,
  ranking: Expression | undefined,
  bindDistance: BindDistance,
): { readonly computed: readonly Computation[]; readonly names: ReadonlySet<string> } {
  const names = new Set<string>();
  const computed = asked.map((each): Computation => {
    const { name } = each;
    if (schema.attributes.has(name) || name === "id" || name === "" || name.startsWith("$")) {
      throw badName(name);
    }
    if (each.kind === "distance") {
      names.add(each.column);
      const { distance, score } = bindDistance(each.column, each.vector);
      return score === undefined
        ? { name, kind: "distance", distance }
        : { name, kind: "score", score };
    }
    if (isHighlight(each.json)) {
      const highlight = parseHighlight(each.json, schema, ranking, `compute_attributes.${name}`);
      names.add(highlight.attribute);
      return { name, kind: "highlight", highlight };
    }
    const expression = parseExpression(each.json, schema, "compute_attributes");
    for (const leaf of leavesOf(expression)) {
      if (leaf.kind === "attribute") names.add(leaf.attribute);
      else if (leaf.kind === "sparse") names.add(leaf.score.column);
      else if (leaf.kind === "text") names.add(leaf.clause.attribute);
      else for (const attribute of attributesOf(leaf.filter)) names.add(attribute);
    }
    return { name, kind: "expression", expression };
  });
  return { computed, names };
}

function attributesOf(filter: Filter): readonly string[] {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.flatMap(attributesOf);
    case "not":
      return attributesOf(filter.filter);
    case "compare":
    case "tokens":
      return [filter.attribute];
  }
}

function badName(name: string): EngineError {
  const text = `💔 compute_attributes: "${name}" is an attribute, or cannot be the name of one`;
  return invalid(text, "compute_attributes");
}
