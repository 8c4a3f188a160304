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
  /** The last word as a prefix of terms: neither dropped nor stemmed. */
  readonly lastPrefix: (value: AttributeValue) => PrefixToken | undefined;
}

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
  if (tokenizer === "pre_tokenized_array") {
    return { name, isPreTokenized: true, visit: visitElements, lastPrefix: lastElement };
  }
  const termOf = rememberTerms(prepareTerms(options));
  const visitWords = (value: AttributeValue, visit: VisitPlacedWord): void => {
    let position = 0;
    textsOf(value).forEach((text, element) => {
      splitWords(text, tokenizer, (from, to) => {
        visit({ word: text.slice(from, to), position, element, from, to });
        position += 1;
      });
      position += elementGap;
    });
  };
  return {
    name,
    isPreTokenized: false,
    visit: (value, visit) => {
      visitWords(value, ({ word, position, element, from, to }) => {
        const term = termOf(word);
        if (term !== undefined) visit({ term, position, element, from, to });
      });
    },
    lastPrefix: (value) => {
      let last: PrefixToken | undefined;
      visitWords(value, ({ word, position }) => {
        const term = options.caseSensitive ? word : word.toLowerCase();
        last = { term: options.asciiFolding ? foldToAscii(term) : term, position };
      });
      return last;
    },
  };
}

type VisitPlacedWord = (word: Omit<Token, "term"> & { readonly word: string }) => void;

function lastElement(value: AttributeValue): PrefixToken | undefined {
  const texts = textsOf(value);
  const term = texts.at(-1);
  return term === undefined ? undefined : { term, position: texts.length - 1 };
}

function visitElements(value: AttributeValue, visit: (token: Token) => void): void {
  textsOf(value).forEach((term, element) => {
    visit({ term, position: element, element, from: 0, to: term.length });
  });
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
