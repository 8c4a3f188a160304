/** What is left of a deleted generation, and for how long its grave leads there. */
import { expect, test } from "vitest";
import { isVisitDue, purge } from "../src/collect.ts";
import { limits } from "../src/limits.ts";
import { generationRoot, graveKey } from "../src/store/keys.ts";
import { CompactRig } from "./compact-rig.ts";

const hourMs = 3_600_000;

test("a grave stands for a day, and until a visit finds nothing", async () => {
  const rig = new CompactRig();
  await rig.put([1]);
  const { generation } = await rig.head();
  await rig.ask(rig.owner.remove(rig.tenant, rig.name));
  const visit = async () => await rig.clock.run(purge(rig.ports(), rig.tenant, generation));
  const grave = async () => await rig.memory.get(graveKey(rig.tenant, generation));
  const land = async () => {
    const late = `${generationRoot(rig.tenant, generation)}segment/late`;
    await rig.memory.put(late, new Uint8Array(1), { kind: "create" });
  };
  await rig.clock.advance(limits.collectGraceMs);
  expect(await visit()).toBeGreaterThan(0);
  await land();
  expect([await visit(), await visit()]).toEqual([1, 0]);
  expect(await grave()).toBeDefined();
  await rig.clock.advance(limits.graveAgeMs);
  await land();
  expect(await visit()).toBe(1);
  expect(await grave()).toBeDefined();
  expect(await visit()).toBe(0);
  expect(await grave()).toBeUndefined();
});

test("graves are visited while they are fresh and when they are old", () => {
  const grave = { deletedMs: 0 };
  const due = Array.from({ length: 30 }, (_, hour) => hour).filter((hour) =>
    isVisitDue(grave, hour * hourMs),
  );
  expect(due).toEqual([1, 2, 24, 25, 26, 27, 28, 29]);
});
