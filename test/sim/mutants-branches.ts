/** Planted bugs around branches, refs and pins; see mutants.ts. */
import { type Mutant, mutant } from "./mutant.ts";

export const branchMutants: readonly Mutant[] = [
  mutant(
    "a branch of a branch forgets the ref below its grandparent",
    "src/branch-refs.ts",
    "  const named = new Set([parent.generation, ...ancestorsOf(manifest)]);",
    "  const named = new Set([parent.generation]);",
  ),
  mutant(
    "a branch does not inherit the tail",
    "src/branch-manifest.ts",
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
    "    if (start === 0 && branch !== undefined) {",
    "    if (start < 0 && branch !== undefined) {",
  ),
  mutant(
    "a branch is answered before its refs are stored",
    "src/branch.ts",
    "  const [registry, refs] = await Promise.allSettled([registered, held]);",
    "  void held?.catch(() => undefined);\n" +
      "  const [registry, refs] = await Promise.allSettled([registered, undefined]);",
  ),
  mutant(
    "an old pin is taken for a fresh one",
    "src/branch.ts",
    "  return Math.abs(nowMs - givenMs) <= limits.freshPinMs ? manifest : undefined;",
    "  return givenMs > 0 ? manifest : undefined;",
  ),
  mutant(
    "recovery of a branch does not miss its refs",
    "src/recover-branch.ts",
    "      if (stored !== undefined) return stored.uploadedMs;",
    "      if (stored?.key !== key) return 0;",
  ),
  mutant(
    "recovery of a branch takes refs that were stored at any time",
    "src/recover-branch.ts",
    "  if (storedMs.some((ms) => ms > refsByMs)) {",
    "  if (storedMs.some((ms) => ms > Number.MAX_SAFE_INTEGER)) {",
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
  mutant(
    "a branch that is begun without a look counts although the name has an entry",
    "src/registry.ts",
    '  if (etag === undefined) {\n    throw new EngineError("conflict"',
    '  if (etag === undefined && change.epoch < 0) {\n    throw new EngineError("conflict"',
  ),
];
