/** The log under fire: puts that hang, entries that land late, deletions, clocks that jump. */
import { describe, expect, test } from "vitest";
import { openWalEntry, sealWalEntry, type WalMember } from "../src/format/wal.ts";
import { limits } from "../src/limits.ts";
import type { CommitReply } from "../src/namespace/protocol.ts";
import { generationRoot, registryKey, walKey } from "../src/store/keys.ts";
import { OwnerRig } from "./owner-rig.ts";
import { syncDigest } from "./sync-digest.ts";

/** An entry at the next slot, as an earlier instance's put would leave it when it lands late. */
async function landLate(rig: OwnerRig, members: readonly WalMember[], epoch = 1): Promise<void> {
  const { generation, next } = await rig.head();
  const root = generationRoot(rig.tenant, generation);
  const last = await rig.memory.get(walKey(root, next - 1));
  const { hash } = await openWalEntry(
    last?.bytes ?? new Uint8Array(),
    { generation, sequence: next - 1 },
    syncDigest,
  );
  const entry = {
    generation,
    sequence: next,
    epoch,
    nonce: new Uint8Array(16).fill(9),
    previous: hash,
    timeMs: rig.clock.now(),
    members,
  };
  const { bytes } = await sealWalEntry(entry, syncDigest);
  await rig.memory.put(walKey(root, next), bytes, { kind: "create" });
}

describe("a writer", () => {
  test("that is told to encode again does not wait until all others stop", async () => {
    const rig = new OwnerRig();
    await rig.write([0]);
    rig.putMs = 150;
    const request = await rig.request([1]);
    let isWriting = true;
    const writeOn = async (startMs: number): Promise<void> => {
      await rig.clock.sleep(startMs);
      while (isWriting) await rig.owner.commit(request);
    };
    // Always one that waits while another is stored.
    const others = Promise.all([0, 160].map(writeOn));
    await rig.clock.advance(1_000);
    let stale: CommitReply | undefined;
    const told = rig.ask(rig.owner.commit({ ...request, schemaVersion: 7 }));
    told.then(
      (reply) => (stale = reply),
      () => undefined,
    );
    await rig.clock.advance(1_000);
    expect(stale).toMatchObject({ kind: "stale", now: { schema: { version: 1 } } });
    isWriting = false;
    await rig.clock.run(Promise.all([others, told]));
  });

  test("hears after the deadline that the outcome is unknown, though the put never answers", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const [first, second] = [await rig.request([2]), await rig.request([3])];
    const release = rig.stall(/\/wal\//);
    const inFlight = rig.owner.commit(first);
    await rig.clock.advance(500);
    const waiting = rig.owner.commit(second);
    await rig.clock.advance(limits.commitDeadlineMs + 2_000);
    for (const reply of [await settled(inFlight), await settled(waiting)]) {
      expect(reply).toMatchObject({ ok: false, kind: "unavailable", outcomeUnknown: true });
    }
    release();
    await rig.clock.advance(1_000);
    expect((await rig.head()).unindexedRows).toBe(3);
    await rig.write([4]);
    expect((await rig.head()).unindexedRows).toBe(4);
  });

  test("goes on when the clock falls back by a day", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    rig.clock.set(rig.clock.now() - 86_400_000);
    const startedMs = rig.clock.now();
    await rig.write([2]);
    expect(rig.clock.now() - startedMs).toBeLessThan(2_000);
  });

  test("whose batch cannot be read back is refused, and hurts nobody", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const request = await rig.request([2]);
    const poison = { ...request, upserts: -1 };
    const reply = await settled(rig.clock.run(rig.owner.commit(poison)));
    expect(reply === undefined || "error" in reply || !reply.ok).toBe(true);
    expect(rig.aborts).toEqual([]);
    await rig.write([3]);
    rig.restart();
    expect((await rig.head()).unindexedRows).toBe(2);
  });
});

/** What the promise came to; undefined while it is pending. */
async function settled<T>(promise: Promise<T>): Promise<T | { error: unknown } | undefined> {
  const failed = promise.catch((error: unknown) => ({ error }));
  const later = new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));
  return await Promise.race([failed, later]);
}

