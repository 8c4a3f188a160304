/** Ranges of flushes: what nobody owns or works on is never waited for. */
import { expect, test } from "vitest";
import { sealManifest } from "../src/format/manifest-codec.ts";
import { openWalEntry } from "../src/format/wal.ts";
import type { Job } from "../src/namespace/protocol.ts";
import { firstManifest } from "../src/namespace/state.ts";
import { generationRoot, manifestKey, walKey } from "../src/store/keys.ts";
import { CompactRig } from "./compact-rig.ts";
import { syncDigest } from "./sync-digest.ts";

async function claimFlush(rig: CompactRig): Promise<Job> {
  await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
  const job = await rig.claim();
  expect(job?.kind).toBe("flush");
  return job as Job;
}

test("a stretch that a late manifest cut off a range is flushed, and those behind it go on", async () => {
  const rig = new CompactRig();
  for (const id of [1, 1, 2]) await rig.put([id]);
  const { generation } = await rig.head();
  const cut = await claimFlush(rig);
  await rig.put([3]);
  const behind = await claimFlush(rig);
  expect([cut.wal, behind.wal]).toMatchObject([
    { from: 0, to: 3 },
    { from: 3, to: 4 },
  ]);
  // An earlier instance's manifest of entry 0 alone, whose rows entry 1 replaced.
  const root = generationRoot(rig.tenant, generation);
  const first = await rig.memory.get(walKey(root, 0));
  const expected = { generation, sequence: 0 };
  const { hash } = await openWalEntry(first?.bytes ?? new Uint8Array(), expected, syncDigest);
  const place = { version: 1, epoch: 1, floor: 1, floorHash: hash, schema: cut.schema };
  const late = await sealManifest({ ...firstManifest(generation), ...place }, syncDigest);
  await rig.memory.put(manifestKey(root, 1), late.bytes, { kind: "create" });

  expect(await rig.run(cut)).toBe(false);
  expect(await rig.run(behind)).toBe(false);
  const [gap, again] = [(await rig.claim()) as Job, (await rig.claim()) as Job];
  expect(gap.wal).toMatchObject({ from: 1, to: 3 });
  expect(again).toMatchObject({ id: behind.id, attempt: 2 });
  expect(await rig.run(gap)).toBe(true);
  expect(await rig.run(again)).toBe(true);
  expect(await rig.segmentIds()).toEqual(rig.model);
});

test("a range that waits for one under way is not given back for one behind it", async () => {
  const rig = new CompactRig();
  const jobs: Job[] = [];
  for (const id of [1, 2, 3]) {
    await rig.put([id]);
    jobs.push(await claimFlush(rig));
  }
  const [first, second, third] = jobs as [Job, Job, Job];
  await rig.ask(rig.owner.fail(rig.tenant, rig.name, third.id, third.attempt, "no luck"));
  const running = rig.start(second);
  await rig.clock.advance(5_000);
  expect(await rig.run(first)).toBe(true);
  expect(await rig.clock.run(running)).toBe(true);
});
