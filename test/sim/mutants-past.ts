/** Planted bugs around the past and what is kept of it; see mutants.ts. */
import { type Mutant, mutant } from "./mutant.ts";

export const pastMutants: readonly Mutant[] = [
  mutant(
    "the collector ignores the retention",
    "src/namespace/retention.ts",
    "  const keptMs = graceMs - settings.retentionMs;",
    "  const keptMs = graceMs;",
  ),
  mutant(
    "as of an entry does not include it",
    "src/history.ts",
    "  return sequence + 1;",
    "  return sequence;",
  ),
  mutant(
    "as of a time does not include the entry of that time",
    "src/history.ts",
    "      const isOlder = timeMs === undefined || timeMs <= ms;",
    "      const isOlder = timeMs === undefined || timeMs < ms;",
  ),
  mutant(
    "times fall with the clock",
    "src/namespace/state.ts",
    "  return Math.max(nowMs, lastMs, createdMs);",
    "  return Math.max(nowMs, lastMs - 3_600_000);",
  ),
  mutant(
    "a manifest knows the time of its last write only",
    "src/owner-due.ts",
    "            lastMs: last.timeMs,",
    "            lastMs: Math.max(last.lastWriteMs, last.updatedMs),",
  ),
  mutant(
    "the past is read from the manifest behind it",
    "src/history.ts",
    "    return { generation, version: above - 1, next, skipped, supersededMs: committedMs };",
    "    return { generation, version: above, next, skipped, supersededMs: committedMs };",
  ),
  mutant(
    "the past is read as of the floor of its manifest",
    "src/pinned.ts",
    "  for (const { generation: home, from, to } of stretchesOf(manifest, { from: floor, to: next })) {",
    "  for (const { generation: home, from, to } of stretchesOf(manifest, { from: floor, to: floor })) {",
  ),
  mutant(
    "the change feed passes over what is gone",
    "src/changes.ts",
    "  if (stored === undefined && sequence < floor) {",
    "  if (stored === undefined && sequence < floor) return undefined; else if (floor < 0) {",
  ),
  mutant(
    "the change feed begins behind its cursor",
    "src/changes.ts",
    "  const from = cursor?.next ?? 0;",
    "  const from = Math.min(next, (cursor?.next ?? -1) + 1);",
  ),
  mutant(
    "a restore ends the old life and forgets the new one",
    "src/namespace/group.ts",
    "        return wish.successor === undefined",
    "        return wish.successor !== wish.generation",
  ),
  mutant(
    "whoever asks during a restore is told that the name is gone",
    "src/owner.ts",
    "      if (this.#state.successor !== undefined) await this.#commits.settled();",
    "      if (this.#state.successor === this.#state.generation) await this.#commits.settled();",
  ),
  mutant(
    "an instance that finds a log with a successor deletes the name",
    "src/recover-log.ts",
    "        return applyEntry(state, slot.entry, slot.bytes.length);",
    "        return { ...applyEntry(state, slot.entry, slot.bytes.length), successor: undefined as never };",
  ),
  mutant(
    "a restore begins at the floor and loses the tail",
    "src/branch-manifest.ts",
    "    inherited: stretchesOf(pinned, { from: pinned.floor, to: pin.next }),",
    '    inherited: origin.kind === "restore" ? [] : stretchesOf(pinned, { from: pinned.floor, to: pin.next }),',
  ),
  mutant(
    "a restore to the past restores the present",
    "src/owner-pins.ts",
    "    const { version, next } = at ?? { version: manifest.version, next: newest };",
    "    const { version, next } = { version: manifest.version, next: newest };",
  ),
  mutant(
    "a restored life begins when it was prepared",
    "src/namespace/state.ts",
    "  if (beganMs === undefined) {",
    "  if (beganMs !== 0) {",
  ),
  mutant(
    "a snapshot holds nothing of what it is made of",
    "src/branch-refs.ts",
    "  const child = manifest.generation;",
    "  const child = manifest.generation;\n" +
      '  if (manifest.origin?.kind === "snapshot") return new Map();',
  ),
];
