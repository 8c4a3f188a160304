/** Bugs planted in what namespaces are set to, and in copies. */
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
    '  if (change === undefined || (kind !== "branch" && kind !== undefined)) {',
    "  if (change === undefined || kind === undefined) {",
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
    " - (await countLive(context, opened, touched));",
    " - 0 * (await countLive(context, opened, touched));",
  ),
];
