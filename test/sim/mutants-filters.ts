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
    'joinCodes(accepted, accept(evaluation, each), test.kind === "and");',
    "joinCodes(accepted, accept(evaluation, each), true);",
  ),
  mutant(
    "the complement of a glob is everything",
    "src/index/filter/column-test.ts",
    "    accepted.fill(matches(null) ? 1 : 0);\n",
    '    accepted.fill(matches(null) ? 1 : 0);\n    if (op === "NotGlob") return accepted;\n',
  ),
  mutant(
    "a list of rows is that of the value before",
    "src/index/filter/code-rows.ts",
    "(code: number): boolean => accepted[code] === taken;",
    "(code: number): boolean => accepted[code > 1 ? code - 1 : code] === taken;",
  ),
  mutant(
    "rows that lists do not name are taken for those that they name",
    "src/index/filter/code-rows.ts",
    "  return inverted ? result.invert() : result;",
    "  return result;",
  ),
  mutant(
    "what must not be an element is not the complement of what must",
    "src/index/filter/element-test.ts",
    "  return inverted ? result.invert() : result;",
    "  return result;",
  ),
  mutant(
    "rows without a value are in no list",
    "src/index/filter/code-rows.ts",
    "(code: number): boolean => accepted[code] === taken;",
    "(code: number): boolean => code > 0 && accepted[code] === taken;",
  ),
  mutant(
    "a range of values begins with the one it must be above",
    "src/index/filter/column-test.ts",
    "      accepted.fill(1, to);\n",
    "      accepted.fill(1, from);\n",
  ),
  mutant(
    "rows that lists name are not masked by the tail",
    "src/search-columns.ts",
    "(rows?.clone() ?? Bitmap.full(segment.root.rows)).andNot(mask);",
    "rows?.clone() ?? Bitmap.full(segment.root.rows).andNot(mask);",
  ),
  mutant(
    "counts of a column that is kept are those of most of its rows",
    "src/search-aggregate.ts",
    "  if (rows === undefined) return all;\n",
    "  if (rows === undefined || 4 * count > 3 * codes.length) return all;\n",
  ),
];
