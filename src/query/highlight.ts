/**
 * What to show of a text: the fragments that a query's words stand in, the best first. Pure.
 *
 *   1. The words of the text that are terms of the query, in one pass.
 *   2. The fragments that these stand in (index/text/fragments.ts).
 *   3. Each is scored as if it were a document, by the statistics of all documents, but its length
 *      plays no part: where a sentence ends says little about it, and of two that say the same the
 *      first is to be read first.
 *
 * Cost: that of analyzing the text, as it was when the document was written.
 */
import type { AttributeValue } from "../document/value.ts";
import type { Token } from "../index/text/analyzer.ts";
import { type FragmentKind, prepareFragments, type Span } from "../index/text/fragments.ts";
import { type Expression, leavesOf, prepareScore, type TextLeaf } from "./expression.ts";

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

/** How much the frequencies of a leaf's terms are worth. */
export type ScoreFrequencies = (leaf: TextLeaf, frequencies: Uint32Array) => number;

/** A fragment in the making. */
interface Candidate {
  readonly element: number;
  readonly span: Span;
  readonly matches: Span[];
  /** Of the terms of each leaf. */
  readonly frequencies: ReadonlyMap<TextLeaf, Uint32Array>;
}

export function textLeavesIn({ expression }: Highlight): readonly TextLeaf[] {
  return leavesOf(expression).filter((leaf) => leaf.kind === "text");
}

/** Those with a score, the best first, then the first in the text. */
export function highlightValue(
  highlight: Highlight,
  value: AttributeValue,
  scoreOf: ScoreFrequencies,
): readonly Fragment[] {
  const candidates = findCandidates(highlight, value);
  const score = prepareScore(highlight.expression, (leaf) => (row) => {
    const { frequencies } = candidates[row] as Candidate;
    const own = leaf.kind === "text" ? frequencies.get(leaf) : undefined;
    return own === undefined ? 0 : scoreOf(leaf as TextLeaf, own);
  });
  const best = candidates
    .map((candidate, row) => ({ candidate, score: score(row) }))
    .filter((each) => each.score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, highlight.fragmentsMax)
    .map(({ candidate }) => candidate);
  return showAll(highlight, value, best);
}

// ---- Finding them
// ------------------------------------------------------------------------------------

type AddMatch = (term: string, candidate: Pick<Candidate, "frequencies">) => void;

function findCandidates(highlight: Highlight, value: AttributeValue): readonly Candidate[] {
  const leaves = textLeavesIn(highlight);
  const { isMatch, add } = prepareMatches(leaves);
  const candidates: Candidate[] = [];
  const known = new Map<Span | string, Candidate>();
  let element = -1;
  let fragmentAt = prepareFragments("", "none");
  leaves[0]?.clause.analyzer.visit(value, (token) => {
    if (!isMatch(token.term)) return;
    if (token.element !== element) {
      element = token.element;
      fragmentAt = prepareFragments(textAt(value, element), highlight.fragmentBy);
    }
    const span = fragmentAt(token);
    // A word is shown once, wherever it stands first.
    const key = highlight.fragmentBy === "word" ? token.term : span;
    const candidate = known.get(key) ?? newCandidate(leaves, token, span);
    if (!known.has(key)) candidates.push(candidate);
    else if (key !== span) return;
    known.set(key, candidate);
    candidate.matches.push({ from: token.from, to: token.to });
    add(token.term, candidate);
  });
  return candidates;
}

function newCandidate(leaves: readonly TextLeaf[], { element }: Token, span: Span): Candidate {
  const frequencies = new Map(
    leaves.map((leaf) => [leaf, new Uint32Array(leaf.clause.terms.length)] as const),
  );
  return { element, span, matches: [], frequencies };
}

function prepareMatches(leaves: readonly TextLeaf[]): {
  readonly isMatch: (term: string) => boolean;
  readonly add: AddMatch;
} {
  const exact = new Map<string, { readonly leaf: TextLeaf; readonly place: number }[]>();
  const prefixes: { readonly leaf: TextLeaf; readonly place: number; readonly start: string }[] =
    [];
  for (const leaf of leaves) {
    for (const [place, { term, isPrefix }] of leaf.clause.terms.entries()) {
      if (isPrefix) prefixes.push({ leaf, place, start: term });
      else exact.set(term, [...(exact.get(term) ?? []), { leaf, place }]);
    }
  }
  return {
    isMatch: (term) => exact.has(term) || prefixes.some(({ start }) => term.startsWith(start)),
    add: (term, { frequencies }) => {
      const begun = prefixes.filter(({ start }) => term.startsWith(start));
      for (const { leaf, place } of [...(exact.get(term) ?? []), ...begun]) {
        const own = frequencies.get(leaf);
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
