/** Bugs planted in what namespaces are set to, in copies and in exports. */
import { type Mutant, mutant } from "./mutant.ts";

export const settingMutants: readonly Mutant[] = [
  mutant(
    "writes to a namespace that is read-only are let in",
    "src/namespace/admission.ts",
    "    if (this.#outlook.settings.readOnly &&",
    "    if (this.#outlook.ended &&",
  ),
  mutant(
    "read-only is judged by what is, not by what waits before the write",
    "src/namespace/admission.ts",
    "    if (this.#outlook.settings.readOnly &&",
    "    if (this.#state().settings.readOnly &&",
  ),
  mutant(
    "a flush forgets what the namespace was set to",
    "src/compaction/delta.ts",
    "    settings: delta.floor?.settings ?? manifest.settings,",
    "    settings: manifest.settings,",
  ),
  mutant(
    "a copy is read-only because its source was",
    "src/document/settings.ts",
    '  return kind === "branch"',
    '  return kind !== "restore"',
  ),
  mutant(
    "what was inherited of settings is applied entry by entry",
    "src/namespace/state.ts",
    "    if (isOwn) settings = applySettings(settings, member.settings);",
    "    settings = applySettings(settings, member.settings);",
  ),
  mutant(
    "a copy never writes again what it borrows",
    "src/compaction/policy.ts",
    "  const first = owner === undefined ? undefined : free.find(isBorrowed);",
    "  const first = [isBorrowed].length > 1 ? free[0] : undefined;",
  ),
  mutant(
    "a copy counts documents twice that the tail has replaced",
    "src/row-count.ts",
    "  return untouched.reduce(",
    "  return living.reduce(",
  ),
  mutant(
    "an export shows documents of segments that the tail has replaced",
    "src/row-walk.ts",
    "      const live = rows.filter(({ id }) => !walk.fold.touched.has(id as DocumentId));",
    "      const live = rows;",
  ),
  mutant(
    "an export goes on one document too late",
    "src/row-walk.ts",
    '          after: { part: "segment", at, done: row.ordinal + 1 },',
    '          after: { part: "segment", at, done: row.ordinal + 2 },',
  ),
];
