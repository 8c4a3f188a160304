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
  return wanted.map((each, i) => combine(each, found[i]));
}

function combine({ segment, filter }: WantedTokens, text: IndexedText | undefined): Bitmap {
  const { rows } = segment.root;
  const byToken = filter.tokens.map(() => new Bitmap(rows));
  text?.forEachTerm((postings, place) => {
    for (const row of postings.rows) byToken[place]?.set(row);
  });
  return filter.op === "ContainsAnyToken"
    ? byToken.reduce((all, each) => all.or(each), new Bitmap(rows))
    : byToken.reduce((all, each) => all.and(each), Bitmap.full(rows));
}
