/** What an owner holds in memory is bounded, and a long log is read back all the same. */
import { expect, test } from "vitest";
import { limits } from "../src/limits.ts";
import type { CommitRequest, Reply } from "../src/namespace/protocol.ts";
import { CompactRig } from "./compact-rig.ts";

const MiB = 1024 * 1024;

async function largeRequest(rig: CompactRig, bytes: number): Promise<CommitRequest> {
  const request = await rig.request([1]);
  return { ...request, chunks: [{ kind: "inline", bytes: new Uint8Array(bytes), rows: 1 }] };
}

test("a tail of more entries than a page lists is recovered, and bounds its writers", async () => {
  const rig = new CompactRig();
  await rig.put([0]);
  const request = await rig.request([1]);
  const write = async () => (await rig.clock.run(rig.owner.commit(request))) as Reply<unknown>;
  let reply = await write();
  while (reply.ok) reply = await write();
  expect(reply).toMatchObject({ kind: "overloaded", retryAfterMs: 1_000 });
  const { next } = await rig.head();
  expect(next).toBe(limits.tailEntriesMax + 1);

  rig.storage.wipe();
  rig.restart();
  expect(await rig.head()).toMatchObject({ next: next + 1, unindexedRows: next });
  expect(await write()).toMatchObject({ kind: "overloaded" });

  rig.model.add(1);
  await rig.flushAll();
  expect(await write()).toMatchObject({ ok: true });
  expect(await rig.segmentIds()).toEqual(rig.model);
}, 20_000);

test("writes that wait take a bounded memory: the others are refused at once", async () => {
  const rig = new CompactRig();
  await rig.put([0]);
  const request = await largeRequest(rig, MiB);
  const release = rig.stall(/\/wal\//);
  const replies = Array.from({ length: 40 }, () => rig.owner.commit(request));
  await rig.clock.advance(1_000);
  const refused = await Promise.all(
    replies.map((reply) =>
      Promise.race([
        reply.then((value) => (value.ok ? "ok" : value.kind)),
        new Promise((resolve) => setImmediate(() => resolve("waits"))),
      ]),
    ),
  );
  expect(refused.filter((each) => each === "waits")).toHaveLength(23);
  expect(refused.filter((each) => each === "overloaded")).toHaveLength(17);
  release();
  await rig.clock.run(Promise.all(replies));
  expect(rig.pending.counts()).toMatchObject({ reservedBytes: 0, expired: 0 });
  expect((await rig.head()).unindexedRows).toBe(24);
});

test("a recovery holds a bounded part of the log at a time", async () => {
  const rig = new CompactRig();
  await rig.put([0]);
  for (let i = 0; i < 6; i++) {
    const request = await largeRequest(rig, MiB);
    await rig.clock.run(Promise.all(Array.from({ length: 7 }, () => rig.owner.commit(request))));
    await rig.clock.advance(1_000);
  }
  const get = rig.memory.get.bind(rig.memory);
  let [held, peak] = [0, 0];
  rig.memory.get = async (key, range) => {
    const object = await get(key, range);
    held += object?.size ?? 0;
    peak = Math.max(peak, held);
    await new Promise((resolve) => setImmediate(resolve));
    held -= object?.size ?? 0;
    return object;
  };
  rig.storage.wipe();
  rig.restart();
  expect((await rig.head()).unindexedRows).toBe(43);
  expect(peak).toBeGreaterThan(7 * MiB);
  expect(peak).toBeLessThan(limits.waveBytesMax + MiB);
});
