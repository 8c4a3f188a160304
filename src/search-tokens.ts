/**
 * Filters of tokens answered from text indexes: which rows have all tokens, or any. Of a sequence:
 * which rows have all of its tokens; where they stand is looked at next (search-sequences.ts).
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { TokenFilter } from "./document/filter.ts";
import type { Segment } from "./index/segment/segment.ts";
import type { SearchContext } from "./search-ports.ts";
import { type IndexedText, readIndexedTexts, type WantedText } from "./search-postings.ts";
import type { Sequence } from "./search-sequences.ts";

export interface WantedTokens {
  readonly segment: Segment;
  readonly filter: TokenFilter;
}

export interface TokenMatch {
  readonly rows: Bitmap;
  /** Of these rows those pass that have it. */
  readonly sequence: Sequence | undefined;
}

/** For each, whose segment has an index for it: the rows that may pass. */
export async function readTokenRows(
  context: SearchContext,
  wanted: readonly WantedTokens[],
): Promise<readonly TokenMatch[]> {
  const texts = wanted.map(({ segment, filter }): WantedText => {
    const { attribute, analysis, tokens } = filter;
    const need = isSequence(filter) ? "positions" : "rows";
    return { segment, attribute, analysis, terms: tokens, need };
  });
  const found = await readIndexedTexts(context, texts);
  return wanted.map((each, i) => {
    const text = found[i];
    const rows = combine(context, each, text);
    const sequence =
      text !== undefined && isSequence(each.filter) ? { ...each, text, rows } : undefined;
    return { rows, sequence };
  });
}

/** A sequence of one token is wherever it stands. */
function isSequence({ op, tokens }: TokenFilter): boolean {
  return op === "ContainsTokenSequence" && tokens.length > 1;
}

/** Term by term: without positions, no more than one is decoded at a time. */
function combine(
  context: SearchContext,
  { segment, filter }: WantedTokens,
  text: IndexedText | undefined,
): Bitmap {
  const { rows } = segment.root;
  const isAny = filter.op === "ContainsAnyToken";
  const passing = isAny ? new Bitmap(rows) : Bitmap.full(rows);
  for (const place of filter.tokens.keys()) {
    const found = text?.takeRows(context, place) ?? new Bitmap(rows);
    if (isAny) passing.or(found);
    else passing.and(found);
  }
  return passing;
}
