/** Bugs of patches, conditions and writes by filter. */
import { type Mutant, mutant } from "./mutant.ts";

export const changeMutants: readonly Mutant[] = [
  mutant(
    "what a filter found does not count as read",
    "src/decision-source.ts",
    "    this.dependsOn(found);\n    return found;",
    "    return found;",
  ),
  mutant(
    "a filter also finds what the tail has replaced",
    "src/search-ids.ts",
    "touched: fold.touched }",
    "touched: new Set() }",
  ),
  mutant(
    "a filter that deletes is not tried again",
    "src/change-attempt.ts",
    "    return { ...candidates, deleted };",
    "    return deleted.length < 0 ? { ...candidates, deleted } : candidates;",
  ),
  mutant(
    "a filter that patches is not tried again",
    "src/change-attempt.ts",
    "      if (passes(0)) {",
    "      if (passes(0) || patchByFilter !== undefined) {",
  ),
  mutant(
    "a refused change is not decided again",
    "src/change.ts",
    "    built = await attempt.decide(candidates);",
    "    built ??= await attempt.decide(candidates);",
  ),
  mutant(
    "a condition is not part of what its write was decided from",
    "src/decision-source.ts",
    "      this.dependsOn(some);\n",
    '      if (attributes.kind === "all") this.dependsOn(some);\n',
  ),
  mutant(
    "what a filter has deleted is patched by id",
    "src/change-attempt.ts",
    "        others.push(...(gone.has(id) ? [] : [id]));",
    "        others.push(id);",
  ),
  mutant(
    "a condition fails where there is no document",
    "src/change-attempt.ts",
    "?? absent);",
    "?? !absent);",
  ),
  mutant(
    "a repetition is answered with the number of rows",
    "src/namespace/group.ts",
    "...named, ...told,",
    "...named,",
  ),
  mutant(
    "a part that was changed counts as all",
    "src/change-attempt.ts",
    "        remain: remain || !isWhole,",
    "        remain: remain && !isWhole,",
  ),
];
