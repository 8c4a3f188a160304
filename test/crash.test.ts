/**
 * A namespace's whole life, with everything that can go wrong going wrong: each request to the
 * store or to the object's own storage, in each way; and pairs of them. Afterwards every
 * acknowledged write is there exactly once and in its newest version, what was deleted stays
 * deleted, and alarms alone bring everything to rest.
 */
import { expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import { generationRoot } from "../src/store/keys.ts";
import { applies, CrashRig, type Fault, type Mode, modes } from "./crash-rig.ts";

/** From when something dies until it is collected. */
const collectMs = limits.collectGraceMs + limits.collectEveryMs;

/** Create, overwrite, delete rows, flush, merge, collect, delete, create again, purge. */
async function live(rig: CrashRig): Promise<void> {
  await rig.put(1, [1, 2, 3, 4, 5, 6]);
  await rig.put(2, [1, 7]);
  await index(rig);
  await rig.put(3, [2], [3, 4]);
  await index(rig);
  await rig.clock.advance(collectMs);
  await rig.drainDue();
  await rig.put(4, [5]);
  await rig.remove();
  await rig.put(5, [8, 9]);
  await rig.put(6, [9], [8]);
  await index(rig);
  await rig.clock.advance(collectMs);
  await rig.drainDue();
}

async function index(rig: CrashRig): Promise<void> {
  await rig.insist(() => rig.ask(rig.owner.requestFlush(rig.tenant, rig.name)));
  await rig.drainDue();
}

async function expectModel(rig: CrashRig): Promise<void> {
  expect(await rig.insist(() => rig.read())).toEqual(rig.model);
}

/** Nothing is left to do, and nothing lies around but what the newest manifest names. */
async function expectRest(rig: CrashRig): Promise<void> {
  // Again: an object that forgot its alarm has to be asked something first.
  for (let i = 0; i < 3; i++) {
    await rig.insist(() => rig.head());
    await rig.drain();
  }
  const { generation, floor, next, manifest } = await rig.head();
  expect({ floor, dead: manifest?.dead }).toEqual({ floor: next, dead: [] });
  await rig.sweep();
  await rig.sweep();
  const root = generationRoot(rig.tenant, generation);
  const named = (manifest?.segments ?? []).map(({ id }) => `segment/${id}`);
  const { objects } = await rig.memory.list("");
  const strays = objects
    .map(({ key }) => key.replace(root, ""))
    .filter((key) => !/^(current|manifest\/\w+|t\/\w+\/names\/crash)$/.test(key))
    .filter((key) => !named.some((segment) => key.startsWith(segment)));
  expect(strays).toEqual([]);
}

async function lead(...faults: readonly Fault[]): Promise<CrashRig> {
  const rig = new CrashRig(...faults);
  try {
    await live(rig);
    await expectModel(rig);
    await expectRest(rig);
    rig.storage.wipe();
    rig.restart();
    await expectModel(rig);
  } catch (error) {
    const modes = faults.map(({ mode }) => mode).join(", ");
    throw new Error(`${modes} at ${rig.hits}: ${String(error)}`, { cause: error });
  }
  return rig;
}

for (const mode of modes) {
  test(`one failure at a time, each effect in turn: ${mode}`, async () => {
    const { effects } = await lead();
    expect(effects.length).toBeGreaterThan(100);
    for (const [i, what] of effects.entries()) {
      if (applies(mode, what)) await lead({ effect: i + 1, mode });
    }
  }, 30_000);
}

test("two failures in one life, at random", async () => {
  const random = randomFrom(7);
  for (let pair = 0; pair < 150; pair++) {
    const first = { effect: 1 + random(150), mode: modes[random(modes.length)] as Mode };
    const later = 1 + random(random(2) === 0 ? 12 : 60);
    await lead(first, { effect: first.effect + later, mode: modes[random(modes.length)] as Mode });
  }
}, 30_000);

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}
