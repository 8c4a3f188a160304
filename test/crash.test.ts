/**
 * A namespace's whole life, with everything that can go wrong going wrong once: each request to the
 * store or to the object's own storage, in each way. Afterwards every acknowledged write is there
 * exactly once and in its newest version, what was deleted stays deleted, and alarms alone bring
 * everything to rest.
 */
import { expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import { generationRoot } from "../src/store/keys.ts";
import { CrashRig, type Mode, modes } from "./crash-rig.ts";

/** Create, overwrite, delete rows, flush, merge, collect, delete, create again, purge. */
async function live(rig: CrashRig): Promise<void> {
  await rig.put(1, [1, 2, 3, 4, 5, 6]);
  await rig.put(2, [1, 7]);
  await index(rig);
  await rig.put(3, [2], [3, 4]);
  await index(rig);
  await rig.clock.advance(limits.collectGraceMs);
  await rig.drainDue();
  await rig.put(4, [5]);
  await rig.remove();
  await rig.put(5, [8, 9]);
  await rig.put(6, [9], [8]);
  await index(rig);
  await rig.clock.advance(limits.collectGraceMs);
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
  // Twice: an object that forgot its alarm has to be asked something first.
  for (let i = 0; i < 2; i++) {
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

async function run(target: number, mode: Mode): Promise<CrashRig> {
  const rig = new CrashRig(target, mode);
  await whole(rig);
  return rig;
}

async function whole(rig: CrashRig): Promise<void> {
  await live(rig);
  await expectModel(rig);
  await expectRest(rig);
  rig.storage.wipe();
  rig.restart();
  await expectModel(rig);
}

test("a life without failures", async () => {
  const rig = await run(0, "lost");
  expect(rig.effects).toBeGreaterThan(100);
});

test.for(modes)("every effect, one at a time: %s", { timeout: 60_000 }, async (mode) => {
  const { effects } = await run(0, mode);
  const failures: string[] = [];
  for (let target = 1; target <= effects; target++) {
    const rig = new CrashRig(target, mode);
    await whole(rig).catch((error: unknown) =>
      failures.push(`${target} ${rig.hit}: ${String(error)}`),
    );
  }
  expect(failures).toEqual([]);
});
