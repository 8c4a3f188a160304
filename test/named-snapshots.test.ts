/** Snapshots by name: whole for as long as they are wanted, at the price of what they share. */
import { expect, test } from "vitest";
import {
  createSnapshot,
  deleteSnapshot,
  listSnapshots,
  snapshotName,
} from "../src/named-snapshots.ts";
import { restore } from "../src/restore.ts";
import { BranchRig } from "./branch-rig.ts";

const dayMs = 24 * 3_600_000;

async function begun() {
  const rig = new BranchRig("fish");
  for (let round = 0; round < 3; round++) {
    await rig.put(round, [1, 10 + round]);
    await rig.index();
  }
  await rig.put(5, [2], [10]);
  const owner = (of: string) => rig.ownerOf(of);
  const target = { tenant: rig.tenant, name: rig.name, owner };
  const hidden = new BranchRig(snapshotName("fish", "a"), rig);
  const made = await rig.clock.run(createSnapshot(target, "a"));
  for (const [id, version] of rig.model) hidden.model.set(id, version);
  return { rig, hidden, target, made };
}

test("a snapshot shares all it is made of, and is never written again", async () => {
  const { rig, hidden, made } = await begun();
  const { next, generation } = await hidden.head();
  expect(made).toMatchObject({ name: "a", next });
  await rig.put(9, [...rig.model.keys()]);
  await rig.index();
  await rig.pass(10 * dayMs);
  const own = (await rig.objects()).filter((key) => key.includes(generation));
  expect(
    own.filter((key) => /\/n\/\w+\/(segment|wal|keys)\//.test(key) && !/refs/.test(key)),
  ).toEqual([]);
  expect(await hidden.read()).toEqual(hidden.model);
  expect(await rig.read()).toEqual(rig.model);
});

test("a snapshot outlives its namespace, brings it back, and goes when it is deleted", async () => {
  const { rig, hidden, target } = await begun();
  await rig.remove();
  await rig.pass(3 * dayMs);
  expect(await hidden.read()).toEqual(hidden.model);
  const page = await rig.clock.run(listSnapshots(rig.memory, target, undefined));
  expect(page).toMatchObject({ snapshots: [{ name: "a" }], after: undefined });
  await rig.clock.run(restore(target, { name: snapshotName("fish", "a") }));
  expect(await rig.read()).toEqual(hidden.model);
  for (const [id, version] of hidden.model) rig.model.set(id, version);
  await rig.put(20, [...rig.model.keys()]);
  await rig.index();
  await rig.clock.run(deleteSnapshot(target, "a"));
  hidden.model.clear();
  await rig.pass(6 * dayMs);
  expect(await rig.read()).toEqual(rig.model);
  const { generation } = await rig.head();
  const others = (await rig.objects()).filter((key) => !key.includes(generation));
  expect(others).toEqual([]);
});
