/** Bugs of queries that rank, count or group by columns over a tail that knows rows better. */
import { type Mutant, mutant } from "./mutant.ts";

export const queryMutants: readonly Mutant[] = [
  mutant(
    "counts include rows that the tail replaces",
    "src/search-aggregate.ts",
    "  const segments = await maskTouched(context, matched, fold.touched);\n",
    "  const segments = await maskTouched(context, matched, new Set());\n",
  ),
  mutant(
    "orders include rows that the tail replaces",
    "src/search-ranked.ts",
    "  const segments = await maskTouched(context, matched, fold.touched);\n",
    "  const segments = await maskTouched(context, matched, new Set());\n",
  ),
  mutant(
    "the mask of a shorter tail is taken for that of a longer one",
    "src/search-columns.ts",
    "@${generation}/${floor}-${next}`;",
    "@${generation}/${floor}`;",
  ),
  mutant(
    "of rows that tie in the last place any are taken",
    "src/search-ranked.ts",
    "{ ...merge, wanted: wanted - rows.length }, tied",
    "{ ...merge, wanted: wanted - rows.length }, tied.map((each) => ({ ...each, rows: each.rows.slice(0, wanted) }))",
  ),
  mutant(
    "a count by code forgets the group",
    "src/search-aggregate.ts",
    "    table[key] = (table[key] as number) + 1;\n",
    "    table[key] = 1;\n",
  ),
  mutant(
    "a page leaves out what the last one has shown, and nothing before that",
    "src/pages.ts",
    '(place?.kind === "rows" ? place.count : 0) + rows.length',
    "rows.length",
  ),
  mutant(
    "a page is of now, rather than of when the first was read",
    "src/pages.ts",
    "await searchParts(ports, { ...target, snapshot }, parts);",
    "await searchParts(ports, cursor === undefined ? { ...target, snapshot } : target, parts);",
  ),
  mutant(
    "each page in the order of ids leaves out as many rows as the first",
    "src/pages.ts",
    "offset: place ? 0 : query.offset",
    "offset: query.offset",
  ),
  mutant(
    "samples of recall count for whatever life the name has by then",
    "src/owner-notes.ts",
    "    table.generation === generation\n      ? {\n          table: {\n            ...table,\n            recall:",
    '    generation !== ""\n      ? {\n          table: {\n            ...table,\n            recall:',
  ),
  mutant(
    "a row that was kept is taken for one of another segment",
    "src/search-kept-rows.ts",
    "${home.generation}/${info.id}?${column}?`",
    "${home.generation}?${column}?`",
  ),
  mutant(
    "vectors are kept in half precision, whatever that loses",
    "src/search-kept-rows.ts",
    "return sameBits(decodeF16(halves), values) ? bytesOf(halves) : undefined;",
    "return bytesOf(halves);",
  ),
];
