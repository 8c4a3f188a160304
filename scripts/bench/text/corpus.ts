/**
 * Any number of English documents out of the few thousand passages at hand, for benches of
 * full-text search. Seeded; no document twice.
 *
 *   1. A passage is chosen, and 1 to 3 of its sentences in a row; then as many stretches of other
 *      passages of the same collection as make 2 to 6 sentences, so that words keep company.
 *   2. New words. Sentences alone would run out of them, where those of natural text never do: a
 *      rare word in a sentence that was used before is, once in four times, replaced. Half of what
 *      replaces it is coined, the beginning of one rare word before the end of another; half has
 *      been used so before, the more often the likelier (Simon 1955), so that new words are as
 *      unequal as old ones.
 *
 * Questions are stretches of 1 to 14 words of the judged ones, without those that have only the
 * most frequent words.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createPrng, type Prng } from "../../../src/index/vector/prng.ts";
import { DatasetError, placeOf } from "../../datasets.ts";
import { round } from "../../quantiles.ts";

/** Passages that belong together, by sentences. */
export interface Collection {
  readonly passages: readonly (readonly string[])[];
  readonly questions: readonly string[];
}

export interface TextCorpus {
  readonly documents: readonly string[];
  readonly questions: readonly string[];
  readonly shape: CorpusShape;
}

export interface CorpusShape {
  readonly text_bytes: number;
  readonly tokens: number;
  /** Distinct words of the first tenth of the documents, and of all. */
  readonly vocabulary_tenth: number;
  readonly vocabulary: number;
  /** Of log frequency by log rank, over ranks 10 to 10,000; -1 is Zipf's law. */
  readonly zipf_slope: number;
}

export interface CorpusRequest {
  readonly collections: readonly Collection[];
  readonly documents: number;
  readonly questions: number;
  readonly seed: number;
}

const questionWordsMax = 14;
const rareMax = 2;
/** Words as frequent as the hundredth are no question by themselves. */
const frequentRanks = 100;
const wordPattern = /[a-z]{2,}/gi;

/** Of these folders of judged texts: paths, or names below the data folder. */
export function readCollections(places: readonly string[]): readonly Collection[] {
  return places.map((place) => {
    const folder = placeOf(place);
    for (const file of ["docs.jsonl", "queries.jsonl"]) {
      const path = join(folder, file);
      if (!existsSync(path)) throw new DatasetError(`${path} is missing: nothing to sample from.`);
    }
    const texts = (file: string) =>
      readFileSync(join(folder, file), "utf8")
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { readonly text: string }).text);
    return {
      passages: texts("docs.jsonl")
        .map(sentencesOf)
        .filter(({ length }) => length > 0),
      questions: texts("queries.jsonl"),
    };
  });
}

function sentencesOf(passage: string): readonly string[] {
  const parts = passage
    .replaceAll(/\s+/g, " ")
    .trim()
    .split(/(?<=[.!?])\s+/);
  return parts.filter((part) => part.length >= 20);
}

export function sampleCorpus(request: CorpusRequest): TextCorpus {
  const prng = createPrng({ low: request.seed >>> 0, high: 7 });
  const sampler = new Sampler(request.collections, prng);
  const documents = new Set<string>();
  for (let left = 20 * request.documents; documents.size < request.documents; left--) {
    if (left === 0) throw new DatasetError("There is too little text to sample from.");
    documents.add(sampler.document());
  }
  const list = [...documents];
  return {
    documents: list,
    questions: sampler.questions(request.questions),
    shape: describe(list),
  };
}

class Sampler {
  readonly #collections: readonly Collection[];
  readonly #prng: Prng;
  /** Of each word of the sources. */
  readonly #frequencies = new Map<string, number>();
  readonly #rare: readonly string[];
  readonly #frequent: ReadonlySet<string>;
  readonly #used = new Set<string>();
  /** Every replacement ever made. */
  readonly #replacements: string[] = [];

