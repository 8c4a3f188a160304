/**
 * The owner of a namespace: what is acknowledged lies in the store, in one order, whatever fails
 * between.
 */
import { expect, test } from "vitest";
import { EngineError } from "../src/errors.ts";
import { openWalEntry, sealWalEntry } from "../src/format/wal.ts";
import { zeroHash } from "../src/namespace/state.ts";
import { generationRoot, walKey } from "../src/store/keys.ts";
import { OwnerRig } from "./owner-rig.ts";
import { syncDigest } from "./sync-digest.ts";

test("a first write registers the name, then stores entry 0, then is answered", async () => {
  const rig = new OwnerRig();
  const reply = await rig.write([1, 2]);
  expect(reply).toMatchObject({ kind: "committed", sequence: 0 });
  const head = await rig.head();
  expect(head).toMatchObject({ floor: 0, next: 1, unindexedRows: 2 });
  expect(head.schema.version).toBe(1);
  expect(rig.memory.size).toBe(2);
});

test("a write takes one put and an idle namespace does not wait", async () => {
  const rig = new OwnerRig();
  await rig.write([1]);
  await rig.clock.advance(10_000);
  const request = await rig.request([2]);
  const before = rig.store.counts();
  const started = rig.clock.now();
  await rig.ask(rig.owner.commit(request));
  expect(rig.clock.now()).toBe(started);
  expect(rig.store.counts().put - before.put).toBe(1);
  expect(rig.store.counts().get - before.get).toBe(0);
});

test("writes that arrive together share entries", async () => {
  const rig = new OwnerRig();
  await rig.write([0]);
  const request = await rig.request([1]);
  const before = rig.store.counts().put;
  const replies = await Promise.all(
    Array.from({ length: 100 }, () => rig.ask(rig.owner.commit(request))),
  );
  expect(replies.every((reply) => reply.kind === "committed")).toBe(true);
  expect(rig.store.counts().put - before).toBeLessThanOrEqual(2);
  expect((await rig.head()).unindexedRows).toBe(101);
});

test("of two first writes one is told to encode again, after the other is durable", async () => {
  const rig = new OwnerRig();
  const [a, b] = [await rig.request([1]), await rig.request([2])];
  const replies = await Promise.all([rig.ask(rig.owner.commit(a)), rig.ask(rig.owner.commit(b))]);
  expect(replies.map((reply) => reply.kind)).toEqual(["committed", "stale"]);
  const [, stale] = replies;
  expect(stale?.kind === "stale" && stale.now.exists && stale.now.schema.version).toBe(1);
});

test("a new instance finds every acknowledged write, with or without its storage", async () => {
  for (const wiped of [false, true]) {
    const rig = new OwnerRig();
    for (let id = 0; id < 20; id++) {
      await rig.write([id]);
    }
    if (wiped) {
      rig.storage.wipe();
    }
    rig.restart();
    const head = await rig.head();
    expect(head.unindexedRows).toBe(20);
    // Without the record a fence closes the slot that may have been written to.
    expect(head.next).toBe(wiped ? 21 : 20);
    expect(await rig.write([99])).toMatchObject({ kind: "committed", sequence: head.next });
  }
});

test("a put whose answer is lost is recognised as our own", async () => {
  const rig = new OwnerRig();
  await rig.write([1]);
  rig.faulty.failNext("put", "unanswered", 3);
  expect(await rig.write([2])).toMatchObject({ kind: "committed", sequence: 1 });
  expect((await rig.head()).unindexedRows).toBe(2);
});

test("a put that never arrives is repeated with the same bytes until it does", async () => {
  const rig = new OwnerRig();
  await rig.write([1]);
  rig.faulty.failNext("put", "lost", 5);
  expect(await rig.write([2])).toMatchObject({ kind: "committed", sequence: 1 });
});

test("after the deadline a writer hears that the outcome is unknown, and the write lands", async () => {
  const rig = new OwnerRig();
  await rig.write([1]);
  const request = await rig.request([2]);
  rig.faulty.failNext("put", "lost", 60);
  const error = await rig.ask(rig.owner.commit(request)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EngineError);
  expect((error as EngineError).detail.outcomeUnknown).toBe(true);
  expect(await rig.write([3])).toMatchObject({ kind: "committed", sequence: 2 });
  expect((await rig.head()).unindexedRows).toBe(3);
});

