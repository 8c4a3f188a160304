/**
 * Idempotency keys: a write that is sent again is answered again and applied once, whatever was
 * lost or flushed between.
 */
import { describe, expect, test } from "vitest";
import type { WriteKey } from "../src/format/wal.ts";
import { openWriteKeys } from "../src/format/write-keys.ts";
import { limits } from "../src/limits.ts";
import type { CommitReply, CommitRequest, Reply } from "../src/namespace/protocol.ts";
import { generationRoot, keysKey, keysPrefix } from "../src/store/keys.ts";
import { CompactRig } from "./compact-rig.ts";
import { syncDigest } from "./sync-digest.ts";

function keyOf(id: number, body = 1, keepMs: number = limits.keyKeepMs): WriteKey {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, id);
  return { id: bytes, body: new Uint8Array(16).fill(body), keepMs };
}

class KeyRig extends CompactRig {
  async keyed(key: WriteKey, id = 1): Promise<CommitRequest> {
    return { ...(await this.request([id])), key };
  }

  async send(key: WriteKey, id = 1): Promise<CommitReply> {
    return await this.ask(this.owner.commit(await this.keyed(key, id)));
  }

  async refs() {
    return (await this.head()).manifest?.keys ?? [];
  }

  async root(): Promise<string> {
    return generationRoot(this.tenant, (await this.head()).generation);
  }

  async objects(): Promise<number> {
    return (await this.memory.list(keysPrefix(await this.root()))).objects.length;
  }
}

const first = { kind: "committed", sequence: 0, upserts: 1, deletes: 0 };

