/** Copies: alive at once, exact, and soon without any tie to what they were copied from. */
import { expect, test } from "vitest";
import { generationRoot, refsPrefix } from "../src/store/keys.ts";
import { BranchRig } from "./branch-rig.ts";

const dayMs = 24 * 3_600_000;

async function source(): Promise<BranchRig> {
  const rig = new BranchRig("source");
  await rig.put(1, [1, 2, 3, 4]);
  await rig.index();
  await rig.put(2, [3, 5], [1]);
  await rig.index();
  await rig.put(3, [4, 6, 7], [2, 99]);
  await rig.put(4, [7], [6]);
  return rig;
}

test("a copy answers at once, and says exactly how many documents it has", async () => {
  const rig = await source();
  const { child, rows } = await rig.copy("copy");
  expect(rows).toBe(rig.model.size);
  expect(await child.read()).toEqual(rig.model);
  await child.put(9, [3], [4]);
  expect(await child.read()).toEqual(child.model);
  expect(await rig.read()).toEqual(rig.model);
});

test("a copy lets go of its source by its own jobs, without anybody writing to it", async () => {
  const rig = await source();
  const { child } = await rig.copy("copy");
  const { tenant } = rig;
  const { generation } = await rig.head();
  const prefix = refsPrefix(generationRoot(tenant, generation));
  expect(await rig.objects(prefix)).toHaveLength(1);
  await child.clock.run(child.owner.alarm(child.identity));
  expect(new Set(await child.runDue())).toEqual(new Set(["flush", "merge"]));
  const { manifest } = await child.head();
  expect(manifest?.inherited).toEqual([]);
  const own = (await child.head()).generation;
  expect(new Set(manifest?.segments.map(({ home }) => home))).toEqual(new Set([own]));
  await rig.pass(2 * dayMs);
  expect(await rig.objects(prefix)).toEqual([]);
  await rig.remove();
  await rig.pass(2 * dayMs);
  expect(await rig.objects(generationRoot(tenant, generation))).toEqual([]);
  expect(await child.read()).toEqual(child.model);
});

test("a copy outlives a source that is deleted before it has written its own", async () => {
  const rig = await source();
  const { child } = await rig.copy("copy");
  await rig.remove();
  await rig.pass(dayMs, ["source"]);
  expect(await child.read()).toEqual(child.model);
  child.storage.wipe();
  child.restart();
  await child.pass(3 * dayMs);
  expect(await child.read()).toEqual(child.model);
  expect((await child.head()).manifest?.origin).toEqual({ kind: "copy", name: "source" });
});

test("a branch keeps what it shares, and no job of it is due", async () => {
  const rig = await source();
  const child = await rig.branch("branch");
  expect(await child.runDue()).toEqual([]);
  const { manifest } = await child.head();
  expect(manifest?.origin).toEqual({ kind: "branch", name: "source" });
});

test("a copy of a copy, and of an empty namespace, has what it should", async () => {
  const rig = await source();
  const { child } = await rig.copy("copy");
  const second = await child.copy("second");
  expect(second.rows).toBe(rig.model.size);
  expect(await second.child.read()).toEqual(rig.model);
  await rig.put(5, [], [...rig.model.keys()]);
  const empty = await rig.copy("empty");
  expect(empty.rows).toBe(0);
  expect(await empty.child.read()).toEqual(new Map());
});
