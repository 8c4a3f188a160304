/**
 * Fuzzy search in a text: is some part of it at most so many edits (a character more, less or
 * other) away from what is looked for? An empty part counts, so an answer needs more characters
 * than edits, which the rules of the parser see to.
 *
 * Sellers' algorithm: one column of edit distances for each character of the text, beginning
 * anywhere. Cost: length of the query x length of the text.
 */
import type { TextSteps, TextTest } from "./text-steps.ts";

export interface FuzzyOptions {
  /** Most edits; negative: nothing matches. */
  readonly distance: number;
  readonly isCaseSensitive: boolean;
}

export function compileFuzzy(query: string, options: FuzzyOptions, steps: TextSteps): TextTest {
  const { distance, isCaseSensitive } = options;
  const wanted = codePoints(query, isCaseSensitive);
  const column = new Uint32Array(wanted.length + 1);
  return (text) => {
    if (distance < 0) return false;
    steps.take((text.length + 1) * wanted.length);
    for (let i = 0; i < column.length; i++) column[i] = i;
    if (wanted.length <= distance) return true;
    for (const char of codePoints(text, isCaseSensitive)) {
      let diagonal = 0;
      for (let i = 1; i <= wanted.length; i++) {
        const above = column[i - 1] as number;
        const left = column[i] as number;
        const edits = diagonal + (wanted[i - 1] === char ? 0 : 1);
        column[i] = Math.min(edits, above + 1, left + 1);
        diagonal = left;
      }
      if ((column[wanted.length] as number) <= distance) return true;
    }
    return false;
  };
}

function codePoints(text: string, isCaseSensitive: boolean): readonly number[] {
  const folded = isCaseSensitive ? text : text.toLowerCase();
  return Array.from(folded, (char) => char.codePointAt(0) as number);
}
