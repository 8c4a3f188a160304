/**
 * Where the tokens of a text stand, as phrases see it: at the positions of their words, with a gap
 * where ideographs do not touch. Those are words of one letter and stand side by side where they
 * touch, or where there is but a space: a phrase of them does not reach over punctuation or into
 * the next line, as those of other writings do.
 *
 * `placingVersion` (position-block.ts) names these rules: positions are stored.
 */
import { wordClass, wordClassAt } from "./word-classes.ts";

const parting = /[^\p{Zs}\t]/u;
/** No ideograph is a letter below (CJK radicals come first). */
const firstIdeograph = 0x2e80;

/** Of the tokens of one value, in order. */
export class TextPlaces {
  /** So far. */
  gaps = 0;
  #from = -1;
  #to = -1;
  #position = -1;
  #element = -1;

  /** Of the token text[from … to-1], `position` and `element` as an analyzer gives them. */
  next(text: string, from: number, to: number, position: number, element: number): number {
    if (
      from > this.#to &&
      position === this.#position + 1 &&
      element === this.#element &&
      text.charCodeAt(from) >= firstIdeograph &&
      areParted(text, this.#from, this.#to, from)
    ) {
      this.gaps += 1;
    }
    this.#from = from;
    this.#to = to;
    this.#position = position;
    this.#element = element;
    return position + this.gaps;
  }
}

function areParted(text: string, before: number, end: number, from: number): boolean {
  return (
    wordClassAt(text, from) === wordClass.ideograph &&
    wordClassAt(text, before) === wordClass.ideograph &&
    parting.test(text.slice(end, from))
  );
}
