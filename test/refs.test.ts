/** Refs whose branch is no more, or never was. */
import { expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import { readRefs } from "../src/refs.ts";
import { generationRoot, gravePrefix, refsPrefix } from "../src/store/keys.ts";
import { BranchRig } from "./branch-rig.ts";

const dayMs = 24 * 3_600_000;

test("a ref that lands after its branch is purged altogether counts until it is old", async () => {
  const parent = new BranchRig("parent");
  await parent.put(1, [1]);
  const child = await parent.branch("child");
  const { generation } = await parent.head();
  const prefix = refsPrefix(generationRoot(parent.tenant, generation));
  const [key = ""] = await parent.objects(prefix);
  const ref = (await parent.memory.get(key))?.bytes ?? new Uint8Array(0);
  await child.remove();
  await parent.pass(3 * dayMs);
  expect(await parent.objects(gravePrefix(parent.tenant))).toEqual([]);
  expect(await parent.objects(prefix)).toEqual([]);
  await parent.memory.put(key, ref, { kind: "create" });
  const count = async () =>
    (await parent.clock.run(readRefs(parent.ports(), parent.tenant, generation))).count;
  expect(await count()).toBe(1);
  await parent.clock.advance(limits.orphanAgeMs + 1);
  expect(await count()).toBe(0);
  expect(await parent.objects(prefix)).toEqual([]);
  expect(await parent.read()).toEqual(parent.model);
});
