/** Bugs of text indexes: as they are built, merged and read. */
import { type Mutant, mutant } from "./mutant.ts";

export const textMutants: readonly Mutant[] = [
  mutant(
    "postings of documents are those of other rows",
    "src/index/builder/text-writer.ts",
    "await gatherValues(input, input.order.subarray(from))",
    "await gatherValues(input, input.source.liveRows().subarray(from))",
  ),
  mutant(
    "postings of a merge number rows as its inputs do",
    "src/index/builder/merge-dictionary.ts",
    "return this.#input.ordinals[this.#old.first + row] as number;",
    "return this.#old.first + row;",
  ),
  mutant(
    "postings of a merge stand in the order of its inputs",
    "src/index/builder/collected-postings.ts",
    "if (!this.#isAscending) sortPostings({ rows, counts });",
    "",
  ),
  mutant(
    "the last row of a term is not in its postings",
    "src/index/builder/term-arena.ts",
    "    const df = this.#terms[term + field.rows] as number;",
    "    const df = Math.max(1, (this.#terms[term + field.rows] as number) - 1);",
  ),
  mutant(
    "rows of segments do not count in statistics",
    "src/search-postings.ts",
    "      statistics.rows += run.rows;\n",
    "      statistics.rows += 0;\n",
  ),
  mutant(
    "any of some tokens is taken for all of them",
    "src/search-tokens.ts",
    'const isAny = filter.op === "ContainsAnyToken";',
    'const isAny = filter.op === "ContainsAnyToken" && filter.tokens.length < 2;',
  ),
  mutant(
    "rows that have all tokens of a sequence have the sequence",
    "src/search-sequences.ts",
    "  for (const part of parts) part.narrow();\n",
    "",
  ),
  mutant(
    "positions of a merge are those of the first row of their block",
    "src/index/builder/merge-dictionary.ts",
    "        at += count;\n",
    "",
  ),
  mutant(
    "tokens of a sequence may stand before the ones that they follow",
    "src/index/segment/sequence-rows.ts",
    "if (position < wanted) at++;",
    "if (position < wanted - 9) at++;",
  ),
  mutant(
    "what positions tell counts for the first segment asked about",
    "src/search-sequences.ts",
    "new SequenceRun(sequence, run, found[i] as Bitmap)",
    "new SequenceRun(sequence, run, found[0] as Bitmap)",
  ),
  mutant(
    "the last fragment of a text is not looked at",
    "src/query/highlight.ts",
    "  });\n  if (current !== undefined) visit(current);\n",
    "  });\n",
  ),
  mutant(
    "tokens of a sequence stand in any order",
    "src/index/text/token-test.ts",
    "places[place]?.has(start + offset)",
    "(places[place]?.size ?? 0) > 0",
  ),
  mutant(
    "the first block of terms has them all",
    "src/index/segment/text-index.ts",
    "if (!isPrefix) return first < 0 ? [] : [first];",
    'if (!isPrefix) return first < 0 || term > "b" ? [] : [first];',
  ),
  mutant(
    "a term adds less than it may",
    "src/index/text/max-score.ts",
    "raise(bounds, Math.floor(at / windowRows), added);",
    "raise(bounds, Math.floor(at / windowRows), added / 8);",
  ),
  mutant(
    "rows must be better than the best of the tail",
    "src/search-best-texts.ts",
    "  for (const score of known) best.offer(score);\n",
    "  for (const score of known) for (let i = 0; i < wanted; i++) best.offer(score);\n",
  ),
  mutant(
    "the last posting of a window is not in it",
    "src/index/text/max-score.ts",
    "addPostings(list, this.#startOf(at, window), this.#startOf(at, window + 1), first, from);",
    "addPostings(list, this.#startOf(at, window), this.#startOf(at, window + 1) - 1, first, from);",
  ),
  mutant(
    "rows that a filter leaves out are ranked",
    "src/index/text/max-score.ts",
    "if (sum < least || rows?.has(first + slot) === false) continue;",
    "if (sum < least) continue;",
  ),
  mutant(
    "the threshold is that of another query",
    "src/search-best-texts.ts",
    "  const best = new BestScores(wanted);\n",
    "  const kept = globalThis as unknown as { best?: BestScores };\n" +
      "  kept.best ??= new BestScores(wanted);\n  const { best } = kept;\n",
  ),
  mutant(
    "a part with as many edits as may be is not near",
    "src/document/fuzzy.ts",
    "if ((column[wanted.length] as number) <= distance) return true;",
    "if ((column[wanted.length] as number) <= distance - 1) return true;",
  ),
  mutant(
    "a word with a mistake is not what is being typed",
    "src/index/text/term-prefix.ts",
    "if ((column[length] as number) <= edits) return true;",
    "if ((column[length] as number) < edits) return true;",
  ),
];
