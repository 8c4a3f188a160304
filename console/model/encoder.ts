/**
 * A small text encoder: text -> unit vector of 192 dimensions. Its files are assets/static-embed.
 *
 * 1. Normalise as BERT uncased does: drop control characters, set CJK ideographs apart, decompose,
 *    drop accents, lower-case.
 * 2. Split at white space, and around every punctuation mark.
 * 3. WordPiece: each word is covered from the left by the longest token that fits; a piece that
 *    does not begin the word is spelt `##piece`. A word that cannot be covered is one unknown
 *    token.
 * 4. The mean of the tokens' vectors (int8 times the token's scale), at unit length.
 */
export const embeddingDimensions = 192;
const tokensMax = 512;
const wordCharactersMax = 100;
const unknownToken = "[UNK]";

export interface Encoder {
  /** Positions in the vocabulary; at most 512. */
  readonly tokenize: (text: string) => readonly number[];
  /** Of length 1. A text without any known token gets the vector of the unknown one. */
  readonly embed: (text: string) => Float32Array;
}

export interface EncoderFiles {
  /** Of vocab.txt: a token a line. */
  readonly vocabulary: string;
  readonly tokens: ArrayBuffer;
  readonly scales: ArrayBuffer;
}

export function createEncoder(files: EncoderFiles): Encoder {
  const lines = files.vocabulary.replace(/\n$/, "").split("\n");
  const vocabulary = new Map(lines.map((token, position) => [token, position]));
  const unknown = vocabulary.get(unknownToken) ?? 0;
  const values = new Int8Array(files.tokens);
  const scales = new Float32Array(files.scales);

  const tokenize = (text: string): number[] => {
    const tokens: number[] = [];
    for (const word of splitWords(normalise(text))) {
      tokens.push(...(coverWord(word, vocabulary) ?? [unknown]));
      if (tokens.length >= tokensMax) break;
    }
    return tokens.slice(0, tokensMax);
  };
  const embed = (text: string): Float32Array => {
    const tokens = tokenize(text);
    return meanVector(tokens.length === 0 ? [unknown] : tokens, values, scales);
  };
  return { tokenize, embed };
}

function normalise(text: string): string {
  return text
    .replace(/[^\P{C}\t\n\r]|\ufffd/gu, "")
    .replace(ideograph, " $& ")
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase();
}

/** The blocks of ideographs that BERT sets apart. Kana and Hangul are letters to it. */
const ideograph =
  /[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

/** ASCII symbols count as punctuation, as in BERT; other symbols do not. */
const wordOrMark = /[!-/:-@[-`{-~]|\p{P}|[^\s!-/:-@[-`{-~\p{P}]+/gu;

function splitWords(text: string): readonly string[] {
  return text.match(wordOrMark) ?? [];
}

/** Undefined if no sequence of tokens covers the word. */
function coverWord(
  word: string,
  vocabulary: ReadonlyMap<string, number>,
): readonly number[] | undefined {
  const characters = Array.from(word);
  if (characters.length > wordCharactersMax) return undefined;
  const pieces: number[] = [];
  for (let start = 0; start < characters.length; ) {
    const prefix = start === 0 ? "" : "##";
    let end = characters.length;
    let found: number | undefined;
    while (end > start && found === undefined) {
      found = vocabulary.get(prefix + characters.slice(start, end).join(""));
      if (found === undefined) end -= 1;
    }
    if (found === undefined) return undefined;
    pieces.push(found);
    start = end;
  }
  return pieces;
}

function meanVector(
  tokens: readonly number[],
  values: Int8Array,
  scales: Float32Array,
): Float32Array {
  const sum = new Float64Array(embeddingDimensions);
  for (const token of tokens) {
    const scale = scales[token] as number;
    const start = token * embeddingDimensions;
    for (let d = 0; d < embeddingDimensions; d++) {
      sum[d] = (sum[d] as number) + scale * (values[start + d] as number);
    }
  }
  const length = Math.hypot(...sum);
  return Float32Array.from(sum, (value) => (length === 0 ? 0 : value / length));
}
