/** Planted bugs around branches, refs and pins; see mutants.ts. */
import { type Mutant, mutant } from "./mutant.ts";

export const branchMutants: readonly Mutant[] = [
  mutant(
    "a branch of a branch forgets the ref below its grandparent",
    "src/branch.ts",
    "  const named = new Set([pin.generation, ...ancestorsOf(manifest)]);",
    "  const named = new Set([pin.generation]);",
  ),
  mutant(
    "a branch does not inherit the tail",
    "src/branch.ts",
    "    inherited: stretchesOf(pinned, { from: pinned.floor, to: pin.next }),",
    "    inherited: [],",
  ),
  mutant(
    "a branch looks for inherited entries below its own generation",
    "src/search-tail.ts",
    "  return walKey(generationRoot(tenant, homeOfEntry(manifest, sequence)), sequence);",
    "  return walKey(generationRoot(tenant, manifest.generation), sequence);",
  ),
  mutant(
    "a branch whose first manifest did not land begins empty",
    "src/recover.ts",
    "    if (start === 0 && first !== undefined) {",
    "    if (start < 0 && first !== undefined) {",
  ),
  mutant(
    "a branch is made whether its pin lives or not",
    "src/branch.ts",
    "    return held !== undefined;",
    "    return held !== null;",
  ),
  mutant(
    "the collector ignores refs for segments",
    "src/collect.ts",
    "  const doomed = due.filter((object) => !protection.holds(object));",
    "  const doomed = due;",
  ),
  mutant(
    "the collector ignores refs for the log",
    "src/collect.ts",
    "    if (!protection.holdsEntry(sequence)) {",
    "    if (sequence >= 0) {",
  ),
  mutant(
    "the collector ignores pins",
    "src/collect.ts",
    "  await protectPins(ports, tenant, job.manifest, pins, protection);",
    "  await protectPins(ports, tenant, job.manifest, [], protection);",
  ),
  mutant(
    "a pin that is gone is renewed",
    "src/namespace/pins.ts",
    "  const held = pins.find((pin) => pin.id === id);",
    "  const held = pins.find((pin) => pin.id === id) ?? " +
      "{ id, generation: table.generation, version: 0, next: 0, untilMs: nowMs };",
  ),
  mutant(
    "the purge of a deleted generation ignores refs",
    "src/collect.ts",
    "  const gone = doomed.filter((key) => !isHeld(key, protection, parts));",
    "  const gone = doomed;",
  ),
  mutant(
    "a ref is dropped while a stored manifest still names the generation",
    "src/refs.ts",
    "    ancestors.filter((each) => !named.has(each)),",
    "    ancestors,",
  ),
  mutant(
    "refs of branches that live are taken for those of branches that never came to be",
    "src/refs.ts",
    '  if (entry?.state === "live" && entry.generation === child) {',
    "  if (entry?.name === child) {",
  ),
  mutant(
    "refs of branches that never came to be stay for ever",
    "src/refs.ts",
    "  if (!isOld || !(await isUnborn(ports, tenant, ref))) {",
    "  if (isOld || ref.child !== tenant) {",
  ),
  mutant(
    "what a ref held is never looked at again",
    "src/namespace/jobs.ts",
    "  return againMs === undefined ? done : sweepAt(done, nowMs + againMs);",
    "  return done;",
  ),
];
