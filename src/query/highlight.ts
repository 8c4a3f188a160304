/**
 * What to show of a text: the fragments that a query's words stand in, the best first. Pure.
 *
 *   1. The fragments of the text (index/text/fragments.ts), and the words in them that are terms of
 *      the query, in one pass.
 *   2. Each fragment is scored by BM25 as if it were a document and the fragments of the text were
 *      all there are: a word that stands in many of them says little about each.
 *
 * Nothing but the text is needed, so it is the same wherever the document lies, and no statistics
 * are read. Cost: that of analyzing the text, and of finding where its sentences end.
 */
import type { AttributeValue } from "../document/value.ts";
import type { Token } from "../index/text/analyzer.ts";
import { Bm25, noStatistics, type TextStatistics } from "../index/text/bm25.ts";
import { type FragmentKind, prepareFragments, type Span } from "../index/text/fragments.ts";
import { prepareBeginning } from "../index/text/term-prefix.ts";
import { type Expression, leavesOf, prepareScore, type TextLeaf } from "./expression.ts";
import { TopK } from "./top-k.ts";

export const offsetUnits = ["utf-8", "utf-16", "codepoints"] as const;
export type OffsetUnit = (typeof offsetUnits)[number];

export interface Highlight {
  readonly attribute: string;
  /** Ranks fragments: text leaves of the attribute, one at least, and arithmetic. */
  readonly expression: Expression;
  readonly fragmentBy: FragmentKind;
  readonly fragmentsMax: number;
  /** What ranges are counted in; undefined: none are shown. */
  readonly offsets: OffsetUnit | undefined;
}

export interface Fragment {
  readonly text: string;
  /** Where it stands in the text, and the words of the query in it, if that was asked for. */
  readonly ranges: { readonly fragment: Span; readonly matches: readonly Span[] } | undefined;
  /** Element of an array. */
  readonly element: number | undefined;
}

/** A fragment as the tokens of a text are walked through. */
interface Candidate {
  readonly element: number;
  readonly span: Span;
  /** Its first token. */
  readonly term: string;
  /** Tokens of it. */
  length: number;
  /** Of the terms of each leaf; undefined if none is in it. */
  frequencies: readonly Uint32Array[] | undefined;
  readonly matches: Span[];
}

/** Those with a score, the best first, then the first in the text. */
export function highlightValue(highlight: Highlight, value: AttributeValue): readonly Fragment[] {
  const leaves = leavesOf(highlight.expression).filter((leaf) => leaf.kind === "text");
  const text: Walked = { value, leaves, matcher: prepareMatcher(leaves), by: highlight.fragmentBy };
  return hasMatch(text) ? showAll(highlight, value, chooseBest(highlight, text)) : [];
}

interface Walked {
  readonly value: AttributeValue;
  readonly leaves: readonly TextLeaf[];
  readonly matcher: Matcher;
  readonly by: FragmentKind;
}

/** Walks twice: how much a term is worth is known at the end, and only the best are kept. */
function chooseBest(
  { expression, fragmentBy, fragmentsMax }: Highlight,
  text: Walked,
): readonly Candidate[] {
  const { leaves } = text;
  const statistics = leaves.map(({ clause }) => noStatistics(clause.terms.length));
  walkFragments(text, (candidate) => countFragment(candidate, statistics));
  const scorers = new Map<TextLeaf, (candidate: Candidate) => number>(
    leaves.map((leaf, i) => {
      const { options, terms } = leaf.clause;
      const scorer = new Bm25(options, terms, statistics[i] as TextStatistics);
      return [leaf, ({ frequencies, length }) => scorer.score(frequencies?.[i] ?? [], length)];
    }),
  );
  let current: Candidate | undefined;
  const score = prepareScore(expression, (leaf) => () => {
    const scorer = leaf.kind === "text" ? scorers.get(leaf) : undefined;
    return current === undefined ? 0 : (scorer?.(current) ?? 0);
  });
  const best = new TopK<Candidate>(fragmentsMax);
  const words = new Set<string>();
  let position = 0;
  walkFragments(text, (candidate) => {
    const { frequencies, term } = candidate;
    position += 1;
    // A word is shown once, where it stands first.
    if (frequencies === undefined || (fragmentBy === "word" && words.has(term))) return;
    if (fragmentBy === "word") words.add(term);
    current = candidate;
    const value = score(0);
    if (value > 0) best.offer({ distance: -value, id: position, value: candidate });
  });
  return best.sorted().map(({ value }) => value);
}

function countFragment({ frequencies, length }: Candidate, to: readonly TextStatistics[]): void {
  for (const [i, statistics] of to.entries()) {
    statistics.rows += 1;
    statistics.tokens += length;
    frequencies?.[i]?.forEach((frequency, place) => {
      const before = statistics.frequencies[place] as number;
      if (frequency > 0) statistics.frequencies[place] = before + 1;
    });
  }
}

