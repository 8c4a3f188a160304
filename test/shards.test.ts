/**
 * Shards: segments of each hold its ids and no others, from the flush on, through merges and
 * copies; what a namespace answers does not depend on how many it has.
 */
import { expect, test } from "vitest";
import { JobReader } from "../src/compact-read.ts";
import type { DocumentId } from "../src/document/id.ts";
import type { SegmentInfo } from "../src/format/manifest.ts";
import { shardsOf } from "../src/format/shard.ts";
import { limits } from "../src/limits.ts";
import type { Job } from "../src/namespace/protocol.ts";
import { BranchRig } from "./branch-rig.ts";

function idsFrom(from: number, count: number): DocumentId[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

async function founded(name: string, shards: number, ids = idsFrom(1, 40)): Promise<BranchRig> {
  const rig = new BranchRig(name);
  const request = await rig.request(ids, [], () => 1);
  await rig.ask(rig.owner.commit({ ...request, settings: { shards } }));
  for (const id of ids) rig.model.set(id, 1);
  return rig;
}

async function segmentsOf(rig: BranchRig): Promise<readonly SegmentInfo[]> {
  return (await rig.head()).manifest?.segments ?? [];
}

/** Every segment is of a shard, and holds its ids only. */
async function expectSorted(rig: BranchRig, shards: number): Promise<void> {
  const reader = new JobReader(rig.ports(), rig.tenant);
  for (const info of await segmentsOf(rig)) {
    const rows = await rig.clock.run(
      reader.segment(info).then((segment) => reader.shardsOfRows(segment, shards)),
    );
    expect(new Set(rows)).toEqual(new Set([info.shard]));
  }
  expect(await rig.read()).toEqual(rig.model);
}

test("a flush makes a segment for each shard that has rows, in one step", async () => {
  const rig = await founded("flush", 8);
  await rig.index();
  const segments = await segmentsOf(rig);
  expect(segments).toHaveLength(8);
  expect(new Set(segments.map(({ shard }) => shard))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  expect((await rig.head()).manifestVersion).toBe(1);
  expect(segments.every(({ id, shard }) => id.endsWith(`-1-s${shard}`))).toBe(true);
  await expectSorted(rig, 8);
  const status = await rig.ask(rig.owner.status(rig.tenant, rig.name));
  expect(status.segments.map(({ shard }) => shard)).toEqual(segments.map(({ shard }) => shard));
});

test("a namespace of one shard has segments as one without any", async () => {
  const rig = await founded("one", 1);
  await rig.index();
  const [segment, ...others] = await segmentsOf(rig);
  expect([others, segment?.shard, segment?.id.endsWith("-1")]).toEqual([[], undefined, true]);
});

test("a later flush finds what it supersedes in segments of its shard", async () => {
  const rig = await founded("supersede", 8);
  await rig.index();
  const [of] = shardsOf("uint", [7], 8);
  await rig.put(2, [7]);
  await rig.index();
  expect(await rig.read()).toEqual(rig.model);
  const changed = (await segmentsOf(rig)).filter(({ dead }) => dead.version > 0);
  expect(changed.map(({ shard }) => shard)).toEqual([of]);
  await rig.put(3, [], idsFrom(1, 40));
  await rig.index();
  expect(await segmentsOf(rig)).toEqual([]);
});

test("merges keep to a shard, and those of several go on at the same time", async () => {
  const rig = await founded("merge", 2, idsFrom(1, 20));
  for (let round = 0; round < limits.mergeFanIn - 1; round++) {
    await rig.index();
    await rig.put(round, idsFrom(21 + 16 * round, 16));
  }
  await rig.ask(rig.owner.requestFlush(rig.tenant, rig.name));
  const jobs: Job[] = [];
  for (;;) {
    const job = await rig.ask(rig.owner.claim(rig.tenant, rig.name));
    if (job === undefined) break;
    if (job.kind === "merge") jobs.push(job);
    else await rig.run(job);
  }
  expect(jobs).toHaveLength(2);
  const shardOf = new Map((await segmentsOf(rig)).map(({ id, shard }) => [id, shard]));
  for (const { inputs = [] } of jobs) {
    expect(inputs.length).toBeGreaterThan(1);
    expect(new Set(inputs.map((id) => shardOf.get(id))).size).toBe(1);
  }
  for (const job of jobs) await rig.run(job);
  await rig.runDue();
  await expectSorted(rig, 2);
});

test("a copy has the shards of its source, and shares its segments as they are", async () => {
  const rig = await founded("parent", 4);
  await rig.index();
  const { child } = await rig.copy("parent-copy");
  expect((await child.head()).settings.shards).toBe(4);
  const shards = (await segmentsOf(child)).map(({ shard }) => shard);
  expect(new Set(shards)).toEqual(new Set([0, 1, 2, 3]));
  await child.runDue();
  await expectSorted(child, 4);
});

test.each([
  [0, 4],
  [8, 3],
  [4, 1],
])("a copy of %i shards into %i comes apart by its own jobs", async (from, to) => {
  const rig = await founded(`from-${from}-to-${to}`, from);
  await rig.index();
  await rig.put(2, [3, 4, 5], [6]);
  await rig.index();
  await rig.put(3, [3, 50, 51], [7]);
  const { child } = await rig.copy(`of-${from}-to-${to}`, to);
  expect((await segmentsOf(child)).every(({ shard }) => shard === undefined)).toBe(true);
  expect(await child.read()).toEqual(rig.model);
  await child.put(4, [8, 60], [3]);
  await child.index();
  await child.clock.run(child.owner.alarm(child.identity));
  await child.runDue();
  const segments = await segmentsOf(child);
  const own = (await child.head()).generation;
  expect(segments.every(({ home }) => home === own)).toBe(true);
  if (to === 1) expect(await child.read()).toEqual(child.model);
  else await expectSorted(child, to);
});

test("what dies while a segment comes apart is dead in what it becomes", async () => {
  const rig = await founded("dying", 0);
  await rig.index();
  const { child } = await rig.copy("dying-copy", 4);
  const job = await child.ask(child.owner.claim(child.tenant, child.name));
  expect(job?.kind).toBe("merge");
  // It reads on the manifest it was claimed under; the rows die before it commits.
  await child.put(2, [1, 2], idsFrom(3, 20));
  await child.ask(child.owner.requestFlush(child.tenant, child.name));
  const flush = await child.ask(child.owner.claim(child.tenant, child.name));
  expect(flush?.kind).toBe("flush");
  if (job === undefined || flush === undefined) return;
  await child.run(flush);
  await child.run(job);
  await child.runDue();
  await expectSorted(child, 4);
});

test("who is second to decide on shards hears how they were decided", async () => {
  const rig = new BranchRig("second");
  const request = await rig.request([1], [], () => 1);
  const late = { ...request, addition: undefined, settings: { shards: 3 } };
  await rig.ask(rig.owner.commit({ ...request, settings: { shards: 8 } }));
  const { schema } = await rig.ask(rig.owner.describe(rig.tenant, rig.name));
  const reply = await rig.ask(rig.owner.commit({ ...late, schemaVersion: schema.version }));
  expect(reply).toMatchObject({ kind: "stale", now: { shards: 8 } });
  const same = { ...late, schemaVersion: schema.version, settings: { shards: 8 } };
  expect(await rig.ask(rig.owner.commit(same))).toMatchObject({ kind: "committed" });
});

test("writers are refused by the segments of the fullest shard, not by all there are", async () => {
  const rig = await founded("full", 8, idsFrom(1, 64));
  await rig.index();
  const segments = await segmentsOf(rig);
  expect(segments.length).toBe(8);
  const { segmentsMax } = limits;
  try {
    Object.assign(limits, { segmentsMax: 2 });
    await rig.put(2, [1]);
    Object.assign(limits, { segmentsMax: 1 });
    await expect(rig.put(2, [2])).rejects.toMatchObject({ kind: "overloaded" });
  } finally {
    Object.assign(limits, { segmentsMax });
  }
});
