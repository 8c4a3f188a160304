/** Objects that are bad for good: the namespace starts, says so, and never answers as if not. */
import { describe, expect, test } from "vitest";
import { openChanges } from "../src/changes.ts";
import type { SchemaAddition } from "../src/document/schema.ts";
import { pointAsOf } from "../src/history.ts";
import { limits } from "../src/limits.ts";
import { readSkip } from "../src/log-read.ts";
import { pinnedSnapshot } from "../src/pinned.ts";
import { manifestKey, skipKey, walKey } from "../src/store/keys.ts";
import { BadRig } from "./bad-rig.ts";
import { applies, type Fault, modes } from "./crash/failures.ts";

const corrupt = { kind: "corrupt" };

/** Three entries; the second is bad. */
async function badSecond(
  ...faults: readonly Fault[]
): Promise<{ rig: BadRig; key: string; good: Uint8Array }> {
  const rig = new BadRig(...faults);
  await rig.put(1, [1, 2]);
  await rig.put(2, [2, 3]);
  await rig.put(3, [4]);
  const key = walKey(await rig.root(), 1);
  const good = await rig.rot(key);
  rig.restart();
  return { rig, key, good };
}

describe("a log entry that cannot be read", () => {
  test("is not the end of the log to whoever reads changes or the past", async () => {
    const { rig } = await badSecond();
    const target = { tenant: rig.tenant, name: rig.name, owner: rig.owner };
    const now = { kind: "time", ms: rig.clock.now() } as const;
    await expect(rig.clock.run(openChanges(rig.ports(), target))).rejects.toMatchObject(corrupt);
    await expect(rig.clock.run(pointAsOf(rig.ports(), target, now))).rejects.toMatchObject(corrupt);
  });

  test("lets the namespace start, and say what is wrong instead of answering", async () => {
    const { rig, key } = await badSecond();
    await expect(rig.head()).rejects.toMatchObject({ ...corrupt, detail: { object: key } });
    await expect(rig.head()).rejects.toThrow(/log entry 1 .*SHA-256 does not match.*skip_entry/);
    await expect(rig.write([5])).rejects.toMatchObject(corrupt);
    await expect(rig.read()).rejects.toMatchObject(corrupt);
    await expect(rig.index()).rejects.toMatchObject(corrupt);
    const quarantine = { sequence: 1, key };
    expect(await rig.status()).toMatchObject({ head: 1, quarantine, skips: [] });
    expect(await rig.brief()).toMatchObject({ next: 1, quarantine });
    const described = await rig.ask(rig.owner.describe(rig.tenant, rig.name));
    expect(described).toMatchObject({ exists: true, quarantine });
    expect(await rig.ask(rig.owner.claim(rig.tenant, rig.name))).toBeUndefined();
  });

  test("is read again now and then, and all is well once it can be", async () => {
    const { rig, key, good } = await badSecond();
    await expect(rig.head()).rejects.toMatchObject(corrupt);
    const soon = (rig.storage.alarmMs ?? 0) - rig.clock.now();
    expect(soon).toBe(limits.quarantineLookMsMin);
    for (let i = 0; i < 12; i++) {
      await rig.clock.advance((rig.storage.alarmMs ?? 0) - rig.clock.now());
      await rig.lookAgain();
    }
    // Ever more seldom.
    expect((rig.storage.alarmMs ?? 0) - rig.clock.now()).toBe(limits.quarantineLookMsMax);
    await rig.heal(key, good);
    await rig.lookAgain();
    expect(await rig.read()).toEqual(rig.model);
  });

  test("costs one read when only the read was bad", async () => {
    const rig = new BadRig();
    await rig.put(1, [1]);
    rig.restart();
    rig.faulty.failNext("get", "flipped");
    expect(await rig.insist(() => rig.read())).toEqual(rig.model);
    expect((await rig.status()).quarantine).toBeUndefined();
  });

  test("is gone on without when an operator says so, and only that", async () => {
    const { rig, key } = await badSecond();
    const { tenant, name } = rig;
    for (const other of [0, 2, 7]) {
      const skip = rig.ask(rig.owner.skipEntry(tenant, name, other, "wrong"));
      await expect(skip).rejects.toMatchObject({ kind: "conflict" });
    }
    expect(await rig.skip(1)).toMatchObject({ sequence: 1, reason: "no copy is left" });
    rig.model.set(2, 1).delete(3);
    expect(await rig.read()).toEqual(rig.model);
    await rig.put(4, [5]);
    await rig.index();
    expect(await rig.read()).toEqual(rig.model);
    rig.storage.wipe();
    rig.restart();
    expect(await rig.read()).toEqual(rig.model);
    const [skip] = (await rig.status()).skips;
    expect(skip).toMatchObject({ sequence: 1, fault: expect.stringContaining("SHA-256") });
    expect((await rig.brief()).skips).toEqual([skip]);
    expect(key).toContain("/wal/");
  });

  test("is skipped by a record of which one bad read means nothing", async () => {
    const { rig } = await badSecond();
    await rig.skip(1);
    const root = await rig.root();
    const { generation } = await rig.head();
    const recordOf = (sequence: number) =>
      rig.clock.run(readSkip(rig.ports(), root, generation, sequence));
    rig.faulty.failNext("get", "flipped");
    expect(await recordOf(1)).toMatchObject({ sequence: 1, reason: "no copy is left" });
    rig.faulty.failNext("get", "flipped", limits.doubtReadsMax);
    await expect(recordOf(1)).rejects.toMatchObject(corrupt);
    rig.store.reset();
    expect(await recordOf(0)).toBeUndefined();
    expect(rig.store.counts().get).toBe(1);
  });

  test("has no time of its own once it is skipped: as of it, the state is the one before", async () => {
    const rig = new BadRig();
    const times: number[] = [];
    for (const id of [1, 2, 3, 4]) {
      await rig.put(id, [id]);
      times.push(rig.clock.now());
      await rig.clock.advance(60_000);
    }
    const root = await rig.root();
    const keep = await rig.request([]);
    const settings = { retentionMs: 24 * 3_600_000 };
    await rig.ask(rig.owner.commit({ ...keep, addition: undefined, chunks: [], settings }));
    await rig.rot(walKey(root, 1));
    await rig.rot(walKey(root, 2));
    rig.restart();
    await rig.skip(1);
    await rig.skip(2);
    const { tenant, name } = rig;
    const endAt = async (ms: number) => {
      const target = { tenant, name, owner: rig.owner };
      return (await rig.clock.run(pointAsOf(rig.ports(), target, { kind: "time", ms }))).next;
    };
    const ends = () => Promise.all(times.map(endAt));
    expect(await ends()).toEqual([3, 3, 3, 4]);
    await rig.index();
    expect(await ends()).toEqual([3, 3, 3, 4]);
    // They are over when the entry behind them came, not when they did.
    await rig.clock.advance(24 * 3_600_000 - 150_000);
    const target = { tenant, name, owner: rig.owner };
    const point = pointAsOf(rig.ports(), target, { kind: "sequence", sequence: 0 });
    expect((await rig.clock.run(point)).next).toBe(1);
  });

  test("stays skipped for all when it can be read again", async () => {
    const { rig, key, good } = await badSecond();
    await rig.skip(1);
    await rig.heal(key, good);
    rig.model.set(2, 1).delete(3);
    expect(await rig.read()).toEqual(rig.model);
    rig.storage.wipe();
    rig.restart();
    expect(await rig.read()).toEqual(rig.model);
    await rig.index();
    expect(await rig.read()).toEqual(rig.model);
  });

  test("that can be read is not skipped", async () => {
    const { rig, key, good } = await badSecond();
    await expect(rig.head()).rejects.toMatchObject(corrupt);
    await rig.heal(key, good);
    await expect(rig.skip(1)).rejects.toMatchObject({ kind: "conflict" });
    expect(await rig.read()).toEqual(rig.model);
    expect(await rig.memory.get(skipKey(await rig.root(), 1))).toBeUndefined();
  });

  test("is skipped too where it is missing, in the middle or at the end", async () => {
    for (const sequence of [0, 1, 2]) {
      const rig = new BadRig();
      await rig.put(1, [1]);
      await rig.put(2, [2]);
      await rig.put(3, [3]);
      await rig.memory.delete([walKey(await rig.root(), sequence)]);
      rig.restart();
      await expect(rig.head()).rejects.toThrow("is missing");
      await rig.skip(sequence);
      rig.model.delete(sequence + 1);
      expect(await rig.read()).toEqual(rig.model);
      await rig.put(4, [4]);
      rig.restart();
      expect(await rig.read()).toEqual(rig.model);
      await rig.index();
      expect(await rig.read()).toEqual(rig.model);
    }
  });

  test("takes nothing of the schema with it when others follow", async () => {
    const rig = new BadRig();
    await rig.put(1, [1]);
    await addAttribute(rig, "colour");
    await addAttribute(rig, "size");
    await rig.put(2, [2]);
    const root = await rig.root();
    await rig.rot(walKey(root, 1));
    await rig.rot(walKey(root, 2), 120);
    rig.restart();
    await rig.skip(1);
    await rig.skip(2);
    const { schema, next } = await rig.head();
    expect([next, schema.version, ...schema.attributes.keys()]).toEqual([
      5,
      3,
      "n",
      "colour",
      "size",
    ]);
    expect(await rig.read()).toEqual(rig.model);
  });

  test("leaves no schema version that another schema had, when it was the last", async () => {
    const rig = new BadRig();
    await rig.put(1, [1]);
    await addAttribute(rig, "colour");
    await rig.rot(walKey(await rig.root(), 1));
    rig.restart();
    await rig.skip(1);
    const { schema } = await rig.head();
    expect([...schema.attributes.keys()]).toEqual(["n"]);
    expect(schema.version).toBeGreaterThan(2);
    await addAttribute(rig, "size");
    rig.restart();
    expect([...(await rig.head()).schema.attributes.keys()]).toEqual(["n", "size"]);
  });

  test("takes nothing of the schema with it where a later one was skipped before", async () => {
    const rig = new BadRig();
    await rig.put(1, [1]);
    await rig.put(2, [2]);
    const root = await rig.root();
    await rig.rot(walKey(root, 1));
    rig.restart();
    await rig.skip(1);
    await rig.put(3, [3]);
    await rig.rot(walKey(root, 0));
    rig.restart();
    await rig.skip(0);
    rig.model.delete(1);
    rig.model.delete(2);
    const { schema } = await rig.head();
    expect([schema.idKind, ...schema.attributes.keys()]).toEqual(["uint", "n"]);
    await rig.index();
    expect(await rig.read()).toEqual(rig.model);
  });

  test("is not flushed by who claimed it before it was skipped", async () => {
    const rig = new BadRig();
    const { tenant, name } = rig;
    await rig.put(1, [1]);
    await rig.put(2, [2]);
    await rig.ask(rig.owner.requestFlush(tenant, name));
    const job = await rig.claim();
    if (job?.wal === undefined) throw new Error("nothing is to be flushed");
    await rig.rot(walKey(await rig.root(), 1));
    rig.restart();
    await rig.skip(1);
    const delta = { id: "late", job: job.id, remove: [], add: [], dead: [], floor: job.wal };
    const inline = { roots: [], dead: [] };
    const told = rig.ask(rig.owner.commitDelta(tenant, name, job.id, job.attempt, delta, inline));
    expect(await told).toMatchObject({ kind: "refused", reason: expect.stringContaining("skip") });
    rig.model.delete(2);
    expect(await rig.read()).toEqual(rig.model);
  });

  test("does not keep the namespace from being deleted", async () => {
    for (const wiped of [false, true]) {
      const { rig } = await badSecond();
      const before = await rig.root();
      if (wiped) rig.storage.wipe();
      await rig.remove();
      await expect(rig.head()).rejects.toMatchObject({ kind: "notFound" });
      // Whoever reads the log without its owner sees the end too.
      expect(await rig.memory.get(walKey(before, 3))).toBeDefined();
      await rig.put(9, [1]);
      expect(await rig.read()).toEqual(rig.model);
      expect((await rig.status()).skips).toEqual([]);
      expect(await rig.root()).not.toBe(before);
    }
  });

  test("is not skipped for those who pinned it before", async () => {
    const rig = new BadRig();
    for (const id of [1, 2, 3]) await rig.put(id, [id]);
    const pin = await rig.ask(rig.owner.pin(rig.tenant, rig.name));
    await rig.rot(walKey(await rig.root(), 1));
    rig.restart();
    await rig.skip(1);
    const reading = rig.clock.run(pinnedSnapshot(rig.ports(), rig.tenant, pin));
    await expect(reading).rejects.toThrow(/entry 1, which was pinned, has been skipped since/);
  });

  test("found while the owner runs is skipped as well", async () => {
    for (const sequence of [0, 1]) {
      const rig = new BadRig();
      await rig.put(1, [1]);
      await rig.put(2, [2]);
      await rig.rot(walKey(await rig.root(), sequence));
      await rig.skip(sequence);
      rig.model.delete(sequence + 1);
      expect(await rig.read()).toEqual(rig.model);
      await rig.put(3, [3]);
      await rig.index();
      expect(await rig.read()).toEqual(rig.model);
    }
  });
});