test("a slot tried by a crashed instance is settled before anything else", async () => {
  const rig = new OwnerRig();
  await rig.write([1]);
  const record = rig.storage.record;
  rig.storage.record = record && { ...record, intent: 1 };
  rig.restart();
  const head = await rig.head();
  expect(head.next).toBe(2);
  const root = generationRoot(rig.tenant, head.generation);
  const fence = await rig.memory.get(walKey(root, 1));
  const entry = await openWalEntry(
    fence?.bytes ?? new Uint8Array(),
    { generation: head.generation, sequence: 1 },
    syncDigest,
  );
  expect(entry.members).toEqual([]);
});

test("an entry that landed late is adopted, and what waits is checked again", async () => {
  const rig = new OwnerRig();
  await rig.write([1]);
  const { generation, epoch } = await rig.head();
  const request = await rig.request([3]);
  const first = await rig.memory.get(walKey(generationRoot(rig.tenant, generation), 0));
  const opened = await openWalEntry(
    first?.bytes ?? new Uint8Array(),
    { generation, sequence: 0 },
    syncDigest,
  );
  const late = await sealWalEntry(
    {
      generation,
      sequence: 1,
      epoch,
      nonce: new Uint8Array(16).fill(9),
      previous: opened.hash,
      timeMs: rig.clock.now(),
      members: [{ ...opened.members[0], schemaVersion: 1, addition: undefined } as never],
    },
    syncDigest,
  );
  const key = walKey(generationRoot(rig.tenant, generation), 1);
  await rig.memory.put(key, late.bytes, { kind: "create" });
  expect(await rig.ask(rig.owner.commit(request))).toMatchObject({
    kind: "committed",
    sequence: 2,
  });
  expect((await rig.head()).unindexedRows).toBe(3);
});

test("an instance that was replaced acknowledges nothing", async () => {
  const rig = new OwnerRig();
  await rig.write([1]);
  const zombie = rig.owner;
  const request = await rig.request([2]);
  rig.restart();
  await rig.write([3]);
  await expect(rig.clock.run(zombie.commit(request))).rejects.toThrow("reset");
  rig.restart();
  expect((await rig.head()).unindexedRows).toBe(2);
});

test("a log whose chain is broken is refused", async () => {
  const rig = new OwnerRig();
  await rig.write([1]);
  const { generation } = await rig.head();
  const foreign = await sealWalEntry(
    {
      generation,
      sequence: 1,
      epoch: 1,
      nonce: new Uint8Array(16),
      previous: zeroHash,
      timeMs: 0,
      members: [],
    },
    syncDigest,
  );
  const key = walKey(generationRoot(rig.tenant, generation), 1);
  await rig.memory.put(key, foreign.bytes, { kind: "create" });
  rig.restart();
  await expect(rig.head()).rejects.toMatchObject({ kind: "corrupt" });
});

test("deletion frees the name, and the next life shares nothing with it", async () => {
  const rig = new OwnerRig();
  await rig.write([1, 2, 3]);
  const before = await rig.head();
  await rig.ask(rig.owner.remove(rig.tenant, rig.name));
  await expect(rig.head()).rejects.toMatchObject({ kind: "notFound" });
  await expect(rig.ask(rig.owner.remove(rig.tenant, rig.name))).rejects.toMatchObject({
    kind: "notFound",
  });
  await rig.write([7]);
  const after = await rig.head();
  expect(after.generation).not.toBe(before.generation);
  expect(after).toMatchObject({ next: 1, unindexedRows: 1 });
  rig.storage.wipe();
  rig.restart();
  expect(await rig.head()).toMatchObject({ generation: after.generation, unindexedRows: 1 });
});

test("a deletion cut short after its tombstone is finished by the next instance", async () => {
  const rig = new OwnerRig();
  await rig.write([1]);
  // The grave's put never arrives, and its writer dies waiting.
  const removal = rig.owner.remove(rig.tenant, rig.name);
  removal.catch(() => undefined);
  rig.lost = /graves/;
  await rig.clock.advance(500);
  rig.restart();
  rig.lost = undefined;
  await expect(rig.head()).rejects.toMatchObject({ kind: "notFound" });
  await rig.write([5]);
  expect((await rig.head()).unindexedRows).toBe(1);
});

test("a query before any write says that the namespace was not found", async () => {
  const rig = new OwnerRig("none");
  await expect(rig.head()).rejects.toMatchObject({
    kind: "notFound",
    message: "🤷 namespace 'none' was not found",
  });
});
