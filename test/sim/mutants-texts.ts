/** Bugs of text indexes: as they are built, merged and read. */
import { type Mutant, mutant } from "./mutant.ts";

export const textMutants: readonly Mutant[] = [
  mutant(
    "postings of a merge number rows as its inputs do",
    "src/index/builder/text-writer.ts",
    "await source.gatherDocuments(order.subarray(to), gatherBytes);",
    "await source.gatherDocuments(source.liveRows().subarray(to), gatherBytes);",
  ),
  mutant(
    "the last row of a term is not in its postings",
    "src/index/builder/term-arena.ts",
    "    const df = this.#counts[number] as number;",
    "    const df = Math.max(1, (this.#counts[number] as number) - 1);",
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
    'filter.op === "ContainsAnyToken"',
    'filter.op === "ContainsAnyToken" && filter.tokens.length < 2',
  ),
  mutant(
    "the first block of terms has them all",
    "src/index/segment/text-index.ts",
    "if (!isPrefix) return first < 0 ? [] : [first];",
    'if (!isPrefix) return first < 0 || term > "b" ? [] : [first];',
  ),
];
