/**
 * Filters of tokens answered from text indexes: which rows have all tokens, or any. Of a sequence:
 * which rows have all of its tokens, since an index does not say where they stand; whoever asks
 * looks into the documents of those.
 */
import { Bitmap } from "./bytes/bitmap.ts";
import type { TokenFilter } from "./document/filter.ts";
import type { Segment } from "./index/segment/segment.ts";
import type { SearchContext } from "./search-ports.ts";
import { type IndexedText, readIndexedTexts, type WantedText } from "./search-postings.ts";

export interface WantedTokens {
  readonly segment: Segment;
  readonly filter: TokenFilter;
}

/** For each, whose segment has an index for it: the rows that may pass. */
export async function readTokenRows(
  context: SearchContext,
  wanted: readonly WantedTokens[],
): Promise<readonly Bitmap[]> {
  const texts = wanted.map(({ segment, filter }): WantedText => {
    const { attribute, analysis, tokens } = filter;
    return { segment, attribute, analysis, terms: tokens, need: "rows" };
  });
  const found = await readIndexedTexts(context, texts);
  return wanted.map((each, i) => combine(context, each, found[i]));
}

/** Term by term: no more than one is decoded at a time. */
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
