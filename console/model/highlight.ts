/** The fragments of a text that the server found the words of a query in, as pieces to show. */
import type { Row } from "./answers.ts";

export interface Piece {
  readonly text: string;
  readonly isMatch: boolean;
}

/** As answered; ranges count units of UTF-16 in the text that the fragment is of. */
export interface Fragment {
  readonly text: string;
  readonly fragment_range: readonly [number, number];
  readonly match_ranges: readonly (readonly [number, number])[];
}

/** What the highlight of an attribute is called in a query and its answer. */
export function highlightName(attribute: string): string {
  return `${attribute}_highlight`;
}

/** Empty if none was asked for, or no word of the query is in the text. */
export function fragmentsOf(row: Row, attribute: string): readonly Fragment[] {
  const fragments = row[highlightName(attribute)];
  return Array.isArray(fragments) ? (fragments as readonly Fragment[]) : [];
}

export function piecesOf({ text, fragment_range: [start], match_ranges }: Fragment) {
  const pieces: Piece[] = [];
  let at = 0;
  for (const [from, to] of match_ranges) {
    if (from - start > at) pieces.push({ text: text.slice(at, from - start), isMatch: false });
    pieces.push({ text: text.slice(from - start, to - start), isMatch: true });
    at = to - start;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), isMatch: false });
  return pieces;
}

/** Some 280 characters from the beginning, up to the end of a word. */
export function excerpt(text: string, charactersMax = 280): string {
  if (text.length <= charactersMax) return text;
  return `${text.slice(0, charactersMax).replace(/\s+\S*$/, "")} …`;
}
