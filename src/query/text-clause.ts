/**
 * What a query asks of the text of one attribute: ["attribute", "BM25", "words"], or a list of
 * tokens where documents are lists of tokens. Pure.
 *
 * Words become terms as those of documents do. With `last_as_prefix` the last word is a literal
 * prefix of terms: lower case and ASCII as the attribute is, but neither stemmed nor dropped. With
 * `max_edit_distance` beside it, as Fuzzy takes it, some of its characters may be wrong, though
 * never the first; then it is two terms of half the worth, the prefix and what is near to it.
 */
import type { Schema } from "../document/schema.ts";
import { isJsonObject } from "../document/shape.ts";
import type { TextOptions } from "../document/text-options.ts";
import type { AttributeValue } from "../document/value.ts";
import { type EngineError, invalid } from "../errors.ts";
import { type Analyzer, analyzerFor, type Token } from "../index/text/analyzer.ts";
import type { ScoredTerm } from "../index/text/bm25.ts";
import { prepareBeginning } from "../index/text/term-prefix.ts";
import { limits } from "../limits.ts";
import { parseFuzzy } from "./fuzzy-input.ts";

export interface TextTerm extends ScoredTerm {
  readonly term: string;
  /** Of a prefix: how many characters of it may be wrong. */
  readonly edits?: number;
}

export interface TextClause {
  readonly attribute: string;
  readonly options: TextOptions;
  readonly analyzer: Analyzer;
  /** Distinct, in the order of the query; prefixes are the last. */
  readonly terms: readonly TextTerm[];
}

/** As a query gives it: a text, or tokens. */
export type TextInput = string | readonly string[];

export interface TextQuery {
  readonly attribute: string;
  readonly input: TextInput;
  readonly lastAsPrefix: boolean;
  /** Of the prefix, as Fuzzy takes them. */
  readonly editDistances?: unknown;
}

/** [attribute, operator, text or tokens, options?], or undefined if that is not its shape. */
export function parseTextQuery(
  [attribute, , input, options = {}, ...more]: readonly unknown[],
  field: string,
): TextQuery | undefined {
  const isList = Array.isArray(input) && input.every((token) => typeof token === "string");
  const isInput = typeof input === "string" || isList;
  if (typeof attribute !== "string" || !isInput || !isJsonObject(options) || more.length > 0) {
    return undefined;
  }
  const lastAsPrefix = options["last_as_prefix"] ?? false;
  if (typeof lastAsPrefix !== "boolean") {
    throw invalid("💔 `last_as_prefix` must be a boolean", field);
  }
  const editDistances = options["max_edit_distance"];
  if (editDistances !== undefined && !lastAsPrefix) {
    throw invalid("💔 `max_edit_distance` is of the last word, with `last_as_prefix`", field);
  }
  return { attribute, input: input as TextInput, lastAsPrefix, editDistances };
}

export function bindTextClause(
  { attribute, input, lastAsPrefix, editDistances }: TextQuery,
  schema: Schema,
  field: string,
): TextClause {
  const known = schema.attributes.get(attribute);
  if (known === undefined) {
    const text = `💔 attribute "${attribute}" not found in schema, cannot be part of \`${field}\``;
    throw invalid(text, field);
  }
  if (known.text === undefined) {
    const text = `💔 attribute "${attribute}" must have \`full_text_search\` set to be ranked by BM25`;
    throw invalid(text, field);
  }
  const { options } = known.text;
  const analyzer = analyzerFor(options);
  if (analyzer.isPreTokenized !== (typeof input !== "string")) {
    throw wrongInput(attribute, input, analyzer.isPreTokenized ? "[]string" : "string", field);
  }
  const { terms, prefix } = termsOf(analyzer, input, lastAsPrefix);
  const counts = new Map<string, number>();
  for (const { term } of terms) {
    counts.set(term, (counts.get(term) ?? 0) + 1);
  }
  const distinct = Array.from(counts, ([term, count]) => ({ term, count, isPrefix: false }));
  const last = prefix === undefined ? [] : prefixTerms(attribute, prefix, editDistances, field);
  return { attribute, options, analyzer, terms: [...distinct, ...last] };
}

function prefixTerms(
  attribute: string,
  prefix: string,
  editDistances: unknown,
  field: string,
): readonly TextTerm[] {
  const exact = { term: prefix, count: 1, isPrefix: true };
  if (editDistances === undefined) return [exact];
  const edits = parseFuzzy(attribute, prefix, { max_edit_distance: editDistances }, field).distance;
  if (edits <= 0) return [exact];
  return [
    { ...exact, worth: 0.5 },
    { ...exact, worth: 0.5, edits },
  ];
}

export function checkTextLength(input: TextInput): void {
  const characters = typeof input === "string" ? input.length : input.join("").length;
  if (characters > limits.textQueryMax) {
    throw invalid(`💔 the text of a query has at most ${limits.textQueryMax} characters`);
  }
}

export interface QueryTerms {
  /** Tokens with their positions; a prefix is not among them. */
  readonly terms: readonly Token[];
  readonly prefix: string | undefined;
}

export function termsOf(analyzer: Analyzer, input: TextInput, lastAsPrefix: boolean): QueryTerms {
  checkTextLength(input);
  const terms: Token[] = [];
  analyzer.visit(input, (token) => terms.push(token));
  if (!lastAsPrefix) {
    return { terms, prefix: undefined };
  }
  const last = analyzer.lastPrefix(input);
  return last === undefined
    ? { terms, prefix: undefined }
    : { terms: terms.filter(({ position }) => position < last.position), prefix: last.term };
}

function wrongInput(
  attribute: string,
  input: TextInput,
  expected: string,
  field: string,
): EngineError {
  const shown = typeof input === "string" ? `'${input}'` : `'[${input.join(", ")}]'`;
  const start = `invalid input ${shown.slice(0, 80).toWellFormed()}`;
  return invalid(`${start} for ${field} field "${attribute}", expecting ${expected}`, field);
}

// ---- Occurrences
// ------------------------------------------------------------------------------------

/** How often a text has each term of the clause, and its length in tokens. */
export interface Occurrences {
  readonly frequencies: Uint32Array;
  readonly length: number;
}

/** Counts terms in texts one after the other. */
export function prepareCount({ analyzer, terms }: TextClause) {
  const places = new Map(terms.flatMap(({ term, isPrefix }, i) => (isPrefix ? [] : [[term, i]])));
  const prefixes = terms.flatMap(({ term, isPrefix, edits }, place) =>
    isPrefix ? [{ place, begins: prepareBeginning(term, edits) }] : [],
  );
  return (value: AttributeValue): Occurrences => {
    const frequencies = new Uint32Array(terms.length);
    let length = 0;
    analyzer.visit(value, ({ term }) => {
      length += 1;
      const place = places.get(term);
      if (place !== undefined) frequencies[place] = (frequencies[place] as number) + 1;
      for (const { place: at, begins } of prefixes) {
        if (begins(term)) frequencies[at] = (frequencies[at] as number) + 1;
      }
    });
    return { frequencies, length };
  };
}
