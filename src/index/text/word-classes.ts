/**
 * To which class of Unicode's word segmentation (UAX #29) a character belongs. The table is our
 * own, of Unicode 17.0, so that the same text gives the same tokens on every runtime, whatever
 * version of ICU that has.
 *
 * Beside the classes of the standard: pictographs, and three that split `Other`: ideographs and
 * Hiragana, letters of scripts written without spaces (Thai, Lao, Khmer, Burmese), other numbers.
 */
import { decodeBase64 } from "../../bytes/base64.ts";
import { wordClassRuns } from "./word-class-data.ts";

export const wordClass = {
  other: 0,
  letter: 1,
  hebrew: 2,
  numeric: 3,
  katakana: 4,
  extendNumLet: 5,
  /** Extend and Format: part of what is before. */
  extend: 6,
  joiner: 7,
  midLetter: 8,
  midNum: 9,
  midNumLet: 10,
  singleQuote: 11,
  doubleQuote: 12,
  regional: 13,
  pictograph: 14,
  ideograph: 15,
  /** Letters of scripts without spaces. */
  unspaced: 16,
  otherNumber: 17,
} as const;

export const wordClasses = 18;
const planeSize = 0x10000;

interface Table {
  /** Of the basic plane, by code unit; surrogates are `other`. */
  readonly basic: Uint8Array;
  /** Runs of the planes above: first code point, the one after the last, class. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly classes: readonly number[];
}

const table = readTable(decodeBase64(wordClassRuns));

/** Of ASCII: letters and digits, which follow each other in a word, whatever the tokenizer. */
const plain = table.basic
  .slice(0, 0x80)
  .map((kind) => (kind === wordClass.letter || kind === wordClass.numeric ? kind : 0));

/** Where letters and digits of ASCII that begin at an index end. */
export function plainEnd(text: string, index: number): number {
  let at = index;
  while ((plain[text.charCodeAt(at)] ?? 0) !== 0) at++;
  return at;
}

function readTable(bytes: Uint8Array): Table {
  const basic = new Uint8Array(planeSize);
  const starts: number[] = [];
  const ends: number[] = [];
  const classes: number[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  let codePoint = 0;
  while (at < bytes.length) {
    const start = codePoint + varint();
    const end = start + varint() + 1;
    const kind = bytes[at++] as number;
    codePoint = end;
    basic.fill(kind, Math.min(start, planeSize), Math.min(end, planeSize));
    if (end > planeSize) {
      starts.push(start);
      ends.push(end);
      classes.push(kind);
    }
  }
  return { basic, starts, ends, classes };
}

/** Class of the character at an index of the text; `other` beyond its end. */
export function wordClassAt(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  if ((unit & 0xfc00) !== 0xd800) {
    return table.basic[unit] ?? wordClass.other;
  }
  return astralClass(text.codePointAt(index) as number);
}

/** Code units of the character at an index. */
export function widthAt(text: string, index: number): 1 | 2 {
  const isPair =
    (text.charCodeAt(index) & 0xfc00) === 0xd800 &&
    (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
  return isPair ? 2 : 1;
}

function astralClass(codePoint: number): number {
  const { starts, ends, classes } = table;
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] as number) <= codePoint) low = middle + 1;
    else high = middle;
  }
  return low < starts.length && (starts[low] as number) <= codePoint
    ? (classes[low] as number)
    : wordClass.other;
}
