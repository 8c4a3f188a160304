/**
 * Runs scenarios with failures. Afterwards every acknowledged write is there once and in its newest
 * version, what was deleted stays deleted, alarms alone bring everything to rest, nothing lies
 * around but what the newest manifest names, all is found again without the object's storage, and
 * object storage was used as store-rules.ts says.
 *
 *   single   one effect of the scenario fails in one way; all that differ (see `applies`)
 *   pair     another one after it, too, in the run that the first one made
 */
import { isDeepStrictEqual } from "node:util";
import { openWalEntry } from "../../src/format/wal.ts";
import { keysOfEntry } from "../../src/format/write-keys.ts";
import { generationRoot, sequenceOfWalKey, walPrefix } from "../../src/store/keys.ts";
import { CrashRig } from "../crash-rig.ts";
import { withBounds } from "../sim/sizes.ts";
import { syncDigest } from "../sync-digest.ts";
import { applies, type Fault, modes } from "./failures.ts";
import type { Scenario } from "./scenarios.ts";

export interface Run {
  /** What happened while anything could fail. */
  readonly effects: readonly string[];
  /** What should not be, and after which failures. */
  readonly violation: string | undefined;
}

export function run(scenario: Scenario, ...faults: readonly Fault[]): Promise<Run> {
  return withBounds(scenario.bounds ?? {}, () => runWithin(scenario, faults));
}

async function runWithin(scenario: Scenario, faults: readonly Fault[]): Promise<Run> {
  const rig = new CrashRig(...faults);
  let violation: string | undefined;
  try {
    rig.disarm();
    await scenario.before?.(rig);
    rig.arm();
    await scenario.live(rig);
    rig.disarm();
    await check(rig);
  } catch (error) {
    const hits = faults.map(
      ({ mode, effect }) => `${mode} at ${effect} ${rig.effects[effect - 1]}`,
    );
    violation = `${[...hits, scenario.name].join(", in ")}: ${String(error)}`;
  }
  return { effects: rig.effects, violation };
}

/** Every failure that these effects can meet, from the given one on. */
export function failuresOf(effects: readonly string[], from = 0): Fault[] {
  return effects.flatMap((what, i) =>
    i < from ? [] : modes.flatMap((mode) => (applies(mode, what) ? [{ effect: i + 1, mode }] : [])),
  );
}

async function check(rig: CrashRig): Promise<void> {
  // What was late has landed.
  await rig.clock.advance(10_000);
  await checkOnce(rig);
  await checkModel(rig);
  await checkRest(rig);
  rig.storage.wipe();
  rig.restart();
  await checkModel(rig);
  demand(rig.broken.length === 0, () => rig.broken.join("; "));
}

async function checkModel(rig: CrashRig): Promise<void> {
  const found = await rig.insist(() => rig.read());
  demand(isDeepStrictEqual(found, rig.model), () => `${show(found)}, not ${show(rig.model)}`);
}

function show(documents: ReadonlyMap<unknown, number>): string {
  return `documents ${[...documents].map(([id, n]) => `${String(id)}: ${n}`).join(", ")}`;
}

/** No write is in the log twice, however often it was sent. */
async function checkOnce(rig: CrashRig): Promise<void> {
  const { generation } = await rig.insist(() => rig.head());
  const { objects } = await rig.memory.list(walPrefix(generationRoot(rig.tenant, generation)));
  const seen = new Set<string>();
  for (const { key } of objects) {
    const stored = await rig.memory.get(key);
    const expected = { generation, sequence: sequenceOfWalKey(key) ?? -1 };
    const entry = stored && (await openWalEntry(stored.bytes, expected, syncDigest));
    for (const { id } of entry === undefined ? [] : keysOfEntry(entry)) {
      demand(!seen.has(String(id)), () => `a write of entry ${expected.sequence} is there twice`);
      seen.add(String(id));
    }
  }
}

async function checkRest(rig: CrashRig): Promise<void> {
  // Again: an object that forgot its alarm has to be asked something first.
  for (let i = 0; i < 3; i++) {
    await rig.insist(() => rig.head());
    await rig.drain();
  }
  const { generation, floor, next, manifest } = await rig.head();
  demand(floor === next, () => `entries from ${floor} to ${next} were never flushed`);
  demand(manifest?.dead.length === 0, () => `${manifest?.dead.length} dead were never collected`);
  await rig.sweep();
  await rig.sweep();
  const root = generationRoot(rig.tenant, generation);
  const named = [
    ...(manifest?.segments ?? []).map(({ id }) => `segment/${id}`),
    ...(manifest?.keys ?? []).map(({ name }) => `keys/${name}`),
  ];
  const { objects } = await rig.memory.list("");
  const strays = objects
    .map(({ key }) => key.replace(root, ""))
    .filter((key) => !/^(current|manifest\/\w+|t\/\w+\/names\/crash)$/.test(key))
    .filter((key) => !named.some((object) => key.startsWith(object)));
  demand(strays.length === 0, () => `${strays.join(", ")} lies around`);
}

function demand(holds: boolean, otherwise: () => string): void {
  if (!holds) throw new Error(otherwise());
}