describe("an entry of an earlier instance", () => {
  test("that changed the schema sends those back who did not know", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const request = await rig.request([2]);
    const attributes = new Map([["late", { type: "string" as const, filterable: false }]]);
    const batch = { kind: "batch" as const, upserts: 0, deletes: 0, chunks: [] };
    await landLate(rig, [{ ...batch, schemaVersion: 2, addition: { attributes } }]);
    const release = rig.stall(/\/wal\//);
    const sealed = rig.owner.commit(request);
    await rig.clock.advance(200);
    const open = rig.owner.commit(request);
    await rig.clock.advance(200);
    release();
    for (const reply of [await rig.ask(sealed), await rig.ask(open)]) {
      expect(reply).toMatchObject({ kind: "stale", now: { exists: true, schema: { version: 2 } } });
    }
    expect((await rig.head()).next).toBe(2);
    expect(await rig.write([2])).toMatchObject({ kind: "committed", sequence: 2 });
    rig.restart();
    expect((await rig.head()).schema.attributes.get("late")).toEqual(attributes.get("late"));
  });

  test("that keeps a setting from being made lets nobody be refused because of it", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const request = await rig.request([2]);
    const change = { ...request, upserts: 0, addition: undefined, chunks: [] };
    const attributes = new Map([["late", { type: "string" as const, filterable: false }]]);
    const batch = { kind: "batch" as const, upserts: 0, deletes: 0, chunks: [] };
    await landLate(rig, [{ ...batch, schemaVersion: 2, addition: { attributes } }]);
    const release = rig.stall(/\/wal\//);
    const setting = rig.owner.commit({ ...change, settings: { readOnly: true } });
    const write = rig.owner.commit(request);
    await rig.clock.advance(200);
    release();
    for (const reply of [await rig.ask(setting), await rig.ask(write)]) {
      expect(reply).toMatchObject({ kind: "stale", now: { exists: true, schema: { version: 2 } } });
    }
    expect((await rig.head()).settings.readOnly).toBe(false);
  });

  test("that is gone although the record knew it closes the namespace, and nothing is lost", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    await rig.write([2]);
    const { generation } = await rig.head();
    const key = walKey(generationRoot(rig.tenant, generation), 1);
    const entry = await rig.memory.get(key);
    await rig.memory.delete([key]);
    rig.restart();
    await expect(rig.head()).rejects.toMatchObject({ kind: "corrupt" });
    await expect(rig.write([3])).rejects.toMatchObject({ kind: "corrupt" });
    await rig.memory.put(key, entry?.bytes ?? new Uint8Array(), { kind: "create" });
    await rig.clock.run(rig.owner.alarm(rig.identity)).catch(() => undefined);
    expect((await rig.head()).unindexedRows).toBe(2);
  });
});

describe("an alarm", () => {
  test("that cannot start its instance rings again", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    rig.restart();
    rig.storage.alarmMs = undefined;
    rig.faulty.failNext("get", "lost", 100);
    await rig.clock.run(rig.owner.alarm(rig.identity));
    expect(rig.storage.alarmMs).toBe(rig.clock.now() + limits.alarmMs);
    rig.faulty.clear();
    await rig.clock.run(rig.owner.alarm(rig.identity));
    expect(rig.storage.alarmMs).toBeGreaterThan(rig.clock.now() + limits.alarmMs);
  });

  test("that does not say whose it is finds out", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    rig.restart();
    rig.storage.alarmMs = undefined;
    await rig.clock.run(rig.owner.alarm(undefined));
    expect(rig.storage.alarmMs).toBeGreaterThan(rig.clock.now() + limits.alarmMs);
    expect((await rig.head()).unindexedRows).toBe(1);
  });
});

