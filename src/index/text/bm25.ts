/**
 * BM25 (Robertson & Zaragoza 2009, section 3), with the term frequency of the query saturated too:
 *
 *   score(d, q) = sum over distinct terms t of q:
 *     ln(1 + (N - df + 0.5) / (df + 0.5))
 *     * tf * (k1 + 1) / (tf + k1 * (1 - b + b * len(d) / avglen))
 *     * qtf * (k3 + 1) / (k3 + qtf)
 *
 * N and avglen are of the rows that have a token in the attribute. Rows are those of segments and
 * of the tail; what was superseded in a segment counts until it is merged. A last token that is a
 * prefix is worth 1 wherever a token begins with it; with edits, half where it nearly does.
 *
 * Terms are added in the order of the query and the sum is rounded to f32, so the score of a
 * document is the same number wherever it lies and however it was found.
 */
import type { TextOptions } from "../../document/text-options.ts";

export interface ScoredTerm {
  /** Times in the query. */
  readonly count: number;
  readonly isPrefix: boolean;
  /** Of a prefix, wherever a token begins so; 1 if not given. */
  readonly worth?: number;
}

/** Of one attribute over all rows, or those of a part of them. */
export interface TextStatistics {
  /** Rows with a token. */
  rows: number;
  tokens: number;
  /** Rows that have each term of the query. */
  readonly frequencies: number[];
}

export function noStatistics(terms: number): TextStatistics {
  return { rows: 0, tokens: 0, frequencies: Array<number>(terms).fill(0) };
}

export function addStatistics(to: TextStatistics, more: TextStatistics): void {
  to.rows += more.rows;
  to.tokens += more.tokens;
  for (const [i, frequency] of more.frequencies.entries()) {
    to.frequencies[i] = (to.frequencies[i] ?? 0) + frequency;
  }
}

/** A term's part of a score, with all that does not depend on the document. */
export interface TermScore {
  readonly weight: number;
  /** It adds its weight, however often; else weight * tf / (tf + base + perToken * length). */
  readonly isFlat: boolean;
  readonly base: number;
  readonly perToken: number;
}

/** A scoring function with all that does not depend on the document. */
export class Bm25 {
  /** What each term is worth at most. */
  readonly weights: Float64Array;
  readonly #isPrefix: readonly boolean[];
  readonly #base: number;
  readonly #perToken: number;

  constructor({ k1, b, k3 }: TextOptions, terms: readonly ScoredTerm[], counts: TextStatistics) {
    const average = counts.rows === 0 ? 1 : counts.tokens / counts.rows;
    this.#base = k1 * (1 - b);
    this.#perToken = (k1 * b) / average;
    this.#isPrefix = terms.map(({ isPrefix }) => isPrefix);
    this.weights = Float64Array.from(terms, ({ count, isPrefix, worth = 1 }, i) => {
      if (isPrefix) return worth;
      const frequency = counts.frequencies[i] ?? 0;
      const idf = Math.log(1 + (counts.rows - frequency + 0.5) / (frequency + 0.5));
      return (idf * (k1 + 1) * count * (k3 + 1)) / (k3 + count);
    });
  }

  isPrefix(term: number): boolean {
    return this.#isPrefix[term] === true;
  }

  term(term: number): TermScore {
    return {
      weight: this.weights[term] as number,
      isFlat: this.isPrefix(term),
      base: this.#base,
      perToken: this.#perToken,
    };
  }

  /** What a term that occurs so often adds in a document of so many tokens. */
  termScore(term: number, frequency: number, length: number): number {
    if (frequency === 0) return 0;
    const weight = this.weights[term] as number;
    if (this.#isPrefix[term] === true) return weight;
    return (weight * frequency) / (frequency + this.#base + this.#perToken * length);
  }

  /** Of a document, by how often it has each term. */
  score(frequencies: ArrayLike<number>, length: number): number {
    let sum = 0;
    for (let term = 0; term < frequencies.length; term++) {
      sum += this.termScore(term, frequencies[term] as number, length);
    }
    return Math.fround(sum);
  }
}
