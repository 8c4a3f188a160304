/**
 * Where the words that were searched for stand in a text, as far as a page can tell: words that begin
 * like one of them. The server stems words by language; this only shows the reader where to look.
 */

export interface Piece {
  readonly text: string;
  readonly isMatch: boolean;
}

const wordPattern = /[\p{L}\p{N}]+/gu;
/** Words that tell nothing about where to look. */
const common = new Set(
  (
    "a about after all also an and any are as at be been but by can do for from had has have he " +
    "her his how if in into is it its more no not of on one or our out over she so some than that " +
    "the their them then there these they this to up was we were what when where which who will " +
    "with would you your"
  ).split(" "),
);
/** Of the shorter word, so that "searching" marks "searched" and "sea" does not mark "season". */
const sharedShare = 0.7;

export function highlight(text: string, words: string): readonly Piece[] {
  const asked = words.toLowerCase().match(wordPattern) ?? [];
  const wanted = asked.filter((word) => word.length > 1 && !common.has(word));
  if (wanted.length === 0) return [{ text, isMatch: false }];
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(wordPattern)) {
    const word = match[0].toLowerCase();
    if (!wanted.some((other) => isLike(word, other))) continue;
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), isMatch: false });
    pieces.push({ text: match[0], isMatch: true });
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), isMatch: false });
  return pieces;
}

/** Some 280 characters around the first match, at word boundaries. */
export function excerpt(text: string, words: string, charactersMax = 280): string {
  if (text.length <= charactersMax) return text;
  const pieces = highlight(text, words);
  const before = pieces.findIndex(({ isMatch }) => isMatch);
  const offset = pieces
    .slice(0, Math.max(0, before))
    .reduce((sum, piece) => sum + piece.text.length, 0);
  const from = Math.max(0, offset - 60);
  const start = from === 0 ? 0 : text.indexOf(" ", from) + 1;
  const cut = text.slice(start, start + charactersMax);
  return `${start > 0 ? "… " : ""}${cut.replace(/\s+\S*$/, "")} …`;
}

function isLike(word: string, other: string): boolean {
  if (word === other) return true;
  const shorter = Math.min(word.length, other.length);
  const longer = Math.max(word.length, other.length);
  if (shorter < 4 || longer - shorter > 4) return false;
  let shared = 0;
  while (shared < shorter && word[shared] === other[shared]) shared += 1;
  return shared >= Math.ceil(shorter * sharedShare) && shared >= 4;
}