describe("a deletion", () => {
  test("whose tombstone lands after its deadline is finished without a new instance", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    rig.lost = /\/wal\//;
    await expect(rig.ask(rig.owner.remove(rig.tenant, rig.name))).rejects.toMatchObject({
      detail: { outcomeUnknown: true },
    });
    rig.lost = undefined;
    await rig.clock.advance(5_000);
    await expect(rig.head()).rejects.toMatchObject({ kind: "notFound" });
    await rig.write([2]);
    expect((await rig.head()).unindexedRows).toBe(1);
    expect(rig.aborts).toEqual([]);
  });

  test("found in the log by a writer is finished, and the writer begins the next life", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const before = await rig.head();
    const request = await rig.request([2]);
    await landLate(rig, [{ kind: "tombstone" }]);
    const reply = await rig.ask(rig.owner.commit(request));
    expect(reply).toMatchObject({ kind: "stale", now: { exists: false } });
    expect(reply.kind === "stale" && reply.now.generation).not.toBe(before.generation);
    await rig.write([3]);
    expect((await rig.head()).unindexedRows).toBe(1);
  });

  test("that finds another's tombstone is done too", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    await landLate(rig, [{ kind: "tombstone" }]);
    expect(await rig.ask(rig.owner.remove(rig.tenant, rig.name))).toBe(true);
    await expect(rig.head()).rejects.toMatchObject({ kind: "notFound" });
    await rig.write([3]);
    expect((await rig.head()).unindexedRows).toBe(1);
  });

  test("waiting behind a group that met a late entry is carried out", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const request = await rig.request([2]);
    await landLate(rig, []);
    const release = rig.stall(/\/wal\//);
    const write = rig.owner.commit(request);
    await rig.clock.advance(150);
    const removal = rig.owner.remove(rig.tenant, rig.name);
    await rig.clock.advance(150);
    release();
    expect(await rig.ask(write)).toMatchObject({ kind: "committed" });
    expect(await rig.ask(removal)).toBe(true);
    await expect(rig.head()).rejects.toMatchObject({ kind: "notFound" });
  });

  test("asked for twice at once deletes one life", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const replies = await Promise.all([
      rig.ask(rig.owner.remove(rig.tenant, rig.name)),
      rig.ask(rig.owner.remove(rig.tenant, rig.name)),
    ]);
    expect(replies).toEqual([true, true]);
    await rig.write([2]);
    expect((await rig.head()).unindexedRows).toBe(1);
  });

  test("overtakes no write: what was acknowledged before it is deleted, what comes after lives", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const { generation } = await rig.head();
    const request = await rig.request([2]);
    const [first, removed, second] = await rig.clock.run(
      Promise.all([
        rig.owner.commit(request),
        rig.owner.remove(rig.tenant, rig.name),
        rig.owner.commit(request),
      ]),
    );
    expect(first).toMatchObject({ ok: true, value: { kind: "committed" } });
    expect(removed).toMatchObject({ ok: true });
    expect(second).toMatchObject({ ok: true, value: { kind: "stale", now: { exists: false } } });
    expect(second?.ok && second.value.kind === "stale" && second.value.now.generation).not.toBe(
      generation,
    );
  });
});

describe("an instance that was replaced", () => {
  test("ends when it meets its successor in the log", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const request = await rig.request([2]);
    await landLate(rig, [], 99);
    await expect(rig.clock.run(rig.owner.commit(request))).rejects.toThrow("reset");
    expect(rig.aborts).toHaveLength(1);
    expect(await rig.head()).toMatchObject({ next: 2, epoch: 100, unindexedRows: 1 });
  });

  test("registers no name", async () => {
    const rig = new OwnerRig();
    const request = await rig.request([1]);
    const zombie = rig.owner;
    rig.restart();
    zombie.commit(request).catch(() => undefined);
    await rig.clock.advance(2_000);
    expect(await rig.memory.get(registryKey(rig.tenant, rig.name))).toBeUndefined();
  });

  test("sends no repeated put either", async () => {
    const rig = new OwnerRig();
    await rig.write([1]);
    const request = await rig.request([2]);
    const { generation } = await rig.head();
    rig.lost = /\/wal\//;
    const zombie = rig.owner;
    zombie.commit(request).catch(() => undefined);
    await rig.clock.advance(500);
    rig.storage.newest += 1;
    rig.lost = undefined;
    await rig.clock.advance(5_000);
    expect(await rig.memory.get(walKey(generationRoot(rig.tenant, generation), 1))).toBeUndefined();
  });
});
