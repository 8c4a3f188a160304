/** Bugs of idempotency keys, and of writes that are decided from documents. */
import { type Mutant, mutant } from "./mutant.ts";

export const writeMutants: readonly Mutant[] = [
  mutant(
    "a new instance believes that nothing was touched before its time",
    "src/owner.ts",
    "ids: new IdMemory(recovered.state.next)",
    "ids: new IdMemory(0)",
  ),
  mutant(
    "what is no longer remembered counts as untouched",
    "src/namespace/id-memory.ts",
    "    if (next < this.#rememberedFrom) {",
    "    if (next < 0) {",
  ),
  mutant(
    "keys are forgotten at a flush",
    "src/compact.ts",
    "...(moved === undefined ? {} : { keys: moved }),",
    "...(moved === undefined ? {} : {}),",
  ),
  mutant(
    "keys of the tail are forgotten at a restart",
    "src/recover-log.ts",
    "keys.remember(isInherited ? [] : keysOfEntry(slot.entry));",
    "keys.remember(isInherited ? keysOfEntry(slot.entry) : []);",
  ),
  mutant(
    "keys of flushed entries are forgotten at a restart",
    "src/namespace/key-memory.ts",
    "return refs.filter(({ from }) => from < this.#from);",
    "return refs.filter(({ from }) => from < 0 * this.#from);",
  ),
  mutant(
    "a fold drops the keys it takes in",
    "src/compact-keys.ts",
    "keptKeys([...(older ?? []), ...keys], nowMs)",
    "keptKeys(keys, nowMs)",
  ),
  mutant(
    "keys are taken for orphans",
    "src/orphans.ts",
    "named.add(keysName(name));",
    "named.add(name);",
  ),
  mutant(
    "a write that waits is not known by its key",
    "src/namespace/admission.ts",
    "const known = key && (this.#waiting.get(encodeHex(key.id)) ?? this.#memory.keys.find(key.id));",
    "const known = key && this.#memory.keys.find(key.id);",
  ),
  mutant(
    "a repeat is answered before what it repeats is durable",
    "src/commit.ts",
    "    if (writes(wish)) {\n",
    `    if (wish.kind === "repeat" && !wish.isEmpty) {
      const { sequence } = this.#host.memory().keys.find(wish.key.id) ?? {};
      const next = this.#host.state().next;
      const rows = { timeMs: 0, upserts: 0, deletes: 0, repeated: true };
      member.answer({ kind: "committed", sequence: sequence ?? next, ...rows });
    }
    if (writes(wish)) {
`,
  ),
  mutant(
    "documents that were absent were not read",
    "src/decision-source.ts",
    "      if (!rows.every((row) => visit(row))) {",
    `      this.#asked.pop();
      this.dependsOn(rows.map(({ id }) => id));
      if (!rows.every((row) => visit(row))) {`,
  ),
  mutant(
    "documents that were read and not written were not read",
    "src/rewrite.ts",
    "          reads: { next, ids: hashIds(kind, asked), refusals },",
    "          reads: { next, ids: hashIds(built.batch.idKind, built.batch.ids), refusals },",
  ),
  mutant(
    "what waits is not remembered as touched",
    "src/namespace/admission.ts",
    "    this.#touch(request);\n    if (key",
    "    if (key",
  ),
  mutant(
    "what waits behind a group counts as part of it",
    "src/namespace/admission.ts",
    '      if (wish.kind === "batch") {\n        this.#touch(wish.request);',
    '      if (wish.kind === "tombstone") {',
  ),
];
