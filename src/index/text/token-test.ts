/**
 * Filters of tokens on one text: all of them are in it, some are, or they stand in it in their
 * order, side by side. Words that the analysis drops keep their places: between tokens of a
 * sequence, a dropped word of the query stands for any dropped word.
 */
import type { TokenFilter, ValueTest } from "../../document/filter.ts";
import type { AttributeValue } from "../../document/value.ts";
import { type Analyzer, analyzerFor, type Token } from "./analyzer.ts";
import { TextPlaces } from "./text-places.ts";

const prepared = new WeakMap<TokenFilter, ValueTest>();

export function tokenTestOf(filter: TokenFilter): ValueTest {
  const known = prepared.get(filter);
  if (known !== undefined) return known;
  const test = prepareTest(filter);
  prepared.set(filter, test);
  return test;
}

function prepareTest({ op, options, tokens }: TokenFilter): ValueTest {
  const analyzer = analyzerFor(options);
  if (tokens.length === 0) {
    return () => false;
  }
  const exact = new Map<string, number[]>();
  const prefixes: { readonly term: string; readonly place: number }[] = [];
  for (const [place, { term, isPrefix }] of tokens.entries()) {
    if (isPrefix) prefixes.push({ term, place });
    else exact.set(term, [...(exact.get(term) ?? []), place]);
  }
  /** Calls `visit` with each token of the query that a token of the text is. */
  const visitMatches = (value: AttributeValue, visit: VisitMatch, every?: VisitPosition): void => {
    visitPlaced(analyzer, value, ({ term }, position) => {
      every?.(position);
      for (const place of exact.get(term) ?? []) visit(place, position);
      for (const prefix of prefixes) {
        if (term.startsWith(prefix.term)) visit(prefix.place, position);
      }
    });
  };
  if (op === "ContainsTokenSequence") {
    return sequenceTest(tokens, visitMatches);
  }
  const needed = op === "ContainsAllTokens" ? tokens.length : 1;
  return (value) => {
    const found = new Set<number>();
    visitMatches(value, (place) => found.add(place));
    return found.size >= needed;
  };
}

type VisitMatch = (place: number, position: number) => void;
type VisitPosition = (position: number) => void;

function sequenceTest(
  tokens: TokenFilter["tokens"],
  visitMatches: (value: AttributeValue, visit: VisitMatch, every?: VisitPosition) => void,
): ValueTest {
  const first = tokens[0]?.position ?? 0;
  const offsets = tokens.map(({ position }) => position - first);
  const length = (offsets.at(-1) ?? 0) + 1;
  const inQuery = new Set(offsets);
  const gaps = Array.from({ length }, (_, i) => i).filter((offset) => !inQuery.has(offset));
  return (value) => {
    const kept = new Set<number>();
    const places = tokens.map(() => new Set<number>());
    visitMatches(
      value,
      (place, position) => places[place]?.add(position),
      gaps.length > 0 ? (position) => kept.add(position) : undefined,
    );
    for (const start of places[0] ?? []) {
      const isThere = offsets.every((offset, place) => places[place]?.has(start + offset));
      if (isThere && gaps.every((offset) => !kept.has(start + offset))) return true;
    }
    return false;
  };
}

/** Tokens of a query as filters have them. */
export function queryTokens(
  analyzer: Analyzer,
  input: string | readonly string[],
  lastAsPrefix: boolean,
): TokenFilter["tokens"] {
  const tokens: TokenFilter["tokens"][number][] = [];
  const last = lastAsPrefix ? analyzer.lastPrefix(input) : undefined;
  const gaps = visitPlaced(analyzer, input, (token, position) => {
    if (last === undefined || token.position < last.position) {
      tokens.push({ term: token.term, position, isPrefix: false });
    }
  });
  return last === undefined
    ? tokens
    : [...tokens, { term: last.term, position: last.position + gaps, isPrefix: true }];
}

/** With positions as phrases see them; returns how many gaps were added. */
function visitPlaced(
  analyzer: Analyzer,
  value: AttributeValue,
  visit: (token: Token, position: number) => void,
): number {
  const places = new TextPlaces();
  const texts = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  analyzer.visit(value, (token) => {
    const { from, to, position, element } = token;
    visit(token, places.next(texts[element] as string, from, to, position, element));
  });
  return places.gaps;
}
