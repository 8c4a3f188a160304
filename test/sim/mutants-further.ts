/** Bugs planted in planes of vector columns beside the first. */
import { type Mutant, mutant } from "./mutant.ts";

export const furtherMutants: readonly Mutant[] = [
  mutant(
    "places of a second vector column are taken for rows",
    "src/search-near.ts",
    "ordinals[row.segment]?.[row.ordinal] ?? row.ordinal;",
    "row.ordinal;",
  ),
  mutant(
    "filters and dead rows are those of other places of a second vector column",
    "src/index/segment/further-planes.ts",
    "  if (ordinals === undefined) return rows;\n",
    "  if (ordinals === undefined || rows.count() > 3) return rows;\n",
  ),
  mutant(
    "a merge takes places of a second vector column for rows",
    "src/index/builder/merge-further.ts",
    "rowsOf[first + place] = first + ordinal;",
    "rowsOf[first + place] = first + (ordinal < 0 ? ordinal : place);",
  ),
];
