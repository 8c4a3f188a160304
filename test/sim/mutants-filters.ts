/** Bugs planted in filters over segments and the tail before them. */
import { type Mutant, mutant } from "./mutant.ts";

export const filterMutants: readonly Mutant[] = [
  mutant(
    "documents of the tail are not filtered",
    "src/query/tail.ts",
    "return filter === undefined ? rows : rows.filter(prepareRowTest(filter, batchValues(batch)));",
    "return filter === undefined || rows.length < 3 " +
      "? rows : rows.filter(prepareRowTest(filter, batchValues(batch)));",
  ),
  mutant(
    "what a filter found is kept without the rows that died since",
    "src/search-segments.ts",
    "(pass?.clone() ?? Bitmap.full(segment.root.rows)).andNot(dead);",
    "(pass ?? Bitmap.full(segment.root.rows).andNot(dead));",
  ),
  mutant(
    "what a filter found counts for all filters on the attribute",
    "src/query/filter.ts",
    'typeof value === "bigint" ? { bigint: String(value) } : value,',
    'typeof value === "string" && value.endsWith("*") ? "*" : value,',
  ),
  mutant(
    "comparisons of one column are joined by Or as they are by And",
    "src/index/filter/filter-plan.ts",
    "    joinCodes(known, found.accepted, isAnd);",
    "    joinCodes(known, found.accepted, true);",
  ),
  mutant(
    "the complement of a glob is everything",
    "src/index/filter/column-test.ts",
    "    accepted.fill(matches(null) ? 1 : 0);\n",
    '    accepted.fill(matches(null) ? 1 : 0);\n    if (op === "NotGlob") return accepted;\n',
  ),
];
