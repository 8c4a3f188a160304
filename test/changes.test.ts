/** The change feed: every write once, in order, or the word that some of it is gone. */
import { expect, test } from "vitest";
import { type ChangesCursor, openChanges } from "../src/changes.ts";
import { BranchRig } from "./branch-rig.ts";

const hourMs = 3_600_000;

/** Applies what the feed says from the cursor on, and returns the new cursor. */
async function follow(
  rig: BranchRig,
  documents: Map<unknown, number>,
  cursor?: ChangesCursor,
): Promise<ChangesCursor> {
  const { tenant, name, owner } = rig;
  const read = async (): Promise<ChangesCursor> => {
    const changes = await openChanges(rig.ports(), { tenant, name, owner }, cursor);
    for await (const { batches } of changes.entries()) {
      for (const { ids, upserts, attributes } of batches) {
        for (const [row, id] of ids.entries()) {
          if (row < upserts) documents.set(id, Number(attributes[0]?.values[row]));
          else documents.delete(id);
        }
      }
    }
    return changes.end;
  };
  return await rig.clock.run(read());
}

test("whoever follows it holds what the namespace holds, whenever it was indexed", async () => {
  const rig = new BranchRig("feed");
  const copy = new Map<unknown, number>();
  await rig.put(1, [1, 2, 3]);
  await rig.change({ retentionMs: 10 * hourMs });
  let cursor = await follow(rig, copy);
  for (let round = 2; round < 8; round++) {
    await rig.put(round, [10 + round, 1], [9 + round]);
    if (round % 2 === 0) await rig.index();
    await rig.put(100 + round, [50 + round]);
    if (round % 3 === 0) await rig.pass(3 * hourMs);
    if (round % 2 === 1) cursor = await follow(rig, copy, cursor);
    if (round % 2 === 1) expect(copy).toEqual(rig.model);
  }
  expect(await follow(rig, copy, cursor)).toEqual(cursor);
});

test("it is gone once it is not kept, and for another life of the name", async () => {
  const rig = new BranchRig("feed");
  await rig.put(1, [1]);
  const cursor = await follow(rig, new Map());
  await rig.put(2, [2]);
  await rig.index();
  const late = await follow(rig, new Map(), cursor);
  await rig.pass(5 * hourMs);
  await expect(follow(rig, new Map(), cursor)).rejects.toMatchObject({ kind: "gone" });
  await expect(follow(rig, new Map())).rejects.toMatchObject({ kind: "gone" });
  expect(await follow(rig, new Map(), late)).toEqual(late);
  await rig.remove();
  await expect(follow(rig, new Map(), late)).rejects.toMatchObject({ kind: "notFound" });
  await rig.put(3, [3]);
  await expect(follow(rig, new Map(), late)).rejects.toMatchObject({ kind: "gone" });
});