describe("a write that is sent again under its key", () => {
  test("is answered with the entry it is in, across flushes, restarts and lost storage", async () => {
    const rig = new KeyRig();
    expect(await rig.send(keyOf(7))).toMatchObject({ ...first, repeated: false });
    const again = { ...first, repeated: true };
    expect(await rig.send(keyOf(7))).toMatchObject(again);
    rig.restart();
    expect(await rig.send(keyOf(7))).toMatchObject(again);
    await rig.flushAll();
    expect(await rig.send(keyOf(7))).toMatchObject(again);
    rig.storage.wipe();
    rig.restart();
    expect(await rig.send(keyOf(7))).toMatchObject(again);
    expect((await rig.head()).unindexedRows).toBe(0);
  });

  test("with another body is a conflict that says so", async () => {
    const rig = new KeyRig();
    await rig.send(keyOf(7));
    const reply = await rig.clock.run(rig.owner.commit(await rig.keyed(keyOf(7, 2))));
    expect(reply).toMatchObject({ ok: false, kind: "conflict", field: "Idempotency-Key" });
    expect(!reply.ok && reply.message).toContain("another body");
  });

  test("while the first still waits shares its fate and its entry", async () => {
    const rig = new KeyRig();
    await rig.send(keyOf(1));
    const request = await rig.keyed(keyOf(7));
    const release = rig.stall(/\/wal\//);
    const replies: Reply<CommitReply>[] = [];
    const sent = [request, request, request].map((each) =>
      rig.owner.commit(each).then((reply) => replies.push(reply)),
    );
    await rig.clock.advance(5_000);
    expect(replies).toEqual([]);
    release();
    await rig.clock.run(Promise.all(sent));
    expect(replies.map((reply) => reply.ok && reply.value)).toMatchObject([
      { sequence: 1, repeated: false },
      { sequence: 1, repeated: true },
      { sequence: 1, repeated: true },
    ]);
    expect((await rig.head()).unindexedRows).toBe(2);
  });

  test("is recognised in an entry that another instance wrote", async () => {
    const rig = new KeyRig();
    await rig.send(keyOf(1));
    const request = await rig.keyed(keyOf(7));
    const release = rig.stall(/\/wal\//);
    const lost = rig.owner.commit(request).catch(() => undefined);
    await rig.clock.advance(500);
    const successor = rig.restart();
    const repeated = successor.commit(request);
    release();
    expect(await rig.ask(repeated)).toMatchObject({ kind: "committed", sequence: 1 });
    await rig.clock.run(lost);
    expect((await rig.head()).unindexedRows).toBe(2);
  });

  test("is not refused though the namespace takes no more writes", async () => {
    const rig = new KeyRig();
    await rig.send(keyOf(7));
    const request = await rig.keyed(keyOf(7));
    const bounds = limits as { tailEntriesMax: number };
    const before = bounds.tailEntriesMax;
    bounds.tailEntriesMax = 0.5;
    try {
      expect(await rig.ask(rig.owner.commit(request))).toMatchObject({ repeated: true });
      const fresh = await rig.clock.run(rig.owner.commit({ ...request, key: keyOf(8) }));
      expect(fresh).toMatchObject({ ok: false, kind: "overloaded" });
    } finally {
      bounds.tailEntriesMax = before;
    }
  });

  test("belongs to one life of the name", async () => {
    const rig = new KeyRig();
    await rig.send(keyOf(7));
    await rig.ask(rig.owner.remove(rig.tenant, rig.name));
    expect(await rig.send(keyOf(7))).toMatchObject({ sequence: 0, repeated: false });
  });

  test("asks for nothing new: an empty request finds out what became of it", async () => {
    const rig = new KeyRig();
    await rig.send(keyOf(7));
    const request = await rig.keyed(keyOf(7));
    const empty = { ...request, upserts: 0, deletes: 0, chunks: [] };
    expect(await rig.ask(rig.owner.commit(empty))).toMatchObject({ sequence: 0, upserts: 1 });
    const unknown = { ...empty, key: keyOf(8) };
    expect(await rig.ask(rig.owner.commit(unknown))).toEqual({ kind: "nothing" });
    expect((await rig.head()).next).toBe(1);
  });
});

describe("keys of flushed entries", () => {
  test("are read once in the life of an instance, at the first write that has a key", async () => {
    const rig = new KeyRig();
    await rig.send(keyOf(7));
    await rig.flushAll();
    rig.restart();
    await rig.head();
    const count = () => rig.store.counts().get;
    const started = count();
    await rig.write([2]);
    expect(count()).toBe(started);
    const requests = [await rig.keyed(keyOf(8)), await rig.keyed(keyOf(9))];
    await rig.clock.run(Promise.all(requests.map((each) => rig.owner.commit(each))));
    expect(count()).toBe(started + 1);
    await rig.send(keyOf(7));
    expect(count()).toBe(started + 1);
  });

  test("need no reading by the instance that knew them in the log", async () => {
    const rig = new KeyRig();
    await rig.send(keyOf(7));
    await rig.flushAll();
    const before = rig.store.counts().get;
    expect(await rig.send(keyOf(7))).toMatchObject({ repeated: true });
    expect(rig.store.counts().get).toBe(before);
  });

  test("go into one small object that takes in the one before, which is collected", async () => {
    const rig = new KeyRig();
    for (let id = 0; id < 4; id++) {
      await rig.send(keyOf(id), id);
      await rig.flushAll();
    }
    const [ref, ...others] = await rig.refs();
    expect(ref).toMatchObject({ from: 0, to: 4, keys: 4 });
    expect(others).toEqual([]);
    const { manifest, generation } = await rig.head();
    expect(manifest?.dead.filter(({ object }) => object.kind === "keys")).toHaveLength(3);
    const stored = await rig.memory.get(keysKey(await rig.root(), ref?.name ?? ""));
    const place = { generation, from: 0, to: 4 };
    const { records } = await openWriteKeys(stored?.bytes ?? new Uint8Array(), place, syncDigest);
    expect(records.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
  });

  test("none makes no object", async () => {
    const rig = new KeyRig();
    await rig.put([1]);
    await rig.flushAll();
    expect(await rig.refs()).toEqual([]);
    expect(await rig.objects()).toBe(0);
  });

  for (const damage of ["missing", "damaged"] as const) {
    test(`that are ${damage} stop writes until they may be forgotten, and never indexing`, async () => {
      const rig = new KeyRig();
      await rig.send(keyOf(7));
      await rig.flushAll();
      const [ref] = await rig.refs();
      const key = keysKey(await rig.root(), ref?.name ?? "");
      const bytes = (await rig.memory.get(key))?.bytes ?? new Uint8Array();
      await rig.memory.delete([key]);
      if (damage === "damaged") {
        await rig.memory.put(key, bytes.fill(1, 120, 140), { kind: "create" });
      }
      await rig.send(keyOf(8));
      await rig.flushAll();
      expect((await rig.refs()).map(({ from, to }) => [from, to])).toEqual([
        [0, 1],
        [1, 2],
      ]);
      rig.restart();
      const refused = await rig.clock.run(rig.owner.commit(await rig.keyed(keyOf(9))));
      expect(refused).toMatchObject({ ok: false, kind: "corrupt" });
      await rig.clock.advance(limits.keyKeepMs);
      expect(await rig.send(keyOf(8))).toMatchObject({ sequence: 1, repeated: true });
      expect(await rig.send(keyOf(9))).toMatchObject({ repeated: false });
    });
  }
});
