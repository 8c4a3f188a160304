/**
 * Filters of tokens as users write them: ["attribute", operator, text or tokens, options?]. Pure.
 */
import { type TokenFilter, tokenOps } from "../document/filter.ts";
import type { Schema } from "../document/schema.ts";
import { malformedAt } from "../document/shape.ts";
import { analyzerFor } from "../index/text/analyzer.ts";
import { queryTokens } from "../index/text/token-test.ts";
import { keyError } from "./filter-constant.ts";
import { checkTextLength, parseTextQuery } from "./text-clause.ts";

/** Undefined if the operator is another. */
export function parseTokenFilter(
  json: readonly unknown[],
  path: string,
  schema: Schema,
): TokenFilter | undefined {
  const op = tokenOps.find((known) => known === json[1]);
  if (op === undefined) {
    return undefined;
  }
  const query = parseTextQuery(json, "filters");
  if (query === undefined) {
    throw malformedAt(path, `${op} takes a text or a list of tokens`);
  }
  const { attribute, input, lastAsPrefix } = query;
  const known = schema.attributes.get(attribute);
  if (known === undefined) {
    throw keyError(attribute, "attribute not found in schema");
  }
  if (known.text === undefined) {
    throw keyError(attribute, `${op} requires \`full_text_search\` of the attribute`);
  }
  const { options } = known.text;
  const analyzer = analyzerFor(options);
  if (analyzer.isPreTokenized !== (typeof input !== "string")) {
    const expected = analyzer.isPreTokenized ? "[]string" : "string";
    const shown = typeof input === "string" ? input : `[${input.join(", ")}]`;
    const got = shown.slice(0, 64).toWellFormed();
    throw keyError(attribute, `type mismatch, ${op} expects ${expected}, but got '${got}'`);
  }
  checkTextLength(input);
  return {
    kind: "tokens",
    attribute,
    op,
    options,
    analysis: analyzer.name,
    tokens: queryTokens(analyzer, input, lastAsPrefix),
  };
}