test("an instance woken by a write remembers its name, and not the write", async () => {
  const rig = new BadRig();
  await rig.put(1, [1]);
  const request = await rig.request([2]);
  rig.storage.wipe();
  rig.restart();
  await rig.ask(rig.owner.commit(request));
  expect(rig.storage.record?.identity).toEqual(rig.identity);
});

describe("a manifest that cannot be read", () => {
  test("is not replaced by an older one", async () => {
    const rig = new BadRig();
    await rig.put(1, [1]);
    await rig.index();
    await rig.put(2, [2]);
    await rig.index();
    const root = await rig.root();
    const { manifest } = await rig.head();
    const key = manifestKey(root, manifest?.version ?? 0);
    const good = await rig.rot(key);
    for (const wiped of [false, true]) {
      if (wiped) rig.storage.wipe();
      rig.restart();
      await expect(rig.head()).rejects.toMatchObject({ ...corrupt, detail: { object: key } });
    }
    const skip = rig.ask(rig.owner.skipEntry(rig.tenant, rig.name, 0, "x"));
    await expect(skip).rejects.toMatchObject({ kind: "conflict" });
    await rig.heal(key, good);
    await rig.lookAgain();
    expect(await rig.read()).toEqual(rig.model);
    await rig.rot(key);
    rig.restart();
    await rig.remove();
    await rig.put(3, [3]);
    expect(await rig.read()).toEqual(rig.model);
  });
});

