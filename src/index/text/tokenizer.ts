/**
 * Text -> words.
 *
 *   word_v3, word_v4   words of UAX #29 and emoji: `e.g`, `sea.com`, `3.14` and `don't` are one
 *                      word each, `e-mail` is two
 *   word_v2            runs of letters and numbers, and emoji: `don`, `t`
 *   word_v1            the same, but ideographs are letters: 東京タワー is one word
 *   word_v0            the same without emoji
 *
 * All but word_v0 and word_v1 make each ideograph and each Hiragana a word; a run of Katakana is
 * one. Thai, Lao, Khmer and Burmese, which are written without spaces, become a word a letter with
 * its marks under word_v3 and word_v4: no dictionary, so the same on every runtime.
 *
 * Combining marks belong to the letter before them. An emoji is a word with its variation
 * selectors, skin tones and joined emoji; a flag is a word.
 */
import { plainEnd, widthAt, wordClass, wordClassAt, wordClasses } from "./word-classes.ts";

export type WordTokenizer = "word_v0" | "word_v1" | "word_v2" | "word_v3" | "word_v4";

/** Called with each word, as indexes into the text. */
export type VisitWord = (from: number, to: number) => void;

const {
  letter,
  hebrew,
  numeric,
  katakana,
  extendNumLet,
  extend,
  joiner,
  midLetter,
  midNum,
  midNumLet,
  singleQuote,
  doubleQuote,
  regional,
  pictograph,
  ideograph,
  unspaced,
  otherNumber,
} = wordClass;

export function splitWords(text: string, tokenizer: WordTokenizer, visit: VisitWord): void {
  const isStandard = tokenizer === "word_v3" || tokenizer === "word_v4";
  const wordEnd = isStandard ? standardEnd : tokenizer === "word_v2" ? runEnd : longRunEnd;
  const keepsEmoji = tokenizer !== "word_v0";
  for (let at = 0; at < text.length; ) {
    const kind = wordClassAt(text, at);
    let end = wordEnd(text, at, kind);
    if (end > 0) {
      visit(at, end);
    } else if (kind === pictograph || kind === regional) {
      end = emojiEnd(text, at, kind);
      if (end > 0 && keepsEmoji) visit(at, end);
    }
    at = end > 0 ? end : end < 0 ? -end : at + widthAt(text, at);
  }
}

// ---- Words of the standard
// ------------------------------------------------------------------------------------

/** WB5, 8, 9, 10, 13, 13a, 13b: whether a class follows another without a break. */
const follows = new Uint8Array(wordClasses * wordClasses);
const letters = [letter, hebrew];
for (const a of [...letters, numeric]) {
  for (const b of [...letters, numeric]) follows[a * wordClasses + b] = 1;
}
for (const a of [...letters, numeric, katakana, extendNumLet]) {
  follows[a * wordClasses + extendNumLet] = 1;
  follows[extendNumLet * wordClasses + a] = 1;
}
follows[katakana * wordClasses + katakana] = 1;

/** Where the word at `from` ends; 0: none begins; negative: where to go on behind what is none. */
function standardEnd(text: string, from: number, kind: number): number {
  if (kind === ideograph || kind === unspaced) {
    return skipMarks(text, from + widthAt(text, from));
  }
  if (kind === 0 || kind > extendNumLet) {
    return 0;
  }
  let isWord = kind !== extendNumLet;
  let before = kind;
  let at = from + widthAt(text, from);
  if (kind === letter || kind === numeric) {
    // Most words are no more than this.
    const end = plainEnd(text, at);
    if (end > at) before = wordClassAt(text, end - 1);
    at = end;
  }
  for (;;) {
    let next = wordClassAt(text, at);
    let isJoined = false;
    for (; next === extend || next === joiner; next = wordClassAt(text, at)) {
      isJoined = next === joiner;
      at += widthAt(text, at);
    }
    if (follows[before * wordClasses + next] === 0 && !(isJoined && next === pictograph)) {
      const over = overMiddle(text, at, before, next);
      if (over === 0) {
        break;
      }
      at = over;
      next = wordClassAt(text, at);
      // A quote behind a Hebrew letter ends the word but for a letter.
      const isAlone = follows[before * wordClasses + next] === 0 || (before === hebrew && next > 2);
      if (isAlone) break;
    }
    isWord ||= next !== extendNumLet;
    before = next;
    at += widthAt(text, at);
  }
  return isWord ? at : -at;
}

/**
 * WB6, 7, 7b, 7c, 11, 12: where a word goes on behind a mark in its middle, 0 if it does not. WB7a:
 * a quote belongs to the Hebrew letter before it, whatever follows.
 */
function overMiddle(text: string, at: number, before: number, middle: number): number {
  if (middle < midLetter || middle > doubleQuote) {
    return 0;
  }
  const behind = skipMarks(text, at + widthAt(text, at));
  const next = wordClassAt(text, behind);
  const isEither = middle === midNumLet || middle === singleQuote;
  const isLetter = before === letter || before === hebrew;
  const isContinued =
    (isLetter && (isEither || middle === midLetter) && (next === letter || next === hebrew)) ||
    (before === hebrew && middle === doubleQuote && next === hebrew) ||
    (before === numeric && (isEither || middle === midNum) && next === numeric) ||
    (before === hebrew && middle === singleQuote);
  return isContinued ? behind : 0;
}

// ---- Runs of letters and numbers
// ------------------------------------------------------------------------------------

function runEnd(text: string, from: number, kind: number): number {
  if (kind === ideograph) {
    return skipMarks(text, from + widthAt(text, from));
  }
  return isRunning(kind) ? endOfRun(text, from, isRunning) : 0;
}

function longRunEnd(text: string, from: number, kind: number): number {
  return isLongRunning(kind) ? endOfRun(text, from, isLongRunning) : 0;
}

function isRunning(kind: number): boolean {
  return (kind >= letter && kind <= katakana) || kind === unspaced || kind === otherNumber;
}

function isLongRunning(kind: number): boolean {
  return isRunning(kind) || kind === ideograph;
}

function endOfRun(text: string, from: number, runs: (kind: number) => boolean): number {
  let at = from;
  while (at < text.length && runs(wordClassAt(text, at))) {
    at = skipMarks(text, at + widthAt(text, at));
  }
  return at;
}

// ---- Marks and emoji
// ------------------------------------------------------------------------------------

function skipMarks(text: string, from: number): number {
  let at = from;
  for (let kind = wordClassAt(text, at); kind === extend || kind === joiner; ) {
    at += widthAt(text, at);
    kind = wordClassAt(text, at);
  }
  return at;
}

/** 0: half a flag is nothing. */
function emojiEnd(text: string, from: number, kind: number): number {
  let at = from + widthAt(text, from);
  if (kind === regional) {
    const behind = skipMarks(text, at);
    return wordClassAt(text, behind) === regional ? skipMarks(text, behind + 2) : 0;
  }
  for (;;) {
    const end = skipMarks(text, at);
    const isJoined = end > at && wordClassAt(text, end - 1) === joiner;
    if (!isJoined || wordClassAt(text, end) !== pictograph) {
      return end;
    }
    at = end + widthAt(text, end);
  }
}
