/**
 * What a search box asks: suggestions for what is typed so far, and the answer to what was meant.
 * Plain JSON, the same for every client. Documents have a `title` and a `text`, both with full-text
 * search, the title with `fuzzy` too, and a `vector` of both.
 */
export const schema = {
  title: { type: "string", full_text_search: true, fuzzy: true },
  text: { type: "string", full_text_search: true },
} as const;

/** One edit from six letters on, two from nine: with fewer, nearly every word is near another. */
const forgiving = {
  max_edit_distance: [
    { min_query_chars: 6, distance: 1 },
    { min_query_chars: 9, distance: 2 },
  ],
  case_sensitive: false,
};
const fuzzyCharactersMin = 6;

/**
 * For each keystroke. The last word is the beginning of one; each word may be misspelt, the last
 * one as far as it is typed, since a fuzzy search looks for it anywhere in the title. What is spelt
 * right comes first: it has the score of its words besides.
 *
 * The first letter of a word reads the words that begin with it, the sixth the titles: what the
 * next keystrokes need is among them, so they read nothing.
 */
export function suggest(typed: string, limit = 5): object {
  const words = typed.match(/[\p{L}\p{N}]+/gu) ?? [];
  const long = words.filter((word) => Array.from(word).length >= fuzzyCharactersMin);
  return {
    rank_by: [
      "Sum",
      [
        ["title", "BM25", typed, { last_as_prefix: true }],
        ...long.map((word) => ["Product", 0.5, ["title", "Fuzzy", word, forgiving]]),
      ],
    ],
    limit,
    include_attributes: ["title"],
  };
}

/**
 * By words and by meaning, fused by rank, since their scores do not compare: a document that one of
 * the two puts first is among the first. Titles count twice. The sentences that say most of it
 * come along, also of documents that only their vectors are near to.
 */
export function answer(question: string, vector: readonly number[], limit = 10): object {
  const highlight = { rank_fragments_by: ["$fragment", "BM25", question], fragment_limit: 2 };
  const shown = {
    limit: 50,
    include_attributes: ["title"],
    compute_attributes: { sentences: ["Highlight", "text", highlight] },
  };
  const byWords = [
    "Sum",
    [
      ["Product", 2, ["title", "BM25", question]],
      ["text", "BM25", question],
    ],
  ];
  return {
    queries: [
      { rank_by: byWords, ...shown },
      { rank_by: ["vector", "ANN", vector], ...shown },
    ],
    rerank_by: ["RRF", { rank_constant: 60 }],
    limit,
  };
}