/** What an operator does in quarantine, and what must be so afterwards. */
const decisions = {
  async skip(...faults: readonly Fault[]): Promise<BadRig> {
    const { rig } = await badSecond(...faults);
    await rig.skip(1);
    rig.model.set(2, 1).delete(3);
    await rig.put(4, [5]);
    return rig;
  },
  async deletion(...faults: readonly Fault[]): Promise<BadRig> {
    const { rig } = await badSecond(...faults);
    await rig.remove();
    await rig.put(4, [5]);
    return rig;
  },
};

for (const [name, decide] of Object.entries(decisions)) {
  test(`a failure at each effect of a ${name} in quarantine leaves it whole or undone`, async () => {
    const { effects: before } = (await badSecond()).rig;
    const { effects } = await decide();
    expect(effects.length).toBeGreaterThan(before.length + 20);
    for (const mode of modes) {
      for (const [i, what] of effects.entries()) {
        if (i < before.length || !applies(mode, what)) continue;
        const rig = await decide({ effect: i + 1, mode });
        expect(await rig.insist(() => rig.read()), `${mode} at ${rig.hits}`).toEqual(rig.model);
        await rig.index();
        rig.storage.wipe();
        rig.restart();
        expect(await rig.insist(() => rig.read()), `${mode} at ${rig.hits}`).toEqual(rig.model);
      }
    }
  }, 30_000);
}

async function addAttribute(rig: BadRig, name: string): Promise<void> {
  const addition: SchemaAddition = {
    attributes: new Map([[name, { type: "string", filterable: true }]]),
  };
  const request = await rig.request([]);
  const change = { ...request, addition, upserts: 0, chunks: [] };
  expect(await rig.ask(rig.owner.commit(change))).toMatchObject({ kind: "committed" });
}
