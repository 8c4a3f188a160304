/**
 * Text -> tokens, the same for documents in segments, documents of the tail and queries:
 *
 *   words -> lower case -> too long: dropped -> stop words: dropped -> stem -> ASCII
 *
 * A token's position counts dropped words too, so a phrase knows of the gaps. The elements of an
 * array follow one another; between those of a word tokenizer lies a gap that no phrase spans.
 *
 * `analysisVersion` is part of what names an analysis: whatever changes the tokens of some text
 * makes it one larger, and postings made under another name are not read.
 */
import { analysisOf, type TextOptions } from "../../document/text-options.ts";
import type { AttributeValue } from "../../document/value.ts";
import { foldToAscii } from "./folding.ts";
import { stemmers, stopWords } from "./stemmers.ts";
import { splitWords } from "./tokenizer.ts";

export const analysisVersion = 1;

/** Between the elements of an array: longer than any phrase can reach over. */
export const elementGap = 1_000;

export interface Token {
  readonly term: string;
  readonly position: number;
  /** Where it stands: element of an array, and indexes into the text. */
  readonly element: number;
  readonly from: number;
  readonly to: number;
}

export interface Analyzer {
  /** Names the options and the version. */
  readonly name: string;
  readonly isPreTokenized: boolean;
  /** Calls `visit` with each token, positions ascending. */
  readonly visit: (value: AttributeValue, visit: (token: Token) => void) => void;
  /** The same in two parts: words, and what becomes of a word; undefined if it is dropped. */
  readonly visitWords: (value: AttributeValue, visit: VisitTextWord) => void;
  readonly termOf: (word: string) => string | undefined;
  /** The last word as a prefix of terms: neither dropped nor stemmed. */
  readonly lastPrefix: (value: AttributeValue) => PrefixToken | undefined;
}

/** The word is text[from … to-1]; element of an array. */
export type VisitTextWord = (
  text: string,
  from: number,
  to: number,
  position: number,
  element: number,
) => void;

export type PrefixToken = Pick<Token, "term" | "position">;

/** Words whose terms an analyzer remembers. A slice of more letters keeps the whole text alive. */
const rememberedMax = 20_000;
const rememberedLettersMax = 12;
const analyzers = new Map<string, Analyzer>();
const analyzersMax = 64;

export function analyzerFor(options: TextOptions): Analyzer {
  const name = analysisName(options);
  const known = analyzers.get(name);
  if (known !== undefined) return known;
  if (analyzers.size >= analyzersMax) analyzers.clear();
  const analyzer = createAnalyzer(name, options);
  analyzers.set(name, analyzer);
  return analyzer;
}

/** The name under which postings are made and found. */
export function analysisName(options: TextOptions): string {
  return `${analysisVersion}:${analysisOf(options)}`;
}

function createAnalyzer(name: string, options: TextOptions): Analyzer {
  const { tokenizer } = options;
  const isPreTokenized = tokenizer === "pre_tokenized_array";
  if (isPreTokenized) {
    const termOf = (word: string) => word;
    const visit = visitTerms(visitElements, termOf);
    const visitWords = visitElements;
    return { name, isPreTokenized, visit, visitWords, termOf, lastPrefix: lastElement };
  }
  const termOf = rememberTerms(prepareTerms(options));
  const visitWords: Analyzer["visitWords"] = (value, visit) => {
    let position = 0;
    textsOf(value).forEach((text, element) => {
      const first = position;
      splitWords(text, tokenizer, (from, to) => {
        visit(text, from, to, position, element);
        position += 1;
      });
      // None behind empty ones: of any document that may be, positions are below 2^32.
      if (position > first) position += elementGap;
    });
  };
  return {
    name,
    isPreTokenized,
    visit: visitTerms(visitWords, termOf),
    visitWords,
    termOf,
    lastPrefix: (value) => {
      let last: PrefixToken | undefined;
      visitWords(value, (text, from, to, position) => {
        const word = text.slice(from, to);
        const term = options.caseSensitive ? word : word.toLowerCase();
        last = { term: options.asciiFolding ? foldToAscii(term) : term, position };
      });
      return last;
    },
  };
}

function visitTerms(
  visitWords: Analyzer["visitWords"],
  termOf: Analyzer["termOf"],
): Analyzer["visit"] {
  return (value, visit) => {
    visitWords(value, (text, from, to, position, element) => {
      const term = termOf(text.slice(from, to));
      if (term !== undefined) visit({ term, position, element, from, to });
    });
  };
}

function lastElement(value: AttributeValue): PrefixToken | undefined {
  const texts = textsOf(value);
  const term = texts.at(-1);
  return term === undefined ? undefined : { term, position: texts.length - 1 };
}

function visitElements(value: AttributeValue, visit: VisitTextWord): void {
  textsOf(value).forEach((text, element) => visit(text, 0, text.length, element, element));
}

function textsOf(value: AttributeValue): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** Stands for a word that is dropped. */
const dropped = "";

function rememberTerms(prepare: (word: string) => string) {
  const terms = new Map<string, string>();
  return (word: string): string | undefined => {
    let term = terms.get(word);
    if (term === undefined) {
      term = prepare(word);
      if (terms.size >= rememberedMax) terms.clear();
      if (word.length <= rememberedLettersMax) terms.set(word, term);
    }
    return term === dropped ? undefined : term;
  };
}

function prepareTerms(options: TextOptions): (word: string) => string {
  const { caseSensitive, maxTokenLength, language } = options;
  const stops = options.removeStopwords ? stopWords(language) : undefined;
  const stem = options.stemming ? stemmers[language] : undefined;
  return (word) => {
    let term = caseSensitive ? word : word.toLowerCase();
    if (isLonger(term, maxTokenLength) || stops?.has(term) === true) return dropped;
    if (stem !== undefined) term = stem(term);
    return options.asciiFolding ? foldToAscii(term) : term;
  };
}

/** In characters. */
function isLonger(text: string, max: number): boolean {
  return text.length > max && (text.length > 2 * max || Array.from(text).length > max);
}