// ---- Walking through them
// ------------------------------------------------------------------------------------

function hasMatch({ leaves, value, matcher }: Walked): boolean {
  let found = false;
  leaves[0]?.clause.analyzer.visit(value, ({ term }) => {
    found ||= matcher.isMatch(term);
  });
  return found;
}

/** Calls `visit` with each fragment that has a token, in their order. */
function walkFragments(
  { leaves, value, matcher, by }: Walked,
  visit: (candidate: Candidate) => void,
): void {
  let element = -1;
  let fragmentAt = prepareFragments("", by);
  let current: Candidate | undefined;
  leaves[0]?.clause.analyzer.visit(value, (token) => {
    if (token.element !== element) {
      element = token.element;
      fragmentAt = prepareFragments(textAt(value, element), by);
    }
    const span = fragmentAt(token);
    if (current === undefined || current.span !== span) {
      if (current !== undefined) visit(current);
      current = newCandidate(token, span);
    }
    current.length += 1;
    if (!matcher.isMatch(token.term)) return;
    current.matches.push({ from: token.from, to: token.to });
    current.frequencies ??= leaves.map(({ clause }) => new Uint32Array(clause.terms.length));
    matcher.count(token.term, current.frequencies);
  });
  if (current !== undefined) visit(current);
}

function newCandidate({ element, term }: Token, span: Span): Candidate {
  return { element, span, term, length: 0, frequencies: undefined, matches: [] };
}

interface Matcher {
  readonly isMatch: (term: string) => boolean;
  /** Adds a token to the frequencies of the terms that it is, leaf by leaf. */
  readonly count: (term: string, frequencies: readonly Uint32Array[]) => void;
}

function prepareMatcher(leaves: readonly TextLeaf[]): Matcher {
  const exact = new Map<string, { readonly leaf: number; readonly place: number }[]>();
  const prefixes: {
    readonly leaf: number;
    readonly place: number;
    readonly begins: (term: string) => boolean;
  }[] = [];
  for (const [leaf, { clause }] of leaves.entries()) {
    for (const [place, { term, isPrefix, edits }] of clause.terms.entries()) {
      if (isPrefix) prefixes.push({ leaf, place, begins: prepareBeginning(term, edits) });
      else exact.set(term, [...(exact.get(term) ?? []), { leaf, place }]);
    }
  }
  return {
    isMatch: (term) => exact.has(term) || prefixes.some(({ begins }) => begins(term)),
    count: (term, frequencies) => {
      const begun = prefixes.filter(({ begins }) => begins(term));
      for (const { leaf, place } of [...(exact.get(term) ?? []), ...begun]) {
        const own = frequencies[leaf];
        if (own !== undefined) own[place] = (own[place] as number) + 1;
      }
    },
  };
}

function textAt(value: AttributeValue, element: number): string {
  const text = Array.isArray(value) ? (value as readonly unknown[])[element] : value;
  return typeof text === "string" ? text : "";
}

// ---- Showing them
// ------------------------------------------------------------------------------------

function showAll(
  { offsets }: Highlight,
  value: AttributeValue,
  candidates: readonly Candidate[],
): readonly Fragment[] {
  const shown = new Map<Candidate, Fragment>();
  for (const [element, own] of Map.groupBy(candidates, (each) => each.element)) {
    const text = textAt(value, element);
    const convert =
      offsets === undefined ? undefined : prepareOffsets(text, offsets, own.flatMap(indexesOf));
    for (const candidate of own) {
      const { span, matches } = candidate;
      shown.set(candidate, {
        text: text.slice(span.from, span.to),
        ranges: convert && { fragment: convert(span), matches: matches.map(convert) },
        element: Array.isArray(value) ? element : undefined,
      });
    }
  }
  return candidates.map((candidate) => shown.get(candidate) as Fragment);
}

function indexesOf({ span, matches }: Candidate): readonly number[] {
  return [span, ...matches].flatMap(({ from, to }) => [from, to]);
}

/** Indexes into a text -> what they are in another unit, in one pass up to the last of them. */
function prepareOffsets(
  text: string,
  unit: OffsetUnit,
  indexes: readonly number[],
): (span: Span) => Span {
  if (unit === "utf-16") return (span) => span;
  const offsets = new Map<number, number>();
  let at = 0;
  let offset = 0;
  for (const index of indexes.toSorted((a, b) => a - b)) {
    while (at < index) {
      const codePoint = text.codePointAt(at) as number;
      at += codePoint > 0xffff ? 2 : 1;
      offset += unit === "codepoints" ? 1 : utf8Width(codePoint);
    }
    offsets.set(index, offset);
  }
  return ({ from, to }) => ({
    from: offsets.get(from) as number,
    to: offsets.get(to) as number,
  });
}

function utf8Width(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x1_0000 ? 3 : 4;
}