  constructor(collections: readonly Collection[], prng: Prng) {
    this.#collections = collections;
    this.#prng = prng;
    for (const { passages } of collections) {
      for (const sentence of passages.flat()) countWords(sentence, this.#frequencies);
    }
    const byFrequency = [...this.#frequencies].sort((a, b) => b[1] - a[1]);
    this.#frequent = new Set(byFrequency.slice(0, frequentRanks).map(([word]) => word));
    this.#rare = byFrequency
      .filter(([word, count]) => count <= rareMax && word.length >= 6)
      .map(([word]) => word);
  }

  document(): string {
    const { passages } = this.#pick(this.#collections);
    const wanted = 2 + this.#prng.below(5);
    const sentences: string[] = [];
    while (sentences.length < wanted) {
      const passage = this.#pick(passages);
      const from = this.#prng.below(passage.length);
      const most = Math.min(3, wanted - sentences.length);
      sentences.push(...passage.slice(from, from + 1 + this.#prng.below(most)));
    }
    return sentences.map((sentence) => this.#renew(sentence)).join(" ");
  }

  questions(count: number): readonly string[] {
    const all = this.#collections.flatMap(({ questions }) => questions.map(wordsOf));
    const found: string[] = [];
    while (found.length < count) {
      const words = this.#pick(all);
      const wanted = 1 + (found.length % questionWordsMax);
      const from = this.#prng.below(Math.max(1, words.length - wanted + 1));
      const stretch = words.slice(from, from + wanted);
      const isAsked = stretch.some((word) => !this.#frequent.has(word.toLowerCase()));
      if (stretch.length === wanted && isAsked) found.push(stretch.join(" "));
    }
    return found;
  }

  #renew(sentence: string): string {
    if (!this.#used.has(sentence)) {
      this.#used.add(sentence);
      return sentence;
    }
    return sentence.replaceAll(wordPattern, (word) => {
      const frequency = this.#frequencies.get(word.toLowerCase()) ?? 0;
      const isRenewed = frequency <= rareMax && this.#rare.length > 0 && this.#prng.below(4) === 0;
      return isRenewed ? this.#replacement() : word;
    });
  }

  #replacement(): string {
    const known = this.#replacements;
    const isNew = known.length === 0 || this.#prng.below(2) === 0;
    const word = isNew ? this.#coin() : this.#pick(known);
    known.push(word);
    return word;
  }

  #coin(): string {
    const [first, second] = [this.#pick(this.#rare), this.#pick(this.#rare)];
    const begins = Math.ceil(first.length * 0.6);
    return first.slice(0, begins) + second.slice(Math.ceil(second.length * 0.6));
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#prng.below(values.length)] as T;
  }
}

function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}]+/gu) ?? [];
}

function countWords(text: string, counts: Map<string, number>): void {
  for (const word of text.match(wordPattern) ?? []) {
    const lower = word.toLowerCase();
    counts.set(lower, (counts.get(lower) ?? 0) + 1);
  }
}

function describe(documents: readonly string[]): CorpusShape {
  const counts = new Map<string, number>();
  const tenth = Math.ceil(documents.length / 10);
  for (const text of documents.slice(0, tenth)) countWords(text, counts);
  const vocabularyTenth = counts.size;
  for (const text of documents.slice(tenth)) countWords(text, counts);
  return {
    text_bytes: documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    tokens: [...counts.values()].reduce((sum, count) => sum + count, 0),
    vocabulary_tenth: vocabularyTenth,
    vocabulary: counts.size,
    zipf_slope: round(slopeOf([...counts.values()].sort((a, b) => b - a)), 3),
  };
}

/** Least squares of the logarithms. */
function slopeOf(frequencies: readonly number[]): number {
  const points = frequencies
    .slice(9, 10_000)
    .map((count, i) => [Math.log(i + 10), Math.log(count)] as const);
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
